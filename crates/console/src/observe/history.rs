//! How the lag of groups went, for charts: a short memory of what each look saw.
//!
//! Apart because a look knows only the moment. It is bounded by groups and by looks; a group that is gone is forgotten with the
//! next look, and one that has had no lag all the time makes room for one that has.

use super::{GroupKind, GroupSeen, Observation};
use millstream_types::EngineTime;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Looks that are remembered: ten minutes of those that come every five seconds.
pub(crate) const LOOKS_MAX: usize = 120;
/// Groups, each on one stream, that are remembered.
const GROUPS_MAX: usize = 1_000;

/// A group on a stream of a namespace: kind, namespace, name, stream. All queues have the same name, so here they have that of
/// their stream.
type Key = (GroupKind, Arc<str>, Arc<str>, Arc<str>);

/// What is remembered of the lags of groups.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// When the looks were.
    times: VecDeque<EngineTime>,
    /// How many there were.
    looks: u64,
    lags: BTreeMap<Key, Lags>,
}

#[derive(Debug, Default)]
struct Lags {
    /// The number of the look that has seen the group last.
    look: u64,
    values: VecDeque<u64>,
}

impl Lags {
    fn take(&mut self, look: u64, times: usize, lag: u64) {
        // What was before the group was there, or before it was remembered, counts as nothing.
        while self.values.len() + 1 < times {
            self.values.push_back(0);
        }
        push(&mut self.values, lag);
        self.look = look;
    }
}

/// The lag of a group on one stream, the newest last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LagHistory {
    pub(crate) stream: Arc<str>,
    pub(crate) lag_records: Vec<u64>,
}

fn key(group: &GroupSeen) -> Key {
    let name = match group.kind {
        GroupKind::Lease => &group.stream,
        GroupKind::Cursor => &group.name,
    };
    (group.kind, group.namespace.clone(), name.clone(), group.stream.clone())
}

impl History {
    /// Takes a look.
    pub(crate) fn take(&mut self, seen: &Observation) {
        push(&mut self.times, seen.at);
        self.looks += 1;
        let (look, times) = (self.looks, self.times.len());
        let mut new = Vec::new();
        for group in &seen.groups {
            match self.lags.get_mut(&key(group)) {
                Some(lags) => lags.take(look, times, group.lag_records),
                None if group.lag_records > 0 || new.len() < GROUPS_MAX => new.push(group),
                None => {}
            }
        }
        self.lags.retain(|_, lags| lags.look == look);
        // Those with a lag first: they are looked at.
        new.sort_by_key(|group| core::cmp::Reverse(group.lag_records));
        for group in new {
            if self.lags.len() >= GROUPS_MAX && (group.lag_records == 0 || !self.make_room()) {
                break;
            }
            self.lags.entry(key(group)).or_default().take(look, times, group.lag_records);
        }
    }

    /// Whether a group could be forgotten that had no lag as long as it is remembered.
    fn make_room(&mut self) -> bool {
        let idle = self.lags.iter().find(|(_, lags)| lags.values.iter().all(|lag| *lag == 0));
        let idle = idle.map(|(key, _)| key.clone());
        idle.is_some_and(|key| self.lags.remove(&key).is_some())
    }

    /// When the looks were, and the lags of a group by stream: of a cursor group by its name, of a queue by that of its stream.
    pub(crate) fn of(
        &self,
        kind: GroupKind,
        namespace: &str,
        name: &str,
    ) -> (Vec<EngineTime>, Vec<LagHistory>) {
        let (namespace, name): (Arc<str>, Arc<str>) = (namespace.into(), name.into());
        let first: Key = (kind, namespace.clone(), name.clone(), "".into());
        let of_group = self
            .lags
            .range(first..)
            .take_while(|(key, _)| key.0 == kind && key.1 == namespace && key.2 == name);
        let lags = of_group.map(|(key, lags)| LagHistory {
            stream: key.3.clone(),
            lag_records: lags.values.iter().copied().collect(),
        });
        (self.times.iter().copied().collect(), lags.collect())
    }
}

fn push<T>(values: &mut VecDeque<T>, value: T) {
    if values.len() >= LOOKS_MAX {
        values.pop_front();
    }
    values.push_back(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_core::lease::{GroupCounts, GroupTotals};

    fn group(name: &str, stream: &str, lag_records: u64) -> GroupSeen {
        GroupSeen {
            kind: GroupKind::Cursor,
            namespace: "default".into(),
            stream: stream.into(),
            name: name.into(),
            lag_records,
            lag_ms: Some(0),
            consumers: 0,
            is_paused: false,
            counts: GroupCounts::default(),
            totals: GroupTotals::default(),
            in_per_second: 0.0,
            done_per_second: 0.0,
            delivered_per_second: 0.0,
            redelivered_per_second: 0.0,
            is_shown: false,
        }
    }

    fn look(history: &mut History, second: i64, groups: Vec<GroupSeen>) {
        history.take(&Observation { at: EngineTime(second * 1000), groups, ..Observation::default() });
    }

    fn lags(history: &History, name: &str) -> Vec<(String, Vec<u64>)> {
        let (_, lags) = history.of(GroupKind::Cursor, "default", name);
        lags.into_iter().map(|one| (one.stream.to_string(), one.lag_records)).collect()
    }

    #[test]
    fn every_stream_of_a_group_has_a_value_for_every_look_and_what_is_gone_is_forgotten() {
        let mut history = History::default();
        look(&mut history, 1, vec![group("g", "a", 7), group("gg", "a", 1)]);
        look(&mut history, 2, vec![group("g", "a", 9), group("g", "b", 2)]);
        assert_eq!(lags(&history, "g"), [("a".to_owned(), vec![7, 9]), ("b".to_owned(), vec![0, 2])]);
        assert_eq!(lags(&history, "gg"), []);
        assert_eq!(history.of(GroupKind::Cursor, "default", "g").0, [EngineTime(1000), EngineTime(2000)]);
        assert_eq!(history.of(GroupKind::Lease, "default", "g").1, []);
        assert_eq!(history.of(GroupKind::Cursor, "other", "g").1, []);
        for second in 3..300 {
            look(&mut history, second, vec![group("g", "a", second.unsigned_abs())]);
        }
        assert_eq!(lags(&history, "g"), [("a".to_owned(), (180..300).collect::<Vec<u64>>())]);
    }

    #[test]
    fn memory_is_bounded_and_whoever_has_a_lag_comes_before_who_has_none() {
        let mut history = History::default();
        let idle = || (0..GROUPS_MAX).map(|number| group(&format!("idle{number:04}"), "s", 0));
        look(&mut history, 1, idle().collect());
        assert_eq!(history.lags.len(), GROUPS_MAX);
        look(&mut history, 2, idle().chain([group("late", "s", 3), group("none", "s", 0)]).collect());
        assert_eq!(history.lags.len(), GROUPS_MAX);
        assert_eq!(lags(&history, "late"), [("s".to_owned(), vec![0, 3])]);
        assert_eq!(lags(&history, "none"), []);
    }
}
