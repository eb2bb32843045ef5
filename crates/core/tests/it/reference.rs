//! What a queue is, on a page: the reference that random histories are compared with.
//!
//! Apart because it must be plain enough to be believed. It keeps every record, looks at all of them each time, and knows
//! nothing of entries, images or timers.

use millstream_core::catalog::Overflow;
use millstream_core::lease::{Action, LeaseError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Ready,
    Leased { until: i64, connection: bool },
    Delayed { until: i64 },
    Moving,
    Settled,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    pub(crate) state: State,
    pub(crate) count: u32,
    /// The last delivery, or the move.
    pub(crate) lease: u64,
    pub(crate) priority: u8,
    pub(crate) expires: i64,
    /// Its share of its batch.
    pub(crate) bytes: u64,
}

/// One who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiter {
    pub(crate) name: u64,
    pub(crate) records_max: usize,
    pub(crate) until: i64,
    pub(crate) connection: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub(crate) records: Vec<Record>,
    pub(crate) waiters: Vec<Waiter>,
    pub(crate) next_lease: u64,
    pub(crate) timeout: i64,
    pub(crate) limit: u32,
    pub(crate) has_route: bool,
    pub(crate) length_max: Option<usize>,
    pub(crate) bytes_max: Option<u64>,
    pub(crate) overflow: Overflow,
}

/// Who waited and what they got.
pub(crate) type Served = Vec<(u64, Vec<(u64, u32, u64)>)>;

impl Queue {
    /// The next time at which something happens by itself, if it is not later than this.
    fn next_event(&self, now: i64, until: i64) -> Option<i64> {
        let of = |record: &Record| match record.state {
            State::Ready => record.expires,
            State::Leased { until, .. } => until,
            State::Delayed { until } => until.min(record.expires),
            State::Moving | State::Settled => i64::MAX,
        };
        let ends = self.waiters.iter().map(|waiter| waiter.until);
        let next = self.records.iter().map(of).chain(ends).min()?;
        (next <= until).then_some(next.max(now))
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, now: i64, until: i64) -> Served {
        let mut served = Vec::new();
        let mut now = now;
        while let Some(at) = self.next_event(now, until) {
            now = at;
            self.pass(now);
            served.extend(
                self.waiters.iter().filter(|waiter| waiter.until <= now).map(|who| (who.name, vec![])),
            );
            self.waiters.retain(|waiter| waiter.until > now);
            served.extend(self.serve(now));
        }
        served
    }

    /// What has run out by now is ready, what has expired goes.
    pub(crate) fn pass(&mut self, now: i64) {
        let mut due: Vec<(i64, usize)> = Vec::new();
        for (at, record) in self.records.iter_mut().enumerate() {
            let (State::Leased { until, .. } | State::Delayed { until }) = record.state else {
                if record.state == State::Ready && record.expires <= now {
                    due.push((record.expires, at));
                }
                continue;
            };
            let is_delayed = matches!(record.state, State::Delayed { .. });
            if until <= now || is_delayed && record.expires <= now {
                let shown = if is_delayed { until.min(record.expires) } else { until };
                record.state = State::Ready;
                if record.expires <= now {
                    due.push((shown, at));
                }
            }
        }
        due.sort_unstable();
        for (_, at) in due {
            self.bury(at);
        }
    }

    fn bury(&mut self, at: usize) {
        if self.has_route {
            (self.records[at].state, self.records[at].lease) = (State::Moving, self.next_lease);
            self.next_lease += 1;
        } else {
            self.records[at].state = State::Settled;
        }
    }

    pub(crate) fn ready(&self) -> Vec<usize> {
        let is_ready = |at: &usize| self.records[*at].state == State::Ready;
        let mut ready: Vec<usize> = (0..self.records.len()).filter(is_ready).collect();
        ready.sort_by_key(|&at| (255 - self.records[at].priority, at));
        ready
    }

    pub(crate) fn acquire(&mut self, now: i64, records_max: usize, connection: bool) -> Vec<(u64, u32, u64)> {
        let (mut taken, mut spent, mut expired) = (Vec::new(), Vec::new(), Vec::new());
        for at in self.ready() {
            if taken.len() == records_max {
                break;
            }
            let record = self.records[at];
            match () {
                () if record.expires <= now => expired.push(at),
                () if record.count >= self.limit => spent.push(at),
                () => taken.push(at),
            }
        }
        spent.into_iter().chain(expired).for_each(|at| self.bury(at));
        let until = if connection { i64::MAX } else { now + self.timeout };
        let deliver = |at: usize| {
            let record = &mut self.records[at];
            record.state = State::Leased { until, connection };
            (record.count, record.lease) = (record.count + 1, self.next_lease);
            self.next_lease += 1;
            (at as u64, record.count, record.lease)
        };
        taken.into_iter().map(deliver).collect()
    }

    /// Gives those who wait what there is.
    pub(crate) fn serve(&mut self, now: i64) -> Served {
        let mut served = Vec::new();
        while let Some(&first) = self.waiters.first() {
            // Consumers share what there is with those who wait behind them.
            let share = match first.connection {
                true => self.ready().len().div_ceil(self.waiters.len()).max(1),
                false => usize::MAX,
            };
            let got = self.acquire(now, first.records_max.min(share), first.connection);
            if got.is_empty() {
                break;
            }
            self.waiters.remove(0);
            served.push((first.name, got));
        }
        served
    }

