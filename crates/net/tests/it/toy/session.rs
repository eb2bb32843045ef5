//! The toy protocol's session.

use super::Toy;
use bytes::{BufMut, Bytes, BytesMut};
use millstream_core::Request;
use millstream_front::{
    Action, Authorizer, Backend, Close, Event, Grant, Io, Need, Principal, ReadCommand, Resource, Session,
    SessionFactory, Submission, Tag, Watch,
};
use millstream_types::{EngineTime, LogId, Offset, StreamId};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

/// What a frame asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// The same body back at once.
    Echo = b'E',
    /// The same body back once the broker has replied.
    Submit = b'S',
    /// So many bytes back: a 4-byte number.
    Many = b'M',
    /// Bytes of a log: its index and how many, 4 bytes each.
    Read = b'R',
    /// An answer when the log has moved from an 8-byte offset.
    Watch = b'W',
    /// An answer after so many milliseconds: a 4-byte number.
    Later = b'L',
    /// A panic.
    Panic = b'P',
    /// A word of farewell, and the end.
    Close = b'C',
}

pub(crate) struct Factory(pub(crate) Arc<Toy>);

impl SessionFactory for Factory {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn session(&self, _: SocketAddr, _: &Arc<dyn Backend>) -> Box<dyn Session> {
        Box::new(ToySession { toy: self.0.clone(), pending: BTreeMap::new(), next_tag: 0, deadline: None })
    }
}

struct ToySession {
    toy: Arc<Toy>,
    /// What is answered later: the answer, and how many bytes it settles.
    pending: BTreeMap<Tag, (Bytes, usize)>,
    next_tag: u64,
    deadline: Option<(EngineTime, Tag)>,
}

pub(crate) fn grant() -> Grant {
    Authorizer::local_only().authorize(&Principal::local(), Action::Read, Resource::Cluster).unwrap()
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().unwrap())
}

impl ToySession {
    fn answer(&self, body: &[u8], settles: usize, io: &mut Io) {
        let mut head = BytesMut::with_capacity(5);
        head.put_u32(u32::try_from(body.len() + 1).unwrap());
        head.put_u8(b'A');
        io.output.push(head.freeze());
        io.output.push(Bytes::copy_from_slice(body));
        self.toy.unsettled.fetch_sub(settles, SeqCst);
        io.settled_bytes += settles;
    }

    fn later(&mut self, answer: Bytes, settles: usize) -> Tag {
        self.next_tag += 1;
        self.pending.insert(Tag(self.next_tag), (answer, settles));
        Tag(self.next_tag)
    }

    fn take(&mut self, now: EngineTime, frame: Bytes, io: &mut Io) -> Result<(), Close> {
        let bytes = frame.len();
        let unsettled = self.toy.unsettled.fetch_add(bytes, SeqCst) + bytes;
        self.toy.unsettled_max.fetch_max(unsettled, SeqCst);
        self.toy.frames.fetch_add(1, SeqCst);
        let body = frame.slice(5..);
        match frame[4] {
            b'E' => self.answer(&body, bytes, io),
            b'S' => {
                let tag = self.later(body, bytes);
                io.submissions.push(Submission {
                    tag,
                    request: grant().request(Request::AllocateProducer),
                    chain: None,
                });
            }
            b'M' => self.answer(&vec![b'm'; number(&body) as usize], bytes, io),
            b'R' => {
                let log = LogId { stream: StreamId(1), index: number(&body) };
                let tag = self.later(Bytes::new(), bytes);
                let read = grant().allow((log, Offset::ZERO, number(&body[4..])));
                io.reads.push(ReadCommand { tag, read });
            }
            b'W' => {
                let log = LogId { stream: StreamId(1), index: 0 };
                let seen = Offset(u64::from_be_bytes(body[..].try_into().unwrap()));
                let tag = self.later(Bytes::from_static(b"moved"), bytes);
                io.watch = Some(Watch { tag, logs: vec![(log, seen)] });
            }
            b'L' => {
                let at = now.after_ms(number(&body).into());
                self.deadline = Some((at, self.later(Bytes::from_static(b"later"), bytes)));
            }
            b'P' => panic!("the toy was told to"),
            _ => {
                self.answer(b"bye", bytes, io);
                return Err(Close::because("the toy was told to"));
            }
        }
        Ok(())
    }
}

impl Session for ToySession {
    fn receive(&mut self, now: EngineTime, input: &mut BytesMut, io: &mut Io) -> Result<Need, Close> {
        loop {
            if input.len() < 4 {
                return Ok(Need(4));
            }
            let bytes = 4 + number(input) as usize;
            if input.len() < bytes {
                return Ok(Need(bytes));
            }
            // Like a real front, it takes no more than so many requests at once.
            if self.pending.len() >= 1000 {
                return Ok(Need(0));
            }
            let frame = input.split_to(bytes).freeze();
            self.take(now, frame, io)?;
        }
    }

    fn handle(&mut self, _: EngineTime, event: Event, io: &mut Io) -> Result<(), Close> {
        let (tag, read) = match event {
            Event::Reply(tag, _) | Event::Moved(tag) => (tag, None),
            Event::Read(tag, outcome) => (tag, Some(outcome)),
            Event::Deadline => (self.deadline.take().expect("a deadline was set").1, None),
            Event::Rung => return Ok(()),
        };
        let Some((mut answer, settles)) = self.pending.remove(&tag) else { return Ok(()) };
        match read {
            Some(Ok(slice)) => answer = slice.chunks.concat().into(),
            Some(Err(error)) => answer = format!("{error:?}").into(),
            None => {}
        }
        self.answer(&answer, settles, io);
        Ok(())
    }

    fn deadline(&self) -> Option<EngineTime> {
        self.deadline.map(|(at, _)| at)
    }

    fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }
}
