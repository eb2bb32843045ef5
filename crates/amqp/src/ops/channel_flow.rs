//! channel.flow (20/20): asks for deliveries, which come anyway.
//!
//! Not supported: `active=false`, as in RabbitMQ; clients use prefetch.

use super::{misplaced, operation};
use crate::codec::Method;
use crate::errors::Fault;
use crate::session::Connection;
use crate::step::Step;
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation =
    operation("channel.flow", 20, 20, "`active=false` is answered with 540, as in RabbitMQ.");

pub(crate) fn start(cx: &mut Connection, number: u16, method: &Method<'_>) -> Result<Step, Fault> {
    match method {
        Method::ChannelFlow { active: true } => {
            cx.send(number, &Method::ChannelFlowOk { active: true });
            Ok(Step::Done)
        }
        Method::ChannelFlow { active: false } => Err(Fault::not_implemented("active=false")),
        _ => Err(misplaced()),
    }
}
