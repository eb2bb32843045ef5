//! What takes records into other streams: dead letters, and records that go back (R3). It also reads ordering keys
//! ([`keys`]), the other thing for which the shard needs bytes.
//!
//! Apart because the shard never opens a batch: it marks a record as moving and says so; here the record is read, a batch
//! is made of it, and the move ended by a request that appends it there and settles it here, both or neither. A value
//! without a thread, so that a simulator can decide when each step happens; [`thread`] runs it in a real engine.
//!
//! ```text
//! TakeMoves ──► moves ──► read, resolve, build: a group ──► FinishMoves ──► ended, refused ──► next group, or TakeMoves
//! ```
//!
//! One request is under way at a time, so that memory holds one group and one opened batch. A crash at any point repeats
//! nothing and loses nothing: what was not ended is handed out again after the start.
//!
//! | what is found | how the move ends |
//! |---|---|
//! | record and target | append; a record that goes in a circle by itself is dropped |
//! | no record (trimmed, compacted away, log deleted) | drop |
//! | its stream has no dead-letter route any more | drop |
//! | the target of dead letters does not exist, or refuses | later, with growing pauses: nothing is lost, nothing is read meanwhile |
//! | dead letters go by a route: it leads to streams | append to all that it does not go in a circle to; one that refuses puts off all |
//! | dead letters go by a route: it leads nowhere, or only in circles | drop |
//! | the target of a redrive does not exist, or refuses | return |
//! | a redrive to the source, and the stream that the record names has no dead-letter route to here | return |
//! | the record cannot be read, or not be what the target takes | later, in an hour; a redrive: return |

mod keys;
mod letter;
mod reader;
mod stats;
mod thread;
mod trouble;
mod way;

pub(crate) use stats::MoverStats;
pub use stats::MoverTotals;
pub(crate) use thread::MoverThread;

use crate::catalog::Catalog;
use keys::KeyReader;
use millstream_core::catalog::StreamEntry;
use millstream_core::lease::{
    FinishMove, LeaseReply, LeaseRequest, Move, MoveOutcome, MoveReason, MoveTarget,
};
use millstream_core::log::AppendBatch;
use millstream_core::{Reply, Request};
use millstream_storage::Views;
use millstream_types::batch::{Compression, Record};
use millstream_types::dead_letter::DeadLetter;
use millstream_types::limits::{BATCH_BYTES_MAX, FRAME_BYTES_MAX, MOVE_TARGETS_MAX, MOVES_PER_REQUEST_MAX};
use millstream_types::routed::Routed;
use millstream_types::{EngineTime, ErrorKind, LogId};
use reader::{Found, Reader};
use std::collections::VecDeque;
use std::sync::Arc;
use trouble::{HOPELESS_MS, Trouble, Troubles};
use way::To;

/// What a step sees of the engine.
pub(crate) struct World<'a> {
    /// Engine time.
    pub(crate) now: EngineTime,
    /// Every stream.
    pub(crate) catalog: &'a Catalog,
    /// Every log.
    pub(crate) views: &'a Views,
}

const TAKE: u64 = 1;
const FINISH: u64 = 2;
const TAKE_KEYS: u64 = 3;
const GIVE_KEYS: u64 = 4;

/// After so many bytes read and appended a group is ended: a step takes milliseconds.
const GROUP_BYTES: u64 = 1 << 20;
/// How long nothing is asked for after the shard has refused to decide, in milliseconds.
const RETRY_MS: u64 = 1_000;

const _: () = assert!(
    GROUP_BYTES + BATCH_BYTES_MAX as u64 + (8 << 20) < FRAME_BYTES_MAX as u64,
    "a frame holds a group, the largest batch at its end and their entries"
);

