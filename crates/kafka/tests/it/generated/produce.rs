//! Random messages of Produce.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::produce::*;

use crate::random::{Gen, Random};

impl Random for ProduceRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self {
            transactional_id: g.nullable(|g| g.string()),
            acks: g.i16(),
            timeout_ms: g.i32(),
            topic_data: g.array(|g| TopicProduceData::random(g, version)),
        }
    }
}

impl Random for TopicProduceData {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            name: if version <= 12 { g.string() } else { default.name },
            topic_id: if version >= 13 { g.uuid() } else { default.topic_id },
            partition_data: g.array(|g| PartitionProduceData::random(g, version)),
        }
    }
}

impl Random for PartitionProduceData {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { index: g.i32(), records: g.nullable(|g| g.records()) }
    }
}

impl Random for ProduceResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            responses: g.array(|g| TopicProduceResponse::random(g, version)),
            throttle_time_ms: g.i32(),
            node_endpoints: if version >= 10 {
                g.array(|g| NodeEndpoint::random(g, version))
            } else {
                default.node_endpoints
            },
        }
    }
}

impl Random for TopicProduceResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            name: if version <= 12 { g.string() } else { default.name },
            topic_id: if version >= 13 { g.uuid() } else { default.topic_id },
            partition_responses: g.array(|g| PartitionProduceResponse::random(g, version)),
        }
    }
}

impl Random for PartitionProduceResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            index: g.i32(),
            error_code: g.i16(),
            base_offset: g.i64(),
            log_append_time_ms: g.i64(),
            log_start_offset: if version >= 5 { g.i64() } else { default.log_start_offset },
            record_errors: if version >= 8 {
                g.array(|g| BatchIndexAndErrorMessage::random(g, version))
            } else {
                default.record_errors
            },
            error_message: if version >= 8 { g.nullable(|g| g.string()) } else { default.error_message },
            current_leader: if version >= 10 {
                LeaderIdAndEpoch::random(g, version)
            } else {
                default.current_leader
            },
        }
    }
}

impl Random for BatchIndexAndErrorMessage {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { batch_index: g.i32(), batch_index_error_message: g.nullable(|g| g.string()) }
    }
}

impl Random for LeaderIdAndEpoch {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { leader_id: g.i32(), leader_epoch: g.i32() }
    }
}

impl Random for NodeEndpoint {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { node_id: g.i32(), host: g.string(), port: g.i32(), rack: g.nullable(|g| g.string()) }
    }
}
