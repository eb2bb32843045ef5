//! The toy service: a path says what happens.
//!
//! | path                          | does                                                                          |
//! |-------------------------------|-------------------------------------------------------------------------------|
//! | `/echo`                       | answers at once with the body; `x-seen` is what it saw of the request          |
//! | `/many?BYTES`                 | answers at once with so many bytes                                             |
//! | `/wait?TIMES`                 | asks the broker so often, one after the other, and answers then                |
//! | `/read?LOG,BYTES,COUNT`       | makes reads at once, answers with how much each gave                           |
//! | `/parts?COUNT,BYTES`          | answers in so many pieces between a first and a last one                       |
//! | `/ticks`, `/moves`            | answers with a piece each millisecond; each time the log moves                 |
//! | `/unwritable`                 | answers with a header that cannot be written                                   |
//! | `/panic`, `/late-panic`       | panics at once; panics when the broker has answered                            |

use crate::toy::{Toy, grant};
use millstream_core::Request as CoreRequest;
use millstream_front::backend::Backend;
use millstream_front::http::{Commands, Exchange, Outcome, Part, Request, Response, Service};
use millstream_front::{Event, ReadCommand, Submission, Tag, Watch};
use millstream_types::{EngineTime, LogId, Offset, StreamId};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

pub(super) const BODY_BYTES_MAX: usize = 1 << 20;

pub(super) struct ToyService {
    _toy: Arc<Toy>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    started: AtomicUsize,
    abandoned: AtomicUsize,
    /// Exchanges that responded.
    responded: AtomicUsize,
    /// Pieces that were given.
    given: AtomicUsize,
}

impl ToyService {
    pub(super) fn new(toy: Arc<Toy>) -> ToyService {
        ToyService { _toy: toy, counts: Arc::default() }
    }

    pub(super) fn started(&self) -> usize {
        self.counts.started.load(SeqCst)
    }

    pub(super) fn abandoned(&self) -> usize {
        self.counts.abandoned.load(SeqCst)
    }

    pub(super) fn given(&self) -> usize {
        self.counts.given.load(SeqCst)
    }

    pub(super) fn responded(&self) -> usize {
        self.counts.responded.load(SeqCst)
    }
}

/// Answers in parts.
struct InParts {
    backend: Arc<dyn Backend>,
    counts: Arc<Counts>,
    what: Pieces,
}

#[derive(Clone, Copy)]
enum Pieces {
    /// So many of so many bytes.
    Many(usize, usize),
    Ticks,
    Moves,
}

impl InParts {
    fn give(self: Box<Self>, piece: impl Into<Vec<u8>>) -> Outcome {
        self.counts.given.fetch_add(1, SeqCst);
        Outcome::Part(Part::Piece(piece.into().into()), self)
    }
}

impl Exchange for InParts {
    fn handle(self: Box<Self>, _: EngineTime, event: Event, _: &mut Commands) -> Outcome {
        match event {
            Event::Deadline => self.give("tick"),
            Event::Moved(Tag(5)) => self.give("moved"),
            event => panic!("{event:?} was not asked for"),
        }
    }

    fn resume(mut self: Box<Self>, now: EngineTime, commands: &mut Commands) -> Outcome {
        match self.what {
            Pieces::Many(0, _) => return Outcome::Respond(response("last")),
            Pieces::Many(left, bytes) => {
                self.what = Pieces::Many(left - 1, bytes);
                return self.give(vec![b'p'; bytes]);
            }
            Pieces::Ticks => commands.wake_at = Some(now.after_ms(1)),
            Pieces::Moves => {
                let log = LogId { stream: StreamId(1), index: 0 };
                let seen = self.backend.log(log).expect("it is there").high_watermark();
                commands.watch = Some(Watch { tag: Tag(5), logs: vec![(log, seen)] });
            }
        }
        Outcome::Wait(self)
    }

    fn abandon(&mut self, _: EngineTime, _: &mut Commands) {
        panic!("what answers in parts is dropped");
    }
}