/// The mover of one data directory.
pub(crate) struct Mover {
    /// The shard has been asked for moves.
    is_asking: bool,
    /// Moves that were handed out.
    taken: VecDeque<Taken>,
    /// Those whose end was handed to the shard, in its order.
    ending: Vec<Ending>,
    /// Nothing is asked for before.
    not_before: EngineTime,
    reader: Reader,
    troubles: Troubles,
    keys: KeyReader,
    stats: Arc<MoverStats>,
}

struct Taken {
    of: Move,
    /// The target has refused this very record.
    is_unfit: bool,
}

struct Ending {
    of: Move,
    /// How it is to end.
    how: How,
}

/// A move that can end in its target.
struct Way {
    source: Arc<StreamEntry>,
    targets: Vec<Arc<StreamEntry>>,
    /// What it says then of how it came there, if it says so at all.
    routed: Option<Routed>,
    /// What it is if they refuse.
    trouble: Trouble,
    record: Record,
    /// How the batch was compressed that it lay in.
    compression: Compression,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// In its target; if that refuses, it is this.
    There(Trouble),
    Elsewise(Elsewise),
}

/// How a move ends that does not end in its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Elsewise {
    Drop { is_cycle: bool },
    Return,
    Later { after_ms: u64 },
}

impl Elsewise {
    fn outcome(self) -> MoveOutcome {
        match self {
            Elsewise::Drop { .. } => MoveOutcome::Drop,
            Elsewise::Return => MoveOutcome::Return,
            Elsewise::Later { after_ms } => MoveOutcome::Later { after_ms },
        }
    }
}

impl Mover {
    pub(crate) fn new(stats: Arc<MoverStats>) -> Mover {
        Mover {
            is_asking: false,
            taken: VecDeque::new(),
            ending: Vec::new(),
            not_before: EngineTime(i64::MIN),
            reader: Reader::default(),
            troubles: Troubles::default(),
            keys: KeyReader::new(),
            stats,
        }
    }

    /// Takes the answer to a request.
    pub(crate) fn answer(&mut self, tag: u64, reply: Reply, now: EngineTime) {
        match (tag, reply) {
            (TAKE, Reply::Lease(reply)) => {
                let LeaseReply::Moves(moves) = *reply else {
                    unreachable!("moves were asked for, not {reply:?}")
                };
                self.is_asking = false;
                if moves.is_empty() {
                    // Somebody else has asked. There is nobody, but two that push each other out would never rest.
                    self.not_before = now.after_ms(RETRY_MS);
                }
                self.taken.extend(moves.into_iter().map(|of| Taken { of, is_unfit: false }));
            }
            (FINISH, Reply::Lease(reply)) => {
                let LeaseReply::Moved(results) = *reply else {
                    unreachable!("moves were ended, not {reply:?}")
                };
                assert_eq!(results.len(), self.ending.len(), "one result per move");
                let endings = std::mem::take(&mut self.ending).into_iter().zip(results);
                let again = endings.filter_map(|(ending, result)| self.ended(ending, result, now));
                let again: Vec<Taken> = again.collect();
                self.again(again);
            }
            (TAKE_KEYS, reply) => self.keys.asked(reply, now),
            (GIVE_KEYS, reply) => self.keys.given(&reply, now),
            // Nothing was decided: no room on the disk, or the engine stops.
            (TAKE, Reply::Refused(_)) => {
                self.is_asking = false;
                self.not_before = now.after_ms(RETRY_MS);
            }
            (FINISH, Reply::Refused(_)) => {
                let again = std::mem::take(&mut self.ending).into_iter();
                let again: Vec<Taken> =
                    again.map(|Ending { of, .. }| Taken { of, is_unfit: false }).collect();
                self.again(again);
                self.not_before = now.after_ms(RETRY_MS);
            }
            (tag, reply) => unreachable!("reply {reply:?} to a request {tag} that was never made"),
        }
    }

