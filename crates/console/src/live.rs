//! Live views: server-sent events, of which there are always more.
//!
//! Apart because what makes them safe is the same for all. A view holds no records: it reads on in the log when its client has
//! taken what it was given, so a slow one costs nothing and is cut off by whoever serves the connection. There is a bound on
//! their number, for every append wakes those that show it. One that has nothing to say says so now and then, so that both
//! ends notice when the other is gone.

use crate::context::{Context, Step};
use crate::errors::{Code, Problem};
use crate::limits::{ANSWER_BYTES_MAX, LIVE_LOGS_MAX, LIVE_MAX, LIVE_PAUSE_MS, READ_BYTES};
use crate::respond::{no_sniff, no_store};
use crate::scan::{At, Filter, read_problem, walk};
use crate::translate::{ShownRecord, View};
use bytes::Bytes;
use core::ops::ControlFlow;
use millstream_core::catalog::StreamEntry;
use millstream_front::http::{Part, Request, Response};
use millstream_front::steps::ReadResult;
use millstream_front::{Grant, ReadError};
use millstream_types::{LogId, Offset};
use serde::Serialize;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What clients that lose their connection wait before they come back, in milliseconds.
const RETRY: &str = "retry: 2000\n\n";
/// Says that it is still there.
const PAUSE: &[u8] = b": still here\n\n";
/// Partitions whose places all stand in an event's id; of more, only the one that the event is from.
const PLACES_IN_ID_MAX: usize = 64;
/// When memory is short a view waits so long.
const SHORT_MS: u64 = 1_000;

/// A place among the live views; free again when dropped.
pub(crate) struct Permit(Arc<AtomicUsize>);

