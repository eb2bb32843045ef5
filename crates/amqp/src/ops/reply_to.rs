//! Direct reply-to: what the operations make of the name `amq.rabbitmq.reply-to`.
//!
//! Apart because it is no queue: consuming from it, publishing to the addresses behind it and looking for them are answered
//! from memory.

use crate::codec::{ContentHeader, Method};
use crate::errors::Fault;
use crate::replies::{Answer, REPLY_TO, address, token};
use crate::session::Connection;
use crate::step::Step;
use bytes::Bytes;
use std::sync::Arc;

/// A channel's consumer of answers.
#[derive(Debug, Clone)]
pub(crate) struct ReplyConsumer {
    pub(crate) tag: Arc<str>,
    pub(crate) token: u128,
}

/// Whether a name stands for answers rather than for a queue.
pub(super) fn is_address(name: &str) -> bool {
    name == REPLY_TO || token(name).is_some()
}

/// Consumes answers.
pub(super) fn consume(
    cx: &mut Connection,
    number: u16,
    tag: Arc<str>,
    (no_ack, nowait): (bool, bool),
) -> Result<Step, Fault> {
    if !no_ack {
        return Err(Fault::precondition("reply consumer cannot acknowledge"));
    }
    if cx.channel(number).replies.is_some() {
        return Err(Fault::precondition("reply consumer already set"));
    }
    let Some(bell) = cx.bell.clone() else { return Err(Fault::internal("a session without a bell")) };
    let token = cx.backend.random();
    cx.shared.replies.open(token, bell);
    cx.channel(number).replies = Some(ReplyConsumer { tag: tag.clone(), token });
    if !nowait {
        cx.send(number, &Method::BasicConsumeOk { consumer_tag: &tag });
    }
    Ok(Step::Done)
}

/// What a request's `reply-to` becomes.
///
/// # Errors
/// When its channel does not consume answers.
pub(super) fn rewritten(
    cx: &mut Connection,
    number: u16,
    reply_to: Option<&str>,
) -> Result<Option<String>, Fault> {
    if reply_to != Some(REPLY_TO) {
        return Ok(None);
    }
    match &cx.channel(number).replies {
        Some(replies) => Ok(Some(address(replies.token))),
        None => Err(Fault::precondition("fast reply consumer does not exist")),
    }
}

/// Leaves an answer with its requester. `None`: the routing key is no address. `false`: nobody is there any more.
pub(super) fn leave(
    cx: &Connection,
    exchange: &str,
    routing_key: &str,
    header: &Bytes,
    body: &[Bytes],
) -> Option<bool> {
    let token = token(routing_key).filter(|_| exchange.is_empty())?;
    let answer = Answer {
        exchange: exchange.into(),
        routing_key: routing_key.into(),
        // What it is a part of must not be kept by it.
        header: Bytes::copy_from_slice(header),
        body: body.concat().into(),
    };
    Some(cx.shared.replies.leave(token, answer))
}

/// Answers whoever looks for an address as if it were a queue.
pub(super) fn look(cx: &mut Connection, number: u16, name: &str, nowait: bool) -> Result<Step, Fault> {
    let is_there = name == REPLY_TO || token(name).is_some_and(|token| cx.shared.replies.is_open(token));
    if !is_there {
        return Err(Fault::no_queue(name, &cx.vhost));
    }
    if !nowait {
        cx.send(number, &Method::QueueDeclareOk { queue: name, message_count: 0, consumer_count: 1 });
    }
    Ok(Step::Done)
}

impl Connection {
    /// Delivers the answers that were left for this connection.
    pub(crate) fn deliver_answers(&mut self) {
        let consumers: Vec<(u16, ReplyConsumer)> = self
            .channels
            .iter()
            .filter_map(|(number, channel)| Some((*number, channel.replies.clone()?)))
            .collect();
        for (number, consumer) in consumers {
            for answer in self.shared.replies.take(consumer.token) {
                let Ok(header) = ContentHeader::decode(&answer.header) else { continue };
                let delivery_tag = self.channel(number).deliveries.add(None);
                let deliver = Method::BasicDeliver {
                    consumer_tag: &consumer.tag,
                    delivery_tag,
                    redelivered: false,
                    exchange: &answer.exchange,
                    routing_key: &answer.routing_key,
                };
                self.out.method(number, &deliver);
                self.out.content(number, &header.properties, &answer.body, self.frame_max);
            }
        }
    }

    /// A channel consumes no answers any more.
    pub(crate) fn end_answers(&mut self, number: u16) {
        let replies = self.channels.get_mut(&number).and_then(|channel| channel.replies.take());
        if let Some(replies) = replies {
            self.shared.replies.close(replies.token);
        }
    }
}
