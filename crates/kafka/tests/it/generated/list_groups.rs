//! Random messages of ListGroups.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::list_groups::*;

use crate::random::{Gen, Random};

impl Random for ListGroupsRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            states_filter: if version >= 4 { g.array(|g| g.string()) } else { default.states_filter },
            types_filter: if version >= 5 { g.array(|g| g.string()) } else { default.types_filter },
        }
    }
}

impl Random for ListGroupsResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            throttle_time_ms: if version >= 1 { g.i32() } else { default.throttle_time_ms },
            error_code: g.i16(),
            groups: g.array(|g| ListedGroup::random(g, version)),
        }
    }
}

impl Random for ListedGroup {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            group_id: g.string(),
            protocol_type: g.string(),
            group_state: if version >= 4 { g.string() } else { default.group_state },
            group_type: if version >= 5 { g.string() } else { default.group_type },
        }
    }
}
