//! basic.ack (60/80): a delivery, or all up to it, is done with.

use super::settling::settle;
use super::{misplaced, operation};
use crate::codec::Method;
use crate::errors::Fault;
use crate::session::Connection;
use crate::step::Step;
use millstream_core::lease::Action;
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation = operation("basic.ack", 60, 80, "");

pub(crate) fn start(cx: &mut Connection, number: u16, method: &Method<'_>) -> Result<Step, Fault> {
    let Method::BasicAck { delivery_tag, multiple } = *method else { return Err(misplaced()) };
    settle(cx, number, (delivery_tag, multiple), Action::Ack { late: false })
}
