//! `GET /api/v1/streams/{name}`: a stream with its partitions, its settings and the counts of its queue.
//!
//! What creates or changes a stream answers with the same, so that nobody has to ask again.

use super::Endpoint;
use super::counted::count;
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint;
use crate::errors::Problem;
use crate::respond::document;
use crate::translate::Detail;
use millstream_core::catalog::StreamEntry;
use millstream_front::{Action, Grant};
use std::sync::Arc;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "get_stream",
    method: "GET",
    path: "/api/v1/streams/{name}",
    answers: &[endpoint::ok::<Detail>()],
    doc: "Show a stream: partitions, sizes, settings, counts of its queue.",
    ..Endpoint::PLAIN
};

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (entry, grant) = cx.stream(call.name(), Action::Describe)?;
    Ok(show(200, grant, entry))
}

/// Answers with a stream as it is now.
pub(super) fn show(status: u16, grant: Grant, entry: Arc<StreamEntry>) -> Step {
    count(grant, vec![entry], move |cx, counted| {
        let (entry, counts) = counted.into_iter().next().ok_or_else(Problem::unexpected)?;
        Ok(document(status, &Detail::new(cx, &entry, counts)))
    })
}
