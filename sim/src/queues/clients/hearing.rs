//! What clients are told, and how it is written down.
//!
//! Apart because each answer is compared with what was asked. A little long, since an answer stands beside all that
//! it may be the answer to.

use anyhow::{Context, Result, anyhow, bail, ensure};
use millstream_core::Reply;
use millstream_core::lease::{Acquired, LeaseError, LeaseRef, LeaseReply, PeekedRecord, RecordState};
use millstream_testkit::checker::queue::{
    Act, Count, Event, Got, Holding, Look, Outcome, Poll, Seen, Settle, Span, Whole,
};
use millstream_types::{ErrorKind, LogId, Offset};

use super::names::{copy, heir, value};
use super::{Asked, Asking, Clients, Held, Place, What, us};
use crate::queues::Found;
use crate::queues::plan::{GRAVES, REPLAYED, SINGLE};

/// Deliveries that are remembered for being settled.
const HELD_MAX: usize = 60;

/// Finds a record where it was said to be.
pub(in crate::queues) type Read<'a> = dyn Fn(LogId, Offset) -> Result<Found> + 'a;

/// What is at a place.
enum At {
    Message(u64),
    Trimmed,
    PowerOff,
}

impl Clients {
    /// Takes an answer. `read` finds a record that was delivered. Returns what a count says.
    pub(in crate::queues) fn hear(&mut self, tag: u64, reply: Reply, read: &Read<'_>) -> Result<Option<u64>> {
        let to = self.at();
        let asked = self.asked.get_mut(&tag).with_context(|| format!("a second answer: {reply:?}"))?;
        if matches!(reply, Reply::Refused(ErrorKind::Indeterminate | ErrorKind::ShuttingDown)) {
            asked.is_open = true;
            return Ok(None);
        }
        ensure!(!asked.is_open, "a second answer: {reply:?}");
        let Asked { from, what, .. } = self.asked.remove(&tag).expect("it was just looked at");
        let at = Span { from, to };
        match (what, reply) {
            (What::Send { queue, sends, .. }, Reply::Refused(kind)) => {
                self.is_refusal(queue, kind)?;
                self.sent(&sends, at, Outcome::Refused, None);
            }
            (What::Together { sends, acts, .. }, Reply::Refused(kind)) => {
                for (_, sends) in sends {
                    self.is_refusal(sends[0].queue, kind)?;
                    self.sent(&sends, at, Outcome::Refused, None);
                }
                // Nothing of it has happened.
                for (delivery, _) in acts.into_iter().flatten() {
                    let held = self.held.iter_mut().find(|one| one.delivery == delivery);
                    held.into_iter().for_each(|one| one.is_settled = false);
                }
            }
            (What::Together { sends, .. }, Reply::Appended(results)) => {
                ensure!(sends.len() == results.len(), "one result per batch");
                for ((log, sends), result) in sends.into_iter().zip(results) {
                    let appended =
                        result.map_err(|kind| anyhow!("one batch of several is refused: {kind:?}"))?;
                    self.sent(&sends, at, Outcome::Done, Some((log, appended.base_offset.0)));
                }
            }
            (What::Together { sends, acts, number }, Reply::Transacted(done)) => {
                ensure!(sends.len() == done.appended.len(), "one result per batch");
                for ((log, sends), appended) in sends.into_iter().zip(done.appended) {
                    self.sent(&sends, at, Outcome::Done, Some((log, appended.base_offset.0)));
                }
                for (acts, results) in acts.into_iter().zip(done.settled) {
                    self.hear_settled(acts, &results, at, Some(number))?;
                }
            }
            (What::Poll(asking), Reply::Refused(ErrorKind::TooManyLeased)) => {
                ensure!(asking.leased_max.is_some(), "refused for what was not asked");
                self.history.events.push(Event::Poll(asking.event(at, Outcome::Refused)));
            }
            (What::Attach { queue, holder, exclusive }, Reply::Refused(ErrorKind::HolderExcluded)) => {
                let outcome = Outcome::Refused;
                self.history.events.push(Event::Attach(Holding { queue, holder, at, exclusive, outcome }));
            }
            (What::Route(change), Reply::Route(reply)) => {
                self.routes.as_mut().context("there are no routes")?.hear(&change, &reply)?;
            }
            (What::Route(change), Reply::Refused(kind)) => {
                self.routes.as_mut().context("there are no routes")?.refused(&change, kind)?;
            }
            (_, Reply::Refused(kind)) => {
                ensure!(
                    matches!(kind, ErrorKind::StorageFull | ErrorKind::LimitExceeded),
                    "refused: {kind:?}"
                );
            }
            (What::Send { queue, log, sends }, Reply::Appended(results)) => match results[0] {
                Ok(appended) => {
                    let base = appended.base_offset.0;
                    self.sent(&sends, at, Outcome::Done, Some((log, base)));
                    ensure!(
                        !appended.duplicate || sends[0].dedup.is_some(),
                        "a duplicate of what has no id in queue {queue}"
                    );
                }
                Err(kind) => {
                    self.is_refusal(queue, kind)?;
                    self.sent(&sends, at, Outcome::Refused, None);
                }
            },
            (what, Reply::Lease(reply)) => return self.hear_lease(what, *reply, at, read),
            (what, reply) => bail!("{what:?} is answered by {reply:?}"),
        }
        Ok(None)
    }

