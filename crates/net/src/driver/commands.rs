//! Carries out what a session asked for: output, submissions, reads, watches.
//!
//! Apart because this is where a session's commands meet the broker. Reads are made on the connection's own thread
//! when memory has the bytes, and on a thread that may wait when only the disk has them.

use super::Driver;
use super::outlay::Allowance;
use crate::mailbox::Mailbox;
use crate::options::{READ_BYTES_LEAST, READS_BLOCKING_MAX, READS_PER_ROUND};
use crate::scratch::Scratch;
use millstream_front::backend::Blocking;
use millstream_front::limits::OUTPUT_BYTES_MAX;
use millstream_front::{Close, Event, LogReader, ReadError, ReadOutcome, ReadSlice, Tag, Watch};
use millstream_types::{EngineTime, Offset};
use std::sync::Arc;
use std::task::{Context, Waker};

impl Driver {
    /// Empties `scratch.io`.
    pub(super) fn carry_out(&mut self, now: EngineTime, scratch: &mut Scratch) {
        let io = &mut scratch.io;
        let before = self.output.bytes();
        self.output.push(now, OUTPUT_BYTES_MAX, io.output.drain(..));
        self.outlay.put_out(self.output.bytes() - before, self.session.is_idle());
        self.memory.settled(std::mem::take(&mut io.settled_bytes));
        if !io.submissions.is_empty() {
            self.backend.submit(&self.inbox, std::mem::take(&mut io.submissions));
        }
        self.reads.extend(io.reads.drain(..));
        if let Some(watch) = io.watch.take() {
            self.watch(watch);
        }
    }

    /// Whether a read can be made now: while its result would only wait behind other output, it is left alone.
    pub(super) fn can_read_logs(&self) -> bool {
        !self.reads.is_empty()
            && self.output.bytes() <= OUTPUT_BYTES_MAX
            && self.outlay.reads_under_way() < READS_BLOCKING_MAX
    }

    /// Makes the reads that can be made now and for which there is memory, and hands their results to the session.
    /// `true` when there was one.
    pub(super) fn read_logs(
        &mut self,
        now: EngineTime,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
    ) -> Result<bool, Close> {
        for made in 0..READS_PER_ROUND {
            if !self.can_read_logs() {
                return Ok(made > 0);
            }
            let command = self.reads.front().expect("there is a read to make");
            let (log, from, bytes_max) = *command.read.get();
            let tag = command.tag;
            let outcome = match self.backend.log(log) {
                None => Err(ReadError::Deleted),
                Some(reader) => match self.allow_read(&*reader, from, bytes_max, cx.waker()) {
                    Allowance::Wait => return Ok(made > 0),
                    Allowance::Nothing => Ok(ReadSlice { next_offset: from, ..ReadSlice::default() }),
                    Allowance::Bytes(bytes) => match reader.read(from, bytes, Blocking::Never) {
                        Ok(ReadOutcome::Data(slice)) => Ok(slice),
                        Err(error) => Err(error),
                        Ok(ReadOutcome::WouldBlock) => {
                            self.outlay.begin(tag, bytes);
                            self.reads.pop_front();
                            read_aside(reader, tag, from, bytes, self.mailbox.clone());
                            continue;
                        }
                    },
                },
            };
            self.reads.pop_front();
            self.hand_over(now, tag, outcome, scratch)?;
            self.carry_out(now, scratch);
        }
        Ok(true)
    }

    /// Gives the session a read's outcome.
    pub(super) fn hand_over(
        &mut self,
        now: EngineTime,
        tag: Tag,
        outcome: Result<ReadSlice, ReadError>,
        scratch: &mut Scratch,
    ) -> Result<(), Close> {
        if let Ok(slice) = &outcome {
            self.outlay.gather(slice.bytes);
        }
        self.session.handle(now, Event::Read(tag, outcome), &mut scratch.io)
    }

    /// Memory for a read: no more than there is to be read, as far as the log can tell.
    fn allow_read(
        &mut self,
        reader: &dyn LogReader,
        from: Offset,
        bytes_max: u32,
        waker: &Waker,
    ) -> Allowance {
        let there = u32::try_from(reader.bytes_from(from, u64::from(bytes_max))).unwrap_or(u32::MAX);
        self.outlay.allow(bytes_max.min(there.max(READ_BYTES_LEAST)), waker)
    }

    /// Sets a watch: registers with every log first and compares then, so that no append is missed between the
    /// session's look and the registration. What has moved already fires at once.
    fn watch(&mut self, watch: Watch) {
        self.watching.clear();
        self.mailbox.arm(watch.tag);
        let waker = Waker::from(self.mailbox.clone());
        for (log, seen) in watch.logs {
            let reader = self.backend.log(log);
            self.watching.extend(reader.as_ref().map(|reader| reader.watch(&waker)));
            if reader.is_none_or(|reader| reader.high_watermark() != seen) {
                waker.wake_by_ref();
                break;
            }
        }
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
