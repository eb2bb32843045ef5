//! Random messages of SyncGroup.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::sync_group::*;

use crate::random::{Gen, Random};

impl Random for SyncGroupRequest {
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
            protocol_type: if version >= 5 { g.nullable(|g| g.string()) } else { default.protocol_type },
            protocol_name: if version >= 5 { g.nullable(|g| g.string()) } else { default.protocol_name },
            assignments: g.array(|g| SyncGroupRequestAssignment::random(g, version)),
        }
    }
}

impl Random for SyncGroupRequestAssignment {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { member_id: g.string(), assignment: g.bytes() }
    }
}

impl Random for SyncGroupResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            throttle_time_ms: if version >= 1 { g.i32() } else { default.throttle_time_ms },
            error_code: g.i16(),
            protocol_type: if version >= 5 { g.nullable(|g| g.string()) } else { default.protocol_type },
            protocol_name: if version >= 5 { g.nullable(|g| g.string()) } else { default.protocol_name },
            assignment: g.bytes(),
        }
    }
}
