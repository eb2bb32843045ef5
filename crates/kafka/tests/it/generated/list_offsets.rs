//! Random messages of ListOffsets.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::list_offsets::*;

use crate::random::{Gen, Random};

impl Random for ListOffsetsRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            replica_id: g.i32(),
            isolation_level: if version >= 2 { g.i8() } else { default.isolation_level },
            topics: g.array(|g| ListOffsetsTopic::random(g, version)),
            timeout_ms: if version >= 10 { g.i32() } else { default.timeout_ms },
        }
    }
}

impl Random for ListOffsetsTopic {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self { name: g.string(), partitions: g.array(|g| ListOffsetsPartition::random(g, version)) }
    }
}

impl Random for ListOffsetsPartition {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            partition_index: g.i32(),
            current_leader_epoch: if version >= 4 { g.i32() } else { default.current_leader_epoch },
            timestamp: g.i64(),
        }
    }
}

impl Random for ListOffsetsResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            throttle_time_ms: if version >= 2 { g.i32() } else { default.throttle_time_ms },
            topics: g.array(|g| ListOffsetsTopicResponse::random(g, version)),
        }
    }
}

impl Random for ListOffsetsTopicResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self { name: g.string(), partitions: g.array(|g| ListOffsetsPartitionResponse::random(g, version)) }
    }
}

impl Random for ListOffsetsPartitionResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            partition_index: g.i32(),
            error_code: g.i16(),
            timestamp: g.i64(),
            offset: g.i64(),
            leader_epoch: if version >= 4 { g.i32() } else { default.leader_epoch },
        }
    }
}
