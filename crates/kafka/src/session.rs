//! One Kafka connection: frames in, operations started, answers out in the order of the requests.
//!
//! Apart because order is the one thing that all operations share: a Kafka client takes the n-th response for the
//! n-th request. Requests are started one after the other; only Produce requests are under way together, since they
//! are what clients pipeline and their order is kept by the shard. Everything else waits for what came before it, as
//! in Kafka, so that a topic created by one request exists for the next.

use crate::codec::frame::RequestHeader;
use crate::codec::{ApiKey, Reader, Writer};
use crate::errors::ErrorCode;
use crate::limits::FRAME_BYTES_MAX;
use crate::ops::{self, fetch::FetchSessions};
use crate::options::KafkaOptions;
use crate::step::{Answer, Context, ReadResult, Step, Then};
use bytes::{Buf, BytesMut};
use core::net::SocketAddr;
use millstream_core::Reply;
use millstream_front::{
    Authorizer, Backend, Close, Event, Io, Need, OperationMeters, Principal, ReadCommand, Session,
    Submission, Tag, Watch,
    limits::{ANSWER_BYTES_PER_TURN, REQUEST_BYTES_MIN, REQUESTS_IN_FLIGHT_MAX},
};
use millstream_types::EngineTime;
use std::collections::VecDeque;
use std::sync::Arc;

/// One request that is under way, or done but not yet its turn.
struct Slot {
    api: ApiKey,
    version: i16,
    correlation_id: i32,
    /// What it costs the memory budget: the bytes of its frame, or the least there is.
    bytes: usize,
    /// When it was taken, in microseconds of the driver's clock.
    since: u64,
    state: State,
}

enum State {
    Replies {
        missing: usize,
        replies: Vec<Option<Reply>>,
        then: Then<Vec<Reply>>,
    },
    Reads {
        missing: usize,
        results: Vec<Option<ReadResult>>,
        then: Then<Vec<ReadResult>>,
    },
    Watching {
        until: EngineTime,
        then: Then<()>,
    },
    Done(Option<Box<dyn Answer>>),
    /// Only while its continuation runs.
    Moving,
}

/// The session. See the module's documentation.
pub(crate) struct KafkaSession {
    cx: Context,
    slots: VecDeque<Slot>,
    /// Number of the first slot; tags are made of slot numbers.
    first: u64,
    writer: Writer,
    meters: Arc<OperationMeters>,
}

/// Commands of one slot at most: the low bits of a tag.
const TAG_BITS: u32 = 24;

impl KafkaSession {
    pub(crate) fn new(
        peer: SocketAddr,
        backend: Arc<dyn Backend>,
        options: Arc<KafkaOptions>,
        authorizer: Arc<Authorizer>,
        meters: Arc<OperationMeters>,
    ) -> KafkaSession {
        let cx = Context {
            now: backend.now(),
            backend,
            options,
            principal: Principal::local(),
            authorizer,
            peer,
            client_id: None,
            fetch_sessions: FetchSessions::default(),
        };
        KafkaSession { cx, slots: VecDeque::new(), first: 0, writer: Writer::new(), meters }
    }

    /// Whether a request of this API may start now.
    fn may_start(&self, api_key: i16) -> bool {
        let produce = ApiKey::Produce;
        match self.slots.back() {
            None => true,
            Some(last) => {
                last.api == produce && api_key == produce.id() && self.slots.len() < REQUESTS_IN_FLIGHT_MAX
            }
        }
    }

    fn start(&mut self, frame: bytes::Bytes, io: &mut Io) -> Result<(), Close> {
        let bytes = (frame.len() + 4).max(REQUEST_BYTES_MIN);
        let mut reader = Reader::new(frame);
        let header = RequestHeader::decode(&mut reader)
            .map_err(|error| Close::because(format!("a request header that cannot be read: {error}")))?;
        let RequestHeader { api, version, correlation_id, client_id } = header;
        if self.cx.client_id.as_deref() != client_id.as_deref() {
            self.cx.client_id = client_id.as_deref().map(Arc::from);
        }
        let number = self.first + self.slots.len() as u64;
        let since = io.micros;
        self.slots.push_back(Slot { api, version, correlation_id, bytes, since, state: State::Moving });
        let step = ops::start(&mut self.cx, api, version, &mut reader).map_err(|error| {
            Close::because(format!("a {api:?} v{version} request that cannot be read: {error}"))
        })?;
        self.go_on(number, step, io)
    }

