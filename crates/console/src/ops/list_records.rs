//! `GET /api/v1/streams/{name}/records`: the records of a stream by their offsets, a page at a time.
//!
//! Nobody's position and nobody's lease is touched: it is a look, whatever the stream is used for. Partitions come one after
//! the other. A page holds 4 MiB of content at most, but always one record.

use super::{CURSOR, Endpoint, LIMIT};
use crate::call::Call;
use crate::context::{Context, Step};
use crate::errors::{Code, Problem};
use crate::page::{Page, Wanted};
use crate::respond::document;
use crate::scan::{At, Scan};
use millstream_core::catalog::StreamEntry;
use millstream_front::Action;
use millstream_types::{LogId, Offset, RecordTime};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "list_records",
    method: "GET",
    path: "/api/v1/streams/{name}/records",
    query: &[
        ("partition", "only this partition"),
        ("offset", "begin at this offset of the partition"),
        ("time_ms", "begin with the batch of the partition that has the first record of this time or later"),
        LIMIT,
        CURSOR,
    ],
    has_body: false,
    doc: "Look at records without taking them: key, value, headers, time.",
};

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (entry, grant) = cx.stream(call.name(), Action::Read)?;
    let wanted = Wanted::of(&call.query)?;
    let partition = partition(&entry, call.query.number("partition", 0..=u64::from(u32::MAX))?)?;
    let offset = call.query.number("offset", 0..=i64::MAX as u64)?;
    let time = call.query.number("time_ms", 0..=i64::MAX as u64)?;
    let first = partition.unwrap_or(0);
    let end = partition.map_or(entry.logs, |only| only + 1);
    let at = match (&wanted.after, offset, time) {
        (Some(_), None, None) => {
            let at = place(wanted.after.as_deref()).filter(|at| (first..end).contains(&at.0));
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
    Ok(Scan::new(entry, grant, at, end, wanted.limit).run(cx, |_, (records, next)| {
        let next = next.map(|(partition, offset)| format!("{partition}:{offset}"));
        Ok(document(200, &Page::new(records, next.as_deref())))
    }))
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

/// The place that a cursor says.
fn place(cursor: Option<&str>) -> Option<At> {
    let (partition, offset) = cursor?.split_once(':')?;
    let offset = offset.parse().ok().filter(|offset| *offset <= i64::MAX as u64)?;
    Some((partition.parse().ok()?, Offset(offset)))
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

/// Where the records of a time begin, batch by batch; the end if there are none.
fn at_time(cx: &Context, entry: &StreamEntry, partition: u32, time: RecordTime) -> Offset {
    let log = cx.backend.log(LogId { stream: entry.id, index: partition });
    log.map_or(Offset::ZERO, |log| log.batch_from_time(time).unwrap_or_else(|| log.high_watermark()))
}
