//! LeaveGroup (13), versions 0–5: members go, by their own wish or an administrator's.
//!
//! Up to version 2 one member leaves and its error is the response's. From version 3 several may, each with an error of its
//! own; static members can be named by their identity alone. The reasons of version 5 go to the log.

use crate::codec::generated::leave_group::{
    LeaveGroupRequest, LeaveGroupResponse, MemberIdentity, MemberResponse,
};
use crate::codec::{ApiKey, DecodeError, Reader};
use crate::errors::ErrorCode;
use crate::ops::{groups, operation};
use crate::step::{Context, Step};
use crate::translate::group_error;
use millstream_core::cursor::{GroupReply, GroupRequest, LeaveGroup, LeavingMember};
use millstream_front::Action;
use millstream_front::registry::Operation;
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation(ApiKey::LeaveGroup, "");

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = LeaveGroupRequest::decode(version, r)?;
    let grant = match groups::allow(cx, Action::Read, &request.group_id) {
        Ok(grant) => grant,
        Err(code) => return Ok(Step::respond(refused(code))),
    };
    let members = if version >= 3 {
        request.members
    } else {
        vec![MemberIdentity { member_id: request.member_id, ..Default::default() }]
    };
    for MemberIdentity { member_id, reason, .. } in &members {
        if let Some(reason) = reason {
            let (group, member) = (&*request.group_id, &**member_id);
            tracing::debug!(?group, ?member, reason = ?&**reason, "a member leaves its group");
        }
    }
    let leaving = members.iter().map(|member| LeavingMember {
        member: Arc::from(&*member.member_id),
        instance: member.group_instance_id.as_deref().map(Arc::from),
    });
    let leave = GroupRequest::Leave(LeaveGroup {
        group: groups::group_id(cx, &request.group_id),
        members: leaving.collect(),
    });
    Ok(groups::ask(grant, leave, move |_, reply| {
        Step::respond(match reply {
            Ok(GroupReply::Left(results)) => {
                let code = |result: Result<(), _>| result.map_or_else(group_error, |()| ErrorCode::NONE);
                response(version, members, results.into_iter().map(code))
            }
            Ok(_) => unreachable!("a leave is answered as a leave"),
            Err(kind) => refused(group_error(kind)),
        })
    }))
}

fn response(
    version: i16,
    members: Vec<MemberIdentity>,
    mut codes: impl Iterator<Item = ErrorCode>,
) -> LeaveGroupResponse {
    if version < 3 {
        return refused(codes.next().expect("one member left, one result came"));
    }
    let one = |(member, code): (MemberIdentity, ErrorCode)| MemberResponse {
        member_id: member.member_id,
        group_instance_id: member.group_instance_id,
        error_code: code.0,
    };
    LeaveGroupResponse { members: members.into_iter().zip(codes).map(one).collect(), ..Default::default() }
}

fn refused(code: ErrorCode) -> LeaveGroupResponse {
    LeaveGroupResponse { error_code: code.0, ..Default::default() }
}
