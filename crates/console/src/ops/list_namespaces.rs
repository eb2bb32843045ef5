//! `GET /api/v1/namespaces`: the spaces of names, in the order of their own.
//!
//! What one protocol calls a virtual host, another an account: every operation takes the name of one as `namespace`.

use super::{CURSOR, Endpoint, LIMIT};
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint;
use crate::errors::Problem;
use crate::page::{Page, Wanted};
use crate::respond::document;
use millstream_core::catalog::NamespaceEntry;
use millstream_front::{Action, Resource};
use schemars::JsonSchema;
use serde::Serialize;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "list_namespaces",
    method: "GET",
    path: "/api/v1/namespaces",
    query: &[LIMIT, CURSOR],
    answers: &[endpoint::ok::<Page<Shown>>()],
    doc: "List the namespaces.",
    ..Endpoint::PLAIN
};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Namespace")]
pub(super) struct Shown {
    name: String,
    created_ms: i64,
}

impl Shown {
    pub(super) fn new(entry: &NamespaceEntry) -> Shown {
        Shown { name: entry.name.to_string(), created_ms: entry.created.0 }
    }
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let wanted = Wanted::of(&call.query)?;
    cx.allow(Action::Describe, Resource::Cluster)?;
    let after = wanted.after.as_deref();
    let namespaces = cx.backend.namespaces().into_iter();
    let mut namespaces = namespaces.filter(|entry| after.is_none_or(|after| &*entry.name > after));
    let page = namespaces.by_ref().take(wanted.limit);
    let page: Vec<Shown> = page.map(|entry| Shown::new(&entry)).collect();
    let last = page.last().map(|shown| shown.name.clone()).filter(|_| namespaces.next().is_some());
    Ok(document(200, &Page::new(page, last.as_deref())))
}
