//! DeleteGroups (42), versions 0–2: end groups without members, with their offsets.
//!
//! A group that does not exist is GROUP_ID_NOT_FOUND, one with members NON_EMPTY_GROUP; a name that is repeated is answered
//! once, as in Kafka.

use crate::codec::generated::delete_groups::{
    DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse,
};
use crate::codec::{ApiKey, DecodeError, Reader, Str};
use crate::errors::ErrorCode;
use crate::ops::{groups, operation};
use crate::step::{Context, Step};
use millstream_core::cursor::{GroupReply, GroupRequest};
use millstream_front::Action;
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation = operation(ApiKey::DeleteGroups, "");

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = DeleteGroupsRequest::decode(version, r)?;
    let delete = |groups| GroupRequest::Delete { groups };
    let deleted = |reply| match reply {
        GroupReply::Deleted(results) => Some(results),
        _ => None,
    };
    let then = |_: &mut Context, results: Vec<(Str, Result<(), ErrorCode>)>| {
        let result = |(group_id, result): (Str, Result<(), ErrorCode>)| DeletableGroupResult {
            group_id,
            error_code: result.err().unwrap_or(ErrorCode::NONE).0,
        };
        let results = results.into_iter().map(result).collect();
        Step::respond(DeleteGroupsResponse { results, ..Default::default() })
    };
    Ok(groups::each(cx, Action::Delete, request.groups_names, delete, deleted, then))
}
