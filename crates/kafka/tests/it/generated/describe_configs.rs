//! Random messages of DescribeConfigs.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::describe_configs::*;

use crate::random::{Gen, Random};

impl Random for DescribeConfigsRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            resources: g.array(|g| DescribeConfigsResource::random(g, version)),
            include_synonyms: g.bool(),
            include_documentation: if version >= 3 { g.bool() } else { default.include_documentation },
        }
    }
}

impl Random for DescribeConfigsResource {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self {
            resource_type: g.i8(),
            resource_name: g.string(),
            configuration_keys: g.nullable(|g| g.array(|g| g.string())),
        }
    }
}

impl Random for DescribeConfigsResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self { throttle_time_ms: g.i32(), results: g.array(|g| DescribeConfigsResult::random(g, version)) }
    }
}

impl Random for DescribeConfigsResult {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self {
            error_code: g.i16(),
            error_message: g.nullable(|g| g.string()),
            resource_type: g.i8(),
            resource_name: g.string(),
            configs: g.array(|g| DescribeConfigsResourceResult::random(g, version)),
        }
    }
}

impl Random for DescribeConfigsResourceResult {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            name: g.string(),
            value: g.nullable(|g| g.string()),
            read_only: g.bool(),
            config_source: g.i8(),
            is_sensitive: g.bool(),
            synonyms: g.array(|g| DescribeConfigsSynonym::random(g, version)),
            config_type: if version >= 3 { g.i8() } else { default.config_type },
            documentation: if version >= 3 { g.nullable(|g| g.string()) } else { default.documentation },
        }
    }
}

impl Random for DescribeConfigsSynonym {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { name: g.string(), value: g.nullable(|g| g.string()), source: g.i8() }
    }
}
