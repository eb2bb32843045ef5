//! Cursor groups as the API shows them.
//!
//! Apart because lists and single groups show the same under the same names.

use millstream_core::cursor::{GroupDescription, GroupState, MemberDescription};
use schemars::JsonSchema;
use serde::Serialize;

/// A cursor group: consumers that share committed offsets.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CursorGroup")]
pub(crate) struct ShownGroup {
    pub(crate) name: String,
    /// `empty`, `preparing_rebalance`, `completing_rebalance`, `stable`.
    state: &'static str,
    generation: i32,
    /// What its members say the group is for; `null`: it never had any.
    protocol_type: Option<String>,
    /// How partitions are shared out, while it is stable.
    protocol: Option<String>,
    member_count: usize,
    /// Offsets that are committed and those behind, of all partitions together.
    pub(crate) committed_partitions: usize,
    pub(crate) lag_records: u64,
    /// How old the first record is that the group has not passed, in the partition with the largest lag; `null`: it
    /// cannot be read.
    pub(crate) lag_ms: Option<u64>,
}

impl ShownGroup {
    pub(crate) fn new(name: &str, group: &GroupDescription) -> ShownGroup {
        ShownGroup {
            name: name.to_owned(),
            state: state_word(group.state),
            generation: group.generation.0,
            protocol_type: group.protocol_type.as_deref().map(str::to_owned),
            protocol: group.protocol_name.as_deref().map(str::to_owned),
            member_count: group.members.len(),
            committed_partitions: 0,
            lag_records: 0,
            lag_ms: Some(0),
        }
    }
}

/// The word of a state.
pub(crate) fn state_word(state: GroupState) -> &'static str {
    match state {
        GroupState::Empty => "empty",
        GroupState::PreparingRebalance => "preparing_rebalance",
        GroupState::CompletingRebalance => "completing_rebalance",
        GroupState::Stable => "stable",
    }
}

/// A consumer in a cursor group.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Consumer")]
pub(crate) struct ShownMember {
    pub(crate) group: String,
    member_id: String,
    /// Its static identity.
    instance_id: Option<String>,
    client_id: String,
    host: String,
}

impl ShownMember {
    pub(crate) fn new(group: &str, member: &MemberDescription) -> ShownMember {
        ShownMember {
            group: group.to_owned(),
            member_id: member.member.to_string(),
            instance_id: member.instance.as_deref().map(str::to_owned),
            client_id: member.client_id.to_string(),
            host: member.client_host.to_string(),
        }
    }
}
