//! Random messages of LeaveGroup.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::leave_group::*;

use crate::random::{Gen, Random};

impl Random for LeaveGroupRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            group_id: g.string(),
            member_id: if version <= 2 { g.string() } else { default.member_id },
            members: if version >= 3 {
                g.array(|g| MemberIdentity::random(g, version))
            } else {
                default.members
            },
        }
    }
}

impl Random for MemberIdentity {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            member_id: g.string(),
            group_instance_id: g.nullable(|g| g.string()),
            reason: if version >= 5 { g.nullable(|g| g.string()) } else { default.reason },
        }
    }
}

impl Random for LeaveGroupResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            throttle_time_ms: if version >= 1 { g.i32() } else { default.throttle_time_ms },
            error_code: g.i16(),
            members: if version >= 3 {
                g.array(|g| MemberResponse::random(g, version))
            } else {
                default.members
            },
        }
    }
}

impl Random for MemberResponse {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { member_id: g.string(), group_instance_id: g.nullable(|g| g.string()), error_code: g.i16() }
    }
}
