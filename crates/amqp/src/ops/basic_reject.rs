//! basic.reject (60/90): a delivery is given back or refused for good.

use super::settling::{refusal, settle};
use super::{misplaced, operation};
use crate::codec::Method;
use crate::errors::Fault;
use crate::session::Connection;
use crate::step::Step;
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation =
    operation("basic.reject", 60, 90, "What is given back returns to its place in the queue.");

pub(crate) fn start(cx: &mut Connection, number: u16, method: &Method<'_>) -> Result<Step, Fault> {
    let Method::BasicReject { delivery_tag, requeue } = *method else { return Err(misplaced()) };
    settle(cx, number, (delivery_tag, false), refusal(requeue))
}
