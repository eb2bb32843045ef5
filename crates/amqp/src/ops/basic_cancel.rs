//! basic.cancel (60/30): ends a consumer. What was delivered to it stays out until it is settled or the channel ends.

use super::{misplaced, operation};
use crate::codec::Method;
use crate::errors::Fault;
use crate::session::Connection;
use crate::step::Step;
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation = operation("basic.cancel", 60, 30, "");

pub(crate) fn start(cx: &mut Connection, number: u16, method: &Method<'_>) -> Result<Step, Fault> {
    let Method::BasicCancel { consumer_tag, nowait } = *method else { return Err(misplaced()) };
    if cx.channel(number).replies.as_ref().is_some_and(|replies| *replies.tag == *consumer_tag) {
        cx.end_answers(number);
    }
    cx.cancel(number, consumer_tag);
    if !nowait {
        cx.send(number, &Method::BasicCancelOk { consumer_tag });
    }
    Ok(Step::Done)
}
