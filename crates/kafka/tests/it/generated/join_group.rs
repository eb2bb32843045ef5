//! Random messages of JoinGroup.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::join_group::*;

use crate::random::{Gen, Random};

impl Random for JoinGroupRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            group_id: g.string(),
            session_timeout_ms: g.i32(),
            rebalance_timeout_ms: if version >= 1 { g.i32() } else { default.rebalance_timeout_ms },
            member_id: g.string(),
            group_instance_id: if version >= 5 {
                g.nullable(|g| g.string())
            } else {
                default.group_instance_id
            },
            protocol_type: g.string(),
            protocols: g.array(|g| JoinGroupRequestProtocol::random(g, version)),
            reason: if version >= 8 { g.nullable(|g| g.string()) } else { default.reason },
        }
    }
}

impl Random for JoinGroupRequestProtocol {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { name: g.string(), metadata: g.bytes() }
    }
}

impl Random for JoinGroupResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            throttle_time_ms: if version >= 2 { g.i32() } else { default.throttle_time_ms },
            error_code: g.i16(),
            generation_id: g.i32(),
            protocol_type: if version >= 7 { g.nullable(|g| g.string()) } else { default.protocol_type },
            protocol_name: if version >= 7 { g.nullable(|g| g.string()) } else { Some(g.string()) },
            leader: g.string(),
            skip_assignment: if version >= 9 { g.bool() } else { default.skip_assignment },
            member_id: g.string(),
            members: g.array(|g| JoinGroupResponseMember::random(g, version)),
        }
    }
}

impl Random for JoinGroupResponseMember {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            member_id: g.string(),
            group_instance_id: if version >= 5 {
                g.nullable(|g| g.string())
            } else {
                default.group_instance_id
            },
            metadata: g.bytes(),
        }
    }
}
