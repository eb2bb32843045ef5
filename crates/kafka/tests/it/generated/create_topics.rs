//! Random messages of CreateTopics.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::create_topics::*;

use crate::random::{Gen, Random};

impl Random for CreateTopicsRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self {
            topics: g.array(|g| CreatableTopic::random(g, version)),
            timeout_ms: g.i32(),
            validate_only: g.bool(),
        }
    }
}

impl Random for CreatableTopic {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self {
            name: g.string(),
            num_partitions: g.i32(),
            replication_factor: g.i16(),
            assignments: g.array(|g| CreatableReplicaAssignment::random(g, version)),
            configs: g.array(|g| CreatableTopicConfig::random(g, version)),
        }
    }
}

impl Random for CreatableReplicaAssignment {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { partition_index: g.i32(), broker_ids: g.array(|g| g.i32()) }
    }
}

impl Random for CreatableTopicConfig {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { name: g.string(), value: g.nullable(|g| g.string()) }
    }
}

impl Random for CreateTopicsResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self { throttle_time_ms: g.i32(), topics: g.array(|g| CreatableTopicResult::random(g, version)) }
    }
}

impl Random for CreatableTopicResult {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            name: g.string(),
            topic_id: if version >= 7 { g.uuid() } else { default.topic_id },
            error_code: g.i16(),
            error_message: g.nullable(|g| g.string()),
            topic_config_error_code: if version >= 5 { g.i16() } else { default.topic_config_error_code },
            num_partitions: if version >= 5 { g.i32() } else { default.num_partitions },
            replication_factor: if version >= 5 { g.i16() } else { default.replication_factor },
            configs: if version >= 5 {
                g.nullable(|g| g.array(|g| CreatableTopicConfigs::random(g, version)))
            } else {
                default.configs
            },
        }
    }
}

impl Random for CreatableTopicConfigs {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self {
            name: g.string(),
            value: g.nullable(|g| g.string()),
            read_only: g.bool(),
            config_source: g.i8(),
            is_sensitive: g.bool(),
        }
    }
}