    /// Does a group of what there is to move, and reads some keys if they are asked for; requests go to `requests`, with
    /// their tags. There is nothing else to do before a reply comes, or this time.
    pub(crate) fn step(
        &mut self,
        world: &World<'_>,
        requests: &mut Vec<(u64, Request)>,
    ) -> Option<EngineTime> {
        let (request, keys_due) = self.keys.step(world);
        if let Some(request) = request {
            let tag = if matches!(request, LeaseRequest::GiveKeys(_)) { GIVE_KEYS } else { TAKE_KEYS };
            requests.push((tag, Request::Lease(Box::new(request))));
        }
        [self.step_moves(world, requests), keys_due].into_iter().flatten().min()
    }

    fn step_moves(&mut self, world: &World<'_>, requests: &mut Vec<(u64, Request)>) -> Option<EngineTime> {
        if !self.ending.is_empty() || (self.taken.is_empty() && self.is_asking) {
            return None;
        }
        if world.now < self.not_before {
            return Some(self.not_before);
        }
        if self.taken.is_empty() {
            self.reader.forget();
            self.is_asking = true;
            requests.push((TAKE, Request::Lease(Box::new(LeaseRequest::TakeMoves))));
            return None;
        }
        let (mut bytes, mut targets) = (0, 0);
        let mut finishes = Vec::new();
        while finishes.len() < MOVES_PER_REQUEST_MAX && bytes < GROUP_BYTES && targets < MOVE_TARGETS_MAX {
            let Some(taken) = self.taken.pop_front() else { break };
            let of = taken.of;
            let (how, outcome) = self.decide(&taken, world);
            let (read, opened) = self.reader.take_cost();
            self.stats.update(|totals| totals.batches_opened += opened);
            bytes += read;
            if let MoveOutcome::Append(batches) = &outcome {
                bytes += batches.iter().map(|batch| batch.bytes.len() as u64).sum::<u64>();
                targets += batches.len();
            }
            self.ending.push(Ending { of, how });
            finishes.push(FinishMove { group: of.group, record: of.record, outcome });
        }
        requests.push((FINISH, Request::Lease(Box::new(LeaseRequest::FinishMoves(finishes)))));
        None
    }

    /// Moves that have not ended come first, in their order.
    fn again(&mut self, again: Vec<Taken>) {
        for taken in again.into_iter().rev() {
            self.taken.push_front(taken);
        }
    }

    /// A move has ended, or its target has refused the record: then it is to end in another way.
    fn ended(&mut self, ending: Ending, result: Result<bool, ErrorKind>, now: EngineTime) -> Option<Taken> {
        let Ending { of, how } = ending;
        match result {
            Ok(true) => {
                if let How::There(trouble) = how {
                    self.troubles.over(trouble);
                }
                self.stats.update(|totals| match how {
                    How::There(_) => totals.moved += 1,
                    How::Elsewise(Elsewise::Drop { is_cycle }) => {
                        totals.dropped += 1;
                        totals.cycles += u64::from(is_cycle);
                    }
                    How::Elsewise(Elsewise::Return) => totals.returned += 1,
                    How::Elsewise(Elsewise::Later { .. }) => totals.put_off += 1,
                });
                None
            }
            // It went another way meanwhile: its group was moved past it, or is gone.
            Ok(false) => None,
            Err(kind) => {
                let How::There(trouble) = how else { unreachable!("only an append is refused, not {how:?}") };
                let is_unfit = !passes(kind);
                if is_unfit {
                    self.say_unfit(&of, &format!("{kind:?}"), now);
                } else if self.troubles.note(trouble, now).is_news {
                    tracing::warn!(
                        target = ?trouble,
                        why = ?kind,
                        "a stream refuses dead letters; they wait where they were, and are tried again"
                    );
                }
                Some(Taken { of, is_unfit })
            }
        }
    }