    /// Adds a record unless the queue is full.
    pub(crate) fn append(&mut self, records: &[Record]) -> bool {
        let new_bytes = records.iter().map(|record| record.bytes).sum::<u64>();
        let is_over = self.length_max.is_some_and(|max| self.ready().len() + records.len() > max)
            || self.bytes_max.is_some_and(|max| self.ready_bytes() + new_bytes > max);
        if self.overflow == Overflow::Reject && is_over {
            return false;
        }
        self.records.extend_from_slice(records);
        true
    }

    fn ready_bytes(&self) -> u64 {
        self.ready().into_iter().map(|at| self.records[at].bytes).sum()
    }

    /// Gives up what is too much.
    pub(crate) fn cut(&mut self) {
        let mut ready = self.ready();
        ready.sort_by_key(|&at| (self.records[at].priority, at));
        let mut records = self.length_max.map_or(0, |max| ready.len().saturating_sub(max));
        let mut bytes = self.bytes_max.map_or(0, |max| self.ready_bytes().saturating_sub(max));
        for at in ready {
            if self.overflow == Overflow::Reject || records == 0 && bytes == 0 {
                return;
            }
            let share = self.records[at].bytes;
            if records > 0 || share > 0 {
                (records, bytes) = (records.saturating_sub(1), bytes.saturating_sub(share));
                match self.overflow {
                    Overflow::DeadLetter => self.bury(at),
                    _ => self.records[at].state = State::Settled,
                }
            }
        }
    }

    /// Settles what is ready, and says how much that was.
    pub(crate) fn purge(&mut self) -> u64 {
        let ready = self.ready();
        ready.iter().for_each(|&at| self.records[at].state = State::Settled);
        ready.len() as u64
    }

    /// Settles a record by its place, or has it moved.
    pub(crate) fn by_place(&mut self, at: usize, moves: bool) -> Result<(), LeaseError> {
        match self.records.get(at).ok_or(LeaseError::Unknown)?.state {
            State::Settled => return Err(LeaseError::Settled),
            State::Ready if moves => {
                (self.records[at].state, self.records[at].lease) = (State::Moving, self.next_lease);
                self.next_lease += 1;
            }
            State::Ready => self.records[at].state = State::Settled,
            State::Leased { .. } | State::Delayed { .. } | State::Moving => return Err(LeaseError::NotReady),
        }
        Ok(())
    }

    pub(crate) fn settle(
        &mut self,
        now: i64,
        at: usize,
        lease: u64,
        action: Action,
    ) -> Result<(), LeaseError> {
        let record = *self.records.get(at).ok_or(LeaseError::Unknown)?;
        let is_held = matches!(record.state, State::Leased { until, .. } if until > now);
        match record.state {
            State::Settled => return Err(LeaseError::Settled),
            State::Moving => return Err(LeaseError::NotLeased),
            _ if record.lease != lease || record.count == 0 => return Err(LeaseError::NotLeased),
            _ if !is_held && action != (Action::Ack { late: true }) => return Err(LeaseError::NotLeased),
            _ => {}
        }
        let spent = record.count >= self.limit;
        let after = |ms: u64| now + i64::try_from(ms).expect("small");
        match action {
            Action::Ack { .. } | Action::Absent => self.records[at].state = State::Settled,
            Action::Reject | Action::Expire => self.bury(at),
            Action::Release { delivered: true, .. } | Action::Renew { timeout_ms: 0 } if spent => {
                self.bury(at)
            }
            Action::Renew { timeout_ms: 0 } => self.records[at].state = State::Ready,
            Action::Renew { timeout_ms } => {
                let State::Leased { connection, .. } = record.state else { unreachable!("it is held") };
                self.records[at].state = State::Leased { until: after(timeout_ms), connection };
            }
            Action::Release { delay_ms, delivered } => {
                self.records[at].count -= u32::from(!delivered);
                self.records[at].state = match delay_ms {
                    0 => State::Ready,
                    ms => State::Delayed { until: after(ms) },
                };
            }
        }
        Ok(())
    }

    /// How many records it settles.
    pub(crate) fn seek(&mut self, to: usize) -> u64 {
        let settled = self.records[..to].iter().filter(|record| record.state != State::Settled).count();
        for (at, record) in self.records.iter_mut().enumerate() {
            record.bytes = 0;
            let was = record.state;
            record.state = match was {
                _ if at < to => State::Settled,
                State::Delayed { .. } if record.count == 0 => was,
                _ => State::Ready,
            };
            if at >= to {
                record.count = 0;
                if was == State::Settled {
                    // What was settled is forgotten: it comes back as an ordinary record.
                    (record.priority, record.expires) = (0, i64::MAX);
                }
            }
        }
        settled as u64
    }

    /// A restart ends what was bound to connections, and every wait.
    pub(crate) fn restart(&mut self, now: i64) {
        self.waiters.clear();
        for record in &mut self.records {
            record.state = match record.state {
                State::Leased { connection: true, .. } => State::Ready,
                State::Leased { until, .. } if until <= now => State::Ready,
                State::Delayed { until } if until.min(record.expires) <= now => State::Ready,
                state => state,
            };
        }
        self.pass(now);
    }

    /// Ready, leased, delayed, moving.
    pub(crate) fn counts(&self) -> [u64; 4] {
        let mut counts = [0; 4];
        for record in &self.records {
            match record.state {
                State::Ready => counts[0] += 1,
                State::Leased { .. } => counts[1] += 1,
                State::Delayed { .. } => counts[2] += 1,
                State::Moving => counts[3] += 1,
                State::Settled => {}
            }
        }
        counts
    }
}
