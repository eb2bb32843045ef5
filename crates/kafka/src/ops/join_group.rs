//! JoinGroup (11), versions 0–9: become, or stay, a member of a group; answered when the rebalance is over.
//!
//! From version 4 a new member without static identity is first given an id and told to come back with it
//! (MEMBER_ID_REQUIRED); from version 9 a leader that comes back under its static identity may be told that the assignment
//! stands. Version 0 has no rebalance timeout: the session's is taken. The reason of version 8 goes to the log. What members tell each other is handed on unread,
//! but for the topics of a consumer's subscription, which decide whether offsets may be deleted under it.

use crate::codec::generated::join_group::{JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember};
use crate::codec::{ApiKey, DecodeError, Reader, Str};
use crate::errors::ErrorCode;
use crate::ops::{groups, operation};
use crate::step::{Context, Step};
use crate::translate::{client_host, group_error, subscription};
use millstream_core::cursor::{GroupReply, GroupRequest, JoinGroup, Joined, OfferedProtocol};
use millstream_front::Action;
use millstream_front::registry::Operation;
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation(
    ApiKey::JoinGroup,
    "Group ids have at most 255 bytes; a group's members share 2 MiB of metadata.",
);

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = JoinGroupRequest::decode(version, r)?;
    let member_id = request.member_id.clone();
    let grant = match groups::allow(cx, Action::Read, &request.group_id) {
        Ok(grant) => grant,
        Err(code) => return Ok(Step::respond(refused(version, member_id, code))),
    };
    if let Some(reason) = &request.reason {
        let (group, member) = (&*request.group_id, &*member_id);
        tracing::debug!(?group, ?member, reason = ?&**reason, "a member joins its group");
    }
    let join = GroupRequest::Join(join(cx, version, &request));
    Ok(groups::ask(grant, join, move |_, reply| {
        Step::respond(match reply {
            Ok(GroupReply::Joined(joined)) => response(joined),
            Ok(GroupReply::MemberIdRequired { member }) => {
                refused(version, Str::from(&*member), ErrorCode::MEMBER_ID_REQUIRED)
            }
            Ok(_) => unreachable!("a join is answered as a join"),
            Err(kind) => match group_error(kind) {
                // Whoever is not let in has no id any more.
                ErrorCode::GROUP_MAX_SIZE_REACHED => {
                    refused(version, Str::new(), ErrorCode::GROUP_MAX_SIZE_REACHED)
                }
                code => refused(version, member_id, code),
            },
        })
    }))
}

fn join(cx: &Context, version: i16, request: &JoinGroupRequest) -> JoinGroup {
    let offer = |name: &Str, metadata: &bytes::Bytes| OfferedProtocol {
        name: Arc::from(&**name),
        metadata: metadata.clone(),
    };
    let protocols: Vec<OfferedProtocol> =
        request.protocols.iter().map(|offered| offer(&offered.name, &offered.metadata)).collect();
    // A negative time is out of every range, and so is zero.
    let ms = |time: i32| u32::try_from(time).unwrap_or(0);
    let session_timeout_ms = ms(request.session_timeout_ms);
    JoinGroup {
        group: groups::group_id(cx, &request.group_id),
        member: Arc::from(&*request.member_id),
        instance: request.group_instance_id.as_deref().map(Arc::from),
        client_id: cx.client_id.clone().unwrap_or_default(),
        client_host: client_host(cx.peer),
        session_timeout_ms,
        rebalance_timeout_ms: if version == 0 {
            session_timeout_ms
        } else {
            ms(request.rebalance_timeout_ms)
        },
        subscription: subscription(&request.protocol_type, &protocols),
        protocol_type: Arc::from(&*request.protocol_type),
        protocols,
        require_known_member: version >= 4,
        can_skip_assignment: version >= 9,
        random: cx.backend.random(),
    }
}

fn response(joined: Joined) -> JoinGroupResponse {
    let members = joined.members.into_iter().map(|member| JoinGroupResponseMember {
        member_id: Str::from(&*member.member),
        group_instance_id: member.instance.as_deref().map(Str::from),
        metadata: member.metadata,
    });
    JoinGroupResponse {
        generation_id: joined.generation.0,
        protocol_type: Some(Str::from(&*joined.protocol_type)),
        protocol_name: Some(Str::from(&*joined.protocol_name)),
        leader: Str::from(&*joined.leader),
        skip_assignment: joined.skip_assignment,
        member_id: Str::from(&*joined.member),
        members: members.collect(),
        ..Default::default()
    }
}

fn refused(version: i16, member_id: Str, code: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse {
        error_code: code.0,
        member_id,
        // Versions without a null say it with nothing.
        protocol_name: if version >= 7 { None } else { Some(Str::new()) },
        ..Default::default()
    }
}