impl Permit {
    /// A place, if there is one.
    pub(crate) fn take(cx: &Context) -> Result<Permit, Problem> {
        let take = |live: usize| (live < LIVE_MAX).then_some(live + 1);
        match cx.live.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Ok(Permit(cx.live.clone())),
            Err(_) => {
                Err(Problem::new(Code::Overloaded, format!("There are {LIVE_MAX} live views already.")))
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether a request asks for events.
pub(crate) fn is_wanted(request: &Request<'_>) -> bool {
    request.header("accept").is_some_and(|accept| accept.contains("text/event-stream"))
}

/// Begins a view.
pub(crate) fn begin(then: impl FnOnce(&mut Context) -> Step + Send + 'static) -> Step {
    let headers = vec![
        ("content-type", "text/event-stream".into()),
        no_store(),
        no_sniff(),
        // A proxy that gathers what it passes on would gather for ever.
        ("x-accel-buffering", "no".into()),
    ];
    let head = Response { status: 200, headers, body: Bytes::from_static(RETRY.as_bytes()) };
    Step::Part(Part::Head(head), Box::new(then))
}

/// Goes on after these events.
pub(crate) fn give(events: String, then: impl FnOnce(&mut Context) -> Step + Send + 'static) -> Step {
    Step::Part(Part::Piece(events.into()), Box::new(then))
}

/// Ends a view with these events.
pub(crate) fn end(events: String) -> Step {
    Step::Respond(Response { status: 200, headers: Vec::new(), body: events.into() })
}

/// Adds an event.
pub(crate) fn put(events: &mut String, id: Option<&str>, name: &str, data: &impl Serialize) {
    // JSON has no line ends of its own.
    let data = serde_json::to_string(data).expect("what is shown is made of texts, numbers and lists");
    if let Some(id) = id {
        writeln!(events, "id: {id}").expect("a string takes everything");
    }
    write!(events, "event: {name}\ndata: {data}\n\n").expect("a string takes everything");
}

/// The records of a stream as they come.
pub(crate) struct Tail {
    entry: Arc<StreamEntry>,
    grant: Grant,
    /// The next offset of each partition.
    places: Vec<At>,
    /// The partition that is looked at first, so that a busy one does not keep others waiting.
    turn: usize,
    filter: Filter,
    view: View,
    _permit: Permit,
}

/// What was said of a place.
#[derive(Serialize)]
struct Gap {
    partition: u32,
    /// The next record that there is.
    offset: u64,
}

impl Tail {
    /// A tail of partitions from these places on.
    pub(crate) fn new(
        cx: &Context,
        entry: Arc<StreamEntry>,
        grant: Grant,
        places: Vec<At>,
    ) -> Result<Tail, Problem> {
        if places.len() > LIVE_LOGS_MAX as usize {
            let detail = format!("A live view shows {LIVE_LOGS_MAX} partitions at most; name one.");
            return Err(Problem::new(Code::LimitExceeded, detail));
        }
        let (filter, view) = (Filter::default(), View::default());
        Ok(Tail { entry, grant, places, turn: 0, filter, view, _permit: Permit::take(cx)? })
    }

    /// A tail that shows some records alone, and their values decoded.
    pub(crate) fn showing(self, filter: Filter, view: View) -> Tail {
        Tail { filter, view, ..self }
    }

    /// Begins with the first places.
    pub(crate) fn begin(self) -> Step {
        begin(|cx| self.go_on(cx))
    }

    /// Reads what there is, or waits.
    fn go_on(mut self, cx: &mut Context) -> Step {
        if cx.abandoned {
            return end(String::new());
        }
        let count = self.places.len();
        let mut seen = Vec::with_capacity(count);
        for step in 0..count {
            let place = (self.turn + step) % count;
            let (index, offset) = self.places[place];
            let id = LogId { stream: self.entry.id, index };
            let Some(log) = cx.backend.log(id) else { return self.stream_is_gone() };
            let end = log.high_watermark();
            if offset < end {
                self.turn = place + 1;
                let read = vec![self.grant.allow((id, offset, READ_BYTES))];
                return Step::Read(read, Box::new(move |cx, results| self.show(cx, place, results)));
            }
            seen.push((id, end));
        }
        let until = cx.now.after_ms(LIVE_PAUSE_MS);
        let then = move |cx: &mut Context| match until <= cx.now {
            true => Step::Part(Part::Piece(Bytes::from_static(PAUSE)), Box::new(|cx| self.go_on(cx))),
            false => self.go_on(cx),
        };
        Step::Watch(seen, until, Box::new(then))
    }

    fn show(mut self, cx: &mut Context, place: usize, results: Vec<ReadResult>) -> Step {
        let (partition, from) = self.places[place];
        let mut events = String::new();
        match results.into_iter().next() {
            Some(Ok(slice)) if slice.next_offset <= from => {
                // Nothing came although there is something: memory is short.
                let until = cx.now.after_ms(SHORT_MS);
                return Step::Watch(Vec::new(), until, Box::new(|cx| self.go_on(cx)));
            }
            Some(Ok(slice)) => {
                let next = slice.next_offset;
                let mut stopped = None;
                let walked = walk(slice, from, |offset, record| {
                    if events.len() >= ANSWER_BYTES_MAX {
                        stopped = Some(offset);
                        return ControlFlow::Break(());
                    }
                    if self.filter.takes(record) {
                        let shown =
                            ShownRecord::new(partition, offset, record).viewed(self.view, record.value);
                        self.places[place].1 = offset.advance(1);
                        put(&mut events, Some(&self.id(place)), "record", &shown);
                    }
                    ControlFlow::Continue(())
                });
                if let Err(problem) = walked {
                    put(&mut events, None, "error", &problem.document());
                    return end(events);
                }
                self.places[place].1 = stopped.unwrap_or(next);
            }
            // They went away before they were shown.
            Some(Err(ReadError::OutOfRange)) => {
                let log = cx.backend.log(LogId { stream: self.entry.id, index: partition });
                let Some(log) = log else { return self.stream_is_gone() };
                let offset = log.log_start().max(from);
                self.places[place].1 = offset;
                put(&mut events, Some(&self.id(place)), "gap", &Gap { partition, offset: offset.0 });
            }
            Some(Err(ReadError::Deleted)) | None => return self.stream_is_gone(),
            Some(Err(error)) => {
                let problem = read_problem(error, &self.entry.name);
                put(&mut events, None, "error", &problem.document());
                return end(events);
            }
        }
        match events.is_empty() {
            true => self.go_on(cx),
            false => give(events, |cx| self.go_on(cx)),
        }
    }

    fn stream_is_gone(self) -> Step {
        let mut events = String::new();
        put(&mut events, None, "error", &Problem::unknown_stream(&self.entry.name).document());
        end(events)
    }

    /// Where to go on after what was shown of a place.
    fn id(&self, place: usize) -> String {
        let places = match self.places.len() {
            ..=PLACES_IN_ID_MAX => &self.places[..],
            _ => &self.places[place..=place],
        };
        let spelled: Vec<String> = places.iter().map(|at| crate::scan::spell_place(*at)).collect();
        spelled.join(",")
    }
}

/// The places that an event's id says, by partition.
pub(crate) fn read_id(id: &str) -> Option<Vec<At>> {
    id.split(',').take(PLACES_IN_ID_MAX + 1).map(crate::scan::read_place).collect()
}

/// Places to begin at: those of the last event that a client has seen, else what it asks for.
pub(crate) fn resumed(request: &Request<'_>, mut places: Vec<At>) -> Result<Vec<At>, Problem> {
    let Some(id) = request.header("last-event-id") else { return Ok(places) };
    let wrong = || Problem::parameter("last-event-id", "is none that was given out");
    for (partition, offset) in read_id(id).ok_or_else(wrong)? {
        let known = places.iter_mut().find(|(index, _)| *index == partition);
        known.ok_or_else(wrong)?.1 = offset;
    }
    Ok(places)
}

/// The end of each partition that is asked for.
pub(crate) fn ends(cx: &Context, entry: &StreamEntry, partition: Option<u32>) -> Vec<At> {
    let of = |id: LogId| {
        let end = cx.backend.log(id).map_or(Offset::ZERO, |log| log.high_watermark());
        (id.index, end)
    };
    entry.log_ids().filter(|id| partition.is_none_or(|only| only == id.index)).map(of).collect()
}
