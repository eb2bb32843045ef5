//! The look at everything: streams through their read views, groups through small questions to the shard.
//!
//! Apart because it alone remembers: what the counters were at the last look, and which names are shown.

use super::ages::Ages;
use super::rates::Rate;
use super::shown::{GROUPS_SHOWN_MAX, STREAMS_SHOWN_MAX, choose};
use super::{Flow, GroupKind, GroupSeen, Observation, REST, StreamSeen};
use millstream_core::catalog::StreamEntry;
use millstream_core::lease::GroupTotals;
use millstream_core::{Reply, Request};
use millstream_front::dead_letters::Ways;
use millstream_front::{Action, Authorized, Authorizer, Backend, Grant, Moment, Principal, Resource};
use millstream_types::{EngineTime, Namespace, StreamId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How a look asks the broker: by a thread that may wait.
pub trait World {
    /// The broker.
    fn backend(&self) -> &Arc<dyn Backend>;

    /// Asks the shard; one reply per request, in their order. Waits for all of them.
    fn ask(&mut self, requests: Vec<Authorized<Request>>) -> Vec<Reply>;
}

/// Looks, and remembers what it needs for the next look.
#[derive(Debug, Default)]
pub struct Sampler {
    streams: BTreeMap<StreamId, StreamMemory>,
    pub(super) groups: BTreeMap<GroupKey, GroupMemory>,
    pub(super) ages: Ages,
    streams_shown: BTreeSet<StreamId>,
    groups_shown: BTreeSet<GroupKey>,
    rest_flow: Flow,
    rest_totals: GroupTotals,
}

#[derive(Debug, Default)]
struct StreamMemory {
    records_in: Rate,
    records_out: Rate,
    bytes_in: Rate,
    bytes_out: Rate,
    readers: Vec<(&'static str, EngineTime)>,
}

/// Who has not read for so long reads no more: ten minutes.
const READERS_KEPT_MS: u64 = 600_000;

impl StreamMemory {
    /// Takes who was seen to read since the last look.
    fn take_readers(&mut self, now: EngineTime, seen: u32, names: &[&'static str]) {
        self.readers.retain(|(_, last)| now.since_ms(*last) < READERS_KEPT_MS);
        if seen == 0 {
            return;
        }
        for (_, name) in names.iter().enumerate().filter(|(bit, _)| seen & (1 << bit) != 0) {
            self.readers.retain(|(known, _)| known != name);
            self.readers.push((*name, now));
        }
        self.readers.sort_unstable();
    }
}

/// A group on a stream.
pub(super) type GroupKey = (GroupKind, StreamId, Arc<str>);

#[derive(Debug, Default)]
pub(super) struct GroupMemory {
    pub(super) done: Rate,
    pub(super) come: Rate,
    pub(super) delivered: Rate,
    pub(super) redelivered: Rate,
    pub(super) buried: Rate,
}

/// A namespace with its streams.
pub(super) struct Place {
    pub(super) name: Arc<str>,
    pub(super) namespace: Namespace,
    pub(super) streams: Vec<Arc<StreamEntry>>,
}

impl Sampler {
    /// Looks at everything.
    pub fn look(&mut self, world: &mut dyn World, authorizer: &Authorizer) -> Observation {
        let Moment { now, micros: begun } = world.backend().moment();
        let grant = authorizer.authorize(&Principal::local(), Action::Describe, Resource::Cluster);
        let Ok(grant) = grant else { return Observation { at: now, ..Observation::default() } };
        let places = places(&**world.backend());
        self.ages.begin();
        let mut streams = self.streams(&**world.backend(), &places, now);
        let groups = self.groups(world, &grant, &places, now);
        // Queues were looked at in the order of their streams.
        let mut behind = streams.iter_mut();
        for group in groups.iter().filter(|group| group.kind == GroupKind::Lease) {
            let is_its = |stream: &&mut StreamSeen| {
                stream.entry.name == group.stream && stream.namespace == group.namespace
            };
            if let Some(stream) = behind.by_ref().find(is_its) {
                stream.waiting_records = group.lag_records;
            }
        }
        let took_micros = world.backend().moment().micros.saturating_sub(begun);
        let mut places_seen = BTreeMap::new();
        let mut from = 0;
        for place in &places {
            let to = from + place.streams.len();
            places_seen.insert(place.namespace, (from, to));
            from = to;
        }
        let (rest_flow, rest_totals) = (self.rest_flow, self.rest_totals);
        Observation { at: now, took_micros, streams, places: places_seen, groups, rest_flow, rest_totals }
    }

    fn streams(&mut self, backend: &dyn Backend, places: &[Place], now: EngineTime) -> Vec<StreamSeen> {
        let mut seen = Vec::with_capacity(places.iter().map(|place| place.streams.len()).sum());
        let mut memory = BTreeMap::new();
        let mut grown: Vec<Flow> = Vec::with_capacity(seen.capacity());
        let names = backend.reader_names();
        for place in places {
            let letters = dead_letter_streams(backend, place);
            for entry in &place.streams {
                let (measured, readers) = measure(backend, entry);
                let mut stream = StreamSeen {
                    namespace: place.name.clone(),
                    logs: entry.logs,
                    takes_dead_letters: letters.contains(&entry.name),
                    ..measured
                };
                let mut kept = self.streams.remove(&entry.id).unwrap_or_default();
                kept.take_readers(now, readers, names);
                stream.readers.clone_from(&kept.readers);
                let flow = stream.flow;
                grown.push(Flow {
                    records_in: kept.records_in.take(now, flow.records_in),
                    records_out: kept.records_out.take(now, flow.records_out),
                    bytes_in: kept.bytes_in.take(now, flow.bytes_in),
                    bytes_out: kept.bytes_out.take(now, flow.bytes_out),
                });
                stream.in_per_second = kept.records_in.per_second();
                stream.out_per_second = kept.records_out.per_second();
                memory.insert(entry.id, kept);
                seen.push(stream);
            }
        }
        // What is left is of streams that are gone.
        self.streams = memory;
        let named = seen.iter().filter(|stream| *stream.namespace != *REST);
        let busy = named.map(|stream| (stream.entry.id, stream.in_per_second + stream.out_per_second));
        self.streams_shown = choose(busy, &self.streams_shown, STREAMS_SHOWN_MAX);
        for (stream, grown) in seen.iter_mut().zip(grown) {
            stream.is_shown = self.streams_shown.contains(&stream.entry.id);
            if !stream.is_shown {
                self.rest_flow.records_in += grown.records_in;
                self.rest_flow.records_out += grown.records_out;
                self.rest_flow.bytes_in += grown.bytes_in;
                self.rest_flow.bytes_out += grown.bytes_out;
            }
        }
        seen
    }

    fn groups(
        &mut self,
        world: &mut dyn World,
        grant: &Grant,
        places: &[Place],
        now: EngineTime,
    ) -> Vec<GroupSeen> {
        let before = std::mem::take(&mut self.groups);
        let mut look =
            super::groups::Look { grant, now, ages: &mut self.ages, before, after: BTreeMap::new() };
        let mut seen = look.queues(world, places);
        for place in places {
            look.cursors(world, place, &mut seen);
        }
        self.groups = look.after;
        let named = seen.iter().filter(|(_, group, _)| *group.namespace != *REST);
        // A group with a lag is worth more than one that is done, whatever else it does.
        let busy = |group: &GroupSeen| {
            group.in_per_second + group.done_per_second + if group.lag_records > 0 { 1.0 } else { 0.0 }
        };
        let busy = named.map(|(key, group, _)| (key.clone(), busy(group)));
        self.groups_shown = choose(busy, &self.groups_shown, GROUPS_SHOWN_MAX);
        let groups = seen.into_iter().map(|(key, mut group, grown)| {
            group.is_shown = self.groups_shown.contains(&key);
            if !group.is_shown {
                self.rest_totals.delivered += grown.delivered;
                self.rest_totals.redelivered += grown.redelivered;
                self.rest_totals.settled += grown.settled;
                self.rest_totals.buried += grown.buried;
            }
            group
        });
        groups.collect()
    }
}

fn places(backend: &dyn Backend) -> Vec<Place> {
    let namespaces = backend.namespaces();
    let place = |name: Arc<str>, namespace| Place { name, namespace, streams: backend.streams(namespace) };
    namespaces.into_iter().map(|entry| place(entry.name.clone(), entry.number)).collect()
}

/// What a stream's read views say, and who has read since that was last asked.
fn measure(backend: &dyn Backend, entry: &Arc<StreamEntry>) -> (StreamSeen, u32) {
    let mut readers = 0;
    let mut seen = StreamSeen {
        entry: entry.clone(),
        namespace: "".into(),
        logs: 0,
        records: 0,
        bytes: 0,
        flow: Flow::default(),
        in_per_second: 0.0,
        out_per_second: 0.0,
        takes_dead_letters: false,
        waiting_records: 0,
        readers: Vec::new(),
        is_shown: false,
    };
    for log in entry.log_ids().filter_map(|log| backend.log(log)) {
        let (start, end, traffic) = (log.log_start(), log.high_watermark(), log.traffic());
        seen.records += end.0.saturating_sub(start.0);
        seen.bytes += log.bytes();
        seen.flow.records_in += end.0;
        seen.flow.records_out += traffic.records_out;
        seen.flow.bytes_in += traffic.bytes_in;
        seen.flow.bytes_out += traffic.bytes_out;
        readers |= log.take_readers();
    }
    seen.waiting_records = seen.records;
    (seen, readers)
}

/// The streams of a namespace that others send their dead letters to.
fn dead_letter_streams(backend: &dyn Backend, place: &Place) -> BTreeSet<Arc<str>> {
    let mut ways = Ways::new(backend);
    let mut targets: BTreeSet<Arc<str>> = BTreeSet::new();
    for entry in &place.streams {
        ways.each(entry, |target| {
            if !targets.contains(target) {
                targets.insert(target.into());
            }
        });
    }
    targets
}
