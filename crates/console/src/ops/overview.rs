//! `GET /api/v1/overview`: the broker on one page: what listens where, how much there is, how full the disk is.
//!
//! Whoever asks for server-sent events gets one every two seconds. What counts up does so since the start of the process.

use super::Endpoint;
use crate::alarms::State;
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint;
use crate::errors::Problem;
use crate::limits::{DEAD_LETTERS_SHOWN_MAX, OVERVIEW_PAUSE_MS};
use crate::live::{self, Permit};
use crate::metrics::{Recent, Telemetry};
use crate::respond::document;
use crate::system::Listening;
use millstream_front::{Action, Resource};
use millstream_types::EngineTime;
use schemars::JsonSchema;
use serde::Serialize;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "get_overview",
    path: "/api/v1/overview",
    answers: &[endpoint::ok_or_events::<Overview>()],
    doc: "Show what listens where and how much there is; with `Accept: text/event-stream`, again every two seconds.",
    ..Endpoint::PLAIN
};

#[derive(Serialize, JsonSchema)]
struct Overview {
    version: &'static str,
    now_ms: i64,
    /// Streams of the namespace.
    stream_count: usize,
    /// Routes of the namespace.
    route_count: usize,
    namespace_count: usize,
    listeners: Vec<Listening>,
    /// Bytes of the disk; 0: not known.
    disk_bytes: u64,
    disk_free_bytes: u64,
    /// Nothing is stored until there is room.
    is_disk_full: bool,
    /// Bytes appended to the write-ahead log since the start.
    appended_bytes: u64,
    /// What was asked for lately; `null`: nobody watches.
    recent: Option<Recent>,
    /// Alarms that are raised and not silenced; `null`: nobody watches.
    alarms_raised: Option<u64>,
    /// `null` until the broker has looked at itself.
    dead_letters: Option<DeadLetters>,
}

/// What waits in streams that dead letters go to, as it was when the broker last looked at itself.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OverviewDeadLetters")]
struct DeadLetters {
    observed_ms: i64,
    /// Of all such streams of the namespace.
    records: u64,
    /// Those with the most, the fullest first.
    streams: Vec<Waiting>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OverviewDeadLetterStream")]
struct Waiting {
    name: String,
    records: u64,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    cx.allow(Action::Describe, Resource::Cluster)?;
    if !live::is_wanted(&call.request) {
        return Ok(document(200, &look(cx)));
    }
    let permit = Permit::take(cx)?;
    Ok(live::begin(move |cx| show(cx, permit)))
}

fn look(cx: &Context) -> Overview {
    let (disk_bytes, disk_free_bytes) = cx.backend.disk_bytes();
    Overview {
        version: cx.version,
        now_ms: cx.now.0,
        stream_count: cx.backend.stream_count(cx.namespace),
        route_count: cx.backend.route_count(cx.namespace),
        namespace_count: cx.backend.namespaces().len(),
        listeners: cx.system.listeners(),
        disk_bytes,
        disk_free_bytes,
        is_disk_full: cx.backend.is_disk_full(),
        appended_bytes: cx.system.storage().wal.appended_bytes,
        recent: cx.telemetry.as_ref().map(|telemetry| telemetry.recent(cx.now)),
        alarms_raised: cx.telemetry.as_ref().map(|telemetry| alarms_raised(telemetry, cx.now)),
        dead_letters: cx.telemetry.as_ref().and_then(|telemetry| dead_letters(cx, telemetry)),
    }
}

fn alarms_raised(telemetry: &Telemetry, now: EngineTime) -> u64 {
    telemetry.with_alarms(|board| {
        let raised =
            board.alarms(now).filter(|(_, alarm, silence)| alarm.state == State::Raised && silence.is_none());
        raised.count() as u64
    })
}

/// Streams of the namespace that take dead letters and have some: by the last look, so that nobody goes through all streams
/// for a page that is shown every two seconds.
fn dead_letters(cx: &Context, telemetry: &Telemetry) -> Option<DeadLetters> {
    let seen = telemetry.observation()?;
    let (from, to) = seen.places.get(&cx.namespace).copied().unwrap_or_default();
    let waiting = seen.streams[from..to].iter().filter(|stream| stream.takes_dead_letters);
    let mut waiting: Vec<_> = waiting.filter(|stream| stream.waiting_records > 0).collect();
    let records = waiting.iter().map(|stream| stream.waiting_records).sum();
    waiting.sort_by_key(|stream| core::cmp::Reverse(stream.waiting_records));
    waiting.truncate(DEAD_LETTERS_SHOWN_MAX);
    let streams = waiting
        .into_iter()
        .map(|stream| Waiting { name: stream.entry.name.to_string(), records: stream.waiting_records });
    Some(DeadLetters { observed_ms: seen.at.0, records, streams: streams.collect() })
}

/// Shows it now, and again after a while. The permit is only held.
fn show(cx: &mut Context, _permit: Permit) -> Step {
    if cx.abandoned {
        return live::end(String::new());
    }
    let mut events = String::new();
    live::put(&mut events, None, "overview", &look(cx));
    live::give(events, move |cx| {
        let until = cx.now.after_ms(OVERVIEW_PAUSE_MS);
        Step::Watch(Vec::new(), until, Box::new(move |cx| show(cx, _permit)))
    })
}
