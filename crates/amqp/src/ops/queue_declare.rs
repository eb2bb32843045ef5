//! queue.declare (50/10): a queue is there afterwards, as it was asked for.
//!
//! A stream that another protocol made becomes a queue; what both of them set has to be equal. Passively it is only
//! looked for. With an empty name the broker makes one up. An exclusive queue goes with its connection.
//!
//! A queue of type `stream` is a stream without leases, of one log: what is in it goes by age and size alone.

use super::queues::{check_owner, counts_if_there, counts_request, find, short_count, stream_reply};
use super::{misplaced, operation, reply_to};
use crate::codec::Method;
use crate::errors::{Code, Fault};
use crate::session::Connection;
use crate::step::{Step, submit};
use crate::translate::{
    Arguments, QueueType, Stored, cleaned, is_stream, server_name, set_up_queue, stream_len,
};
use millstream_core::catalog::{StreamConfig, StreamEntry};
use millstream_core::request::CreateStream;
use millstream_core::{Reply, Request};
use millstream_front::registry::Operation;
use millstream_front::{Action, Grant};
use millstream_types::{ErrorKind, StreamId, StreamUid};
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation(
    "queue.declare",
    50,
    10,
    "A queue that is exclusive or not durable is in memory only, with everything in it, and goes with the process; a durable one is on the disk, whatever its messages' delivery mode.",
);

/// What names begin with that only the broker gives.
const RESERVED: &str = "amq.";
/// How often a queue may be deleted and made by others while it is declared.
const ATTEMPTS_MAX: u32 = 8;

/// A declaration under way.
struct Declare {
    number: u16,
    name: Arc<str>,
    nowait: bool,
    exclusive: bool,
    /// How the queue is to be; `None`: it is only looked for.
    arguments: Option<Arc<Arguments>>,
    /// How often it was tried to make it.
    attempts: u32,
}

pub(crate) fn start(cx: &mut Connection, number: u16, method: &Method<'_>) -> Result<Step, Fault> {
    let Method::QueueDeclare { queue, passive, durable, exclusive, auto_delete, nowait, arguments, .. } =
        *method
    else {
        return Err(misplaced());
    };
    if passive {
        // Here an empty name is none.
        let name: Arc<str> = cleaned(queue).into();
        if reply_to::is_address(&name) {
            return reply_to::look(cx, number, &name, nowait);
        }
        let entry = find(cx, &name)?;
        let grant = cx.allow(Action::Describe, &name)?;
        let look = Declare { number, name, nowait, exclusive: false, arguments: None, attempts: 1 };
        return answer(cx, look, &grant, &entry);
    }
    let name: Arc<str> = match queue {
        "" => server_name("amq.gen-", cx.backend.random()).into(),
        name => cleaned(name).into(),
    };
    let queue_type = arguments.find("x-queue-type").and_then(|value| value.as_text());
    if queue.is_empty()
        && let Some(queue_type @ (QueueType::Quorum | QueueType::Stream)) = queue_type.map(QueueType::of)
    {
        let text = format!("Cannot declare a server-named queue for type {}", queue_type.module());
        return Err(Fault::precondition(text));
    }
    let arguments = Arguments::check(&name, &cx.vhost, (durable, exclusive, auto_delete), arguments)?;
    if name.starts_with(RESERVED) && !queue.is_empty() && cx.backend.stream(cx.namespace, &name).is_none() {
        let text = format!("queue name '{name}' contains reserved prefix 'amq.*'");
        return Err(Fault::new(Code::ACCESS_REFUSED, text));
    }
    let arguments = Some(Arc::new(arguments));
    attempt(cx, Declare { number, name, nowait, exclusive, arguments, attempts: 0 })
}

/// Makes the queue, or looks whether the one that is there is as it is to be.
fn attempt(cx: &mut Connection, declare: Declare) -> Result<Step, Fault> {
    match cx.backend.stream(cx.namespace, &declare.name) {
        Some(entry) => again(cx, declare, &entry),
        None => create(cx, declare),
    }
}

/// The queue that was found is gone, as a rule with its connection. The catalog may show it for a moment still, so it is
/// the shard that is asked for a new one.
fn vanished(cx: &mut Connection, declare: Declare, kind: ErrorKind) -> Result<Step, Fault> {
    if declare.arguments.is_none() {
        return Err(Fault::of_queue(kind, &declare.name, &cx.vhost));
    }
    create(cx, declare)
}

