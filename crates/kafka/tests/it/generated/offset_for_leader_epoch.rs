//! Random messages of OffsetForLeaderEpoch.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::offset_for_leader_epoch::*;

use crate::random::{Gen, Random};

impl Random for OffsetForLeaderEpochRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            replica_id: if version >= 3 { g.i32() } else { default.replica_id },
            topics: g.array(|g| OffsetForLeaderTopic::random(g, version)),
        }
    }
}

impl Random for OffsetForLeaderTopic {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self { topic: g.string(), partitions: g.array(|g| OffsetForLeaderPartition::random(g, version)) }
    }
}

impl Random for OffsetForLeaderPartition {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { partition: g.i32(), current_leader_epoch: g.i32(), leader_epoch: g.i32() }
    }
}

impl Random for OffsetForLeaderEpochResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self {
            throttle_time_ms: g.i32(),
            topics: g.array(|g| OffsetForLeaderTopicResult::random(g, version)),
        }
    }
}

impl Random for OffsetForLeaderTopicResult {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self { topic: g.string(), partitions: g.array(|g| EpochEndOffset::random(g, version)) }
    }
}

impl Random for EpochEndOffset {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { error_code: g.i16(), partition: g.i32(), leader_epoch: g.i32(), end_offset: g.i64() }
    }
}
