//! Random messages of FindCoordinator.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::find_coordinator::*;

use crate::random::{Gen, Random};

impl Random for FindCoordinatorRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            key: if version <= 3 { g.string() } else { default.key },
            key_type: if version >= 1 { g.i8() } else { default.key_type },
            coordinator_keys: if version >= 4 { g.array(|g| g.string()) } else { default.coordinator_keys },
        }
    }
}

impl Random for FindCoordinatorResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            throttle_time_ms: if version >= 1 { g.i32() } else { default.throttle_time_ms },
            error_code: if version <= 3 { g.i16() } else { default.error_code },
            error_message: if (1..=3).contains(&version) {
                g.nullable(|g| g.string())
            } else {
                default.error_message
            },
            node_id: if version <= 3 { g.i32() } else { default.node_id },
            host: if version <= 3 { g.string() } else { default.host },
            port: if version <= 3 { g.i32() } else { default.port },
            coordinators: if version >= 4 {
                g.array(|g| Coordinator::random(g, version))
            } else {
                default.coordinators
            },
        }
    }
}

impl Random for Coordinator {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self {
            key: g.string(),
            node_id: g.i32(),
            host: g.string(),
            port: g.i32(),
            error_code: g.i16(),
            error_message: g.nullable(|g| g.string()),
        }
    }
}
