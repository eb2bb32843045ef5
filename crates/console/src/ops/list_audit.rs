//! `GET /api/v1/audit`: who logged in, who was refused, who changed what.
//!
//! Non-obvious: the newest 500 entries since the broker's start are here, the newest first; all of them are in the broker's log,
//! under the target `audit`. Traffic (sending, receiving, settling) is in neither. A cursor is an entry's number, so that entries
//! that come meanwhile move nothing.

use super::{CURSOR, Endpoint, LIMIT};
use crate::auth::Entry;
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint;
use crate::errors::Problem;
use crate::page::{Page, Wanted};
use crate::respond::document;
use millstream_front::{Action, Resource};
use schemars::JsonSchema;
use serde::Serialize;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "list_audit",
    path: "/api/v1/audit",
    query: &[LIMIT, CURSOR],
    answers: &[endpoint::ok::<Page<Shown>>()],
    doc: "List who logged in, who was refused, and who changed what, the newest first; the newest 500 since the start.",
    ..Endpoint::PLAIN
};

/// An entry of the audit log.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuditEntry")]
struct Shown {
    /// Counts up from the start of the process.
    number: u64,
    time_ms: i64,
    /// `local`, `admin token`, `session 3`, or `nobody` who was not let in.
    who: String,
    /// The client's address; `null`: not known.
    peer: Option<String>,
    /// A method and an address, and what it was about.
    what: String,
    /// The status that it was answered with.
    status: u16,
}

impl From<(u64, Entry)> for Shown {
    fn from((number, entry): (u64, Entry)) -> Shown {
        let Entry { time, who, peer, what, status } = entry;
        Shown { number, time_ms: time.0, who, peer: peer.map(|peer| peer.to_string()), what, status }
    }
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let wanted = Wanted::of(&call.query)?;
    cx.allow(Action::Describe, Resource::Cluster)?;
    let before = match wanted.after.as_deref().map(str::parse::<u64>) {
        None => u64::MAX,
        Some(Ok(before)) => before,
        Some(Err(_)) => return Err(Problem::parameter("cursor", "is none that was given out here")),
    };
    let mut found = cx.options.gate.audited(before, wanted.limit + 1);
    let has_more = found.len() > wanted.limit;
    found.truncate(wanted.limit);
    let last = found.last().filter(|_| has_more).map(|last| last.0.to_string());
    Ok(document(200, &Page::new(found.into_iter().map(Shown::from).collect(), last.as_deref())))
}
