//! `GET /v1/streams/{name}/records`: read a stream with nothing but HTTP.
//!
//! From an offset on, of one partition; where there is nothing yet, it waits. The answer says where to go on. Whoever asks for
//! server-sent events gets records as they come, of all partitions unless one is named. Nobody's position is kept here: a reader
//! keeps its own.

use super::list_records::partition;
use super::{Endpoint, VIEW};
use crate::call::Call;
use crate::context::{Context, Step, step};
use crate::endpoint;
use crate::errors::{Code, Problem};
use crate::limits::{PAGE_DEFAULT, PAGE_MAX, WAIT_MS_MAX};
use crate::live::{self, Tail};
use crate::page::LIMIT;
use crate::query::Query;
use crate::respond::document;
use crate::scan::{At, Filter, Scan};
use crate::translate::{ShownRecord, View};
use millstream_core::catalog::StreamEntry;
use millstream_front::{Action, Resource};
use millstream_types::{EngineTime, LogId, Offset};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "read",
    path: "/v1/streams/{name}/records",
    query: &[
        endpoint::number("partition", 0, u32::MAX as u64, "this partition; 0 if not given"),
        endpoint::text("offset", "where to begin: a number, `start` (if not given) or `end`"),
        endpoint::text(
            "wait",
            "how long to wait for the first record: milliseconds, or like `20s`; a minute at most",
        ),
        endpoint::number(LIMIT, 1, PAGE_MAX as u64, "records at most; 100 if not given"),
        VIEW,
    ],
    headers: &[endpoint::text("last-event-id", "the `id` of the last event that was seen")],
    answers: &[endpoint::ok_or_events::<Records>()],
    doc: "Read records from an `offset` on, waiting for the first one if need be; with `Accept: text/event-stream`, as they come.",
    ..Endpoint::PLAIN
};

/// Records, and where to go on.
#[derive(Serialize, JsonSchema)]
struct Records {
    partition: u32,
    records: Vec<ShownRecord>,
    /// What to give as `offset` next.
    next_offset: u64,
}

/// A read that may wait.
struct Reading {
    entry: Arc<StreamEntry>,
    at: At,
    limit: usize,
    view: View,
    until: EngineTime,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (entry, grant) = cx.stream(call.name(), Action::Read)?;
    let only = partition(&entry, call.query.number("partition", 0..=u64::from(u32::MAX))?)?;
    let limit = call.query.number(LIMIT, 1..=PAGE_MAX as u64)?;
    let limit = limit.map_or(PAGE_DEFAULT, |limit| usize::try_from(limit).expect("a small number"));
    let until = cx.now.after_ms(wait_ms(&call.query)?);
    let view = View::of(&call.query)?;
    if live::is_wanted(&call.request) {
        let mut places = live::ends(cx, &entry, only);
        for at in &mut places {
            *at = place(cx, &entry, at.0, &call.query)?;
        }
        let places = live::resumed(&call.request, places)?;
        return Ok(Tail::new(cx, entry, grant, places)?.showing(Filter::default(), view).begin());
    }
    let at = place(cx, &entry, only.unwrap_or(0), &call.query)?;
    Reading { entry, at, limit, view, until }.read(cx)
}

/// Where a query says to begin in a partition.
fn place(cx: &Context, entry: &StreamEntry, index: u32, query: &Query) -> Result<At, Problem> {
    let log = cx.backend.log(LogId { stream: entry.id, index });
    let log = log.ok_or_else(|| Problem::unknown_stream(&entry.name))?;
    let (start, end) = (log.log_start(), log.high_watermark());
    let offset = match query.text("offset") {
        None | Some("start") => start,
        Some("end") => end,
        Some(digits) => {
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            let offset = digits.parse().ok().filter(|offset| is_number && *offset <= i64::MAX as u64);
            let wrong = || Problem::parameter("offset", "must be a number, start or end");
            Offset(offset.ok_or_else(wrong)?)
        }
    };
    if (start..=end).contains(&offset) {
        return Ok((index, offset));
    }
    let detail = format!("Partition {index} has records from offset {start} on, and ends at {end}.");
    Err(Problem::new(Code::OffsetOutOfRange, detail))
}

/// How long a query lets wait.
pub(super) fn wait_ms(query: &Query) -> Result<u64, Problem> {
    let Some(text) = query.text("wait") else { return Ok(0) };
    let (digits, unit_ms) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => text.strip_suffix('s').map_or((text, 1), |digits| (digits, 1_000)),
    };
    let number = digits.parse::<u64>().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let wait_ms = number.and_then(|number| number.checked_mul(unit_ms)).filter(|wait| *wait <= WAIT_MS_MAX);
    wait_ms.ok_or_else(|| {
        Problem::parameter("wait", &format!("must be a time up to {WAIT_MS_MAX} ms, like 500ms or 20s"))
    })
}

impl Reading {
    /// Reads what there is; waits where there is nothing.
    fn read(self, cx: &mut Context) -> Result<Step, Problem> {
        let (partition, from) = self.at;
        let grant = cx.allow(Action::Read, Resource::Stream(&self.entry.name))?;
        let scan = Scan::new(self.entry.clone(), grant, self.at, partition + 1, self.limit).viewed(self.view);
        Ok(scan.run(cx, move |cx, (records, next)| {
            let last = records.last().map(|record| record.place().1.advance(1));
            let next_offset = next.map(|(_, offset)| offset).or(last).unwrap_or(from);
            if !records.is_empty() || self.until <= cx.now || cx.abandoned {
                return Ok(document(200, &Records { partition, records, next_offset: next_offset.0 }));
            }
            let id = LogId { stream: self.entry.id, index: partition };
            let log = cx.backend.log(id).ok_or_else(|| Problem::unknown_stream(&self.entry.name))?;
            let (seen, until) = (log.high_watermark(), self.until);
            let further = Reading { at: (partition, next_offset), ..self };
            // What came between the read and this look is no reason to wait.
            if next.is_some() {
                return further.read(cx);
            }
            let again = move |cx: &mut Context| step(further.read(cx));
            Ok(Step::Watch(vec![(id, seen)], until, Box::new(again)))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_milliseconds_unless_it_says_otherwise() {
        let wait = |text: &str| {
            wait_ms(&Query::parse(&format!("wait={text}"), &["wait"]).unwrap())
                .map_err(|problem| problem.code)
        };
        assert_eq!(
            [wait("0"), wait("250"), wait("250ms"), wait("20s")],
            [Ok(0), Ok(250), Ok(250), Ok(20_000)]
        );
        for wrong in ["61s", "60001", "-1", "+1", "1m", "s", "ms", "18446744073709551615s"] {
            assert_eq!(wait(&wrong.replace('+', "%2B")), Err(Code::InvalidParameter), "{wrong}");
        }
    }
}
