//! Heartbeat (12), versions 0–4: a member is alive, and learns whether it has to join again.
//!
//! While a rebalance is prepared the answer is REBALANCE_IN_PROGRESS; the heartbeat has counted all the same.

use crate::codec::generated::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use crate::codec::{ApiKey, DecodeError, Reader};
use crate::errors::ErrorCode;
use crate::ops::{groups, operation};
use crate::step::{Context, Step};
use crate::translate::group_error;
use millstream_core::cursor::{Generation, GroupReply, GroupRequest, Heartbeat};
use millstream_front::Action;
use millstream_front::registry::Operation;
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation(ApiKey::Heartbeat, "");

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = HeartbeatRequest::decode(version, r)?;
    let respond =
        |code: ErrorCode| Step::respond(HeartbeatResponse { error_code: code.0, ..Default::default() });
    let grant = match groups::allow(cx, Action::Read, &request.group_id) {
        Ok(grant) => grant,
        Err(code) => return Ok(respond(code)),
    };
    let beat = GroupRequest::Heartbeat(Heartbeat {
        group: groups::group_id(cx, &request.group_id),
        member: Arc::from(&*request.member_id),
        instance: request.group_instance_id.as_deref().map(Arc::from),
        generation: Generation(request.generation_id),
    });
    Ok(groups::ask(grant, beat, move |_, reply| match reply {
        Ok(GroupReply::Alive) => respond(ErrorCode::NONE),
        Ok(_) => unreachable!("a heartbeat is answered as a heartbeat"),
        Err(kind) => respond(group_error(kind)),
    }))
}
