//! basic.recover (60/110) and basic.recover-async (60/100): every delivery of the channel is given back.
//!
//! Not supported: `requeue=false`, as in RabbitMQ.

use super::settling::{refusal, settle_all};
use super::{misplaced, operation};
use crate::codec::Method;
use crate::errors::Fault;
use crate::session::Connection;
use crate::step::Step;
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation =
    operation("basic.recover", 60, 110, "`requeue=false` is answered with 540, as in RabbitMQ.");
pub(crate) const OPERATION_ASYNC: Operation =
    operation("basic.recover-async", 60, 100, "`requeue=false` is answered with 540, as in RabbitMQ.");

pub(crate) fn start(cx: &mut Connection, number: u16, method: &Method<'_>) -> Result<Step, Fault> {
    let (requeue, answers) = match *method {
        Method::BasicRecover { requeue } => (requeue, true),
        Method::BasicRecoverAsync { requeue } => (requeue, false),
        _ => return Err(misplaced()),
    };
    if !requeue {
        return Err(Fault::not_implemented("requeue=false"));
    }
    let taken = cx.channel(number).deliveries.take_all();
    settle_all(cx, number, &taken, refusal(true));
    if answers {
        cx.send(number, &Method::BasicRecoverOk {});
    }
    Ok(Step::Done)
}
