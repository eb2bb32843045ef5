//! Random messages of AlterConfigs.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::alter_configs::*;

use crate::random::{Gen, Random};

impl Random for AlterConfigsRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self { resources: g.array(|g| AlterConfigsResource::random(g, version)), validate_only: g.bool() }
    }
}

impl Random for AlterConfigsResource {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self {
            resource_type: g.i8(),
            resource_name: g.string(),
            configs: g.array(|g| AlterableConfig::random(g, version)),
        }
    }
}

impl Random for AlterableConfig {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { name: g.string(), value: g.nullable(|g| g.string()) }
    }
}

impl Random for AlterConfigsResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self {
            throttle_time_ms: g.i32(),
            responses: g.array(|g| AlterConfigsResourceResponse::random(g, version)),
        }
    }
}

impl Random for AlterConfigsResourceResponse {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self {
            error_code: g.i16(),
            error_message: g.nullable(|g| g.string()),
            resource_type: g.i8(),
            resource_name: g.string(),
        }
    }
}
