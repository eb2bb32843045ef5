//! Carries out what a session asked for: output, submissions, reads, watches.
//!
//! Apart because this is where a session's commands meet the broker. Reads are made on the connection's own thread
//! when memory has the bytes, and on a thread that may wait when only the disk has them.

use super::Driver;
use crate::mailbox::Mailbox;
use crate::options::{READS_BLOCKING_MAX, READS_PER_ROUND};
use crate::scratch::Scratch;
use millstream_front::backend::Blocking;
use millstream_front::limits::OUTPUT_BYTES_MAX;
use millstream_front::{Close, Event, LogReader, ReadError, ReadOutcome, ReadSlice, Tag, Watch};
use millstream_types::{EngineTime, Offset};
use std::sync::Arc;
use std::task::Waker;

impl Driver {
    /// Empties `scratch.io`.
    pub(super) fn carry_out(&mut self, now: EngineTime, scratch: &mut Scratch) {
        let io = &mut scratch.io;
        self.output.push(now, OUTPUT_BYTES_MAX, io.output.drain(..));
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
            && self.reads_blocking < READS_BLOCKING_MAX
    }

    /// Makes the reads that can be made now, and hands their results to the session.
    pub(super) fn read_logs(&mut self, now: EngineTime, scratch: &mut Scratch) -> Result<(), Close> {
        for _ in 0..READS_PER_ROUND {
            if !self.can_read_logs() {
                break;
            }
            let command = self.reads.pop_front().expect("there is a read to make");
            let (log, from, max_bytes) = command.read.into_inner();
            let outcome = match self.backend.log(log) {
                None => Err(ReadError::Deleted),
                Some(reader) => match reader.read(from, max_bytes, Blocking::Never) {
                    Ok(ReadOutcome::Data(slice)) => Ok(slice),
                    Err(error) => Err(error),
                    Ok(ReadOutcome::WouldBlock) => {
                        self.reads_blocking += 1;
                        read_aside(reader, command.tag, from, max_bytes, self.mailbox.clone());
                        continue;
                    }
                },
            };
            self.session.handle(now, Event::Read(command.tag, outcome), &mut scratch.io)?;
            self.carry_out(now, scratch);
        }
        Ok(())
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
