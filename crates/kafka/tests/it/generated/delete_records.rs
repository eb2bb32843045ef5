//! Random messages of DeleteRecords.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::delete_records::*;

use crate::random::{Gen, Random};

impl Random for DeleteRecordsRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self { topics: g.array(|g| DeleteRecordsTopic::random(g, version)), timeout_ms: g.i32() }
    }
}

impl Random for DeleteRecordsTopic {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self { name: g.string(), partitions: g.array(|g| DeleteRecordsPartition::random(g, version)) }
    }
}

impl Random for DeleteRecordsPartition {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { partition_index: g.i32(), offset: g.i64() }
    }
}

impl Random for DeleteRecordsResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self { throttle_time_ms: g.i32(), topics: g.array(|g| DeleteRecordsTopicResult::random(g, version)) }
    }
}

impl Random for DeleteRecordsTopicResult {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self { name: g.string(), partitions: g.array(|g| DeleteRecordsPartitionResult::random(g, version)) }
    }
}

impl Random for DeleteRecordsPartitionResult {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { partition_index: g.i32(), low_watermark: g.i64(), error_code: g.i16() }
    }
}
