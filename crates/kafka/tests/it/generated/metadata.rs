//! Random messages of Metadata.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::metadata::*;

use crate::random::{Gen, Random};

impl Random for MetadataRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            topics: if version >= 1 {
                g.nullable(|g| g.array(|g| MetadataRequestTopic::random(g, version)))
            } else {
                Some(g.array(|g| MetadataRequestTopic::random(g, version)))
            },
            allow_auto_topic_creation: if version >= 4 {
                g.bool()
            } else {
                default.allow_auto_topic_creation
            },
            include_cluster_authorized_operations: if (8..=10).contains(&version) {
                g.bool()
            } else {
                default.include_cluster_authorized_operations
            },
            include_topic_authorized_operations: if version >= 8 {
                g.bool()
            } else {
                default.include_topic_authorized_operations
            },
        }
    }
}

impl Random for MetadataRequestTopic {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            topic_id: if version >= 10 { g.uuid() } else { default.topic_id },
            name: if version >= 10 { g.nullable(|g| g.string()) } else { Some(g.string()) },
        }
    }
}

impl Random for MetadataResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            throttle_time_ms: if version >= 3 { g.i32() } else { default.throttle_time_ms },
            brokers: g.array(|g| MetadataResponseBroker::random(g, version)),
            cluster_id: if version >= 2 { g.nullable(|g| g.string()) } else { default.cluster_id },
            controller_id: if version >= 1 { g.i32() } else { default.controller_id },
            topics: g.array(|g| MetadataResponseTopic::random(g, version)),
            cluster_authorized_operations: if (8..=10).contains(&version) {
                g.i32()
            } else {
                default.cluster_authorized_operations
            },
            error_code: if version >= 13 { g.i16() } else { default.error_code },
        }
    }
}

impl Random for MetadataResponseBroker {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            node_id: g.i32(),
            host: g.string(),
            port: g.i32(),
            rack: if version >= 1 { g.nullable(|g| g.string()) } else { default.rack },
        }
    }
}

impl Random for MetadataResponseTopic {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            error_code: g.i16(),
            name: if version >= 12 { g.nullable(|g| g.string()) } else { Some(g.string()) },
            topic_id: if version >= 10 { g.uuid() } else { default.topic_id },
            is_internal: if version >= 1 { g.bool() } else { default.is_internal },
            partitions: g.array(|g| MetadataResponsePartition::random(g, version)),
            topic_authorized_operations: if version >= 8 {
                g.i32()
            } else {
                default.topic_authorized_operations
            },
        }
    }
}

impl Random for MetadataResponsePartition {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            error_code: g.i16(),
            partition_index: g.i32(),
            leader_id: g.i32(),
            leader_epoch: if version >= 7 { g.i32() } else { default.leader_epoch },
            replica_nodes: g.array(|g| g.i32()),
            isr_nodes: g.array(|g| g.i32()),
            offline_replicas: if version >= 5 { g.array(|g| g.i32()) } else { default.offline_replicas },
        }
    }
}
