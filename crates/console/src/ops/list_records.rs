//! `GET /api/v1/streams/{name}/records`: the records of a stream by their offsets, a page at a time.
//!
//! Nobody's position and nobody's lease is touched: it is a look, whatever the stream is used for. Partitions come one after
//! the other. A page holds 4 MiB of content at most, but always one record. Where records are searched for by what they hold, one
//! request reads 16 MiB at most: a page may be short, or empty, and not be the last.

use super::{CURSOR, Endpoint, LIMIT};
use crate::call::Call;
use crate::context::{Context, Step, lease_reply, step};
use crate::endpoint;
use crate::errors::{Code, Problem};
use crate::page::{Page, Wanted};
use crate::respond::document;
use crate::scan::{At, Filter, Scan, read_place, spell_place};
use crate::translate::{ShownRecord, ShownState, View};
use millstream_core::catalog::StreamEntry;
use millstream_core::lease::{LeaseGroupId, LeaseReply, LeaseRequest, PeekedRecord};
use millstream_core::{Reply, Request};
use millstream_front::{Action, Resource};
use millstream_types::{LogId, Offset, RecordTime};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "list_records",
    method: "GET",
    path: "/api/v1/streams/{name}/records",
    query: &[
        endpoint::number("partition", 0, u32::MAX as u64, "only this partition"),
        endpoint::number("offset", 0, i64::MAX as u64, "begin at this offset of the partition"),
        endpoint::number(
            "time_ms",
            0,
            i64::MAX as u64,
            "begin with the batch of the partition that has the first record of this time or later",
        ),
        endpoint::number("last", 1, i64::MAX as u64, "begin so many offsets before the end of the partition"),
        endpoint::text("key", "only records with this key"),
        endpoint::text("contains", "only records whose value has this text in it"),
        super::VIEW,
        LIMIT,
        CURSOR,
    ],
    answers: &[endpoint::ok::<Page<Browsed>>()],
    doc: "Look at records without taking them: key, value, headers, time, and where each is in the queue.",
    ..Endpoint::PLAIN
};

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (entry, grant) = cx.stream(call.name(), Action::Read)?;
    let wanted = Wanted::of(&call.query)?;
    let partition = partition(&entry, call.query.number("partition", 0..=u64::from(u32::MAX))?)?;
    let offset = call.query.number("offset", 0..=i64::MAX as u64)?;
    let time = call.query.number("time_ms", 0..=i64::MAX as u64)?;
    let last = call.query.number("last", 1..=i64::MAX as u64)?;
    let filter = Filter::of(&call.query);
    let view = View::of(&call.query)?;
    let first = partition.unwrap_or(0);
    let end = partition.map_or(entry.logs, |only| only + 1);
    let offset = match (offset, last) {
        (Some(_), Some(_)) => return Err(Problem::parameter("last", "cannot be given with offset")),
        (None, Some(last)) => Some(before_end(cx, &entry, first, last).0),
        (offset, None) => offset,
    };
    let at = match (&wanted.after, offset, time) {
        (Some(_), None, None) => {
            let at = wanted.after.as_deref().and_then(read_place).filter(|at| (first..end).contains(&at.0));
            at.ok_or_else(|| Problem::parameter("cursor", "is none that was given out here"))?
        }
        (Some(_), _, _) => return Err(Problem::parameter("cursor", "already says where to go on")),
        (None, Some(_), Some(_)) => return Err(Problem::parameter("time_ms", "cannot be given with offset")),
        (None, Some(_), None) if end - first > 1 => {
            return Err(Problem::parameter("partition", "must be given with offset: there are several"));
        }
        (None, Some(offset), None) => (first, in_range(cx, &entry, first, Offset(offset))?),
        (None, None, Some(time)) => {
            if end - first > 1 {
                return Err(Problem::parameter("partition", "must be given with time_ms: there are several"));
            }
            (first, at_time(cx, &entry, first, RecordTime(time as i64)))
        }
        (None, None, None) => (first, Offset::ZERO),
    };
    let scan = Scan::new(entry.clone(), grant, at, end, wanted.limit).filtered(filter).viewed(view);
    Ok(scan.run(cx, move |cx, (records, next)| {
        states(cx, entry, records, move |records| {
            Ok(document(200, &Page::new(records, next.map(spell_place).as_deref())))
        })
    }))
}