    /// Carries out one step of a slot.
    fn go_on(&mut self, number: u64, step: Step, io: &mut Io) -> Result<(), Close> {
        let tag = |index: usize| {
            assert!(index < 1 << TAG_BITS, "the commands of one request are bounded by its size");
            Tag(number << TAG_BITS | index as u64)
        };
        let mut step = step;
        let state = loop {
            match step {
                Step::Respond(answer) => break State::Done(Some(answer)),
                Step::Silent => break State::Done(None),
                Step::Close(reason) => return Err(Close::because(reason)),
                Step::Submit(requests, then) if requests.is_empty() => step = then(&mut self.cx, Vec::new()),
                Step::Read(reads, then) if reads.is_empty() => step = then(&mut self.cx, Vec::new()),
                Step::Submit(requests, then) => {
                    let missing = requests.len();
                    let replies = (0..missing).map(|_| None).collect();
                    let tagged = requests.into_iter().enumerate();
                    io.submissions.extend(tagged.map(|(index, request)| Submission {
                        tag: tag(index),
                        request,
                        chain: None,
                    }));
                    break State::Replies { missing, replies, then };
                }
                Step::Read(reads, then) => {
                    let missing = reads.len();
                    let results = (0..missing).map(|_| None).collect();
                    let tagged = reads.into_iter().enumerate();
                    io.reads.extend(tagged.map(|(index, read)| ReadCommand { tag: tag(index), read }));
                    break State::Reads { missing, results, then };
                }
                Step::Watch(logs, until, then) => {
                    io.watch = Some(Watch { tag: tag(0), logs });
                    break State::Watching { until, then };
                }
            }
        };
        self.slot(number).state = state;
        self.write_done(io)
    }

    fn slot(&mut self, number: u64) -> &mut Slot {
        let index = usize::try_from(number - self.first).expect("slots are few");
        &mut self.slots[index]
    }

    /// Writes the answers whose turn it is.
    fn write_done(&mut self, io: &mut Io) -> Result<(), Close> {
        while let Some(Slot { state: State::Done(_), .. }) = self.slots.front() {
            let Some(Slot { api, version, correlation_id, bytes, since, state: State::Done(answer) }) =
                self.slots.pop_front()
            else {
                unreachable!("it was looked at a line above")
            };
            self.first += 1;
            io.settled_bytes += bytes;
            if let Some(answer) = answer {
                answer.write(&mut self.writer, version, correlation_id).map_err(|error| {
                    Close::because(format!("the answer to {api:?} v{version} cannot be written: {error}"))
                })?;
            }
            let row = ops::row(api);
            self.meters.answered(row, io.micros.saturating_sub(since));
            if self.writer.take_error_code().is_some_and(ErrorCode::is_failure) {
                self.meters.failed(row);
            }
        }
        Ok(())
    }

    /// Runs a slot's continuation.
    fn resume(
        &mut self,
        number: u64,
        io: &mut Io,
        run: impl FnOnce(State, &mut Context) -> Step,
    ) -> Result<(), Close> {
        let state = std::mem::replace(&mut self.slot(number).state, State::Moving);
        let step = run(state, &mut self.cx);
        self.go_on(number, step, io)
    }

    /// The slot of a tag, unless it belongs to a command whose slot is gone (a watch that was overtaken).
    fn live(&self, tag: Tag) -> Option<(u64, usize)> {
        let number = tag.0 >> TAG_BITS;
        let index = usize::try_from(tag.0 & ((1 << TAG_BITS) - 1)).expect("24 bits");
        let known = number >= self.first && number - self.first < self.slots.len() as u64;
        known.then_some((number, index))
    }

