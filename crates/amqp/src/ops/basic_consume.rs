//! basic.consume (60/20): a consumer gets the queue's messages from now on.
//!
//! `no-local` means nothing, as in RabbitMQ. The argument `x-priority` is the consumer's. A consumer of a stream queue
//! is a reader (`stream_consume.rs`).

use super::queues::{find, name_of, source};
use super::reply_to;
use super::stream_consume;
use super::{misplaced, operation};
use crate::codec::Method;
use crate::errors::{Code, Fault};
use crate::limits::CONSUMERS_PER_CHANNEL_MAX;
use crate::presence::ConsumerPresence;
use crate::replies::REPLY_TO;
use crate::session::{Connection, Consumer};
use crate::shared::InExclusiveUse;
use crate::step::Step;
use crate::translate::{Stored, is_stream, letter, server_name, type_name};
use millstream_front::registry::Operation;
use std::collections::VecDeque;
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation(
    "basic.consume",
    60,
    20,
    "A consumer without prefetch is given at most 512 messages at once. From a stream `exclusive`, `x-priority` and `x-consumer-timeout` mean nothing.",
);

pub(crate) fn start(cx: &mut Connection, number: u16, method: &Method<'_>) -> Result<Step, Fault> {
    let Method::BasicConsume { queue, consumer_tag, no_ack, exclusive, nowait, arguments, .. } = *method
    else {
        return Err(misplaced());
    };
    let name = name_of(cx, number, queue)?;
    let tag: Arc<str> = match consumer_tag {
        "" => server_name("amq.ctag-", cx.backend.random()).into(),
        tag => tag.into(),
    };
    if cx.channel(number).consumers.contains_key(&tag) {
        return Err(Fault::new(Code::NOT_ALLOWED, format!("attempt to reuse consumer tag '{tag}'")));
    }
    if *name == *REPLY_TO {
        return reply_to::consume(cx, number, tag, (no_ack, nowait));
    }
    let entry = find(cx, &name)?;
    if cx.channel(number).consumers.len() >= CONSUMERS_PER_CHANNEL_MAX {
        return Err(Fault::new(Code::RESOURCE_ERROR, "too many consumers on one channel"));
    }
    if is_stream(&entry) {
        return stream_consume::consume(cx, number, tag, entry, (no_ack, nowait), arguments);
    }
    let priority = match arguments.find("x-priority") {
        None => 0,
        Some(value) => value.as_integer().and_then(|number| i32::try_from(number).ok()).ok_or_else(|| {
            let type_name = type_name(letter(value));
            Fault::precondition(format!(
                "invalid arg 'x-priority' for queue '{name}' in vhost '{}': \"expected integer, got {type_name}\"",
                cx.vhost
            ))
        })?,
    };
    let timeout_ms = match arguments.find("x-consumer-timeout") {
        Some(value) => value.as_integer().and_then(|ms| u64::try_from(ms).ok()),
        None => Stored { config: &entry.config }.consumer_timeout_ms(),
    };
    let timeout_ms = timeout_ms.filter(|ms| *ms > 0);
    if exclusive && entry.config.lease().single_holder() {
        return Err(Fault::in_exclusive_use(&name, &cx.vhost));
    }
    let source = source(cx, entry)?;
    if let Err(InExclusiveUse) = cx.shared.add_consumer(source.entry.id, exclusive) {
        return Err(Fault::in_exclusive_use(&name, &cx.vhost));
    }
    let id = cx.holder();
    cx.attach(id, &source, priority);
    let channel = cx.channel(number);
    channel.consumers.insert(tag.clone(), id);
    let consumer = Consumer {
        channel: number,
        tag: tag.clone(),
        source,
        no_ack,
        priority,
        timeout_ms,
        prefetch: if no_ack { 0 } else { channel.prefetch },
        out: 0,
        asked: false,
        is_cancelled: false,
        wanted: VecDeque::new(),
        reading: None,
        slice: None,
    };
    let (no_ack, prefetch) = (consumer.no_ack, consumer.prefetch);
    let shown = ConsumerPresence { queue: name, no_ack, exclusive, prefetch, priority };
    cx.show_consumer(number, &tag, shown);
    cx.consumers.insert(id, consumer);
    if !nowait {
        cx.send(number, &Method::BasicConsumeOk { consumer_tag: &tag });
    }
    cx.feed(id);
    Ok(Step::Done)
}