    /// How a move ends.
    fn decide(&mut self, taken: &Taken, world: &World<'_>) -> (How, MoveOutcome) {
        let way = self.find_way(taken, world);
        match way.and_then(|way| Ok((way.trouble, self.make(&taken.of, &way, world.now)?))) {
            Ok((trouble, batches)) => (How::There(trouble), MoveOutcome::Append(batches)),
            Err(elsewise) => (How::Elsewise(elsewise), elsewise.outcome()),
        }
    }

    /// From where to where, and what.
    fn find_way(&mut self, taken: &Taken, world: &World<'_>) -> Result<Way, Elsewise> {
        let of = &taken.of;
        if taken.is_unfit {
            return Err(put_off(of, HOPELESS_MS));
        }
        let source = world.catalog.stream_by_id(of.group.stream).ok_or_else(nowhere)?;
        // Before anything is read: there may be many that cannot go there.
        let to = match of.target {
            MoveTarget::DeadLetter => self.dead_letters_of(of, &source, world)?,
            MoveTarget::Stream(id) => To::Stream(world.catalog.stream_by_id(id).ok_or_else(back)?),
            MoveTarget::Source => To::Source,
        };
        match &to {
            To::Stream(target) => self.check_willing(of, Trouble::Refusing(target.id), world.now)?,
            To::Route(..) => self.check_willing(of, Trouble::RouteRefusing(source.id), world.now)?,
            To::Source => {}
        }
        let log = of.group.log(of.record.log);
        let view = world.views.get(log).ok_or_else(nowhere)?;
        let (record, compression) = match self.reader.find(&view, of.record.offset) {
            Found::Record(record, compression) => (record, compression),
            Found::Absent => return Err(nowhere()),
            Found::NotYet => return Err(put_off(of, RETRY_MS)),
            Found::Unreadable(why) => return Err(self.is_unreadable(of, &source, log, &why, world.now)),
        };
        let (targets, routed) = match to {
            To::Stream(target) => {
                let is_death = letter::death_reason(of.reason).is_some();
                let was = Routed::parse(record.headers()).filter(|_| is_death);
                let routed = was.map(|_| Routed { by: "".into(), key: target.name[..].into() });
                (vec![target], routed)
            }
            To::Route(setting, route) => {
                let offset = of.record.offset;
                let found = way::targets(world.catalog, &source, &setting, route.as_ref(), &record, offset);
                let (targets, routed) = found.map_err(|kind| {
                    self.say_unfit(of, &format!("{kind:?}"), world.now);
                    put_off(of, HOPELESS_MS)
                })?;
                let trouble = Trouble::RouteRefusing(source.id);
                return Ok(Way { source, targets, routed: Some(routed), trouble, record, compression });
            }
            To::Source => {
                let letter = DeadLetter::parse(record.headers());
                let named = letter.and_then(|letter| world.catalog.stream(source.namespace, &letter.source));
                // Anyone who may write here may have written the headers: that does not let them write elsewhere.
                let sends_here = |from: &Arc<StreamEntry>| {
                    way::sends_to(world.catalog, from, &source, &record, of.record.offset)
                };
                let target = named.filter(sends_here).ok_or_else(back)?;
                self.check_willing(of, Trouble::Refusing(target.id), world.now)?;
                (vec![target], None)
            }
        };
        let trouble = Trouble::Refusing(targets[0].id);
        Ok(Way { source, targets, routed, trouble, record, compression })
    }

