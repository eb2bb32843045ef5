//! `POST /api/queues/{vhost}/{name}/get`: messages are taken out, shown, and given back or done with, as `ackmode` says.
//!
//! They are leased to this request alone while it looks at them. What the answer has no room for goes back undelivered.

use super::super::call::Call;
use super::super::context::{Context, Step, document, lease_reply, submit, submit_all};
use super::super::errors::Problem;
use super::super::json::from_properties;
use super::queues;
use crate::codec::TableBuilder;
use crate::limits::{READ_BYTES, READ_ONE_BATCH};
use crate::session::{Found, Slice, Source, UNDELIVERED, lease_of, told_count};
use crate::translate::show;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use millstream_core::Request;
use millstream_core::lease::{
    Acquire, AcquiredRecord, Action, Binding, HolderId, LeaseRef, LeaseReply, LeaseRequest, Settle,
};
use millstream_front::steps::ReadResult;
use millstream_front::{Action as Permission, ReadError, Resource};
use millstream_types::batch::Record;
use millstream_types::limits::LEASE_ACQUIRE_RECORDS_MAX;
use millstream_types::{ErrorKind, LogId};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::VecDeque;

/// Bytes of payloads in one answer; one message always fits.
const ANSWER_BYTES_MAX: usize = 16 << 20;

#[derive(Deserialize)]
struct Body {
    count: Count,
    ackmode: Option<String>,
    requeue: Option<bool>,
    encoding: String,
    truncate: Option<Count>,
}

/// A number, which some tools write as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Number(u64),
    Text(String),
}

impl Count {
    fn number(&self) -> Result<u64, Problem> {
        match self {
            Count::Number(number) => Ok(*number),
            Count::Text(text) => text.parse().map_err(|_| Problem::bad_request(json!(["not_integer", text]))),
        }
    }
}

/// A get under way.
struct Get {
    source: Source,
    action: Action,
    is_base64: bool,
    truncate: usize,
    wanted: VecDeque<AcquiredRecord>,
    slice: Option<Slice>,
    /// What is shown, without how many are left.
    shown: Vec<Value>,
    bytes: usize,
    settles: Vec<(LeaseRef, Action)>,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let vhost = cx.vhost(call.name(0))?;
    call.object_with(&["count", "encoding"])?;
    let body: Body = call.read()?;
    let entry = queues::find(cx, &vhost, call.name(1)).map_err(|_| Problem::missing("queue_not_found"))?;
    queues::not_of_streams(&vhost, &entry, "basic.get")?;
    if cx.shared.owner(entry.id).is_some() {
        return Err(crate::errors::Fault::locked(&entry.name, &vhost.name).into());
    }
    let action = match (body.ackmode.as_deref(), body.requeue) {
        (Some("ack_requeue_true" | "reject_requeue_true"), _) | (None, None | Some(true)) => {
            Action::Release { delay_ms: 0, delivered: true }
        }
        (Some("ack_requeue_false"), _) | (None, Some(false)) => Action::Ack { late: false },
        (Some("reject_requeue_false"), _) => Action::Reject,
        (Some(other), _) => return Err(Problem::bad_request(format!("unknown ackmode '{other}'"))),
    };
    let is_base64 = match &*body.encoding {
        "auto" => false,
        "base64" => true,
        _ => return Err(Problem::bad_request("Unsupported encoding. Please use auto or base64.")),
    };
    let truncate = body.truncate.as_ref().map(Count::number).transpose()?;
    let records_max = u32::try_from(body.count.number()?).unwrap_or(u32::MAX).min(LEASE_ACQUIRE_RECORDS_MAX);
    if records_max == 0 {
        return Ok(document(&json!([])));
    }
    let grant = cx.allow(Permission::Read, Resource::Stream(&entry.name))?;
    let source = Source { entry, grant };
    let acquire = Acquire {
        group: source.group(),
        holder: HolderId(cx.shared.next_holder(cx.backend.random())),
        binding: Binding::Connection { timeout_ms: Some(60_000) },
        records_max,
        wait_ms: 0,
        priority: 0,
        leased_max: None,
        attempt: None,
    };
    let request = source.lease(LeaseRequest::Acquire(acquire));
    Ok(submit(request, move |_, reply| {
        let LeaseReply::Acquired(acquired) = lease_reply(reply)? else { return Err(Problem::unexpected()) };
        let get = Get {
            source,
            action,
            is_base64,
            truncate: truncate.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(usize::MAX),
            wanted: acquired.records.into(),
            slice: None,
            shown: Vec::new(),
            bytes: 0,
            settles: Vec::new(),
        };
        go_on(get)
    }))
}