    fn is_refusal(&self, queue: usize, kind: ErrorKind) -> Result<()> {
        let is_full = kind == ErrorKind::StreamFull && self.queues[queue].name == "short";
        ensure!(is_full || kind == ErrorKind::StorageFull, "a send is refused: {kind:?}");
        Ok(())
    }

    fn hear_lease(
        &mut self,
        what: What,
        reply: LeaseReply,
        at: Span,
        read: &Read<'_>,
    ) -> Result<Option<u64>> {
        let done = |queue| Whole { queue, at, outcome: Outcome::Done };
        let event = match (what, reply) {
            (What::Poll(asking), LeaseReply::Acquired(acquired)) => {
                let Some(event) = self.delivered(&asking, &acquired, at, read)? else {
                    // Whoever asked is gone with the broker.
                    self.next_tag += 1;
                    let what = What::Poll(asking);
                    self.asked.insert(self.next_tag, Asked { from: at.from, what, is_open: true });
                    return Ok(None);
                };
                event
            }
            (What::Settle(acts), LeaseReply::Settled(results)) => {
                self.hear_settled(acts, &results, at, None)?;
                return Ok(None);
            }
            (What::Place { queue, messages, settles }, LeaseReply::Settled(results)) => {
                ensure!(messages.len() == results.len(), "one result per record");
                let outcome = |result: &Result<(), LeaseError>| match result {
                    Ok(()) => Outcome::Done,
                    Err(_) => Outcome::Refused,
                };
                let outcomes: Vec<Outcome> = results.iter().map(outcome).collect();
                self.placed(queue, &messages, settles, at, &outcomes);
                return Ok(None);
            }
            (What::EndHolder { queue, holder, deliveries }, LeaseReply::Done) => {
                self.gave_back(&deliveries, at, Outcome::Done);
                Event::Leave(Holding { queue, holder, at, exclusive: false, outcome: Outcome::Done })
            }
            (What::Cancel { queue, holder }, LeaseReply::Done) => {
                Event::Yield(Holding { queue, holder, at, exclusive: false, outcome: Outcome::Done })
            }
            (What::Attach { queue, holder, exclusive }, LeaseReply::Done) => {
                Event::Attach(Holding { queue, holder, at, exclusive, outcome: Outcome::Done })
            }
            (What::Look { queue }, LeaseReply::Peeked { records, next }) => {
                let Some(event) = self.seen(queue, &records, next.is_none(), at, read)? else {
                    return Ok(None);
                };
                event
            }
            // Which of them were ready, the judge need not know.
            (What::PurgeReady(queue), LeaseReply::Purged { .. }) => {
                Event::Purge(Whole { outcome: Outcome::Unknown, ..done(queue) })
            }
            (What::Purge(queue), LeaseReply::Sought { .. }) => Event::Purge(done(queue)),
            (What::Replay(queue), LeaseReply::Sought { .. }) => Event::Replay(done(queue)),
            (What::Redrive(queue), LeaseReply::Redrive { .. }) => Event::Redrive(done(queue)),
            (What::Count(queue), LeaseReply::Described(counts)) => {
                let Ok(counts) = counts[0] else { bail!("a queue is not counted: {counts:?}") };
                let messages = counts.ready + counts.leased + counts.delayed + counts.moving;
                self.history.events.push(Event::Count(Count { queue, at, messages, leased: counts.leased }));
                return Ok(Some(messages));
            }
            (what, reply) => bail!("{what:?} is answered by {reply:?}"),
        };
        self.history.events.push(event);
        Ok(None)
    }

    fn hear_settled(
        &mut self,
        acts: Vec<(u64, Act)>,
        results: &[Result<(), LeaseError>],
        at: Span,
        together: Option<u64>,
    ) -> Result<()> {
        ensure!(acts.len() == results.len(), "one result per lease");
        for ((delivery, act), result) in acts.into_iter().zip(results) {
            let outcome = if result.is_ok() { Outcome::Done } else { Outcome::Refused };
            self.history.events.push(Event::Settle(Settle { delivery, at, act, outcome, together }));
        }
        Ok(())
    }

    pub(super) fn gave_back(&mut self, deliveries: &[(u64, bool)], at: Span, outcome: Outcome) {
        let act = Act::Release { delay_us: 0, counts: true };
        for &(delivery, is_sure) in deliveries {
            let outcome = if is_sure { outcome } else { Outcome::Unknown };
            self.history.events.push(Event::Settle(Settle { delivery, at, act, outcome, together: None }));
        }
    }

