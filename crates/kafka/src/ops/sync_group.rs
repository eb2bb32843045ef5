//! SyncGroup (14), versions 0–5: the leader hands in the assignment, every member fetches its own.
//!
//! From version 5 the protocol's type and name are given and must be the group's. A consumer whose leader has left it out
//! is told of an empty assignment; Kafka sends a body of no bytes, on which consumers fail.

use crate::codec::generated::sync_group::{SyncGroupRequest, SyncGroupResponse};
use crate::codec::{ApiKey, DecodeError, Reader, Str};
use crate::errors::ErrorCode;
use crate::ops::{groups, operation};
use crate::step::{Context, Step};
use crate::translate::{assignment, group_error};
use millstream_core::cursor::{Generation, GroupReply, GroupRequest, SyncGroup, Synced};
use millstream_front::Action;
use millstream_front::registry::Operation;
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation(
    ApiKey::SyncGroup,
    "A consumer that was assigned nothing gets an empty assignment instead of no bytes.",
);

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = SyncGroupRequest::decode(version, r)?;
    let grant = match groups::allow(cx, Action::Read, &request.group_id) {
        Ok(grant) => grant,
        Err(code) => return Ok(Step::respond(refused(code))),
    };
    if version >= 5 && (request.protocol_type.is_none() || request.protocol_name.is_none()) {
        return Ok(Step::respond(refused(ErrorCode::INCONSISTENT_GROUP_PROTOCOL)));
    }
    let assignments = request.assignments.into_iter();
    let sync = GroupRequest::Sync(SyncGroup {
        group: groups::group_id(cx, &request.group_id),
        member: Arc::from(&*request.member_id),
        instance: request.group_instance_id.as_deref().map(Arc::from),
        generation: Generation(request.generation_id),
        protocol_type: request.protocol_type.as_deref().map(Arc::from),
        protocol_name: request.protocol_name.as_deref().map(Arc::from),
        assignments: assignments.map(|one| (Arc::from(&*one.member_id), one.assignment)).collect(),
    });
    Ok(groups::ask(grant, sync, move |_, reply| {
        Step::respond(match reply {
            Ok(GroupReply::Synced(synced)) => response(synced),
            Ok(_) => unreachable!("a sync is answered as a sync"),
            Err(kind) => refused(group_error(kind)),
        })
    }))
}

fn response(synced: Synced) -> SyncGroupResponse {
    SyncGroupResponse {
        protocol_type: Some(Str::from(&*synced.protocol_type)),
        protocol_name: Some(Str::from(&*synced.protocol_name)),
        assignment: assignment(&synced.protocol_type, synced.assignment),
        ..Default::default()
    }
}

fn refused(code: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse { error_code: code.0, ..Default::default() }
}
