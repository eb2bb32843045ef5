//! ListGroups (16), versions 0–5: every group; filtered by state from version 4, by type from version 5.
//!
//! Filters are read in any case, and what is unknown in them matches nothing. Every group is of the "classic" type. The
//! groups come from the shard in pages, so that a long list does not hold up anyone else.

use crate::codec::generated::list_groups::{ListGroupsRequest, ListGroupsResponse, ListedGroup};
use crate::codec::{ApiKey, DecodeError, Reader, Str};
use crate::errors::ErrorCode;
use crate::ops::{groups, operation};
use crate::step::{Context, Step};
use crate::translate::{group_error, state_from_name, state_name};
use millstream_core::cursor::{GroupReply, GroupRequest, GroupState, GroupSummary};
use millstream_front::registry::Operation;
use millstream_front::{Action, Resource};
use std::sync::Arc;

pub(crate) const OPERATION: Operation =
    operation(ApiKey::ListGroups, "Whoever may not describe the cluster is refused the list.");

/// The type of every group.
const CLASSIC: &str = "classic";

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = ListGroupsRequest::decode(version, r)?;
    let mut states: Vec<GroupState> =
        request.states_filter.iter().filter_map(|name| state_from_name(name)).collect();
    states.sort_unstable();
    states.dedup();
    let is_any_state = request.states_filter.is_empty();
    let is_any_type = request.types_filter.is_empty();
    let is_classic = request.types_filter.iter().any(|name| name.eq_ignore_ascii_case(CLASSIC));
    if (states.is_empty() && !is_any_state) || !(is_classic || is_any_type) {
        return Ok(respond(ErrorCode::NONE, Vec::new()));
    }
    Ok(page(cx, states, None, Vec::new()))
}

/// Asks for the page after a group.
fn page(
    cx: &mut Context,
    states: Vec<GroupState>,
    after: Option<Arc<str>>,
    mut listed: Vec<ListedGroup>,
) -> Step {
    let grant = match cx.allow(Action::Describe, Resource::Cluster) {
        Ok(grant) => grant,
        Err(code) => return respond(code, Vec::new()),
    };
    let namespace = cx.principal.namespace();
    let list = GroupRequest::List { namespace, after, states: states.clone() };
    groups::ask(grant, list, move |cx, reply| match reply {
        Ok(GroupReply::Listed { groups, next }) => {
            listed.extend(groups.into_iter().map(group));
            match next {
                Some(after) => page(cx, states, Some(after), listed),
                None => respond(ErrorCode::NONE, listed),
            }
        }
        Ok(_) => unreachable!("a list is answered as a list"),
        Err(kind) => respond(group_error(kind), Vec::new()),
    })
}

fn group(group: GroupSummary) -> ListedGroup {
    ListedGroup {
        group_id: Str::from(&*group.name),
        protocol_type: group.protocol_type.as_deref().map(Str::from).unwrap_or_default(),
        group_state: Str::from_static(state_name(group.state)),
        group_type: Str::from_static(CLASSIC),
    }
}

fn respond(code: ErrorCode, groups: Vec<ListedGroup>) -> Step {
    Step::respond(ListGroupsResponse { error_code: code.0, groups, ..Default::default() })
}