    /// Which message is at a place; the record is read the first time.
    fn message_at(&mut self, place: Place, read: &Read<'_>) -> Result<At> {
        if let Some(message) = self.places.get(&place) {
            return Ok(At::Message(*message));
        }
        let (queue, index, offset) = place;
        let log = LogId { stream: self.streams[queue], index };
        let (found, source) = match read(log, Offset(offset))? {
            Found::Record { value, source } => (value, source),
            Found::PowerOff => return Ok(At::PowerOff),
            Found::Trimmed => return Ok(At::Trimmed),
        };
        let number = found.get(..8).context("a value holds its number")?;
        let number = u64::from_le_bytes(number.try_into()?);
        ensure!(found[..] == value(number)[..], "message {number} has another value");
        let origin = match source {
            Some(source) => self.queues.iter().position(|queue| *queue.name == *source),
            None => Some(queue),
        };
        let message = copy(number, origin.context("a dead letter of no queue")?);
        let message = if GRAVES.contains(&queue) { heir(message, queue) } else { message };
        self.places.insert(place, message);
        Ok(At::Message(message))
    }

    fn delivered(
        &mut self,
        asking: &Asking,
        acquired: &Acquired,
        at: Span,
        read: &Read<'_>,
    ) -> Result<Option<Event>> {
        let &Asking { queue, lease_us, connection, holder, .. } = asking;
        let asked = at.from;
        // The answer says in which millisecond it was decided.
        let decided = us(acquired.now.0.cast_unsigned());
        let at = Span { from: at.from.max(decided), to: at.to.min(decided + 999) };
        ensure!(at.from <= at.to, "decided at {decided}, asked and answered within {at:?}");
        let (mut got, mut held) = (Vec::new(), Vec::new());
        for record in &acquired.records {
            let place = (queue, record.log, record.offset.0);
            let message = match self.message_at(place, read)? {
                At::Message(message) => message,
                At::PowerOff => return Ok(None),
                At::Trimmed => {
                    // Purged or replayed, or its lease has ended and then its time to live: trimmed before the answer was heard.
                    ensure!(
                        queue == REPLAYED || self.now_us() >= at.from.saturating_add(lease_us),
                        "{} has no record at {} of log {}",
                        self.queues[queue].name,
                        record.offset,
                        record.log
                    );
                    continue;
                }
            };
            self.remember(place, message);
            let known = self.deliveries.get(&(place, record.lease)).copied();
            ensure!(known.is_none() || asking.attempt.is_some(), "a lease is handed out twice: {record:?}");
            let place_told = Some(self.told(place));
            let count = record.delivery_count;
            if let Some(delivery) = known {
                got.push(Got { message, delivery, count, place: place_told });
                continue;
            }
            self.next_delivery += 1;
            let delivery = self.next_delivery;
            self.deliveries.insert((place, record.lease), delivery);
            let lease = LeaseRef { log: record.log, offset: record.offset, lease: record.lease };
            let until_us = at.from.saturating_add(lease_us);
            let (is_settled, is_in_doubt) = (false, false);
            held.push(Held { queue, delivery, lease, connection, holder, until_us, is_settled, is_in_doubt });
            got.push(Got { message, delivery, count, place: place_told });
        }
        if queue == SINGLE && !held.is_empty() {
            self.served = Some(holder);
        }
        self.held.extend(held);
        let surplus = self.held.len().saturating_sub(HELD_MAX);
        self.held.drain(..surplus);
        // Keys may have to be read first, others may have to leave first, and who is told again takes nothing.
        let may_be_kept = self.queues[queue].has_keys || self.queues[queue].rules.single;
        let is_plain = asking.leased_max.is_none() && asking.attempt.is_none();
        let is_all = got.len() == acquired.records.len();
        let takes_all = !may_be_kept && is_plain && is_all;
        let waits_since = (asking.waits && takes_all).then_some(asked);
        Ok(Some(Event::Poll(Poll { takes_all, waits_since, got, ..asking.event(at, Outcome::Done) })))
    }

    /// What somebody has seen of a queue; `None` if the power went before it was read.
    fn seen(
        &mut self,
        queue: usize,
        records: &[PeekedRecord],
        mut is_all: bool,
        at: Span,
        read: &Read<'_>,
    ) -> Result<Option<Event>> {
        let mut messages = Vec::new();
        for record in records {
            let place = (queue, record.log, record.offset.0);
            let message = match self.message_at(place, read)? {
                At::Message(message) => message,
                At::PowerOff => return Ok(None),
                At::Trimmed => {
                    is_all = false;
                    continue;
                }
            };
            self.remember(place, message);
            let seen = match record.state {
                RecordState::Ready => Seen::Ready,
                RecordState::Leased { .. } => Seen::Out,
                RecordState::Delayed { .. } | RecordState::Moving { .. } => Seen::Aside,
            };
            messages.push((message, seen));
        }
        Ok(Some(Event::Look(Look { queue, at, messages, is_all })))
    }
}
