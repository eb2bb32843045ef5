//! One record that a group knows more of than that it is ready: who has it, since when, how often it was out.
//!
//! Apart because this is what costs memory: a record that nobody has touched has none of it.

use super::ids::{HolderId, LeaseNumber};
use millstream_types::{EngineTime, StreamId};

/// "Never", where a time is to be.
pub(crate) const NEVER: EngineTime = EngineTime(i64::MAX);

/// What ends a lease that is not settled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Bound {
    /// Its deadline, which survives a restart.
    Deadline,
    /// Its deadline, the end of its holder, or a restart.
    Connection,
    /// Nothing: it outlives connections and restarts.
    Name,
}

/// Why a record is taken out of its stream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum MoveReason {
    /// Its holder rejected it.
    Rejected,
    /// Its time to live was over.
    Expired,
    /// It was delivered as often as it may be.
    Limit,
    /// The stream became too long.
    Length,
    /// Somebody asked for it to be moved.
    Redrive,
}

/// Where a record goes that is taken out of its stream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum MoveTarget {
    /// Where the stream's dead letters go.
    DeadLetter,
    /// A stream.
    Stream(StreamId),
    /// The stream that it came from as a dead letter. It says itself which one; only one whose dead letters come here
    /// counts.
    Source,
}

/// Where a record is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// Waits for an acquirer, though not for the first time.
    Ready,
    /// Somebody has it.
    Leased { bound: Bound, holder: HolderId, deadline: EngineTime },
    /// Put off.
    Delayed { until: EngineTime },
    /// On its way into another stream.
    Moving { reason: MoveReason, target: MoveTarget },
}

/// A record with a history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    pub(crate) state: State,
    /// How often it was delivered.
    pub(crate) count: u32,
    /// Its last delivery.
    pub(crate) lease: LeaseNumber,
    /// When it was delivered first; meaningless while `count` is 0.
    pub(crate) first: EngineTime,
    /// When its time to live is over; [`NEVER`] if it has none.
    pub(crate) expires: EngineTime,
    /// 0 unless it goes before others.
    pub(crate) priority: u8,
}

impl Record {
    /// One that was never delivered.
    pub(crate) fn untouched(state: State) -> Record {
        Record { state, count: 0, lease: LeaseNumber(0), first: EngineTime(0), expires: NEVER, priority: 0 }
    }

    /// Whether nothing need be remembered of it once it is ready.
    pub(crate) fn is_plain(&self) -> bool {
        self.count == 0 && self.expires == NEVER
    }

    /// When its state changes by itself.
    pub(crate) fn timer(&self) -> Option<EngineTime> {
        let at = match self.state {
            State::Leased { deadline, .. } => deadline,
            State::Delayed { until } => until.min(self.expires),
            State::Ready => self.expires,
            State::Moving { .. } => NEVER,
        };
        (at != NEVER).then_some(at)
    }
}
