//! Random messages of OffsetCommit.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::offset_commit::*;

use crate::random::{Gen, Random};

impl Random for OffsetCommitRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            group_id: g.string(),
            generation_id_or_member_epoch: g.i32(),
            member_id: g.string(),
            group_instance_id: if version >= 7 {
                g.nullable(|g| g.string())
            } else {
                default.group_instance_id
            },
            retention_time_ms: if version <= 4 { g.i64() } else { default.retention_time_ms },
            topics: g.array(|g| OffsetCommitRequestTopic::random(g, version)),
        }
    }
}

impl Random for OffsetCommitRequestTopic {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            name: if version <= 9 { g.string() } else { default.name },
            topic_id: if version >= 10 { g.uuid() } else { default.topic_id },
            partitions: g.array(|g| OffsetCommitRequestPartition::random(g, version)),
        }
    }
}

impl Random for OffsetCommitRequestPartition {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            partition_index: g.i32(),
            committed_offset: g.i64(),
            committed_leader_epoch: if version >= 6 { g.i32() } else { default.committed_leader_epoch },
            committed_metadata: g.nullable(|g| g.string()),
        }
    }
}

impl Random for OffsetCommitResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            throttle_time_ms: if version >= 3 { g.i32() } else { default.throttle_time_ms },
            topics: g.array(|g| OffsetCommitResponseTopic::random(g, version)),
        }
    }
}

impl Random for OffsetCommitResponseTopic {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            name: if version <= 9 { g.string() } else { default.name },
            topic_id: if version >= 10 { g.uuid() } else { default.topic_id },
            partitions: g.array(|g| OffsetCommitResponsePartition::random(g, version)),
        }
    }
}

impl Random for OffsetCommitResponsePartition {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { partition_index: g.i32(), error_code: g.i16() }
    }
}
