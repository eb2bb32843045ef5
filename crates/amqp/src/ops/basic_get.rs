//! basic.get (60/70): one message, if there is one.

use super::queues::{
    counts_if_there, counts_request, find, lease_reply_of, name_of, not_of_streams, short_count, source,
};
use super::{misplaced, operation};
use crate::codec::{Method, TableBuilder};
use crate::errors::Fault;
use crate::limits::READ_ONE_BATCH;
use crate::session::{Connection, Found, Slice, Source, UNDELIVERED, Unacked, lease_of, told_count};
use crate::step::{ReadResult, Step, submit};
use crate::translate::show;
use millstream_core::lease::{Acquire, AcquiredRecord, Action, Binding, HolderId, LeaseReply, LeaseRequest};
use millstream_front::ReadError;
use millstream_front::registry::Operation;
use millstream_types::batch::Record;
use millstream_types::{ErrorKind, LogId};
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation("basic.get", 60, 70, "");

/// A get under way.
struct Get {
    number: u16,
    source: Arc<Source>,
    holder: u64,
    no_ack: bool,
}

pub(crate) fn start(cx: &mut Connection, number: u16, method: &Method<'_>) -> Result<Step, Fault> {
    let Method::BasicGet { queue, no_ack, .. } = *method else { return Err(misplaced()) };
    let name = name_of(cx, number, queue)?;
    let entry = find(cx, &name)?;
    not_of_streams(cx, &entry, "basic.get")?;
    // Whoever gets again from a queue is the same holder.
    let known = cx.channel(number).getters.iter().find(|(_, source)| source.entry.id == entry.id).cloned();
    let (holder, source) = match known {
        Some(known) => known,
        None => {
            let getter = (cx.holder(), source(cx, entry)?);
            cx.channel(number).getters.push(getter.clone());
            getter
        }
    };
    Ok(acquire(Get { number, source, holder, no_ack }))
}

fn acquire(get: Get) -> Step {
    let acquire = Acquire {
        group: get.source.group(),
        holder: HolderId(get.holder),
        binding: Binding::Connection { timeout_ms: None },
        records_max: 1,
        wait_ms: 0,
        priority: 0,
        leased_max: None,
        attempt: None,
    };
    let request = get.source.lease(LeaseRequest::Acquire(acquire));
    submit(request, move |cx, reply| match lease_reply_of(cx, &get.source.entry, reply)? {
        LeaseReply::Acquired(acquired) => match acquired.records.first() {
            Some(record) => Ok(read(get, *record)),
            None => {
                cx.send(get.number, &Method::BasicGetEmpty { cluster_id: "" });
                Ok(Step::Done)
            }
        },
        _ => Err(Fault::internal("an answer that was not asked for")),
    })
}

fn read(get: Get, record: AcquiredRecord) -> Step {
    let log = LogId { stream: get.source.entry.id, index: record.log };
    let read = get.source.grant.allow((log, record.offset, READ_ONE_BATCH));
    Step::Read(read, Box::new(move |cx, result| found(cx, get, record, result)))
}

fn found(cx: &mut Connection, get: Get, record: AcquiredRecord, result: ReadResult) -> Result<Step, Fault> {
    cx.dropped_bytes += result.as_ref().map_or(0, |slice| slice.bytes);
    let found = match result {
        // Memory is short, and held by what consumers read before: without that the next read waits for some.
        Ok(slice) if slice.next_offset <= record.offset => {
            cx.drop_slices();
            return Ok(read(get, record));
        }
        Ok(slice) => Slice::new(record.log, record.offset, slice).find(record.offset),
        Err(ReadError::OutOfRange) => Found::Absent,
        Err(error) => {
            cx.settle(&get.source, lease_of(&record), UNDELIVERED);
            return Err(ErrorKind::from(error).into());
        }
    };
    match found {
        Found::Record(found) => {
            let counting = counts_request(&get.source.grant, get.source.entry.id);
            Ok(submit(counting, move |cx, reply| {
                // It may have been deleted since: nothing is left there.
                let left = counts_if_there(reply)?.map_or(0, |counts| counts.ready);
                deliver(cx, &get, &record, &found, left);
                Ok(Step::Done)
            }))
        }
        Found::Absent | Found::Elsewhere => {
            cx.settle(&get.source, lease_of(&record), Action::Absent);
            Ok(acquire(get))
        }
    }
}

fn deliver(cx: &mut Connection, get: &Get, record: &AcquiredRecord, found: &Record, left: u64) {
    let source = &get.source;
    let lease = lease_of(record);
    let unacked =
        (!get.no_ack).then(|| Unacked { tag: 0, source: source.clone(), lease: Some(lease), consumer: None });
    let delivery_tag = cx.channel(get.number).deliveries.add(unacked);
    let mut table = TableBuilder::default();
    let shown = show(found, &source.entry.name, told_count(source, record), &mut table);
    let method = Method::BasicGetOk {
        delivery_tag,
        redelivered: record.delivery_count > 1,
        exchange: shown.exchange,
        routing_key: shown.routing_key,
        message_count: short_count(left),
    };
    cx.send(get.number, &method);
    cx.out.content(get.number, &shown.properties, &shown.body, cx.frame_max);
    if get.no_ack {
        cx.settle(source, lease, Action::Ack { late: false });
    }
}
