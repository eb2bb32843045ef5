//! queue.bind (50/20): what reaches an exchange and matches reaches a queue.
//!
//! An empty queue name is that of the channel's last declaration; an empty routing key beside it as well.

use super::queues;
use super::routes::{BindingArguments, bind, check_default, with_exchange};
use super::{misplaced, operation};
use crate::codec::Method;
use crate::errors::Fault;
use crate::session::Connection;
use crate::step::Step;
use crate::translate::cleaned;
use millstream_core::route::Destination;
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation = operation("queue.bind", 50, 20, "");

pub(crate) fn start(cx: &mut Connection, number: u16, method: &Method<'_>) -> Result<Step, Fault> {
    let Method::QueueBind { queue, exchange, routing_key, nowait, arguments, .. } = *method else {
        return Err(misplaced());
    };
    let name = queues::name_of(cx, number, queue)?;
    let key = if queue.is_empty() && routing_key.is_empty() { &*name } else { routing_key };
    let binding = BindingArguments::new(&name, key, arguments);
    let exchange = cleaned(exchange);
    check_default(&exchange)?;
    with_exchange(cx, &exchange, move |cx, source| {
        let destination = Destination::Stream(queues::find(cx, &name)?.id);
        bind(cx, &source, destination, binding, move |cx| {
            if !nowait {
                cx.send(number, &Method::QueueBindOk {});
            }
        })
    })
}
