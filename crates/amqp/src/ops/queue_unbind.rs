//! queue.unbind (50/50): takes a binding of a queue back. One that is not there is as good.

use super::queues;
use super::routes::{BindingArguments, check_default, find, unbind};
use super::{misplaced, operation};
use crate::codec::Method;
use crate::errors::Fault;
use crate::session::Connection;
use crate::step::Step;
use crate::translate::cleaned;
use millstream_core::route::Destination;
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation = operation("queue.unbind", 50, 50, "");

pub(crate) fn start(cx: &mut Connection, number: u16, method: &Method<'_>) -> Result<Step, Fault> {
    let Method::QueueUnbind { queue, exchange, routing_key, arguments, .. } = *method else {
        return Err(misplaced());
    };
    let name = queues::name_of(cx, number, queue)?;
    let key = if queue.is_empty() && routing_key.is_empty() { &*name } else { routing_key };
    let binding = BindingArguments::new(&name, key, arguments);
    let exchange = cleaned(exchange);
    check_default(&exchange)?;
    let Some(source) = find(cx, &exchange) else {
        // What leads nowhere does not lead to the queue.
        cx.send(number, &Method::QueueUnbindOk {});
        return Ok(Step::Done);
    };
    if !queues::is_there(cx, &name) {
        cx.send(number, &Method::QueueUnbindOk {});
        return Ok(Step::Done);
    }
    let destination = Destination::Stream(queues::find(cx, &name)?.id);
    unbind(cx, &source, destination, binding, move |cx| cx.send(number, &Method::QueueUnbindOk {}))
}