fn go_on(mut get: Get) -> Result<Step, Problem> {
    while let Some(record) = get.wanted.front().copied() {
        if get.bytes > ANSWER_BYTES_MAX {
            break;
        }
        let found = match get.slice.as_mut().filter(|slice| slice.log == record.log) {
            Some(slice) => slice.find(record.offset),
            None => Found::Elsewhere,
        };
        match found {
            Found::Record(found) => get.show(&record, &found),
            Found::Absent => get.settles.push((lease_of(&record), Action::Absent)),
            Found::Elsewhere => return Ok(read(get, record)),
        }
        get.wanted.pop_front();
    }
    let left = std::mem::take(&mut get.wanted);
    get.settles.extend(left.iter().map(|record| (lease_of(record), UNDELIVERED)));
    finish(get, None)
}

fn read(get: Get, record: AcquiredRecord) -> Step {
    let log = LogId { stream: get.source.entry.id, index: record.log };
    let bytes = if get.wanted.len() > 1 { READ_BYTES } else { READ_ONE_BATCH };
    let read = get.source.grant.allow((log, record.offset, bytes));
    let then = move |_: &mut Context, mut results: Vec<ReadResult>| {
        let mut get = get;
        let went = match results.pop() {
            // Nothing came although there is something: memory is short.
            Some(Ok(slice)) if slice.next_offset <= record.offset => finish(get, Some(ErrorKind::Overloaded)),
            Some(Ok(slice)) => {
                get.slice = Some(Slice::new(record.log, record.offset, slice));
                go_on(get)
            }
            Some(Err(ReadError::OutOfRange)) => {
                get.wanted.pop_front();
                get.settles.push((lease_of(&record), Action::Absent));
                go_on(get)
            }
            Some(Err(error)) => finish(get, Some(error.into())),
            None => finish(get, Some(ErrorKind::Indeterminate)),
        };
        super::super::step(went)
    };
    Step::Read(vec![read], Box::new(then))
}

/// Settles what was taken out, counts what is left, and answers.
fn finish(mut get: Get, failure: Option<ErrorKind>) -> Result<Step, Problem> {
    if failure.is_some() {
        // What could not be shown was not delivered.
        get.settles.iter_mut().for_each(|(_, action)| *action = UNDELIVERED);
        get.settles.extend(get.wanted.iter().map(|record| (lease_of(record), UNDELIVERED)));
    }
    let describe = LeaseRequest::Describe { groups: vec![get.source.group()] };
    let mut requests = Vec::new();
    if !get.settles.is_empty() {
        let settle = Settle { group: get.source.group(), leases: std::mem::take(&mut get.settles) };
        requests.push(get.source.lease(LeaseRequest::Settle(settle)));
    }
    requests.push(get.source.grant.allow(Request::Lease(Box::new(describe))));
    Ok(submit_all(requests, move |_, mut replies| {
        if let Some(kind) = failure {
            return Err(kind.into());
        }
        let described = replies.pop().ok_or_else(Problem::unexpected)?;
        replies.into_iter().try_for_each(|reply| lease_reply(reply).map(drop))?;
        let LeaseReply::Described(described) = lease_reply(described)? else {
            return Err(Problem::unexpected());
        };
        let ready = described.into_iter().next().and_then(Result::ok).map_or(0, |counts| counts.ready);
        let count = get.shown.len() as u64;
        // What is given back is counted as ready again; each message tells how many stood behind it.
        let behind = match get.action {
            Action::Release { .. } => ready.saturating_sub(count),
            _ => ready,
        };
        let shown = get.shown.into_iter().zip(1..).map(|(mut value, place)| {
            value["message_count"] = (behind + count - place).into();
            value
        });
        Ok(document(&shown.collect()))
    }))
}

impl Get {
    fn show(&mut self, record: &AcquiredRecord, found: &Record) {
        let mut table = TableBuilder::default();
        let shown = show(found, &self.source.entry.name, told_count(&self.source, record), &mut table);
        let payload: Bytes = shown.body.slice(..shown.body.len().min(self.truncate));
        let (text, encoding) = match core::str::from_utf8(&payload) {
            Ok(text) if !self.is_base64 => (text.to_owned(), "string"),
            _ => (BASE64.encode(&payload), "base64"),
        };
        self.bytes += text.len();
        self.shown.push(json!({
            "payload_bytes": shown.body.len(),
            "redelivered": record.delivery_count > 1,
            "exchange": shown.exchange,
            "routing_key": shown.routing_key,
            "properties": from_properties(&shown.properties),
            "payload": text,
            "payload_encoding": encoding,
        }));
        self.settles.push((lease_of(record), self.action));
    }
}
