//! What a client may take its time with: sending a head, sending a body, reading, doing nothing.
//!
//! Apart because it is a value: the socket and the requests tell it what happens, and the connection asks it what is
//! overdue and when to look again. Who waits for the broker waits as long as the broker takes: nothing is due then, so
//! that a long poll needs no timer.
//!
//! | the connection                | is ended when                                                                    |
//! |-------------------------------|----------------------------------------------------------------------------------|
//! | is between requests           | nothing came for `idle_ms`                                                       |
//! | receives a head               | it is not whole `first_request_ms` after it began                                |
//! | receives a body               | less than 64 KiB of it, and not its end, came within `stalled_ms`                |
//! | has a request at work         | never                                                                            |
//! | has a response to write, in any of these states | nothing of it was read within `unread_ms`, or less than 64 KiB within `slow_reader_ms`, or within `unread_awaited_ms` while others wait for memory |

use crate::options::Options;
use millstream_front::limits::READ_CHUNK_BYTES;
use millstream_types::EngineTime;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It waits for a request.
    Between { since: EngineTime },
    /// The head of a request arrives.
    Head { since: EngineTime },
    /// A body arrives.
    Body,
    /// It is us who are waited for.
    Working,
}

/// What is overdue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// Nothing happens: it may end in order.
    Idle,
    /// The client does not do its part: it is cut off, for this reason.
    Cut(&'static str),
}

/// One connection's watch.
#[derive(Debug)]
pub(super) struct Watch {
    now: EngineTime,
    stage: Stage,
    read_bytes: u64,
    /// Since when a body's arrival is measured, and how much had been read then.
    arrival: (EngineTime, u64),
    written_bytes: u64,
    /// The socket does not take what is to be written.
    blocked: Option<Blocked>,
}

#[derive(Debug)]
struct Blocked {
    progress_at: EngineTime,
    /// Since when a slow reader's progress is measured, and how much had been written then.
    measured: (EngineTime, u64),
    /// When it was last looked how much is read, and how much had been written then.
    looked: (EngineTime, u64),
}

impl Watch {
    pub(super) fn new(now: EngineTime) -> Watch {
        Watch {
            now,
            stage: Stage::Between { since: now },
            read_bytes: 0,
            arrival: (now, 0),
            written_bytes: 0,
            blocked: None,
        }
    }

    /// A turn begins.
    pub(super) fn turn(&mut self, now: EngineTime) {
        self.now = now;
    }

    /// A body is to arrive, also after it was we who did not read.
    pub(super) fn receives(&mut self) {
        self.stage = Stage::Body;
        self.arrival = (self.now, self.read_bytes);
    }

    /// A request waits for us.
    pub(super) fn works(&mut self) {
        self.stage = Stage::Working;
    }

    /// A request is answered.
    pub(super) fn answered(&mut self) {
        self.stage = Stage::Between { since: self.now };
    }

    /// Bytes were read.
    pub(super) fn read(&mut self, bytes: usize) {
        self.read_bytes += bytes as u64;
        if let Stage::Between { .. } = self.stage {
            self.stage = Stage::Head { since: self.now };
        }
    }

    /// Bytes were written.
    pub(super) fn written(&mut self, bytes: usize) {
        self.written_bytes += bytes as u64;
        if let Some(blocked) = &mut self.blocked {
            blocked.progress_at = self.now;
        }
    }

    /// The socket takes nothing now.
    pub(super) fn blocked(&mut self) {
        let (now, mark) = (self.now, (self.now, self.written_bytes));
        self.blocked.get_or_insert(Blocked { progress_at: now, measured: mark, looked: mark });
    }

    /// Everything is written.
    pub(super) fn flushed(&mut self) {
        if self.blocked.take().is_some()
            && let Stage::Between { since } = &mut self.stage
        {
            *since = self.now;
        }
    }

    /// What is overdue; measures anew whoever got on meanwhile. `awaited`: others wait for the memory for output.
    pub(super) fn overdue(&mut self, options: &Options, awaited: bool) -> Option<Overdue> {
        let now = self.now;
        let over = |since: EngineTime, limit_ms: u64| since.after_ms(limit_ms) <= now;
        if let Some(blocked) = &mut self.blocked {
            let enough = |mark: &mut (EngineTime, u64), limit_ms: u64, written: u64| {
                let is_enough = written - mark.1 >= READ_CHUNK_BYTES as u64;
                let is_over = over(mark.0, limit_ms);
                if is_over {
                    *mark = (now, written);
                }
                is_enough || !is_over
            };
            if over(blocked.progress_at, options.unread_ms) {
                return Some(Overdue::Cut("the peer does not read"));
            }
            if !enough(&mut blocked.measured, options.slow_reader_ms, self.written_bytes) {
                return Some(Overdue::Cut("the peer reads too slowly"));
            }
            if !enough(&mut blocked.looked, options.unread_awaited_ms, self.written_bytes) && awaited {
                return Some(Overdue::Cut("the peer reads too slowly while memory is short"));
            }
        }
        match self.stage {
            Stage::Between { since } if self.blocked.is_none() && over(since, options.idle_ms) => {
                Some(Overdue::Idle)
            }
            Stage::Head { since } if over(since, options.first_request_ms) => {
                Some(Overdue::Cut("a request's head did not arrive in time"))
            }
            Stage::Body if over(self.arrival.0, options.stalled_ms) => {
                let arrived = self.read_bytes - self.arrival.1;
                self.arrival = (now, self.read_bytes);
                (arrived < READ_CHUNK_BYTES as u64).then_some(Overdue::Cut("a request stopped arriving"))
            }
            Stage::Between { .. } | Stage::Head { .. } | Stage::Body | Stage::Working => None,
        }
    }

