//! The look at groups: their counts, their lag, how old that is.
//!
//! Apart because only this asks the shard. Each question is small, so that it takes no longer than an ordinary request; a few
//! go together, so that a look at very many groups does not wait for the disk once for each.

use super::ages::Ages;
use super::sampler::{GroupKey, GroupMemory, Place, World};
use super::{GroupKind, GroupSeen};
use millstream_core::catalog::StreamEntry;
use millstream_core::cursor::{CommittedOffset, GroupId, GroupReply, GroupRequest, GroupState};
use millstream_core::lease::{GroupCounts, GroupTotals, LeaseGroupId, LeaseReply, LeaseRequest};
use millstream_core::{Reply, Request};
use millstream_front::{Authorized, Grant};
use millstream_types::{EngineTime, LogId, Offset, StreamId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Queues that one question counts, and groups that one describes: a few microseconds of the shard's time.
const PER_QUESTION: usize = 32;
/// Questions that are asked together.
const TOGETHER: usize = 32;
/// The name of a stream's own queue.
const DEFAULT_GROUP: &str = "default";

/// A group that was seen, and by how much its counts have grown since the last look.
pub(super) type Seen = (GroupKey, GroupSeen, GroupTotals);

/// One look.
pub(super) struct Look<'a> {
    pub(super) grant: &'a Grant,
    pub(super) now: EngineTime,
    pub(super) ages: &'a mut Ages,
    /// What was remembered of the last look, and what is to be of this one.
    pub(super) before: BTreeMap<GroupKey, GroupMemory>,
    pub(super) after: BTreeMap<GroupKey, GroupMemory>,
}

