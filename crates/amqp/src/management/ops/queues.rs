//! Queues: listed with their counts, declared, purged, deleted.

use super::super::call::Call;
use super::super::context::{Context, Step, Vhost, document, lease_reply, made, nothing, submit};
use super::super::errors::Problem;
use super::super::json::{flag_of, object_of, to_table};
use super::super::page::{Cut, Wanted};
use super::super::show;
use super::connections::consumers_of;
use crate::errors::Fault;
use crate::translate::{Arguments, Stored, is_own, is_queue, is_stream, set_up_queue, stream_len};
use millstream_core::catalog::{StreamConfig, StreamEntry};
use millstream_core::lease::{GroupCounts, LeaseGroupId, LeaseReply, LeaseRequest};
use millstream_core::request::CreateStream;
use millstream_core::{Reply, Request};
use millstream_front::{Action, Authorized, Resource};
use millstream_types::{ErrorKind, StreamUid};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The queue of a name.
pub(super) fn find(cx: &Context, vhost: &Vhost, name: &str) -> Result<Arc<StreamEntry>, Problem> {
    let entry = cx.backend.stream(vhost.number(), name).filter(|entry| is_queue(entry));
    entry.ok_or_else(Problem::not_found)
}

/// Refuses what cannot be done with a queue of type `stream`.
pub(super) fn not_of_streams(vhost: &Vhost, entry: &StreamEntry, method: &str) -> Result<(), Problem> {
    match is_stream(entry) {
        false => Ok(()),
        true => Err(Fault::not_of_streams(method, &entry.name, &vhost.name).into()),
    }
}

pub(super) fn list(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let wanted = Wanted::of(call)?;
    let (mut queues, mut total) = (Vec::new(), 0);
    for vhost in cx.vhosts(call)? {
        for entry in cx.backend.streams(vhost.number()).into_iter().filter(|entry| is_queue(entry)) {
            total += 1;
            if wanted.takes(&entry.name) {
                queues.push((vhost.clone(), entry));
            }
        }
    }
    match wanted.order().map(|(column, is_reverse)| (column.to_owned(), is_reverse)) {
        None => {}
        Some((column, is_reverse)) if column == "name" => {
            queues.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
            if is_reverse {
                queues.reverse();
            }
        }
        Some((column, is_reverse)) => {
            return show::count(cx, queues, move |cx, mut counted| {
                let Some(count) = count_of(&column) else {
                    return Ok(document(&wanted.list(shown(cx, &counted), total)?));
                };
                counted.sort_by_key(|(_, _, counts)| count(counts));
                if is_reverse {
                    counted.reverse();
                }
                let Cut { items, page } = wanted.cut(counted, total)?;
                Ok(document(&wanted.answer(page, shown(cx, &items))))
            });
        }
    }
    // Only those of the page are counted.
    let Cut { items, page } = wanted.cut(queues, total)?;
    show::count(cx, items, move |cx, counted| Ok(document(&wanted.answer(page, shown(cx, &counted)))))
}

/// A queue that was counted.
type Counted = (Vhost, Arc<StreamEntry>, GroupCounts);

fn shown(cx: &Context, counted: &[Counted]) -> Vec<Value> {
    let show = |(vhost, entry, counts): &Counted| {
        show::queue(cx, vhost, entry, *counts, &cx.policies(&vhost.entry.name))
    };
    counted.iter().map(show).collect()
}

/// What a column of counts shows.
fn count_of(column: &str) -> Option<fn(&GroupCounts) -> u64> {
    match column {
        "messages" => Some(|counts| counts.ready + counts.leased),
        "messages_ready" => Some(|counts| counts.ready),
        "messages_unacknowledged" => Some(|counts| counts.leased),
        "consumers" => Some(|counts| counts.holders),
        _ => None,
    }
}

pub(super) fn show(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let wanted = Wanted::of(call)?;
    let vhost = cx.vhost(call.name(0))?;
    cx.allow(Action::Describe, Resource::Stream(call.name(1)))?;
    let entry = find(cx, &vhost, call.name(1))?;
    show::count(cx, vec![(vhost, entry)], move |cx, counted| {
        let (vhost, entry, counts) = counted.first().ok_or_else(Problem::not_found)?;
        let policies = cx.policies(&vhost.entry.name);
        let mut value = show::queue(cx, vhost, entry, *counts, &policies);
        value["consumer_details"] = consumers_of(cx, vhost, &entry.name).into();
        value["deliveries"] = Value::Array(Vec::new());
        value["incoming"] = Value::Array(Vec::new());
        Ok(show::one(&wanted, value))
    })
}

