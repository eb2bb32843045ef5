//! ListDeadLetterSourceQueues: the queues whose redrive policy names this one.

use super::lists::{Page, Urls};
use super::queues::{self, Queue};
use crate::sqs::call::Call;
use crate::sqs::errors::SqsError;
use crate::sqs::ops::operation;
use crate::step::{Context, Step};
use crate::value::{Int, Text};
use millstream_front::Action;
use millstream_front::registry::Operation;
use serde::Deserialize;

pub(crate) const OPERATION: Operation = operation("ListDeadLetterSourceQueues", "");

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
    let urls = found.iter().map(|source| source.at.url(&cx.origin)).collect();
    Ok(Step::respond(Urls::sources(urls, next_token)))
}

/// The queues that have this one as their dead-letter queue; all of them are in its account and region.
pub(super) fn sources(cx: &Context, target: &Queue) -> impl Iterator<Item = Queue> {
    let name = target.at.name.clone();
    let same = cx.caller == target.at.scope;
    let all = same.then(|| queues::all(cx)).into_iter().flatten();
    all.filter(move |queue| queue.entry.config.lease().dead_letter() == Some(&*name))
}
