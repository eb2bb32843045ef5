//! `GET /api/v1/streams`: the streams in the order of their names, a page at a time.
//!
//! The counts of queues are exact and of one moment. A page ends early when its streams have very many partitions.

use super::counted::count;
use super::{CURSOR, Endpoint, LIMIT};
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint;
use crate::errors::Problem;
use crate::limits::PAGE_LOGS_MAX;
use crate::page::{Page, Wanted};
use crate::respond::document;
use crate::translate::{Summary, Totals};
use millstream_core::catalog::StreamEntry;
use millstream_front::{Action, Resource};
use std::sync::Arc;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "list_streams",
    method: "GET",
    path: "/api/v1/streams",
    query: &[
        endpoint::flag("leased", "`true`: only streams that are worked as queues; `false`: only others"),
        endpoint::text("prefix", "only streams whose names begin with this"),
        LIMIT,
        CURSOR,
    ],
    answers: &[endpoint::ok::<Page<Summary>>()],
    doc: "List streams with their sizes and the counts of their queues.",
    ..Endpoint::PLAIN
};

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let wanted = Wanted::of(&call.query)?;
    let leased = call.query.flag("leased")?;
    let prefix = call.query.text("prefix").unwrap_or_default();
    let grant = cx.allow(Action::Describe, Resource::Cluster)?;
    let is_wanted = |entry: &StreamEntry| {
        entry.name.starts_with(prefix) && leased.is_none_or(|leased| entry.config.lease().enabled() == leased)
    };
    let after = wanted.after.as_deref();
    let streams = cx.backend.streams_behind(cx.namespace, after, wanted.limit + 1, &is_wanted);
    let mut streams = streams.into_iter();
    let mut page: Vec<Arc<StreamEntry>> = Vec::new();
    let mut logs = 0;
    while page.len() < wanted.limit && logs < PAGE_LOGS_MAX {
        let Some(entry) = streams.next() else { break };
        logs += entry.logs;
        page.push(entry);
    }
    let has_more = streams.next().is_some();
    Ok(count(grant, page, move |cx, page| {
        let last = page.last().filter(|_| has_more).map(|(entry, _)| entry.name.clone());
        let items = page.into_iter().map(|(entry, counts)| {
            let totals = Totals::of(&*cx.backend, &entry);
            Summary::new(&entry, totals, counts).seen(cx, &entry)
        });
        Ok(document(200, &Page::new(items.collect(), last.as_deref())))
    }))
}
