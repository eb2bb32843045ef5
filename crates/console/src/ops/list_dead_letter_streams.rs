//! `GET /api/v1/dead-letters`: the streams that others send their dead letters to.
//!
//! In the order of names; with each, which streams those are (the first hundred) and how many letters wait.

use super::counted::count;
use super::{CURSOR, Endpoint, LIMIT};
use crate::call::Call;
use crate::context::{Context, Step};
use crate::errors::Problem;
use crate::page::{Page, Wanted};
use crate::respond::document;
use crate::translate::{Summary, Totals};
use millstream_core::catalog::StreamEntry;
use millstream_front::{Action, Resource};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "list_dead_letter_streams",
    method: "GET",
    path: "/api/v1/dead-letters",
    query: &[LIMIT, CURSOR],
    has_body: false,
    doc: "List the streams that dead letters go to, where they come from, and how many there are.",
};

/// Sources that are named of one stream.
const SOURCES_SHOWN_MAX: usize = 100;

#[derive(Serialize)]
struct DeadLetters {
    #[serde(flatten)]
    stream: Summary,
    sources: Vec<String>,
    source_count: usize,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let wanted = Wanted::of(&call.query)?;
    let grant = cx.allow(Action::Describe, Resource::Cluster)?;
    let streams = cx.backend.streams(cx.namespace);
    let mut sources: BTreeMap<String, Vec<Arc<str>>> = BTreeMap::new();
    for entry in &streams {
        if let Some(target) = entry.config.lease().dead_letter() {
            sources.entry(target.to_owned()).or_default().push(entry.name.clone());
        }
    }
    let after = wanted.after.as_deref();
    let is_next = |entry: &Arc<StreamEntry>| {
        sources.contains_key(&*entry.name) && after.is_none_or(|after| &*entry.name > after)
    };
    let mut streams = streams.into_iter().filter(is_next);
    let page: Vec<Arc<StreamEntry>> = streams.by_ref().take(wanted.limit).collect();
    let has_more = streams.next().is_some();
    drop(streams);
    Ok(count(grant, page, move |cx, page| {
        let last = page.last().filter(|_| has_more).map(|(entry, _)| entry.name.clone());
        let items = page.into_iter().map(|(entry, counts)| {
            let from = sources.get(&*entry.name).map_or(&[][..], |from| from);
            let totals = Totals::of(&*cx.backend, &entry);
            DeadLetters {
                stream: Summary::new(&entry, totals, counts),
                sources: from.iter().take(SOURCES_SHOWN_MAX).map(ToString::to_string).collect(),
                source_count: from.len(),
            }
        });
        Ok(document(200, &Page::new(items.collect(), last.as_deref())))
    }))
}