/// A record, and where it is for those who work the stream as a queue.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BrowsedRecord")]
pub(super) struct Browsed {
    #[serde(flatten)]
    record: ShownRecord,
    #[serde(flatten)]
    state: Option<ShownState>,
}

/// Says where records are, if the stream is worked as a queue: what is not among those that still have to be consumed is
/// done with.
pub(super) fn states(
    cx: &Context,
    entry: Arc<StreamEntry>,
    records: Vec<ShownRecord>,
    then: impl FnOnce(Vec<Browsed>) -> Result<Step, Problem> + Send + 'static,
) -> Result<Step, Problem> {
    let mut requests = Vec::new();
    if entry.config.lease().enabled() {
        let group = LeaseGroupId::default_of(entry.id);
        let max = u32::try_from(records.len()).expect("a page is small").max(1);
        // Records come partition by partition: the first of each.
        let starts = records.chunk_by(|left, right| left.place().0 == right.place().0);
        for from in starts.map(|of_one| of_one[0].place()) {
            let grant = cx.allow(Action::Read, Resource::Stream(&entry.name))?;
            let peek = LeaseRequest::Peek { group, from: Some(from), max };
            requests.push(grant.request(Request::Lease(Box::new(peek))));
        }
    }
    let then = move |_: &mut Context, replies: Vec<Reply>| step(merge(records, replies).and_then(then));
    Ok(Step::Submit(requests, Box::new(then)))
}

/// Lays what was looked up over the records.
fn merge(records: Vec<ShownRecord>, replies: Vec<Reply>) -> Result<Vec<Browsed>, Problem> {
    let mut looks: BTreeMap<u32, (Vec<PeekedRecord>, Option<At>)> = BTreeMap::new();
    let mut firsts = records.chunk_by(|left, right| left.place().0 == right.place().0);
    for reply in replies {
        let LeaseReply::Peeked { records, next } = lease_reply(reply)? else {
            return Err(Problem::unexpected());
        };
        let partition = firsts.next().map_or(0, |of_one| of_one[0].place().0);
        looks.insert(partition, (records, next));
    }
    let browsed = records.into_iter().map(|record| {
        let place = record.place();
        let state = looks.get(&place.0).and_then(|(peeked, next)| {
            let known = peeked.iter().find(|peeked| (peeked.log, peeked.offset) == place);
            let was_looked_at = next.is_none_or(|next| place < next);
            known.map(ShownState::from).or_else(|| was_looked_at.then(ShownState::settled))
        });
        Browsed { record, state }
    });
    Ok(browsed.collect())
}

/// The partition that is asked for, if it is there.
pub(super) fn partition(entry: &StreamEntry, given: Option<u64>) -> Result<Option<u32>, Problem> {
    let Some(given) = given else { return Ok(None) };
    let known = u32::try_from(given).ok().filter(|partition| *partition < entry.logs);
    let unknown = || {
        let detail = format!("The stream {:?} has no partition {given}; it has {}.", entry.name, entry.logs);
        Problem::new(Code::UnknownPartition, detail)
    };
    known.ok_or_else(unknown).map(Some)
}

/// An offset that the partition has, or its end.
fn in_range(cx: &Context, entry: &StreamEntry, partition: u32, offset: Offset) -> Result<Offset, Problem> {
    let Some(log) = cx.backend.log(LogId { stream: entry.id, index: partition }) else {
        return Err(Problem::unknown_stream(&entry.name));
    };
    let (start, end) = (log.log_start(), log.high_watermark());
    if (start..=end).contains(&offset) {
        return Ok(offset);
    }
    let detail = format!("Partition {partition} has records from offset {start} on, and ends at {end}.");
    Err(Problem::new(Code::OffsetOutOfRange, detail))
}

/// So many offsets before the end, or the start.
fn before_end(cx: &Context, entry: &StreamEntry, partition: u32, count: u64) -> Offset {
    let log = cx.backend.log(LogId { stream: entry.id, index: partition });
    log.map_or(Offset::ZERO, |log| log.log_start().max(Offset(log.high_watermark().0.saturating_sub(count))))
}

/// Where the records of a time begin, batch by batch; the end if there are none.
fn at_time(cx: &Context, entry: &StreamEntry, partition: u32, time: RecordTime) -> Offset {
    let log = cx.backend.log(LogId { stream: entry.id, index: partition });
    log.map_or(Offset::ZERO, |log| log.batch_from_time(time).unwrap_or_else(|| log.high_watermark()))
}
