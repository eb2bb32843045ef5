//! ListDeadLetterSourceQueues: the queues whose dead letters come to this one, by their redrive policy or by a route.

use super::lists::{Page, Urls};
use super::queues::{self, Queue};
use crate::sqs::call::Call;
use crate::sqs::errors::SqsError;
use crate::sqs::ops::operation;
use crate::step::{Context, Step, respond};
use crate::value::{Int, Text};
use millstream_front::Action;
use millstream_front::dead_letters::Ways;
use millstream_front::registry::Operation;
use serde::Deserialize;

pub(crate) const OPERATION: Operation = operation(
    "ListDeadLetterSourceQueues",
    "Queues are listed as well whose dead letters may come here by a route that another protocol has set.",
);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input<'a> {
    #[serde(borrow, rename = "QueueUrl")]
    url: Option<Text<'a>>,
    #[serde(borrow, rename = "NextToken")]
    next_token: Option<Text<'a>>,
    #[serde(rename = "MaxResults")]
    max_results: Option<Int>,
}

pub(crate) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: Input<'_> = call.read()?;
    let queue = Queue::of(cx, call, input.url.as_ref())?;
    queue.allow(cx, Action::Describe)?;
    let page = Page::new(input.next_token.as_ref(), input.max_results)?;
    let (found, next_token) = page.of(sources(cx, &queue), |source| &source.at.name);
    let origin = call.origin(cx);
    let urls = found.iter().map(|source| source.at.url(&origin)).collect();
    Ok(respond(Urls::sources(urls, next_token)))
}

/// The queues that have this one as their dead-letter queue; all of them are in its account and region.
fn sources(cx: &Context, target: &Queue) -> impl Iterator<Item = Queue> {
    let same = cx.caller == target.at.scope;
    let all = same.then(|| queues::all(cx)).into_iter().flatten();
    let mut ways = Ways::new(&*cx.backend);
    all.filter(move |queue| ways.lead(&queue.entry, &target.entry))
}