/// What has to be asked for to have a queue of a description; nothing if it is there and equal.
pub(super) fn declare(
    cx: &Context,
    vhost: &Vhost,
    name: &str,
    object: &Map<String, Value>,
) -> Result<Option<Authorized<Request>>, Problem> {
    let table = to_table(&object_of(object.get("arguments"))?)?;
    let flags = (
        flag_of(object, "durable")?.unwrap_or(true),
        false,
        flag_of(object, "auto_delete")?.unwrap_or(false),
    );
    let arguments = Arguments::check(name, &vhost.name, flags, table.table())?;
    if let Some(entry) = cx.backend.stream(vhost.number(), name) {
        if cx.shared.owner(entry.id).is_some() {
            return Err(Fault::locked(name, &vhost.name).into());
        }
        arguments.check_logs(&entry, &vhost.name)?;
        let changes = Stored { config: &entry.config }.declare_again(name, &vhost.name, &arguments)?;
        if changes.is_empty() && entry.config.lease().expires_ms().is_none() {
            return Ok(None);
        }
        let grant = cx.allow(Action::Alter, Resource::Stream(name))?;
        return Ok(Some(grant.request(Request::AlterStream { stream: entry.id, changes })));
    }
    if name.starts_with("amq.") {
        return Err(Problem::refused());
    }
    let mut config = StreamConfig::default();
    for change in arguments.creation() {
        config.change(&change)?;
    }
    for change in set_up_queue(name, &config, &cx.policies(&vhost.entry.name)) {
        config.change(&change)?;
    }
    let grant = cx.allow(Action::Create, Resource::Stream(name))?;
    let uid = StreamUid(cx.backend.random() | 1);
    let create = CreateStream { namespace: vhost.number(), name: name.into(), uid, logs: 1, config };
    Ok(Some(grant.request(Request::CreateStream(Box::new(create)))))
}

/// What the answer to that says: the queue.
pub(super) fn declared(reply: Reply) -> Result<Arc<StreamEntry>, Problem> {
    match reply {
        Reply::Stream(entry) => Ok(entry),
        Reply::Refused(ErrorKind::InvalidName) => Err(Problem::bad_request("no queue can have such a name")),
        Reply::Refused(kind) => Err(kind.into()),
        _ => Err(Problem::unexpected()),
    }
}

pub(super) fn put(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let vhost = cx.vhost(call.name(0))?;
    let is_new = cx.backend.stream(vhost.number(), call.name(1)).is_none();
    match declare(cx, &vhost, call.name(1), &call.object()?)? {
        None => Ok(made(false)),
        Some(request) => Ok(submit(request, move |cx, reply| settled(cx, &vhost, declared(reply)?, is_new))),
    }
}

/// Answers once the queue is as the policies say: one may have changed while it was made, before anybody saw it.
fn settled(cx: &mut Context, vhost: &Vhost, entry: Arc<StreamEntry>, is_new: bool) -> Result<Step, Problem> {
    let changes = set_up_queue(&entry.name, &entry.config, &cx.policies(&vhost.entry.name));
    if changes.is_empty() {
        return Ok(made(is_new));
    }
    let grant = cx.allow(Action::Alter, Resource::Stream(&entry.name))?;
    let (request, vhost) = (grant.request(Request::AlterStream { stream: entry.id, changes }), vhost.clone());
    Ok(submit(request, move |cx, reply| settled(cx, &vhost, declared(reply)?, is_new)))
}

pub(super) fn delete(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let vhost = cx.vhost(call.name(0))?;
    let entry = find(cx, &vhost, call.name(1))?;
    let grant = cx.allow(Action::Delete, Resource::Stream(&entry.name))?;
    let (if_unused, if_empty) = (call.flag("if-unused"), call.flag("if-empty"));
    let request = if is_own(&entry.config) && is_stream(&entry) {
        let queue = format!("queue '{}' in vhost '{}'", entry.name, vhost.name);
        if if_unused && cx.shared.consumers(entry.id) > 0 {
            return Err(Problem::bad_request(format!("{queue} in use")));
        }
        if if_empty && stream_len(&*cx.backend, &entry) > 0 {
            return Err(Problem::bad_request(format!("{queue} not empty")));
        }
        Request::DeleteStream { stream: entry.id }
    } else if is_own(&entry.config) {
        let delete = LeaseRequest::DeleteStream { stream: entry.id, if_unused, if_empty };
        Request::Lease(Box::new(delete))
    } else {
        // A stream that another protocol made stays, and is no queue any more.
        Request::AlterStream { stream: entry.id, changes: Stored { config: &entry.config }.detach() }
    };
    Ok(submit(grant.request(request), move |cx, reply| {
        let name = &entry.name;
        match reply {
            Reply::Refused(ErrorKind::StreamInUse) => {
                return Err(Problem::bad_request(format!("queue '{name}' in vhost '{}' in use", vhost.name)));
            }
            Reply::Refused(ErrorKind::StreamNotEmpty) => {
                return Err(Problem::bad_request(format!(
                    "queue '{name}' in vhost '{}' not empty",
                    vhost.name
                )));
            }
            Reply::Refused(ErrorKind::UnknownStream) | Reply::Stream(_) | Reply::Lease(_) => {}
            Reply::Refused(kind) => return Err(kind.into()),
            _ => return Err(Problem::unexpected()),
        }
        cx.shared.forget(entry.id);
        Ok(nothing())
    }))
}

pub(super) fn purge(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let vhost = cx.vhost(call.name(0))?;
    let entry = find(cx, &vhost, call.name(1))?;
    not_of_streams(&vhost, &entry, "queue.purge")?;
    let grant = cx.allow(Action::Delete, Resource::Stream(&entry.name))?;
    let purge = LeaseRequest::Purge { group: LeaseGroupId::default_of(entry.id) };
    Ok(submit(grant.request(Request::Lease(Box::new(purge))), |_, reply| match lease_reply(reply)? {
        LeaseReply::Purged { .. } => Ok(nothing()),
        _ => Err(Problem::unexpected()),
    }))
}
