//! Random messages of DescribeLogDirs.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::describe_log_dirs::*;

use crate::random::{Gen, Random};

impl Random for DescribeLogDirsRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self { topics: g.nullable(|g| g.array(|g| DescribableLogDirTopic::random(g, version))) }
    }
}

impl Random for DescribableLogDirTopic {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { topic: g.string(), partitions: g.array(|g| g.i32()) }
    }
}

impl Random for DescribeLogDirsResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            throttle_time_ms: g.i32(),
            error_code: if version >= 3 { g.i16() } else { default.error_code },
            results: g.array(|g| DescribeLogDirsResult::random(g, version)),
        }
    }
}

impl Random for DescribeLogDirsResult {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            error_code: g.i16(),
            log_dir: g.string(),
            topics: g.array(|g| DescribeLogDirsTopic::random(g, version)),
            total_bytes: if version >= 4 { g.i64() } else { default.total_bytes },
            usable_bytes: if version >= 4 { g.i64() } else { default.usable_bytes },
            is_cordoned: if version >= 5 { g.bool() } else { default.is_cordoned },
        }
    }
}

impl Random for DescribeLogDirsTopic {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self { name: g.string(), partitions: g.array(|g| DescribeLogDirsPartition::random(g, version)) }
    }
}

impl Random for DescribeLogDirsPartition {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self {
            partition_index: g.i32(),
            partition_size: g.i64(),
            offset_lag: g.i64(),
            is_future_key: g.bool(),
        }
    }
}