    /// When something may be overdue next.
    pub(super) fn next(&self, options: &Options) -> Option<EngineTime> {
        let stage = match self.stage {
            Stage::Between { since } if self.blocked.is_none() => Some(since.after_ms(options.idle_ms)),
            Stage::Head { since } => Some(since.after_ms(options.first_request_ms)),
            Stage::Body => Some(self.arrival.0.after_ms(options.stalled_ms)),
            Stage::Between { .. } | Stage::Working => None,
        };
        let output = self.blocked.as_ref().map(|blocked| {
            let unread = blocked.progress_at.after_ms(options.unread_ms);
            let slow = blocked.measured.0.after_ms(options.slow_reader_ms);
            unread.min(slow).min(blocked.looked.0.after_ms(options.unread_awaited_ms))
        });
        stage.into_iter().chain(output).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: fn() -> Options = || Options {
        first_request_ms: 10,
        stalled_ms: 20,
        slow_reader_ms: 60,
        unread_ms: 30,
        unread_awaited_ms: 5,
        idle_ms: 100,
        ..Options::default()
    };

    fn at(watch: &mut Watch, millis: i64) -> Option<Overdue> {
        watch.turn(EngineTime(millis));
        watch.overdue(&OPTIONS(), false)
    }

    #[test]
    fn silence_is_idleness_and_half_a_head_is_not() {
        let mut watch = Watch::new(EngineTime(0));
        assert_eq!(watch.next(&OPTIONS()), Some(EngineTime(100)));
        assert_eq!((at(&mut watch, 99), at(&mut watch, 100)), (None, Some(Overdue::Idle)));
        watch.read(3);
        assert_eq!(watch.next(&OPTIONS()), Some(EngineTime(110)));
        watch.read(3);
        assert_eq!(at(&mut watch, 109), None);
        assert!(
            matches!(at(&mut watch, 110), Some(Overdue::Cut(_))),
            "every byte more does not give more time"
        );
    }

    #[test]
    fn a_request_at_work_is_never_overdue() {
        let mut watch = Watch::new(EngineTime(0));
        watch.read(100);
        watch.works();
        assert_eq!((watch.next(&OPTIONS()), at(&mut watch, 1 << 40)), (None, None));
        watch.answered();
        assert_eq!(watch.next(&OPTIONS()), Some(EngineTime((1 << 40) + 100)));
    }

    #[test]
    fn a_body_must_arrive_at_some_speed() {
        let mut watch = Watch::new(EngineTime(0));
        watch.read(100);
        watch.receives();
        watch.read(READ_CHUNK_BYTES);
        assert_eq!(at(&mut watch, 20), None);
        assert_eq!(watch.next(&OPTIONS()), Some(EngineTime(40)));
        watch.read(READ_CHUNK_BYTES - 1);
        assert!(matches!(at(&mut watch, 40), Some(Overdue::Cut(_))));
    }

    #[test]
    fn a_reader_must_read_something_soon_and_enough_in_the_end_and_more_while_memory_is_awaited() {
        let blocked = || {
            let mut watch = Watch::new(EngineTime(0));
            watch.answered();
            watch.blocked();
            watch
        };
        let mut silent = blocked();
        assert_eq!(silent.next(&OPTIONS()), Some(EngineTime(5)));
        assert_eq!(at(&mut silent, 29), None);
        assert_eq!(at(&mut silent, 30), Some(Overdue::Cut("the peer does not read")));
        let mut slow = blocked();
        for millis in [20, 40, 59] {
            slow.written(1);
            slow.blocked();
            assert_eq!(at(&mut slow, millis), None);
            slow.written(1);
        }
        assert_eq!(at(&mut slow, 60), Some(Overdue::Cut("the peer reads too slowly")));
        let mut awaited = blocked();
        awaited.turn(EngineTime(5));
        assert!(awaited.overdue(&OPTIONS(), true).is_some());
        let mut done = blocked();
        done.turn(EngineTime(50));
        done.flushed();
        assert_eq!(done.next(&OPTIONS()), Some(EngineTime(150)), "idle since it has read everything");
    }
}
