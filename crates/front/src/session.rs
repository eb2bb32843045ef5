//! A session as a value: bytes and events in, bytes and commands out, no I/O.
//!
//! Apart because this is what makes a front testable without a socket and alike for every protocol (style rule 10): the
//! driver in `net` owns the socket, the timer and the waiting; the session owns the protocol. A session may look at the
//! catalog and at read views through its [`Backend`], which is shared memory; whatever waits is a
//! command in [`Io`] and comes back as an [`Event`].

use crate::auth::Authorized;
use crate::backend::{Backend, ReadError, ReadSlice};
use crate::metrics::OperationMeters;
use bytes::{Bytes, BytesMut};
use millstream_core::{Reply, Request};
use millstream_types::{Chain, EngineTime, LogId, Offset};
use std::sync::Arc;

/// Names a command of one session, so that its event finds back. The session chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub u64);

/// A request for the shard.
#[derive(Debug)]
pub struct Submission {
    /// Comes back with the reply.
    pub tag: Tag,
    /// The permitted request.
    pub request: Authorized<Request>,
    /// What it hangs on if it must not be stored before others that were submitted earlier.
    pub chain: Option<Chain>,
}

/// A read for the driver to make.
///
/// When memory is short it may return less than was asked for, and nothing at all if the session was given other
/// slices that it has not answered with yet: then it answers with what it has.
#[derive(Debug)]
pub struct ReadCommand {
    /// Comes back with the result.
    pub tag: Tag,
    /// The permitted place: log, first offset, most bytes.
    pub read: Authorized<(LogId, Offset, u32)>,
}

/// Logs to watch until one of them moves. A session has at most one watch at a time; a new one replaces the old.
///
/// The driver registers with every log first and compares then: a log that is gone, or whose high watermark is not
/// the one that the session has seen, has moved already, and [`Event::Moved`] comes at once. So no append is missed
/// between the session's look and the registration.
#[derive(Debug)]
pub struct Watch {
    /// Comes back with the event.
    pub tag: Tag,
    /// The logs, each with the high watermark that the session has seen.
    pub logs: Vec<(LogId, Offset)>,
}

/// What a session wants done, gathered by the driver after each call.
#[derive(Debug, Default)]
pub struct Io {
    /// Bytes for the peer, in order.
    pub output: Vec<Bytes>,
    /// Requests for the shard, in order.
    pub submissions: Vec<Submission>,
    /// Reads to make.
    pub reads: Vec<ReadCommand>,
    /// Logs to watch from now on.
    pub watch: Option<Watch>,
    /// What requests cost the memory budget beside their bytes, from the driver to [`Session::receive`]: so much is
    /// reserved. A session that has requests under way takes no further one that costs more.
    pub spare_bytes: usize,
    /// What the requests that were taken cost beside their bytes: each at least
    /// [`REQUEST_BYTES_MIN`](crate::limits::REQUEST_BYTES_MIN) altogether.
    pub surcharge_bytes: usize,
    /// Bytes of requests that are settled, the surcharge included: their share of the memory budget is free again.
    pub settled_bytes: usize,
    /// Of the bytes that were taken and are not settled, those of requests whose rest has not arrived, as
    /// [`Session::receive`] leaves them: what it needs to go on belongs to them.
    pub unfinished_bytes: usize,
    /// Bytes of slices that were read and are let go without being put out.
    pub dropped_bytes: usize,
    /// From the driver: microseconds of the monotonic clock, by which a session counts how long requests take
    /// ([`Moment`](crate::Moment)). Later calls are given the same or more.
    pub micros: u64,
}

/// What happened to a command.
#[derive(Debug)]
pub enum Event {
    /// The shard answered.
    Reply(Tag, Reply),
    /// A read ended.
    Read(Tag, Result<ReadSlice, ReadError>),
    /// A watched log moved, or may have.
    Moved(Tag),
    /// The session's deadline has passed.
    Deadline,
    /// Somebody rang the session's [`Bell`], once or several times.
    Rung,
}

/// How sessions of one front reach each other: who has left something for a session rings, and it looks.
pub trait Bell: Send + Sync {
    /// Makes the session get [`Event::Rung`] soon. Nothing happens if its connection is gone.
    fn ring(&self);
}

/// How many bytes, counted from the first one not yet consumed, the session needs to go on; the driver reserves
/// memory for them before it reads. At least 1. `0` means: no more input for now; [`Session::receive`] is called again
/// after an event, or, when nothing is under way, once the output was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need(pub usize);

/// The connection ends after what is in [`Io::output`] was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// Why, for the log: a sentence without anything secret in it. Empty for an orderly end.
    pub reason: String,
}

impl Close {
    /// Ends the connection because of something the peer did.
    #[must_use]
    pub fn because(reason: impl Into<String>) -> Close {
        Close { reason: reason.into() }
    }
}

/// One connection's protocol.
pub trait Session: Send {
    /// Gives the session its own bell, before anything else.
    fn attach(&mut self, _bell: Arc<dyn Bell>) {}

    /// Takes whole requests from the front of `input` and leaves the rest. Every byte taken is settled later
    /// through [`Io::settled_bytes`], when its request is answered.
    ///
    /// # Errors
    /// [`Close`] when the connection has to end.
    fn receive(&mut self, now: EngineTime, input: &mut BytesMut, io: &mut Io) -> Result<Need, Close>;

    /// Takes the outcome of a command. [`Session::receive`] is called again after it when input is waiting.
    ///
    /// # Errors
    /// [`Close`] when the connection has to end.
    fn handle(&mut self, now: EngineTime, event: Event, io: &mut Io) -> Result<(), Close>;

    /// When the session wants [`Event::Deadline`] next.
    fn deadline(&self) -> Option<EngineTime>;

    /// Whether nothing is under way: a draining broker closes such a connection.
    fn is_idle(&self) -> bool;

    /// The broker stops: no more input is taken. A protocol that has words for it says so to the peer.
    fn stop(&mut self, _now: EngineTime, _io: &mut Io) {}

    /// The connection is over, whoever ended it: the last call. What the session held for its peer is given back by
    /// submissions, of whose outcome nobody hears; nothing else in `io` is carried out.
    fn end(&mut self, _now: EngineTime, _io: &mut Io) {}
}

/// Makes a session per connection. One per listener.
pub trait SessionFactory: Send + Sync + 'static {
    /// The protocol's name, for logs and metrics.
    fn name(&self) -> &'static str;

    /// What its sessions count of its operations, if they do.
    fn meters(&self) -> Option<Arc<OperationMeters>> {
        None
    }

    /// A session for a connection from `peer`.
    fn session(&self, peer: core::net::SocketAddr, backend: &Arc<dyn Backend>) -> Box<dyn Session>;
}
