//! Carries out what a session asked for: output, submissions, reads, watches.
//!
//! Apart because this is where a session's commands meet the broker.

use super::Driver;
use crate::options::READS_PER_ROUND;
use crate::reads::Made;
use crate::scratch::Scratch;
use millstream_front::limits::OUTPUT_BYTES_MAX;
use millstream_front::{Close, Event, Watch};
use millstream_types::EngineTime;
use std::task::{Context, Waker};

impl Driver {
    /// Empties `scratch.io`.
    pub(super) fn carry_out(&mut self, now: EngineTime, scratch: &mut Scratch) {
        let io = &mut scratch.io;
        let before = self.output.bytes();
        self.output.push(now, OUTPUT_BYTES_MAX, io.output.drain(..));
        self.reads.outlay.put_out(self.output.bytes() - before, self.session.is_idle());
        self.reads.outlay.drop_bytes(std::mem::take(&mut io.dropped_bytes));
        self.memory.settled(std::mem::take(&mut io.settled_bytes));
        if !io.submissions.is_empty() {
            self.backend.submit(&self.inbox, std::mem::take(&mut io.submissions));
        }
        self.reads.order(io.reads.drain(..));
        if let Some(watch) = io.watch.take() {
            self.watch(watch);
        }
    }

    /// Whether a read can be made now: while its result would only wait behind other output, it is left alone.
    pub(super) fn can_read_logs(&self) -> bool {
        self.output.bytes() <= OUTPUT_BYTES_MAX && self.reads.can_begin()
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
            match self.reads.make(&*self.backend, &self.mailbox, cx.waker()) {
                Made::Waits => return Ok(made > 0),
                Made::Aside => {}
                Made::Read(tag, outcome) => {
                    self.session.handle(now, Event::Read(tag, outcome), &mut scratch.io)?;
                    self.carry_out(now, scratch);
                }
            }
        }
        Ok(true)
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
