//! Random messages of DescribeTopicPartitions.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::describe_topic_partitions::*;

use crate::random::{Gen, Random};

impl Random for DescribeTopicPartitionsRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self {
            topics: g.array(|g| TopicRequest::random(g, version)),
            response_partition_limit: g.i32(),
            cursor: g.nullable(|g| Cursor::random(g, version)),
        }
    }
}

impl Random for TopicRequest {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { name: g.string() }
    }
}

impl Random for Cursor {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { topic_name: g.string(), partition_index: g.i32() }
    }
}

impl Random for DescribeTopicPartitionsResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self {
            throttle_time_ms: g.i32(),
            topics: g.array(|g| DescribeTopicPartitionsResponseTopic::random(g, version)),
            next_cursor: g.nullable(|g| Cursor::random(g, version)),
        }
    }
}

impl Random for DescribeTopicPartitionsResponseTopic {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self {
            error_code: g.i16(),
            name: g.nullable(|g| g.string()),
            topic_id: g.uuid(),
            is_internal: g.bool(),
            partitions: g.array(|g| DescribeTopicPartitionsResponsePartition::random(g, version)),
            topic_authorized_operations: g.i32(),
        }
    }
}

impl Random for DescribeTopicPartitionsResponsePartition {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self {
            error_code: g.i16(),
            partition_index: g.i32(),
            leader_id: g.i32(),
            leader_epoch: g.i32(),
            replica_nodes: g.array(|g| g.i32()),
            isr_nodes: g.array(|g| g.i32()),
            eligible_leader_replicas: g.nullable(|g| g.array(|g| g.i32())),
            last_known_elr: g.nullable(|g| g.array(|g| g.i32())),
            offline_replicas: g.array(|g| g.i32()),
        }
    }
}
