//! `/api/v1/connections`: who is connected, over whichever protocol, and ending a connection.
//!
//! One file because an id leads from the list to the end. A connection that is ended finishes what it has under way and is told
//! in its protocol's words that it is over, as far as the protocol has any; its client may come back.

use super::{CURSOR, Endpoint, LIMIT};
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint;
use crate::errors::{Code, Problem};
use crate::page::{Page, Wanted};
use crate::respond::{document, nothing};
use crate::system::{Connected, ConnectionId};
use millstream_front::{Action, Resource};
use schemars::JsonSchema;
use serde::Serialize;

pub(super) const LIST: Endpoint = Endpoint {
    name: "list_connections",
    path: "/api/v1/connections",
    query: &[LIMIT, CURSOR],
    answers: &[endpoint::ok::<Page<Shown>>()],
    doc: "List the connections of all protocols.",
    ..Endpoint::PLAIN
};

pub(super) const CLOSE: Endpoint = Endpoint {
    name: "close_connection",
    method: "DELETE",
    path: "/api/v1/connections/{name}",
    answers: &[endpoint::DONE],
    doc: "Have a connection end after what it has under way; `name` is its `id`.",
    ..Endpoint::PLAIN
};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Connection")]
struct Shown {
    id: String,
    /// The name of its listener.
    protocol: String,
    /// The client's address.
    peer: String,
    connected_ms: i64,
}

impl From<Connected> for Shown {
    fn from(connected: Connected) -> Shown {
        Shown {
            id: connected.id.to_string(),
            protocol: connected.id.listener,
            peer: connected.peer,
            connected_ms: connected.connected_ms,
        }
    }
}

pub(super) fn list(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let wanted = Wanted::of(&call.query)?;
    cx.allow(Action::Describe, Resource::Cluster)?;
    let after = match wanted.after.as_deref().map(ConnectionId::parse) {
        None => None,
        Some(Some(after)) => Some(after),
        Some(None) => return Err(Problem::parameter("cursor", "is none that was given out here")),
    };
    let mut found = cx.system.connections(after.as_ref(), wanted.limit + 1);
    let has_more = found.len() > wanted.limit;
    found.truncate(wanted.limit);
    let last = found.last().filter(|_| has_more).map(|last| last.id.to_string());
    Ok(document(200, &Page::new(found.into_iter().map(Shown::from).collect(), last.as_deref())))
}

pub(super) fn close(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    cx.allow(Action::Alter, Resource::Cluster)?;
    let is_closed = ConnectionId::parse(call.name()).is_some_and(|id| cx.system.close(&id));
    if is_closed {
        return Ok(nothing());
    }
    Err(Problem::new(Code::UnknownConnection, format!("There is no connection {:?}.", call.name())))
}