    fn wake(&mut self, number: u64, io: &mut Io) -> Result<(), Close> {
        if matches!(self.slot(number).state, State::Watching { .. }) {
            self.resume(number, io, |state, cx| match state {
                State::Watching { then, .. } => then(cx, ()),
                _ => unreachable!("it was looked at above"),
            })?;
        }
        Ok(())
    }
}

impl Session for KafkaSession {
    fn receive(&mut self, now: EngineTime, input: &mut BytesMut, io: &mut Io) -> Result<Need, Close> {
        self.cx.now = now;
        let need = loop {
            let Some(size) = input.first_chunk::<4>() else { break Need(4) };
            let size =
                usize::try_from(i32::from_be_bytes(*size)).ok().filter(|size| *size <= FRAME_BYTES_MAX);
            let Some(size) = size else {
                return Err(Close::because(
                    "a frame size that is negative or over 100 MiB; not Kafka's protocol?",
                ));
            };
            if input.len() < 4 + size {
                break Need(4 + size);
            }
            let api_key = input.get(4..6).map_or(-1, |key| i16::from_be_bytes([key[0], key[1]]));
            if !self.may_start(api_key) {
                break Need(0);
            }
            let surcharge = REQUEST_BYTES_MIN.saturating_sub(4 + size);
            if surcharge > io.spare_bytes && !self.slots.is_empty() {
                break Need(0);
            }
            // Answers may be a thousand times as long as their requests: so many of them are made at once, not all.
            if self.writer.len() >= ANSWER_BYTES_PER_TURN {
                break Need(0);
            }
            io.spare_bytes = io.spare_bytes.saturating_sub(surcharge);
            io.surcharge_bytes += surcharge;
            input.advance(4);
            let frame = input.split_to(size).freeze();
            self.start(frame, io)?;
        };
        self.writer.drain_into(&mut io.output);
        Ok(need)
    }

    fn handle(&mut self, now: EngineTime, event: Event, io: &mut Io) -> Result<(), Close> {
        self.cx.now = now;
        match event {
            Event::Reply(tag, reply) => {
                let Some((number, index)) = self.live(tag) else { return Ok(()) };
                let State::Replies { missing, replies, .. } = &mut self.slot(number).state else {
                    return Ok(());
                };
                assert!(replies[index].replace(reply).is_none(), "one reply per request");
                *missing -= 1;
                if *missing == 0 {
                    self.resume(number, io, |state, cx| match state {
                        State::Replies { replies, then, .. } => {
                            then(cx, replies.into_iter().flatten().collect())
                        }
                        _ => unreachable!("it was looked at above"),
                    })?;
                }
            }
            Event::Read(tag, result) => {
                let Some((number, index)) = self.live(tag) else { return Ok(()) };
                let State::Reads { missing, results, .. } = &mut self.slot(number).state else {
                    return Ok(());
                };
                assert!(results[index].replace(result).is_none(), "one result per read");
                *missing -= 1;
                if *missing == 0 {
                    self.resume(number, io, |state, cx| match state {
                        State::Reads { results, then, .. } => {
                            then(cx, results.into_iter().flatten().collect())
                        }
                        _ => unreachable!("it was looked at above"),
                    })?;
                }
            }
            Event::Moved(tag) => {
                if let Some((number, _)) = self.live(tag) {
                    self.wake(number, io)?;
                }
            }
            // Nobody has this session's bell.
            Event::Rung => {}
            Event::Deadline => {
                // Only the first slot can be watching: everything but Produce is alone.
                if self.deadline().is_some_and(|due| due <= now) {
                    self.wake(self.first, io)?;
                }
            }
        }
        self.writer.drain_into(&mut io.output);
        Ok(())
    }

    fn deadline(&self) -> Option<EngineTime> {
        match self.slots.front().map(|slot| &slot.state) {
            Some(State::Watching { until, .. }) => Some(*until),
            _ => None,
        }
    }

    fn is_idle(&self) -> bool {
        self.slots.is_empty()
    }
}