impl Look<'_> {
    /// Every stream that is worked as a queue.
    pub(super) fn queues(&mut self, world: &mut dyn World, places: &[Place]) -> Vec<Seen> {
        let all: Vec<(&Place, &Arc<StreamEntry>)> = places
            .iter()
            .flat_map(|place| place.streams.iter().map(move |entry| (place, entry)))
            .filter(|(_, entry)| entry.config.lease().enabled())
            .collect();
        let mut seen = Vec::with_capacity(all.len());
        for some in all.chunks(PER_QUESTION * TOGETHER) {
            let questions = some.chunks(PER_QUESTION).map(|some| {
                let groups = some.iter().map(|(_, entry)| LeaseGroupId::default_of(entry.id)).collect();
                self.lease(LeaseRequest::Describe { groups })
            });
            let counted: Vec<Option<GroupCounts>> = world
                .ask(questions.collect())
                .into_iter()
                .zip(some.chunks(PER_QUESTION))
                .flat_map(|(reply, asked)| described(reply, asked.len()))
                .collect();
            let waiting: Vec<_> = some
                .iter()
                .zip(counted)
                // One that was deleted meanwhile is not there.
                .filter_map(|((place, entry), counts)| Some((*place, *entry, counts?)))
                .collect();
            let firsts = self.firsts(world, &waiting);
            for ((place, entry, counts), first) in waiting.into_iter().zip(firsts) {
                seen.push(self.queue(world, place, entry, counts, first));
            }
        }
        seen
    }

    /// The first record of each queue that is not done with, where there is one.
    fn firsts(
        &self,
        world: &mut dyn World,
        waiting: &[(&Place, &Arc<StreamEntry>, GroupCounts)],
    ) -> Vec<Option<(u32, Offset)>> {
        let mut firsts = vec![None; waiting.len()];
        let behind: Vec<usize> = (0..waiting.len()).filter(|index| lag(&waiting[*index].2) > 0).collect();
        for some in behind.chunks(TOGETHER) {
            let questions = some.iter().map(|index| {
                let group = LeaseGroupId::default_of(waiting[*index].1.id);
                self.lease(LeaseRequest::Peek { group, from: Some((0, Offset::ZERO)), max: 1 })
            });
            for (index, reply) in some.iter().zip(world.ask(questions.collect())) {
                if let Reply::Lease(reply) = reply
                    && let LeaseReply::Peeked { records, .. } = *reply
                {
                    firsts[*index] = records.first().map(|record| (record.log, record.offset));
                }
            }
        }
        firsts
    }

    fn queue(
        &mut self,
        world: &dyn World,
        place: &Place,
        entry: &StreamEntry,
        counts: GroupCounts,
        first: Option<(u32, Offset)>,
    ) -> Seen {
        let name: Arc<str> = DEFAULT_GROUP.into();
        let key: GroupKey = (GroupKind::Lease, entry.id, name.clone());
        let mut memory = self.before.remove(&key).unwrap_or_default();
        let (now, totals) = (self.now, counts.totals);
        let grown = GroupTotals {
            delivered: memory.delivered.take(now, totals.delivered),
            redelivered: memory.redelivered.take(now, totals.redelivered),
            settled: memory.done.take(now, totals.settled),
            buried: memory.buried.take(now, totals.buried),
        };
        let lag_records = lag(&counts);
        // What has come is what is done with and what is left.
        memory.come.take(now, totals.settled + totals.buried + lag_records);
        let place_of = |(index, offset)| (LogId { stream: entry.id, index }, offset);
        let lag_ms = match first.filter(|_| lag_records > 0).map(place_of) {
            None if lag_records == 0 => Some(0),
            None => None,
            Some((log, offset)) => self.age(world, log, offset),
        };
        let group = GroupSeen {
            kind: GroupKind::Lease,
            namespace: place.name.clone(),
            stream: entry.name.clone(),
            name,
            lag_records,
            lag_ms,
            consumers: counts.waiting.max(counts.holders),
            is_paused: entry.config.lease().paused(),
            counts,
            totals,
            in_per_second: memory.come.per_second(),
            done_per_second: memory.done.per_second() + memory.buried.per_second(),
            delivered_per_second: memory.delivered.per_second(),
            redelivered_per_second: memory.redelivered.per_second(),
            is_shown: false,
        };
        self.after.insert(key.clone(), memory);
        (key, group, grown)
    }

    /// Every cursor group of a namespace.
    pub(super) fn cursors(&mut self, world: &mut dyn World, place: &Place, seen: &mut Vec<Seen>) {
        let by_id: BTreeMap<StreamId, &Arc<StreamEntry>> =
            place.streams.iter().map(|entry| (entry.id, entry)).collect();
        let mut after = None;
        loop {
            let (namespace, states) = (place.namespace, Vec::new());
            let question = self.group(GroupRequest::List { namespace, after, states });
            let Some(Reply::Group(reply)) = world.ask(vec![question]).pop() else { return };
            let GroupReply::Listed { groups, next } = *reply else { return };
            let names: Vec<(Arc<str>, GroupState)> =
                groups.into_iter().map(|group| (group.name, group.state)).collect();
            for some in names.chunks(TOGETHER) {
                self.some_cursors(world, place, &by_id, some, seen);
            }
            after = match next {
                Some(next) => Some(next),
                None => return,
            };
        }
    }

    fn some_cursors(
        &mut self,
        world: &mut dyn World,
        place: &Place,
        by_id: &BTreeMap<StreamId, &Arc<StreamEntry>>,
        some: &[(Arc<str>, GroupState)],
        seen: &mut Vec<Seen>,
    ) {
        let id = |name: &Arc<str>| GroupId { namespace: place.namespace, name: name.clone() };
        let offsets = some
            .iter()
            .map(|(name, _)| self.group(GroupRequest::FetchOffsets { group: id(name), logs: None }));
        let groups = some.iter().map(|(name, _)| id(name)).collect();
        let questions = offsets.chain([self.group(GroupRequest::Describe { groups })]).collect();
        let mut replies = world.ask(questions);
        let members: Vec<u64> = match replies.pop() {
            Some(Reply::Group(reply)) => match *reply {
                GroupReply::Described(all) => {
                    all.into_iter().map(|one| one.map_or(0, |group| group.members.len() as u64)).collect()
                }
                _ => return,
            },
            _ => return,
        };
        for (((name, _), members), reply) in some.iter().zip(members).zip(replies) {
            let Reply::Group(reply) = reply else { continue };
            let GroupReply::Offsets(offsets) = *reply else { continue };
            let mut by_stream: BTreeMap<StreamId, Vec<(LogId, CommittedOffset)>> = BTreeMap::new();
            for (log, offset) in offsets {
                if let Some(offset) = offset {
                    by_stream.entry(log.stream).or_default().push((log, offset));
                }
            }
            for (stream, offsets) in by_stream {
                if let Some(entry) = by_id.get(&stream) {
                    seen.push(self.cursor(world, place, entry, name, members, &offsets));
                }
            }
        }
    }

    fn cursor(
        &mut self,
        world: &dyn World,
        place: &Place,
        entry: &StreamEntry,
        name: &Arc<str>,
        consumers: u64,
        offsets: &[(LogId, CommittedOffset)],
    ) -> Seen {
        let key: GroupKey = (GroupKind::Cursor, entry.id, name.clone());
        let (mut lag_records, mut done, mut come) = (0, 0, 0);
        let mut oldest: Option<Option<u64>> = None;
        for (log, committed) in offsets {
            let Some(reader) = world.backend().log(*log) else { continue };
            let (start, end) = (reader.log_start(), reader.high_watermark());
            let next = committed.offset.max(start);
            let behind = end.0.saturating_sub(next.0);
            (lag_records, done, come) = (lag_records + behind, done + committed.offset.0, come + end.0);
            if behind > 0 {
                let age = self.age(world, *log, next);
                oldest = Some(match oldest {
                    Some(known) => known.max(age),
                    None => age,
                });
            }
        }
        let mut memory = self.before.remove(&key).unwrap_or_default();
        memory.done.take(self.now, done);
        memory.come.take(self.now, come);
        let group = GroupSeen {
            kind: GroupKind::Cursor,
            namespace: place.name.clone(),
            stream: entry.name.clone(),
            name: name.clone(),
            lag_records,
            lag_ms: oldest.unwrap_or(Some(0)),
            consumers,
            is_paused: false,
            counts: GroupCounts::default(),
            totals: GroupTotals::default(),
            in_per_second: memory.come.per_second(),
            done_per_second: memory.done.per_second(),
            delivered_per_second: 0.0,
            redelivered_per_second: 0.0,
            is_shown: false,
        };
        self.after.insert(key.clone(), memory);
        (key, group, GroupTotals::default())
    }

    /// How old the first record at or after a place is.
    fn age(&mut self, world: &dyn World, log: LogId, offset: Offset) -> Option<u64> {
        let time = self.ages.time(&**world.backend(), log, offset)?;
        Some(self.now.since_ms(EngineTime(time.0)))
    }

    fn lease(&self, request: LeaseRequest) -> Authorized<Request> {
        self.grant.allow(Request::Lease(Box::new(request)))
    }

    fn group(&self, request: GroupRequest) -> Authorized<Request> {
        self.grant.allow(Request::Group(Box::new(request)))
    }
}

/// Records of a queue that are not done with.
fn lag(counts: &GroupCounts) -> u64 {
    counts.ready + counts.leased + counts.delayed
}

/// The counts in a reply; none where there is no such queue any more.
fn described(reply: Reply, asked: usize) -> Vec<Option<GroupCounts>> {
    if let Reply::Lease(reply) = reply
        && let LeaseReply::Described(counts) = *reply
    {
        return counts.into_iter().map(Result::ok).collect();
    }
    vec![None; asked]
}