fn create(cx: &mut Connection, mut declare: Declare) -> Result<Step, Fault> {
    declare.attempts += 1;
    let mut config = StreamConfig::default();
    for change in declare.arguments.iter().flat_map(|arguments| arguments.creation()) {
        config.change(&change)?;
    }
    for change in set_up_queue(&declare.name, &config, &cx.policies()) {
        config.change(&change)?;
    }
    let grant = cx.allow(Action::Create, &declare.name)?;
    let create = CreateStream {
        namespace: cx.namespace,
        name: declare.name.clone(),
        uid: StreamUid(cx.backend.random() | 1),
        logs: 1,
        config,
    };
    let request = grant.allow(Request::CreateStream(Box::new(create)));
    Ok(submit(request, move |cx, reply| match reply {
        // Somebody was faster: theirs is as good if it is equal.
        Reply::Refused(ErrorKind::StreamExists) if declare.attempts < ATTEMPTS_MAX => attempt(cx, declare),
        reply => {
            let entry = stream_reply(reply)?;
            if declare.exclusive {
                cx.shared.own(entry.id, cx.id);
            }
            settled(cx, declare, grant, entry)
        }
    }))
}

/// Answers once the queue is as the policies say: one may have changed while it was made, before anybody saw it.
fn settled(
    cx: &mut Connection,
    declare: Declare,
    grant: Grant,
    entry: Arc<StreamEntry>,
) -> Result<Step, Fault> {
    let changes = set_up_queue(&entry.name, &entry.config, &cx.policies());
    if changes.is_empty() {
        return answer(cx, declare, &grant, &entry);
    }
    let request = grant.allow(Request::AlterStream { stream: entry.id, changes });
    Ok(submit(request, move |cx, reply| settled(cx, declare, grant, stream_reply(reply)?)))
}

/// Declares a queue that is there, or makes a queue of a stream.
fn again(cx: &mut Connection, declare: Declare, entry: &StreamEntry) -> Result<Step, Fault> {
    check_owner(cx, entry)?;
    let stored = Stored { config: &entry.config };
    if stored.is_exclusive() != declare.exclusive {
        return Err(Fault::locked(&entry.name, &cx.vhost));
    }
    if let Some(arguments) = &declare.arguments {
        arguments.check_logs(entry, &cx.vhost)?;
    }
    let changes = match &declare.arguments {
        Some(arguments) => stored.declare_again(&entry.name, &cx.vhost, arguments)?,
        None => Vec::new(),
    };
    let grant = cx.allow(Action::Alter, &entry.name)?;
    // Declaring a queue that goes when it is not used is to use it, even if nothing changes.
    if changes.is_empty() && entry.config.lease().expires_ms().is_none() {
        return answer(cx, declare, &grant, entry);
    }
    let request = grant.allow(Request::AlterStream { stream: entry.id, changes });
    Ok(submit(request, move |cx, reply| match reply {
        Reply::Refused(kind @ ErrorKind::UnknownStream) => vanished(cx, declare, kind),
        reply => {
            let entry = stream_reply(reply)?;
            answer(cx, declare, &grant, &entry)
        }
    }))
}

/// Answers with how many messages and consumers there are.
fn answer(cx: &mut Connection, declare: Declare, grant: &Grant, entry: &StreamEntry) -> Result<Step, Fault> {
    let queue = entry.id;
    cx.channel(declare.number).last_queue = Some(declare.name.clone());
    if is_stream(entry) {
        let message_count = short_count(stream_len(&*cx.backend, entry));
        say(cx, &declare, queue, message_count);
        return Ok(Step::Done);
    }
    Ok(submit(counts_request(grant, queue), move |cx, reply| {
        let message_count = match counts_if_there(reply)? {
            Ok(counts) => short_count(counts.ready),
            Err(kind) => return vanished(cx, declare, kind),
        };
        say(cx, &declare, queue, message_count);
        Ok(Step::Done)
    }))
}

fn say(cx: &mut Connection, declare: &Declare, queue: StreamId, message_count: u32) {
    let consumer_count = cx.shared.consumers(queue);
    if !declare.nowait {
        let ok = Method::QueueDeclareOk { queue: &declare.name, message_count, consumer_count };
        cx.send(declare.number, &ok);
    }
}