    /// Makes the batches of a record that has a way to go: the same one for each target.
    fn make(&mut self, of: &Move, way: &Way, now: EngineTime) -> Result<Vec<AppendBatch>, Elsewise> {
        let Way { source, targets, routed, record, compression, .. } = way;
        let history = letter::history(record, of, &source.name, now);
        let is_death = letter::death_reason(of.reason).is_some();
        let mut logs = Vec::with_capacity(targets.len());
        for target in targets {
            if is_death && history.is_cycle_to(&target.name) {
                tracing::debug!(
                    from = &*source.name,
                    to = &*target.name,
                    offset = of.record.offset.0,
                    "a record went in a circle that no consumer broke, and is dropped"
                );
                continue;
            }
            let (_, is_compacted) = target.config.cleanup();
            if is_compacted && record.key.is_none() {
                self.say_unfit(of, "a compacted stream takes no record without a key", now);
                return Err(put_off(of, HOPELESS_MS));
            }
            logs.push(LogId { stream: target.id, index: letter::log_index(record, of, target.logs) });
        }
        if logs.is_empty() {
            return Err(Elsewise::Drop { is_cycle: !targets.is_empty() });
        }
        let added = letter::added(of, &source.name, history, routed.as_ref(), now);
        let batches = letter::batches(record, *compression, of, &added, &logs).map_err(|error| {
            self.say_unfit(of, &error.to_string(), now);
            put_off(of, HOPELESS_MS)
        })?;
        let bytes: u64 = batches.iter().map(|batch| batch.bytes.len() as u64).sum();
        if batches.len() > MOVE_TARGETS_MAX || bytes > u64::from(BATCH_BYTES_MAX) {
            self.say_unfit(of, "its route leads to more streams than it can be written to at once", now);
            return Err(put_off(of, HOPELESS_MS));
        }
        Ok(batches)
    }

    /// Whether a target has not refused records a moment ago.
    fn check_willing(&self, of: &Move, trouble: Trouble, now: EngineTime) -> Result<(), Elsewise> {
        match self.troubles.left(trouble, now) {
            Some(ms) => Err(put_off(of, ms)),
            None => Ok(()),
        }
    }

    fn has_no_target(&mut self, of: &Move, source: &StreamEntry, name: &str, now: EngineTime) -> Elsewise {
        let noted = self.troubles.note(Trouble::Missing(source.id), now);
        if noted.is_news {
            tracing::warn!(
                stream = &*source.name,
                dead_letter = name,
                "the stream for dead letters does not exist; they wait where they were until it does"
            );
        }
        put_off(of, noted.ms)
    }

    fn is_unreadable(
        &mut self,
        of: &Move,
        source: &StreamEntry,
        log: LogId,
        why: &str,
        now: EngineTime,
    ) -> Elsewise {
        if self.troubles.note(Trouble::Unreadable(log), now).is_news {
            tracing::error!(
                stream = &*source.name,
                log = log.index,
                offset = of.record.offset.0,
                why,
                "a record that is to be moved cannot be read; it stays where it is, out of reach"
            );
        }
        put_off(of, HOPELESS_MS)
    }

    fn say_unfit(&mut self, of: &Move, why: &str, now: EngineTime) {
        let log = of.group.log(of.record.log);
        if self.troubles.note(Trouble::Unfit(log), now).is_news {
            tracing::warn!(
                stream = log.stream.0,
                log = log.index,
                offset = of.record.offset.0,
                why,
                "a record cannot go where it is to be moved; it is tried again every hour"
            );
        }
    }
}

/// There is nowhere to go, or nothing that could.
fn nowhere() -> Elsewise {
    Elsewise::Drop { is_cycle: false }
}

/// Somebody asked for it, and finds it where it was.
fn back() -> Elsewise {
    Elsewise::Return
}

/// A dead letter waits, where nobody gets it: back in its stream it would be buried at once, again and again. What
/// somebody asked for does not wait for ever.
fn put_off(of: &Move, after_ms: u64) -> Elsewise {
    match of.reason {
        MoveReason::Redrive => back(),
        MoveReason::Rejected | MoveReason::Expired | MoveReason::Limit | MoveReason::Length => {
            Elsewise::Later { after_ms }
        }
    }
}

/// Whether a refusal is the target's, and may pass, or this record's own.
fn passes(kind: ErrorKind) -> bool {
    !matches!(kind, ErrorKind::RecordTooLarge | ErrorKind::CorruptBatch | ErrorKind::InvalidRecord)
}
