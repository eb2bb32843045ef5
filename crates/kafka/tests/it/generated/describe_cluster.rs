//! Random messages of DescribeCluster.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::describe_cluster::*;

use crate::random::{Gen, Random};

impl Random for DescribeClusterRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            include_cluster_authorized_operations: g.bool(),
            endpoint_type: if version >= 1 { g.i8() } else { default.endpoint_type },
            include_fenced_brokers: if version >= 2 { g.bool() } else { default.include_fenced_brokers },
        }
    }
}

impl Random for DescribeClusterResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            throttle_time_ms: g.i32(),
            error_code: g.i16(),
            error_message: g.nullable(|g| g.string()),
            endpoint_type: if version >= 1 { g.i8() } else { default.endpoint_type },
            cluster_id: g.string(),
            controller_id: g.i32(),
            brokers: g.array(|g| DescribeClusterBroker::random(g, version)),
            cluster_authorized_operations: g.i32(),
        }
    }
}

impl Random for DescribeClusterBroker {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            broker_id: g.i32(),
            host: g.string(),
            port: g.i32(),
            rack: g.nullable(|g| g.string()),
            is_fenced: if version >= 2 { g.bool() } else { default.is_fenced },
        }
    }
}
