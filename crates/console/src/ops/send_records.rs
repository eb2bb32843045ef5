//! `POST /api/v1/streams/{name}/records`: append records, durable when the answer comes.
//!
//! A record goes to the partition that is named, else to the one of its key, else to any, one for the whole request. With a
//! `dedup_id` the request can be repeated: within the stream's window the first record's place is the answer, and nothing is
//! stored twice. What a queue makes of a record (`delay_ms`, `time_to_live_ms`, `priority`, `dedup_id`) needs a stream that is
//! worked as one.

use super::Endpoint;
use super::list_records::partition;
use crate::call::Call;
use crate::context::{Context, Step, submit};
use crate::endpoint;
use crate::errors::{Code, Problem};
use crate::limits::SEND_RECORDS_MAX;
use crate::respond::document;
use crate::translate::{GivenRecord, ReadRecord};
use millstream_core::catalog::{Ordering, StreamEntry};
use millstream_core::lease::RecordMark;
use millstream_core::log::{AppendBatch, Appended};
use millstream_core::{Reply, Request};
use millstream_front::{Action, Grant};
use millstream_types::batch::{BatchBuilder, Compression};
use millstream_types::key::{dedup_id, log_of, ordering_key};
use millstream_types::{ErrorKind, LogId, RecordTime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "send_records",
    method: "POST",
    path: "/api/v1/streams/{name}/records",
    body: endpoint::json::<Body>(),
    answers: &[endpoint::ok::<Sent>()],
    doc: "Append `records`, at most 1000, all of them to `partition` if that is given.",
    ..Endpoint::PLAIN
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default)]
    partition: Option<u32>,
    records: Vec<GivenRecord>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Sent {
    records: Vec<Place>,
}

/// Where a record is, or why it is not.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SentRecord")]
struct Place {
    partition: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    /// It was there already.
    duplicate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let body: Body = call.read()?;
    let (entry, grant) = cx.stream(call.name(), Action::Write)?;
    send(cx, &entry, grant, body.partition.map(u64::from), body.records)
}

/// Appends records, all of them to a partition if one is given.
pub(super) fn send(
    cx: &Context,
    entry: &StreamEntry,
    grant: Grant,
    chosen: Option<u64>,
    records: Vec<GivenRecord>,
) -> Result<Step, Problem> {
    if !(1..=SEND_RECORDS_MAX).contains(&records.len()) {
        return Err(Problem::field("records", &format!("must hold 1 to {SEND_RECORDS_MAX} records")));
    }
    let chosen = partition(entry, chosen)?;
    let any =
        u32::try_from(cx.backend.random() % u128::from(entry.logs)).expect("less than the number of logs");
    let mut drafts: Vec<Draft> = Vec::new();
    // For each record, which batch it is in and its place there.
    let mut places: Vec<(usize, u64)> = Vec::with_capacity(records.len());
    for mut given in records {
        let record = given.read(RecordTime(cx.now.0))?;
        let mark = mark(entry, &given, &record)?;
        let keyed = record.key.as_deref().map(|key| log_of(key, entry.logs));
        let log = chosen.or(keyed).unwrap_or(any);
        // What is looked up by its dedup id is a batch of its own.
        let open = |draft: &Draft| draft.log == log && !draft.is_single && mark.dedup.is_none();
        let index = drafts.iter().position(open).unwrap_or_else(|| {
            drafts.push(Draft::new(log, mark.dedup.is_some()));
            drafts.len() - 1
        });
        places.push((index, u64::from(drafts[index].builder.record_count())));
        drafts[index].push(&record, mark)?;
    }
    let logs: Vec<u32> = drafts.iter().map(|draft| draft.log).collect();
    let batches = drafts.into_iter().map(|draft| draft.finish(entry)).collect::<Result<Vec<_>, Problem>>()?;
    Ok(submit(grant.request(Request::Append(batches)), move |_, reply| {
        let appended = match reply {
            Reply::Appended(appended) if appended.len() == logs.len() => appended,
            Reply::Refused(kind) => return Err(kind.into()),
            _ => return Err(Problem::unexpected()),
        };
        answer(&logs, &appended, &places)
    }))
}

