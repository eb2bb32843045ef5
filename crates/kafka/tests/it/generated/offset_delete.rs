//! Random messages of OffsetDelete.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::offset_delete::*;

use crate::random::{Gen, Random};

impl Random for OffsetDeleteRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self { group_id: g.string(), topics: g.array(|g| OffsetDeleteRequestTopic::random(g, version)) }
    }
}

impl Random for OffsetDeleteRequestTopic {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self { name: g.string(), partitions: g.array(|g| OffsetDeleteRequestPartition::random(g, version)) }
    }
}

impl Random for OffsetDeleteRequestPartition {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { partition_index: g.i32() }
    }
}

impl Random for OffsetDeleteResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self {
            error_code: g.i16(),
            throttle_time_ms: g.i32(),
            topics: g.array(|g| OffsetDeleteResponseTopic::random(g, version)),
        }
    }
}

impl Random for OffsetDeleteResponseTopic {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self { name: g.string(), partitions: g.array(|g| OffsetDeleteResponsePartition::random(g, version)) }
    }
}

impl Random for OffsetDeleteResponsePartition {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { partition_index: g.i32(), error_code: g.i16() }
    }
}
