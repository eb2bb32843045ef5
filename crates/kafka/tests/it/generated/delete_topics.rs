//! Random messages of DeleteTopics.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::delete_topics::*;

use crate::random::{Gen, Random};

impl Random for DeleteTopicsRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            topics: if version >= 6 {
                g.array(|g| DeleteTopicState::random(g, version))
            } else {
                default.topics
            },
            topic_names: if version <= 5 { g.array(|g| g.string()) } else { default.topic_names },
            timeout_ms: g.i32(),
        }
    }
}

impl Random for DeleteTopicState {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { name: g.nullable(|g| g.string()), topic_id: g.uuid() }
    }
}

impl Random for DeleteTopicsResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        Self { throttle_time_ms: g.i32(), responses: g.array(|g| DeletableTopicResult::random(g, version)) }
    }
}

impl Random for DeletableTopicResult {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            name: if version >= 6 { g.nullable(|g| g.string()) } else { Some(g.string()) },
            topic_id: if version >= 6 { g.uuid() } else { default.topic_id },
            error_code: g.i16(),
            error_message: if version >= 5 { g.nullable(|g| g.string()) } else { default.error_message },
        }
    }
}
