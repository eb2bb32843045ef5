//! Random messages of Heartbeat.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::heartbeat::*;

use crate::random::{Gen, Random};

impl Random for HeartbeatRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            group_id: g.string(),
            generation_id: g.i32(),
            member_id: g.string(),
            group_instance_id: if version >= 3 {
                g.nullable(|g| g.string())
            } else {
                default.group_instance_id
            },
        }
    }
}

impl Random for HeartbeatResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            throttle_time_ms: if version >= 1 { g.i32() } else { default.throttle_time_ms },
            error_code: g.i16(),
        }
    }
}
