//! What clients ask for, and what they do with what they get.
//!
//! Apart because these are the requests of consumers, with all their shapes.

use std::collections::{BTreeMap, BTreeSet};

use millstream_core::Request;
use millstream_core::lease::{
    Acquire, Action, Attach, Binding, HolderId, LeaseRequest, SeekTo, Settle as SettleRequest,
};
use millstream_testkit::checker::queue::Act;
use millstream_testkit::sim_disk::Rng;

use super::{Asked, Asking, Clients, HOLDERS, Held, What, us};
use crate::queues::plan::{NAMED, SECOND, SINGLE};

/// "Until its connection ends", in microseconds.
const FOR_EVER_US: u64 = 1 << 52;
/// Receives that are remembered for being repeated.
const ATTEMPTS_MAX: usize = 6;

/// A receive that may be repeated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    asking: Asking,
    acquire: Acquire,
}

impl Clients {
    pub(super) fn poll(&mut self, rng: &mut Rng, queue: usize) -> (u64, Request) {
        let timeout_ms = self.queues[queue].timeout_ms;
        let connection = rng.one_in(4);
        let own_ms = [None, None, Some(20), Some(3_000)][rng.below(4) as usize];
        let lease_us = match own_ms {
            None if connection => FOR_EVER_US,
            own => us(own.unwrap_or(timeout_ms)),
        };
        let binding = match connection {
            true => Binding::Connection { timeout_ms: own_ms },
            false => Binding::Timed { timeout_ms: own_ms },
        };
        let wait_ms = [0, 0, 0, 30, 700][rng.below(5) as usize];
        let holder = self.first_holder + rng.below(HOLDERS);
        let records_max = 1 + rng.below(5) as u32;
        let acquire = Acquire {
            group: self.group(queue),
            holder: HolderId(holder),
            binding,
            records_max,
            wait_ms,
            priority: rng.below(2) as i32,
            leased_max: None,
            attempt: None,
        };
        let asking = Asking {
            waits: wait_ms > 0,
            queue,
            records_max,
            lease_us,
            connection,
            holder,
            leased_max: None,
            attempt: None,
        };
        self.lease(What::Poll(asking), LeaseRequest::Acquire(acquire))
    }

    /// As [`Clients::poll`], with whatever else can be asked for; or asks again as somebody has asked before.
    pub(super) fn ask_for(&mut self, rng: &mut Rng, queue: usize) -> (u64, Request) {
        let is_asked = |number: Option<u64>| {
            self.asked.values().any(|asked| matches!(asked.what, What::Poll(of) if of.attempt == number))
        };
        let again = self.attempts.len().checked_sub(1 + rng.below(3) as usize);
        let again = again.map(|at| self.attempts[at]).filter(|one| !is_asked(one.asking.attempt));
        if let Some(Attempt { asking, acquire }) = again.filter(|_| rng.one_in(4)) {
            return self.lease(What::Poll(asking), LeaseRequest::Acquire(acquire));
        }
        let timeout_ms = self.queues[queue].timeout_ms;
        let binding = match rng.below(8) {
            0..=3 => Binding::Timed { timeout_ms: None },
            4..=5 => Binding::Connection { timeout_ms: None },
            6 => Binding::Connection { timeout_ms: Some(400) },
            _ if queue == NAMED => Binding::Named,
            _ => Binding::Timed { timeout_ms: Some(3_000) },
        };
        let lease_us = match binding {
            Binding::Named | Binding::Connection { timeout_ms: None } => FOR_EVER_US,
            Binding::Timed { timeout_ms: own } => us(own.unwrap_or(timeout_ms)),
            Binding::Connection { timeout_ms: Some(own) } => us(own),
        };
        let connection = matches!(binding, Binding::Connection { .. });
        let holder = self.first_holder + rng.below(HOLDERS);
        let records_max = 1 + rng.below(5) as u32;
        let leased_max = rng.one_in(4).then(|| 1 + rng.below(6) as u32);
        let may_repeat = matches!(binding, Binding::Timed { .. }) && queue != SINGLE && leased_max.is_none();
        let attempt = (may_repeat && rng.one_in(2)).then(|| self.next_tag + 1);
        let acquire = Acquire {
            group: self.group(queue),
            holder: HolderId(holder),
            binding,
            records_max,
            wait_ms: [0, 0, 30, 700][rng.below(4) as usize],
            priority: rng.below(2) as i32,
            leased_max,
            attempt: attempt.map(u128::from),
        };
        let waits = acquire.wait_ms > 0;
        let asking = Asking { waits, queue, records_max, lease_us, connection, holder, leased_max, attempt };
        if attempt.is_some() {
            self.attempts.push_back(Attempt { asking, acquire });
            if self.attempts.len() > ATTEMPTS_MAX {
                self.attempts.pop_front();
            }
        }
        self.lease(What::Poll(asking), LeaseRequest::Acquire(acquire))
    }