/// Waits for the broker so many more times, or for reads.
struct Waiting {
    counts: Arc<Counts>,
    asks_left: usize,
    outstanding: usize,
    panics: bool,
    text: String,
}

fn ask(commands: &mut Commands) {
    let request = grant().request(CoreRequest::AllocateProducer);
    commands.submissions.push(Submission { tag: Tag(7), request, chain: None });
}

fn response(body: impl Into<Vec<u8>>) -> Response {
    let headers = vec![("content-type", "text/plain".into())];
    Response { status: 200, headers, body: body.into().into() }
}

impl Service for ToyService {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }

    fn start(
        &self,
        _: EngineTime,
        backend: &Arc<dyn Backend>,
        request: &Request<'_>,
        commands: &mut Commands,
    ) -> Outcome {
        self.counts.started.fetch_add(1, SeqCst);
        let numbers: Vec<usize> = request.query.split(',').map_while(|n| n.parse().ok()).collect();
        let mut waiting = Waiting {
            counts: self.counts.clone(),
            asks_left: 0,
            outstanding: 1,
            panics: false,
            text: "waited".to_owned(),
        };
        match request.path {
            "/echo" => {
                let host = request.header("host").unwrap_or("-");
                let Request { method, path, query, headers, .. } = request;
                let mut response = response(request.body);
                let seen = format!("{method} {path} {query} {host} {}", headers.len());
                response.headers.push(("x-seen", seen.into()));
                return Outcome::Respond(response);
            }
            "/many" => return Outcome::Respond(response(vec![b'm'; numbers[0]])),
            "/unwritable" => {
                let mut response = response("");
                response.headers.push(("x-bad", "two\nlines".into()));
                return Outcome::Respond(response);
            }
            "/parts" | "/ticks" | "/moves" => {
                let what = match request.path {
                    "/parts" => Pieces::Many(numbers[0], numbers[1]),
                    "/ticks" => Pieces::Ticks,
                    _ => Pieces::Moves,
                };
                let parts = InParts { backend: backend.clone(), counts: self.counts.clone(), what };
                return Outcome::Part(Part::Head(response("first")), Box::new(parts));
            }
            "/panic" => panic!("the toy was told to"),
            "/late-panic" => {
                waiting.panics = true;
                ask(commands);
            }
            "/read" => {
                let read = (LogId { stream: StreamId(1), index: numbers[0] as u32 }, Offset::ZERO);
                for i in 0..numbers[2] {
                    let read = grant().allow((read.0, read.1, numbers[1] as u32));
                    commands.reads.push(ReadCommand { tag: Tag(i as u64), read });
                }
                waiting.outstanding = numbers[2];
                waiting.text = String::new();
            }
            _ => {
                waiting.asks_left = numbers.first().map_or(0, |times| times - 1);
                ask(commands);
            }
        }
        Outcome::Wait(Box::new(waiting))
    }
}

impl Exchange for Waiting {
    fn handle(mut self: Box<Self>, _: EngineTime, event: Event, commands: &mut Commands) -> Outcome {
        assert!(!self.panics, "the toy was told to panic later");
        if let Event::Read(_, outcome) = event {
            match outcome {
                Ok(slice) => self.text.push_str(&format!("{} ", slice.bytes)),
                Err(error) => self.text.push_str(&format!("{error:?} ")),
            }
        }
        self.outstanding -= 1;
        if self.asks_left > 0 {
            self.asks_left -= 1;
            self.outstanding += 1;
            ask(commands);
        }
        if self.outstanding > 0 {
            return Outcome::Wait(self);
        }
        self.counts.responded.fetch_add(1, SeqCst);
        Outcome::Respond(response(self.text))
    }

    fn resume(self: Box<Self>, _: EngineTime, _: &mut Commands) -> Outcome {
        unreachable!("it answers in one piece")
    }

    /// Gives something back to the broker and waits for that as well.
    fn abandon(&mut self, _: EngineTime, commands: &mut Commands) {
        self.counts.abandoned.fetch_add(1, SeqCst);
        self.outstanding += 1;
        ask(commands);
    }
}
