//! Random messages of OffsetFetch.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::offset_fetch::*;

use crate::random::{Gen, Random};

impl Random for OffsetFetchRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            group_id: if version <= 7 { g.string() } else { default.group_id },
            topics: if version <= 7 {
                if version >= 2 {
                    g.nullable(|g| g.array(|g| OffsetFetchRequestTopic::random(g, version)))
                } else {
                    Some(g.array(|g| OffsetFetchRequestTopic::random(g, version)))
                }
            } else {
                default.topics
            },
            groups: if version >= 8 {
                g.array(|g| OffsetFetchRequestGroup::random(g, version))
            } else {
                default.groups
            },
            require_stable: if version >= 7 { g.bool() } else { default.require_stable },
        }
    }
}

impl Random for OffsetFetchRequestTopic {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { name: g.string(), partition_indexes: g.array(|g| g.i32()) }
    }
}

impl Random for OffsetFetchRequestGroup {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            group_id: g.string(),
            member_id: if version >= 9 { g.nullable(|g| g.string()) } else { default.member_id },
            member_epoch: if version >= 9 { g.i32() } else { default.member_epoch },
            topics: g.nullable(|g| g.array(|g| OffsetFetchRequestTopics::random(g, version))),
        }
    }
}

impl Random for OffsetFetchRequestTopics {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            name: if version <= 9 { g.string() } else { default.name },
            topic_id: if version >= 10 { g.uuid() } else { default.topic_id },
            partition_indexes: g.array(|g| g.i32()),
        }
    }
}

impl Random for OffsetFetchResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            throttle_time_ms: if version >= 3 { g.i32() } else { default.throttle_time_ms },
            topics: if version <= 7 {
                g.array(|g| OffsetFetchResponseTopic::random(g, version))
            } else {
                default.topics
            },
            error_code: if (2..=7).contains(&version) { g.i16() } else { default.error_code },
            groups: if version >= 8 {
                g.array(|g| OffsetFetchResponseGroup::random(g, version))
            } else {
                default.groups
            },
        }
    }
}

impl Random for OffsetFetchResponseTopic {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self { name: g.string(), partitions: g.array(|g| OffsetFetchResponsePartition::random(g, version)) }
    }
}

impl Random for OffsetFetchResponsePartition {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            partition_index: g.i32(),
            committed_offset: g.i64(),
            committed_leader_epoch: if version >= 5 { g.i32() } else { default.committed_leader_epoch },
            metadata: g.nullable(|g| g.string()),
            error_code: g.i16(),
        }
    }
}

impl Random for OffsetFetchResponseGroup {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self {
            group_id: g.string(),
            topics: g.array(|g| OffsetFetchResponseTopics::random(g, version)),
            error_code: g.i16(),
        }
    }
}

impl Random for OffsetFetchResponseTopics {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            name: if version <= 9 { g.string() } else { default.name },
            topic_id: if version >= 10 { g.uuid() } else { default.topic_id },
            partitions: g.array(|g| OffsetFetchResponsePartitions::random(g, version)),
        }
    }
}

impl Random for OffsetFetchResponsePartitions {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self {
            partition_index: g.i32(),
            committed_offset: g.i64(),
            committed_leader_epoch: g.i32(),
            metadata: g.nullable(|g| g.string()),
            error_code: g.i16(),
        }
    }
}
