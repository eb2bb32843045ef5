//! When a connection must be looked at although nothing happens: the session's deadline and the peer's limits.
//!
//! Apart because they stand in one list: the timer waits for the earliest, and whoever is overdue is found by the same
//! conditions. The timer is moved only to an earlier moment; one that fires too early costs a look.

use super::{Driver, Phase};
use crate::options::BUFFER_KEPT_MS;
use millstream_front::limits::{OUTPUT_BYTES_MAX, READ_CHUNK_BYTES};
use millstream_types::EngineTime;
use std::task::{Context, Poll};
use std::time::Duration;

/// The timer never sleeps longer than this, so that no sum of milliseconds can overflow: a day.
const SLEEP_MS_MAX: u64 = 86_400_000;

/// What happens at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expiry {
    /// The session's own deadline.
    Session,
    /// The first request took too long to arrive.
    FirstRequest,
    /// A later request arrives too slowly, or no longer.
    Stalled,
    /// The peer reads too slowly while too much waits.
    SlowReader,
    /// The peer reads nothing of what waits.
    Unread,
    /// Time to look how much of what waits the peer has read.
    Looked,
    /// Nothing happens.
    Idle,
    /// The read buffer is no longer needed.
    Buffer,
    /// The end of the time to finish or to close.
    End,
}

impl Driver {
    fn expiries(&self) -> [Option<(EngineTime, Expiry)>; 5] {
        let options = &self.options;
        let end = match self.phase {
            Phase::Closing { until, .. } => return [Some((until, Expiry::End)), None, None, None, None],
            Phase::Finishing { until } => Some((until, Expiry::End)),
            Phase::Open => None,
        };
        let session = self.session.deadline().map(|at| (at, Expiry::Session));
        let open = end.is_none();
        let peer_input = if !open || self.held_back {
            None
        } else if (!self.input.bytes.is_empty() || self.memory.is_unfinished()) && self.need > 0 {
            Some(match self.first_begun {
                Some(begun) => (begun.after_ms(options.first_request_ms), Expiry::FirstRequest),
                None => (self.arrival_measured.0.after_ms(options.stalled_ms), Expiry::Stalled),
            })
        } else if self.output.bytes() == 0 && self.session.is_idle() {
            Some((self.read_at.after_ms(options.idle_ms), Expiry::Idle))
        } else {
            None
        };
        let peer_output = if self.output.bytes() > OUTPUT_BYTES_MAX {
            Some((self.output.measured.0.after_ms(options.slow_reader_ms), Expiry::SlowReader))
        } else if self.output.bytes() > 0 {
            Some((self.output.progress_at.after_ms(options.unread_ms), Expiry::Unread))
        } else if open && self.input.holds_empty_buffer() {
            Some((self.read_at.after_ms(BUFFER_KEPT_MS), Expiry::Buffer))
        } else {
            None
        };
        let look = (self.output.bytes() > 0)
            .then(|| (self.output.looked.0.after_ms(options.unread_awaited_ms), Expiry::Looked));
        [end, session, peer_input, peer_output, look]
    }

    /// What is due, the end first.
    pub(super) fn due(&self, now: EngineTime) -> Option<Expiry> {
        if now < self.armed_at {
            return None;
        }
        self.expiries().into_iter().flatten().find(|(at, _)| *at <= now).map(|(_, expiry)| expiry)
    }

    /// Whether a peer in the middle of a request has sent enough since it was last measured; measures anew if so.
    pub(super) fn peer_sends(&mut self, now: EngineTime) -> bool {
        let sent = self.read_bytes - self.arrival_measured.1;
        self.arrival_measured = (now, self.read_bytes);
        sent >= READ_CHUNK_BYTES as u64
    }

    /// Whether a peer over the output limit has read enough since it was last measured; measures anew if so.
    pub(super) fn peer_reads(&mut self, now: EngineTime) -> bool {
        let read = self.output.written_bytes() - self.output.measured.1;
        self.output.measured = (now, self.output.written_bytes());
        read >= READ_CHUNK_BYTES as u64
    }

    /// Sets the timer to the earliest moment. `false` when that is now.
    pub(super) fn arm_timer(&mut self, now: EngineTime, cx: &mut Context<'_>) -> bool {
        let next = self.expiries().into_iter().flatten().map(|(at, _)| at).min();
        let next = next.unwrap_or(EngineTime(i64::MAX)).min(now.after_ms(SLEEP_MS_MAX));
        if next <= now {
            self.armed_at = now;
            return false;
        }
        if next < self.armed_at || self.armed_at <= now || self.timer.is_elapsed() {
            self.armed_at = next;
            self.timer.set(tokio::time::sleep(Duration::from_millis(next.since_ms(now))));
        }
        match self.timer.as_mut().poll(cx) {
            Poll::Pending => true,
            Poll::Ready(()) => {
                self.armed_at = now;
                false
            }
        }
    }
}
