//! Random messages of Fetch.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::fetch::*;

use crate::random::{Gen, Random};

impl Random for FetchRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            cluster_id: if version >= 12 { g.nullable(|g| g.string()) } else { default.cluster_id },
            replica_id: if version <= 14 { g.i32() } else { default.replica_id },
            replica_state: if version >= 15 {
                ReplicaState::random(g, version)
            } else {
                default.replica_state
            },
            max_wait_ms: g.i32(),
            min_bytes: g.i32(),
            max_bytes: g.i32(),
            isolation_level: g.i8(),
            session_id: if version >= 7 { g.i32() } else { default.session_id },
            session_epoch: if version >= 7 { g.i32() } else { default.session_epoch },
            topics: g.array(|g| FetchTopic::random(g, version)),
            forgotten_topics_data: if version >= 7 {
                g.array(|g| ForgottenTopic::random(g, version))
            } else {
                default.forgotten_topics_data
            },
            rack_id: if version >= 11 { g.string() } else { default.rack_id },
        }
    }
}

impl Random for ReplicaState {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { replica_id: g.i32(), replica_epoch: g.i64() }
    }
}

impl Random for FetchTopic {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            topic: if version <= 12 { g.string() } else { default.topic },
            topic_id: if version >= 13 { g.uuid() } else { default.topic_id },
            partitions: g.array(|g| FetchPartition::random(g, version)),
        }
    }
}

impl Random for FetchPartition {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            partition: g.i32(),
            current_leader_epoch: if version >= 9 { g.i32() } else { default.current_leader_epoch },
            fetch_offset: g.i64(),
            last_fetched_epoch: if version >= 12 { g.i32() } else { default.last_fetched_epoch },
            log_start_offset: if version >= 5 { g.i64() } else { default.log_start_offset },
            partition_max_bytes: g.i32(),
            replica_directory_id: if version >= 17 { g.uuid() } else { default.replica_directory_id },
            high_watermark: if version >= 18 { g.i64() } else { default.high_watermark },
        }
    }
}

impl Random for ForgottenTopic {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            topic: if version <= 12 { g.string() } else { default.topic },
            topic_id: if version >= 13 { g.uuid() } else { default.topic_id },
            partitions: g.array(|g| g.i32()),
        }
    }
}

impl Random for FetchResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            throttle_time_ms: g.i32(),
            error_code: if version >= 7 { g.i16() } else { default.error_code },
            session_id: if version >= 7 { g.i32() } else { default.session_id },
            responses: g.array(|g| FetchableTopicResponse::random(g, version)),
            node_endpoints: if version >= 16 {
                g.array(|g| NodeEndpoint::random(g, version))
            } else {
                default.node_endpoints
            },
        }
    }
}

impl Random for FetchableTopicResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            topic: if version <= 12 { g.string() } else { default.topic },
            topic_id: if version >= 13 { g.uuid() } else { default.topic_id },
            partitions: g.array(|g| PartitionData::random(g, version)),
        }
    }
}

impl Random for PartitionData {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            partition_index: g.i32(),
            error_code: g.i16(),
            high_watermark: g.i64(),
            last_stable_offset: g.i64(),
            log_start_offset: if version >= 5 { g.i64() } else { default.log_start_offset },
            diverging_epoch: if version >= 12 {
                EpochEndOffset::random(g, version)
            } else {
                default.diverging_epoch
            },
            current_leader: if version >= 12 {
                LeaderIdAndEpoch::random(g, version)
            } else {
                default.current_leader
            },
            snapshot_id: if version >= 12 { SnapshotId::random(g, version) } else { default.snapshot_id },
            aborted_transactions: g.nullable(|g| g.array(|g| AbortedTransaction::random(g, version))),
            preferred_read_replica: if version >= 11 { g.i32() } else { default.preferred_read_replica },
            records: g.nullable(|g| g.records()),
        }
    }
}

impl Random for EpochEndOffset {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { epoch: g.i32(), end_offset: g.i64() }
    }
}

impl Random for LeaderIdAndEpoch {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { leader_id: g.i32(), leader_epoch: g.i32() }
    }
}

impl Random for SnapshotId {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { end_offset: g.i64(), epoch: g.i32() }
    }
}

impl Random for AbortedTransaction {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { producer_id: g.i64(), first_offset: g.i64() }
    }
}

impl Random for NodeEndpoint {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { node_id: g.i32(), host: g.string(), port: g.i32(), rack: g.nullable(|g| g.string()) }
    }
}
