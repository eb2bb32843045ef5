//! ListQueues: the queues of an account and region whose names begin so, in the order of names.
//!
//! At most 1,000 in one reply. With MaxResults a token comes along when there are more.

use super::lists::{Page, Urls};
use super::queues;
use crate::sqs::call::Call;
use crate::sqs::errors::SqsError;
use crate::sqs::ops::operation;
use crate::step::{Context, Step, respond};
use crate::value::{Int, Text};
use millstream_front::registry::Operation;
use millstream_front::{Action, Resource};
use serde::Deserialize;

pub(crate) const OPERATION: Operation =
    operation("ListQueues", "In the order of names; exact, and as new as the last reply.");

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input<'a> {
    #[serde(borrow, rename = "QueueNamePrefix")]
    prefix: Option<Text<'a>>,
    #[serde(borrow, rename = "NextToken")]
    next_token: Option<Text<'a>>,
    #[serde(rename = "MaxResults")]
    max_results: Option<Int>,
}

pub(crate) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: Input<'_> = call.read()?;
    let page = Page::new(input.next_token.as_ref(), input.max_results)?;
    cx.allow(Action::Describe, Resource::Cluster)?;
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let found = queues::all(cx).filter(|queue| queue.at.name.starts_with(prefix));
    let (found, next_token) = page.of(found, |queue| &queue.at.name);
    let origin = call.origin(cx);
    let urls = found.iter().map(|queue| queue.at.url(&origin)).collect();
    Ok(respond(Urls::queues(urls, next_token)))
}
