//! `GET /api/v1/consumers`: who consumes: the members of cursor groups, group by group.
//!
//! Consumers of a queue are counted with it (`holders` and `waiting`): what a protocol knows of each is known to its front alone.

use super::list_groups::{described, names};
use super::{CURSOR, Endpoint, LIMIT};
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint;
use crate::errors::Problem;
use crate::page::{Page, Wanted};
use crate::respond::document;
use crate::translate::ShownMember;
use millstream_front::{Action, Resource};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "list_consumers",
    path: "/api/v1/consumers",
    query: &[LIMIT, CURSOR],
    answers: &[endpoint::ok::<Page<ShownMember>>()],
    doc: "List the members of cursor groups; a page has all members of so many groups.",
    ..Endpoint::PLAIN
};

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let wanted = Wanted::of(&call.query)?;
    names(cx, wanted, String::new(), |cx, (names, next)| {
        let grant = cx.allow(Action::Describe, Resource::Cluster)?;
        Ok(described(cx, grant, names, move |_, _, groups| {
            let members = groups.iter().flat_map(|(name, group)| {
                group.members.iter().map(move |member| ShownMember::new(name, member))
            });
            Ok(document(200, &Page::new(members.collect(), next.as_deref())))
        }))
    })
}
