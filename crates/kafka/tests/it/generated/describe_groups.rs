//! Random messages of DescribeGroups.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::describe_groups::*;

use crate::random::{Gen, Random};

impl Random for DescribeGroupsRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            groups: g.array(|g| g.string()),
            include_authorized_operations: if version >= 3 {
                g.bool()
            } else {
                default.include_authorized_operations
            },
        }
    }
}

impl Random for DescribeGroupsResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            throttle_time_ms: if version >= 1 { g.i32() } else { default.throttle_time_ms },
            groups: g.array(|g| DescribedGroup::random(g, version)),
        }
    }
}

impl Random for DescribedGroup {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            error_code: g.i16(),
            error_message: if version >= 6 { g.nullable(|g| g.string()) } else { default.error_message },
            group_id: g.string(),
            group_state: g.string(),
            protocol_type: g.string(),
            protocol_data: g.string(),
            members: g.array(|g| DescribedGroupMember::random(g, version)),
            authorized_operations: if version >= 3 { g.i32() } else { default.authorized_operations },
        }
    }
}

impl Random for DescribedGroupMember {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            member_id: g.string(),
            group_instance_id: if version >= 4 {
                g.nullable(|g| g.string())
            } else {
                default.group_instance_id
            },
            client_id: g.string(),
            client_host: g.string(),
            member_metadata: g.bytes(),
            member_assignment: g.bytes(),
        }
    }
}
