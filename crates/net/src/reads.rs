//! Reads of logs, made in the order in which they were asked for, as memory and the disk allow.
//!
//! Apart because everything that is driven reads alike, sessions and HTTP exchanges: on the driver's own thread when
//! memory has the bytes, on a thread that may wait when only the disk has them, and never without room in the memory
//! for output.

use crate::mailbox::Mailbox;
use crate::options::{READ_BYTES_LEAST, READS_BLOCKING_MAX};
use crate::outlay::{Allowance, Outlay};
use millstream_front::backend::Blocking;
use millstream_front::{Backend, Budget, LogReader, ReadCommand, ReadError, ReadOutcome, ReadSlice, Tag};
use millstream_types::Offset;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

/// The reads of one connection or exchange, and the memory that their results and its output cost.
pub(crate) struct Reads {
    waiting: VecDeque<ReadCommand>,
    pub(crate) outlay: Outlay,
}

/// What became of the first read that waited.
pub(crate) enum Made {
    /// It is made: its outcome.
    Read(Tag, Result<ReadSlice, ReadError>),
    /// It waits for the disk; its outcome comes to the mailbox, see [`Reads::returned`].
    Aside,
    /// It waits for memory; the waker is woken.
    Waits,
}

impl Reads {
    pub(crate) fn new(output_budget: Arc<Budget>) -> Reads {
        Reads { waiting: VecDeque::new(), outlay: Outlay::new(output_budget) }
    }

    /// Adds reads to those that wait.
    pub(crate) fn order(&mut self, commands: impl Iterator<Item = ReadCommand>) {
        self.waiting.extend(commands);
    }

    /// Whether all were begun.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Forgets those that were not begun.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Whether one waits that may be begun as far as the disk is concerned.
    pub(crate) fn can_begin(&self) -> bool {
        !self.waiting.is_empty() && self.outlay.reads_under_way() < READS_BLOCKING_MAX
    }

    /// Makes the first one that waits.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) fn make(&mut self, backend: &dyn Backend, mailbox: &Arc<Mailbox>, waker: &Waker) -> Made {
        let command = self.waiting.front().expect("there is a read to make");
        let (log, from, bytes_max) = *command.read.get();
        let tag = command.tag;
        let outcome = match backend.log(log) {
            None => Err(ReadError::Deleted),
            Some(reader) => match self.allow(&*reader, from, bytes_max, waker) {
                Allowance::Wait => return Made::Waits,
                Allowance::Nothing => Ok(ReadSlice { next_offset: from, ..ReadSlice::default() }),
                Allowance::Bytes(bytes) => match reader.read(from, bytes, Blocking::Never) {
                    Ok(ReadOutcome::Data(slice)) => Ok(slice),
                    Err(error) => Err(error),
                    Ok(ReadOutcome::WouldBlock) => {
                        self.outlay.begin(tag, bytes);
                        self.waiting.pop_front();
                        read_aside(reader, tag, from, bytes, mailbox.clone());
                        return Made::Aside;
                    }
                },
            },
        };
        self.waiting.pop_front();
        self.gather(&outcome);
        Made::Read(tag, outcome)
    }

    /// A read that waited for the disk has come back.
    pub(crate) fn returned(&mut self, tag: Tag, outcome: &Result<ReadSlice, ReadError>) {
        self.outlay.end(tag);
        self.gather(outcome);
    }

    fn gather(&mut self, outcome: &Result<ReadSlice, ReadError>) {
        if let Ok(slice) = outcome {
            self.outlay.gather(slice.bytes);
        }
    }

    /// Memory for a read: no more than there is to be read, as far as the log can tell.
    fn allow(&mut self, reader: &dyn LogReader, from: Offset, bytes_max: u32, waker: &Waker) -> Allowance {
        let there = u32::try_from(reader.bytes_from(from, u64::from(bytes_max))).unwrap_or(u32::MAX);
        self.outlay.allow(bytes_max.min(there.max(READ_BYTES_LEAST)), waker)
    }
}

/// Delivers a read's outcome, a failure if the thread that makes it dies.
struct Delivery {
    mailbox: Arc<Mailbox>,
    tag: Tag,
    outcome: Result<ReadSlice, ReadError>,
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let outcome = std::mem::replace(&mut self.outcome, Err(ReadError::Failed));
        self.mailbox.read(self.tag, outcome);
    }
}

fn read_aside(reader: Arc<dyn LogReader>, tag: Tag, from: Offset, max_bytes: u32, mailbox: Arc<Mailbox>) {
    let mut delivery = Delivery { mailbox, tag, outcome: Err(ReadError::Failed) };
    tokio::task::spawn_blocking(move || {
        let outcome = match reader.read(from, max_bytes, Blocking::Allowed) {
            Ok(ReadOutcome::Data(slice)) => Ok(slice),
            Ok(ReadOutcome::WouldBlock) => {
                tracing::error!(from = from.0, "a read that may wait said that it would have to");
                Err(ReadError::Failed)
            }
            Err(error) => Err(error),
        };
        delivery.outcome = outcome;
        drop(delivery);
    });
}
