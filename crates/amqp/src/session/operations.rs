//! Operations under way: one per channel at most, and the frames that wait behind it.
//!
//! Apart because the channels of a connection are independent: the order holds on each of them, and one that waits for
//! the shard does not hold up the others. What comes for a channel that waits is held, uncopied and still counted in
//! the memory budget; when too much of it is held, the connection is not read further.

use super::AmqpSession;
use super::Phase;
use super::pending::Pending;
use crate::codec::{FRAME_OVERHEAD_BYTES, MethodKind};
use crate::errors::Fault;
use crate::step::{ReadResult, Step, Then};
use millstream_core::Reply;
use millstream_front::Close;
use std::collections::VecDeque;

/// A channel's number, and which opening of it.
type Opening = (u16, u64);

/// An operation that waits for answers.
pub(crate) struct Waiting {
    kind: MethodKind,
    /// When it was begun, in microseconds of the driver's clock.
    since: u64,
    state: WaitingFor,
}

enum WaitingFor {
    Replies { missing: usize, replies: Vec<Option<Reply>>, then: Then<Vec<Reply>> },
    Read(Then<ReadResult>),
    Room(Then<()>),
}

impl core::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Waiting").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl AmqpSession {
    /// Whether an operation is under way on any channel.
    pub(super) fn is_waiting(&self) -> bool {
        self.cx.waiting > 0
    }

    /// Carries out one step of an operation.
    pub(super) fn go_on(
        &mut self,
        number: u16,
        (kind, since): (MethodKind, u64),
        outcome: Result<Step, Fault>,
    ) -> Result<(), Close> {
        let mut outcome = outcome;
        // A channel that was just closed has nothing to wait for.
        let serial = self.cx.channels.get(&number).map(|channel| channel.serial);
        let state = loop {
            match outcome {
                Err(fault) => return self.fail(number, Some(kind), fault),
                Ok(Step::Done) => {
                    self.cx.shared.meters.answered(kind, self.cx.micros.saturating_sub(since));
                    return Ok(());
                }
                Ok(Step::Submit(requests, then)) if requests.is_empty() => {
                    outcome = then(&mut self.cx, Vec::new());
                }
                Ok(Step::Submit(requests, then)) => {
                    self.cx.flush();
                    let missing = requests.len();
                    for (index, request) in requests.into_iter().enumerate() {
                        let serial = serial.unwrap_or_default();
                        self.cx.submit(Pending::Operation { channel: number, serial, index }, request);
                    }
                    let replies = (0..missing).map(|_| None).collect();
                    break WaitingFor::Replies { missing, replies, then };
                }
                Ok(Step::Read(read, then)) => {
                    let serial = serial.unwrap_or_default();
                    self.cx.read(Pending::Operation { channel: number, serial, index: 0 }, read);
                    break WaitingFor::Read(then);
                }
                Ok(Step::Room(lack, then)) => {
                    self.cx.keep_operation(number, lack);
                    break WaitingFor::Room(then);
                }
            }
        };
        if let Some(channel) = self.cx.channels.get_mut(&number) {
            let before = channel.waiting.replace(Waiting { kind, since, state });
            assert!(before.is_none(), "one operation at a time on a channel");
            self.cx.waiting += 1;
        }
        self.cx.await_room();
        Ok(())
    }

    /// There is room: tries again what was refused.
    pub(super) fn try_again(&mut self) -> Result<(), Close> {
        let channels = match self.cx.try_again() {
            Ok(channels) => channels,
            Err(fault) => return self.fail(0, None, fault),
        };
        for number in channels {
            let Some(serial) = self.cx.channels.get(&number).map(|channel| channel.serial) else { continue };
            if let Some(Waiting { kind, since, state: WaitingFor::Room(then) }) =
                self.take_waiting((number, serial))
            {
                let outcome = then(&mut self.cx, ());
                self.go_on(number, (kind, since), outcome)?;
            }
        }
        self.cx.await_room();
        Ok(())
    }

    /// Takes the operation of a channel that is still the one that it began on.
    fn take_waiting(&mut self, (number, serial): Opening) -> Option<Waiting> {
        let is_open = matches!(self.phase, Phase::Running | Phase::Leaving);
        let channel = self.cx.channels.get_mut(&number).filter(|channel| channel.serial == serial)?;
        let waiting = channel.waiting.take()?;
        self.cx.waiting -= 1;
        Some(waiting).filter(|_| is_open && !channel.is_closing)
    }

    /// An answer for an operation that waits.
    pub(super) fn answered(&mut self, opening: Opening, index: usize, reply: Reply) -> Result<(), Close> {
        let (number, serial) = opening;
        let channel = self.cx.channels.get_mut(&number).filter(|channel| channel.serial == serial);
        let waiting = channel.and_then(|channel| channel.waiting.as_mut());
        let Some(Waiting { state: WaitingFor::Replies { missing, replies, .. }, .. }) = waiting else {
            return Ok(());
        };
        assert!(replies[index].replace(reply).is_none(), "one reply per request");
        *missing -= 1;
        if *missing > 0 {
            return Ok(());
        }
        if let Some(Waiting { kind, since, state: WaitingFor::Replies { replies, then, .. } }) =
            self.take_waiting(opening)
        {
            let outcome = then(&mut self.cx, replies.into_iter().flatten().collect());
            self.go_on(number, (kind, since), outcome)?;
        }
        self.resume(number)
    }

    /// What an operation read.
    pub(super) fn operation_read(&mut self, opening: Opening, outcome: ReadResult) -> Result<(), Close> {
        let (number, serial) = opening;
        let channel = self.cx.channels.get(&number).filter(|channel| channel.serial == serial);
        if channel.is_none_or(|channel| channel.waiting.is_none()) {
            self.cx.dropped_bytes += outcome.as_ref().map_or(0, |slice| slice.bytes);
            return Ok(());
        }
        match self.take_waiting(opening) {
            Some(Waiting { kind, since, state: WaitingFor::Read(then) }) => {
                let outcome = then(&mut self.cx, outcome);
                self.go_on(number, (kind, since), outcome)?;
            }
            _ => self.cx.dropped_bytes += outcome.as_ref().map_or(0, |slice| slice.bytes),
        }
        self.resume(number)
    }

    /// Takes the frames that were held behind an operation, up to the next one that waits.
    fn resume(&mut self, number: u16) -> Result<(), Close> {
        loop {
            if self.cx.channels.get(&number).is_some_and(|channel| channel.waiting.is_some()) {
                return Ok(());
            }
            let Some(frame) = self.cx.held.get_mut(&number).and_then(VecDeque::pop_front) else {
                self.cx.held.remove(&number);
                return Ok(());
            };
            let cost = frame.payload.len() + FRAME_OVERHEAD_BYTES;
            self.cx.held_bytes -= cost;
            self.channel_frame(frame, cost)?;
        }
    }
}
