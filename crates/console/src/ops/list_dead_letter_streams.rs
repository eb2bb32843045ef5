//! `GET /api/v1/dead-letters`: the streams that others send their dead letters to.
//!
//! In the order of names; with each, which streams those are (the first hundred) and how many letters wait. A stream whose dead
//! letters go by a route is named with each stream that the route may lead to. Any stream may name any other, so each page
//! goes through the settings of all streams of the namespace once, and keeps a name or two of each at most.

use super::counted::count;
use super::{CURSOR, Endpoint, LIMIT};
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint;
use crate::errors::Problem;
use crate::page::{Page, Wanted};
use crate::respond::document;
use crate::translate::{Summary, Totals};
use millstream_core::catalog::StreamEntry;
use millstream_front::dead_letters::Ways;
use millstream_front::{Action, Resource};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "list_dead_letter_streams",
    method: "GET",
    path: "/api/v1/dead-letters",
    query: &[LIMIT, CURSOR],
    answers: &[endpoint::ok::<Page<DeadLetters>>()],
    doc: "List the streams that dead letters go to, where they come from, and how many there are.",
    ..Endpoint::PLAIN
};

/// Sources that are named of one stream.
const SOURCES_SHOWN_MAX: usize = 100;

/// The streams whose dead letters may come to one stream.
#[derive(Default)]
struct Sources {
    shown: Vec<Arc<str>>,
    count: usize,
}

fn add(sources: &mut BTreeMap<String, Sources>, target: &str, source: &Arc<str>) {
    if !sources.contains_key(target) {
        sources.insert(target.to_owned(), Sources::default());
    }
    let from = sources.get_mut(target).expect("it was just put there");
    from.count += 1;
    if from.shown.len() < SOURCES_SHOWN_MAX {
        from.shown.push(source.clone());
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeadLetterStream")]
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
    let after = wanted.after.as_deref();
    let mut sources: BTreeMap<String, Sources> = BTreeMap::new();
    let mut ways = Ways::new(&*cx.backend);
    for entry in &streams {
        ways.each(entry, |target| {
            // What earlier pages had is not gathered again.
            if after.is_none_or(|after| target > after) {
                add(&mut sources, target, &entry.name);
            }
        });
    }
    let mut streams = streams.into_iter().filter(|entry| sources.contains_key(&*entry.name));
    let page: Vec<Arc<StreamEntry>> = streams.by_ref().take(wanted.limit).collect();
    let has_more = streams.next().is_some();
    drop(streams);
    Ok(count(grant, page, move |cx, page| {
        let last = page.last().filter(|_| has_more).map(|(entry, _)| entry.name.clone());
        let items = page.into_iter().map(|(entry, counts)| {
            let from = sources.get(&*entry.name);
            let totals = Totals::of(&*cx.backend, &entry);
            DeadLetters {
                stream: Summary::new(&entry, totals, counts).seen(cx, &entry),
                sources: from.into_iter().flat_map(|from| &from.shown).map(ToString::to_string).collect(),
                source_count: from.map_or(0, |from| from.count),
            }
        });
        Ok(document(200, &Page::new(items.collect(), last.as_deref())))
    }))
}
