//! The index of stretches against the plainest thing that could answer the same.

use super::index::Index;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use millstream_types::{LogId, ObjectNumber, ObjectPart, Offset, RecordTime, StreamId};

fn part(log: LogId, from: u64, to: u64) -> ObjectPart {
    ObjectPart {
        log,
        from: Offset(from),
        to: Offset(to),
        at: 0,
        bytes: 0,
        index_bytes: 0,
        batches: 0,
        records: 0,
        max_timestamp: RecordTime::NONE,
        is_compacted: false,
    }
}

/// A number for each offset of each log: the object that was put there last.
#[derive(Default)]
struct Naive {
    owners: BTreeMap<(LogId, Offset), ObjectNumber>,
    starts: BTreeMap<LogId, Offset>,
}

impl Naive {
    fn insert(&mut self, part: &ObjectPart, object: ObjectNumber) {
        for offset in part.from.0..part.to.0 {
            self.owners.insert((part.log, Offset(offset)), object);
        }
        self.forget(part.log);
    }

    fn forget(&mut self, log: LogId) {
        let start = self.starts.get(&log).copied().unwrap_or_default();
        self.owners.retain(|(of, offset), _| *of != log || *offset >= start);
    }

    fn live(&self) -> BTreeSet<ObjectNumber> {
        self.owners.values().copied().collect()
    }
}

fn swept(index: &mut Index) {
    while !index.has_swept() {
        index.sweep();
    }
}

#[test]
fn random_parts_trims_and_deletions_leave_what_the_naive_map_says() {
    let mut state = 1_u64;
    let mut below = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let (mut cut, mut died) = (0, 0);
    for _ in 0..300 {
        let mut index = Index::default();
        let mut naive = Naive::default();
        let logs: Vec<LogId> = (0..3)
            .map(|n| LogId { stream: StreamId(1 + n / 2), index: u32::try_from(n % 2).expect("small") })
            .collect();
        let mut deleted = BTreeSet::new();
        for number in 1..=40 {
            let log = logs[usize::try_from(below(3)).expect("small")];
            let start = naive.starts.get(&log).copied().unwrap_or_default();
            if deleted.contains(&log.stream) {
                continue;
            }
            let before = naive.live();
            match below(12) {
                0 => {
                    let start = start.max(Offset(below(50)));
                    naive.starts.insert(log, start);
                    naive.forget(log);
                    index.log_trimmed(log, start);
                }
                1 if below(8) == 0 => {
                    naive.owners.retain(|(of, _), _| of.stream != log.stream);
                    deleted.insert(log.stream);
                    index.stream_deleted(log.stream);
                }
                _ => {
                    let from = below(50);
                    let part = part(log, from, from + 1 + below(20));
                    if part.to <= start {
                        continue;
                    }
                    cut += index.cut_by(&part, usize::MAX);
                    index.insert(&part, ObjectNumber(number), start);
                    naive.insert(&part, ObjectNumber(number));
                }
            }
            if below(2) == 0 {
                index.sweep();
            }
            let live = naive.live();
            died += before.difference(&live).count();
            assert!(live.iter().all(|object| index.is_live(*object)), "what is needed is never thought dead");
        }
        swept(&mut index);
        let live = naive.live();
        for number in 1..=40 {
            let object = ObjectNumber(number);
            assert_eq!(index.is_live(object), live.contains(&object), "object {object}");
        }
        for log in logs {
            let start = naive.starts.get(&log).copied().unwrap_or_default();
            for offset in (start.0..80).map(Offset) {
                assert_eq!(
                    index.at(log, offset),
                    naive.owners.get(&(log, offset)).copied(),
                    "{log} {offset}"
                );
            }
        }
    }
    assert!(cut > 1_000 && died > 500, "the histories are about something: {cut} {died}");
}

#[test]
fn every_row_of_the_table_is_as_written() {
    let log = LogId { stream: StreamId(1), index: 0 };
    let old = ObjectNumber(1);
    // The part 10..20 of object 1; what happens to its log; what a newer object takes over; whether it is live.
    type Row = (&'static str, Option<u64>, &'static [(u64, u64)], bool);
    let rows: [Row; 9] = [
        ("log gone", None, &[], false),
        ("log gone, written anew", None, &[(10, 20)], false),
        ("before the start", Some(20), &[], false),
        ("before the start, written anew in part", Some(20), &[(12, 21)], false),
        ("at the start", Some(10), &[], true),
        ("reaching over the start", Some(19), &[], true),
        ("written anew in part", Some(0), &[(0, 15), (16, 30)], true),
        ("written anew wholly, in two", Some(0), &[(0, 15), (15, 30)], false),
        ("written anew from the start on", Some(15), &[(15, 20)], false),
    ];
    for (what, start, newer, live) in rows {
        let mut index = Index::default();
        index.insert(&part(log, 10, 20), old, Offset(0));
        if let Some(start) = start {
            index.log_trimmed(log, Offset(start));
        }
        for (number, (from, to)) in (2..).zip(newer) {
            index.insert(&part(log, *from, *to), ObjectNumber(number), Offset(start.unwrap_or(0)));
        }
        if start.is_none() {
            index.stream_deleted(log.stream);
        }
        swept(&mut index);
        assert_eq!(index.is_live(old), live, "{what}");
    }
}

#[test]
fn sweeping_goes_in_slices() {
    let log = LogId { stream: StreamId(1), index: 0 };
    let mut index = Index::default();
    for n in 0..3_000 {
        index.insert(&part(log, n, n + 1), ObjectNumber(n + 1), Offset(0));
    }
    index.log_trimmed(log, Offset(2_999));
    let mut slices = 0;
    while !index.has_swept() {
        index.sweep();
        slices += 1;
    }
    assert_eq!(slices, 3);
    assert_eq!((1..=3_000).filter(|n| index.is_live(ObjectNumber(*n))).count(), 1);
}
