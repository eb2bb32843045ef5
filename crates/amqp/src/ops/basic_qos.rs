//! basic.qos (60/10): how many deliveries may be out at once, for each consumer to come or for the whole channel.
//!
//! Not supported: limits in bytes, as in RabbitMQ.

use super::{misplaced, operation};
use crate::codec::Method;
use crate::errors::Fault;
use crate::session::Connection;
use crate::step::Step;
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation = operation(
    "basic.qos",
    60,
    10,
    "A size is answered with 540, as in RabbitMQ. `global` is per channel, as in 3.13.",
);

pub(crate) fn start(cx: &mut Connection, number: u16, method: &Method<'_>) -> Result<Step, Fault> {
    let Method::BasicQos { prefetch_size, prefetch_count, global } = *method else { return Err(misplaced()) };
    if prefetch_size != 0 {
        return Err(Fault::not_implemented(format!("prefetch_size!=0 ({prefetch_size})")));
    }
    let channel = cx.channel(number);
    if global {
        channel.prefetch_all = prefetch_count;
        // A higher limit counts at once.
        let consumers: Vec<u64> = channel.consumers.values().copied().collect();
        consumers.into_iter().for_each(|consumer| cx.feed(consumer));
    } else {
        channel.prefetch = prefetch_count;
    }
    cx.show_channel(number);
    cx.send(number, &Method::BasicQosOk {});
    Ok(Step::Done)
}
