//! DescribeGroups (15), versions 0–6: groups with their members, metadata and assignments.
//!
//! A group that does not exist is "Dead" without an error up to version 5 and GROUP_ID_NOT_FOUND from version 6. The
//! members' metadata are shown while the group is stable. From version 3 the operations that the client may do on the group
//! are told if it asks.

use crate::codec::generated::describe_groups::{
    DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup, DescribedGroupMember,
};
use crate::codec::{ApiKey, DecodeError, Reader, Str};
use crate::errors::ErrorCode;
use crate::ops::{groups, operation};
use crate::step::{Context, Step};
use crate::translate::state_name;
use millstream_core::cursor::{GroupDescription, GroupReply, GroupRequest, MemberDescription};
use millstream_front::Action;
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation =
    operation(ApiKey::DescribeGroups, "A group that is named twice is described once.");

/// What one may do to a group, as bits by Kafka's codes: read 3, delete 6, describe 8, describe configs 10, alter
/// configs 11.
const OPERATIONS: [(Action, i32); 4] = [
    (Action::Read, 1 << 3),
    (Action::Delete, 1 << 6),
    (Action::Describe, 1 << 8 | 1 << 10),
    (Action::Alter, 1 << 11),
];

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = DescribeGroupsRequest::decode(version, r)?;
    let with_operations = request.include_authorized_operations;
    let describe = |groups| GroupRequest::Describe { groups };
    let described = |reply| match reply {
        GroupReply::Described(described) => Some(described),
        _ => None,
    };
    let then = move |cx: &mut Context, results: Vec<(Str, Result<GroupDescription, ErrorCode>)>| {
        let group = |(name, result)| {
            let mut group = group(version, name, result);
            if with_operations && group.error_code == 0 {
                group.authorized_operations = operations(cx, &group.group_id);
            }
            group
        };
        let groups = results.into_iter().map(group).collect();
        Step::respond(DescribeGroupsResponse { groups, ..Default::default() })
    };
    Ok(groups::each(cx, Action::Describe, request.groups, describe, described, then))
}

fn operations(cx: &Context, group: &str) -> i32 {
    let permitted = OPERATIONS.iter().filter(|(action, _)| groups::allow(cx, *action, group).is_ok());
    permitted.fold(0, |bits, (_, bit)| bits | bit)
}

fn group(version: i16, group_id: Str, result: Result<GroupDescription, ErrorCode>) -> DescribedGroup {
    let (code, state) = match result {
        Ok(description) => return described(group_id, description),
        Err(ErrorCode::GROUP_ID_NOT_FOUND) if version < 6 => (ErrorCode::NONE, "Dead"),
        Err(ErrorCode::GROUP_ID_NOT_FOUND) => (ErrorCode::GROUP_ID_NOT_FOUND, "Dead"),
        Err(code) => (code, ""),
    };
    let message = (code == ErrorCode::GROUP_ID_NOT_FOUND).then(|| format!("there is no group {group_id}"));
    DescribedGroup {
        error_code: code.0,
        error_message: message.map(Str::from),
        group_id,
        group_state: Str::from_static(state),
        ..Default::default()
    }
}

fn described(group_id: Str, description: GroupDescription) -> DescribedGroup {
    let text = |text: Option<std::sync::Arc<str>>| text.as_deref().map(Str::from).unwrap_or_default();
    let member = |member: MemberDescription| DescribedGroupMember {
        member_id: Str::from(&*member.member),
        group_instance_id: member.instance.as_deref().map(Str::from),
        client_id: Str::from(&*member.client_id),
        client_host: Str::from(&*member.client_host),
        member_metadata: member.metadata,
        member_assignment: member.assignment,
    };
    DescribedGroup {
        group_id,
        group_state: Str::from_static(state_name(description.state)),
        protocol_type: text(description.protocol_type),
        protocol_data: text(description.protocol_name),
        members: description.members.into_iter().map(member).collect(),
        ..Default::default()
    }
}