/// What becomes of each record; a problem only if none was taken.
fn answer(
    logs: &[u32],
    appended: &[Result<Appended, ErrorKind>],
    places: &[(usize, u64)],
) -> Result<Step, Problem> {
    if let Some(Err(kind)) = appended.first().filter(|_| appended.iter().all(Result::is_err)) {
        return Err((*kind).into());
    }
    let records = places.iter().map(|&(batch, delta)| match appended[batch] {
        Ok(Appended { base_offset, duplicate, .. }) => {
            let offset = Some(base_offset.advance(delta).0);
            Place { partition: logs[batch], offset, duplicate, code: None }
        }
        Err(kind) => {
            let code = Some(Problem::from(kind).code.word());
            Place { partition: logs[batch], offset: None, duplicate: false, code }
        }
    });
    Ok(document(200, &Sent { records: records.collect() }))
}

/// What the core has to know of a record.
fn mark(entry: &StreamEntry, given: &GivenRecord, record: &ReadRecord) -> Result<RecordMark, Problem> {
    let lease = entry.config.lease();
    let is_keyed = lease.ordering() != Ordering::Unordered;
    let mark = RecordMark {
        priority: given.priority.unwrap_or(0),
        delay_ms: given.delay_ms,
        time_to_live_ms: given.time_to_live_ms,
        ordering_key: record.key.as_deref().filter(|_| is_keyed).map(ordering_key),
        dedup: given.dedup_id.as_deref().map(|id| dedup_id(None, id.as_bytes())),
    };
    let is_plain = mark == RecordMark { ordering_key: mark.ordering_key, ..RecordMark::default() };
    if !lease.enabled() && !is_plain {
        return Err(Problem::not_leased(&entry.name));
    }
    if mark.dedup.is_some() && lease.dedup_window_ms().is_none() {
        let detail = "The stream remembers no dedup ids: its setting \"dedup_window_ms\" is null.";
        return Err(Problem::new(Code::InvalidRecord, detail));
    }
    Ok(mark)
}

/// A batch being made.
struct Draft {
    log: u32,
    is_single: bool,
    builder: BatchBuilder,
    marks: Vec<RecordMark>,
    max_timestamp: RecordTime,
}

impl Draft {
    fn new(log: u32, is_single: bool) -> Draft {
        let (builder, marks) = (BatchBuilder::new(), Vec::new());
        Draft { log, is_single, builder, marks, max_timestamp: RecordTime::NONE }
    }

    fn push(&mut self, record: &ReadRecord, mark: RecordMark) -> Result<(), Problem> {
        let headers = record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref()));
        self.builder
            .push_with(record.timestamp, record.key.as_deref(), record.value.as_deref(), headers)
            .map_err(|error| Problem::from(error.kind()))?;
        self.marks.push(mark);
        self.max_timestamp = self.max_timestamp.max(record.timestamp);
        Ok(())
    }

    fn finish(self, entry: &StreamEntry) -> Result<AppendBatch, Problem> {
        let records = self.builder.record_count();
        let bytes = self.builder.finish(Compression::None).map_err(|error| Problem::from(error.kind()))?;
        // Where keys count, that a record has none has to be said as well, or it would have to be read for it.
        let is_keyed = entry.config.lease().ordering() != Ordering::Unordered;
        let is_plain = !is_keyed && self.marks.iter().all(|mark| *mark == RecordMark::default());
        Ok(AppendBatch {
            log: LogId { stream: entry.id, index: self.log },
            records,
            last_offset_delta: records - 1,
            max_timestamp: self.max_timestamp,
            producer: None,
            marks: if is_plain { Vec::new() } else { self.marks },
            bytes,
        })
    }
}