    /// Takes what there is of a queue, for long.
    pub(in crate::queues) fn take(
        &mut self,
        queue: usize,
        records_max: u32,
        lease_ms: u64,
    ) -> (u64, Request) {
        let acquire = Acquire {
            group: self.group(queue),
            holder: HolderId(self.first_holder),
            binding: Binding::Timed { timeout_ms: Some(lease_ms) },
            records_max,
            wait_ms: 0,
            priority: 0,
            leased_max: None,
            attempt: None,
        };
        let (lease_us, holder) = (us(lease_ms), self.first_holder);
        let connection = false;
        let asking = Asking {
            waits: false,
            queue,
            records_max,
            lease_us,
            connection,
            holder,
            leased_max: None,
            attempt: None,
        };
        self.lease(What::Poll(asking), LeaseRequest::Acquire(acquire))
    }

    /// Acks everything that was delivered and not settled, a request for each queue.
    pub(in crate::queues) fn ack_all(&mut self) -> Vec<(u64, Request)> {
        let now_us = self.now_us();
        let held = std::mem::take(&mut self.held);
        let mut by_queue: BTreeMap<usize, Vec<Held>> = BTreeMap::new();
        for one in held.into_iter().filter(|one| !one.is_settled && one.until_us > now_us) {
            self.settled.entry((one.queue, one.lease.log, one.lease.offset.0)).or_insert(now_us);
            by_queue.entry(one.queue).or_default().push(one);
        }
        let mut requests = Vec::new();
        for (queue, held) in by_queue {
            let leases = held.iter().map(|one| (one.lease, Action::Ack { late: false })).collect();
            let acts = held.iter().map(|one| (one.delivery, Act::Ack { late: false })).collect();
            let request = LeaseRequest::Settle(SettleRequest { group: self.group(queue), leases });
            requests.push(self.lease(What::Settle(acts), request));
        }
        requests
    }

