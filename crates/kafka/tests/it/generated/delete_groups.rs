//! Random messages of DeleteGroups.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::delete_groups::*;

use crate::random::{Gen, Random};

impl Random for DeleteGroupsRequest {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { groups_names: g.array(|g| g.string()) }
    }
}

impl Random for DeleteGroupsResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self { throttle_time_ms: g.i32(), results: g.array(|g| DeletableGroupResult::random(g, version)) }
    }
}

impl Random for DeletableGroupResult {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { group_id: g.string(), error_code: g.i16() }
    }
}
