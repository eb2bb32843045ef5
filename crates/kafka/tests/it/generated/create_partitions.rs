//! Random messages of CreatePartitions.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::create_partitions::*;

use crate::random::{Gen, Random};

impl Random for CreatePartitionsRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self {
            topics: g.array(|g| CreatePartitionsTopic::random(g, version)),
            timeout_ms: g.i32(),
            validate_only: g.bool(),
        }
    }
}

impl Random for CreatePartitionsTopic {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self {
            name: g.string(),
            count: g.i32(),
            assignments: g.nullable(|g| g.array(|g| CreatePartitionsAssignment::random(g, version))),
        }
    }
}

impl Random for CreatePartitionsAssignment {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { broker_ids: g.array(|g| g.i32()) }
    }
}

impl Random for CreatePartitionsResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self {
            throttle_time_ms: g.i32(),
            results: g.array(|g| CreatePartitionsTopicResult::random(g, version)),
        }
    }
}

impl Random for CreatePartitionsTopicResult {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { name: g.string(), error_code: g.i16(), error_message: g.nullable(|g| g.string()) }
    }
}