    pub(super) fn settle(&mut self, rng: &mut Rng) -> Option<(u64, Request)> {
        let newest = self.held.len().checked_sub(1)?;
        let reach = if rng.one_in(6) { newest as u64 + 1 } else { 5 };
        let age = rng.below(reach);
        let queue = self.held[newest.saturating_sub(age as usize)].queue;
        let acts = [
            (Action::Ack { late: false }, Act::Ack { late: false }),
            (Action::Ack { late: false }, Act::Ack { late: false }),
            (Action::Ack { late: true }, Act::Ack { late: true }),
            (Action::Release { delay_ms: 0, delivered: true }, Act::Release { delay_us: 0, counts: true }),
            (Action::Release { delay_ms: 0, delivered: false }, Act::Release { delay_us: 0, counts: false }),
            (
                Action::Release { delay_ms: 400, delivered: true },
                Act::Release { delay_us: us(400), counts: true },
            ),
            (Action::Reject, Act::Reject),
            (Action::Expire, Act::Reject),
            (Action::Renew { timeout_ms: 0 }, Act::Release { delay_us: 0, counts: true }),
            (Action::Renew { timeout_ms: 50 }, Act::Renew { lease_us: us(50) }),
            (Action::Renew { timeout_ms: 4_000 }, Act::Renew { lease_us: us(4_000) }),
        ];
        let (mut leases, mut noted, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        let now_us = self.now_us();
        for one in self.held.iter_mut().rev().skip(age as usize).take(6) {
            if one.queue != queue || leases.len() == 3 || !seen.insert((one.lease.log, one.lease.offset)) {
                continue;
            }
            let (action, act) = acts[rng.below(acts.len() as u64) as usize];
            match act {
                Act::Renew { lease_us } => (one.until_us, one.is_in_doubt) = (now_us + lease_us, true),
                _ => one.is_settled = true,
            }
            if let Act::Ack { .. } | Act::Reject = act {
                let place = (queue, one.lease.log, one.lease.offset.0);
                self.settled.entry(place).or_insert(now_us);
            }
            leases.push((one.lease, action));
            noted.push((one.delivery, act));
        }
        let request = LeaseRequest::Settle(SettleRequest { group: self.group(queue), leases });
        Some(self.lease(What::Settle(noted), request))
    }

    /// Asks for what ends every lease of a queue.
    pub(super) fn whole(&mut self, queue: usize, what: What, request: LeaseRequest) -> (u64, Request) {
        for one in self.held.iter_mut().filter(|one| one.queue == queue) {
            one.is_in_doubt = true;
        }
        self.lease(what, request)
    }

    /// Has everything that a queue holds come again.
    pub(in crate::queues) fn replay(&mut self, queue: usize) -> (u64, Request) {
        let request = LeaseRequest::Seek { group: self.group(queue), to: SeekTo::Start };
        self.whole(queue, What::Replay(queue), request)
    }

    /// A connection ends that has nothing under way.
    pub(super) fn end_holder(&mut self, rng: &mut Rng) -> Option<(u64, Request)> {
        if self.asked.values().any(|asked| matches!(asked.what, What::Settle(_) | What::Poll { .. })) {
            return None;
        }
        let of = self.held.iter().rev().find(|one| one.connection && !one.is_settled).copied();
        let of = of.filter(|_| rng.one_in(2))?;
        Some(self.end(of.queue, of.holder))
    }

    /// A holder ends that has nothing under way.
    pub(super) fn leave(&mut self, rng: &mut Rng) -> Option<(u64, Request)> {
        let queue = if rng.one_in(4) { rng.below(self.queues.len() as u64) as usize } else { SINGLE };
        let some = self.first_holder + rng.below(HOLDERS);
        let holder = self.served.filter(|_| queue == SINGLE && !rng.one_in(4)).unwrap_or(some);
        let is_busy = |asked: &Asked| match &asked.what {
            What::Settle(_) | What::Together { .. } => true,
            What::Poll(asking) => (asking.queue, asking.holder) == (queue, holder),
            _ => false,
        };
        if self.asked.values().any(is_busy) {
            return None;
        }
        if rng.one_in(3) {
            let group = self.group(queue);
            let request = LeaseRequest::CancelAcquire { group, holder: HolderId(holder) };
            return Some(self.lease(What::Cancel { queue, holder }, request));
        }
        Some(self.end(queue, holder))
    }

    fn end(&mut self, queue: usize, holder: u64) -> (u64, Request) {
        let now_us = self.now_us();
        let mut deliveries = Vec::new();
        for one in &mut self.held {
            if (one.queue, one.holder, one.connection) == (queue, holder, true) {
                if !one.is_settled && one.until_us > now_us {
                    deliveries.push((one.delivery, !one.is_in_doubt));
                }
                one.is_settled = true;
            }
        }
        let request = LeaseRequest::EndHolder { group: self.group(queue), holder: HolderId(holder) };
        self.lease(What::EndHolder { queue, holder, deliveries }, request)
    }

    /// The waits of some holder end.
    pub(super) fn cancel(&mut self, rng: &mut Rng, queue: usize) -> (u64, Request) {
        let holder = self.first_holder + rng.below(HOLDERS);
        let request = LeaseRequest::CancelAcquire { group: self.group(queue), holder: HolderId(holder) };
        self.lease(What::Cancel { queue, holder }, request)
    }

    /// A holder begins to consume.
    pub(super) fn attach(&mut self, rng: &mut Rng) -> (u64, Request) {
        let queue = if rng.one_in(2) { SINGLE } else { SECOND };
        let holder = self.first_holder + rng.below(HOLDERS);
        let (priority, exclusive) = (rng.below(2) as i32, rng.one_in(4));
        let attach = Attach { group: self.group(queue), holder: HolderId(holder), priority, exclusive };
        self.lease(What::Attach { queue, holder, exclusive }, LeaseRequest::Attach(attach))
    }
}
