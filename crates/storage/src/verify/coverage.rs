//! Which offsets of each log have bytes.
//!
//! Apart because it is arithmetic on stretches: what WAL files hold, what parts of objects answer for, and what of a log is
//! in neither.

use std::collections::BTreeMap;

use millstream_types::{LogId, Offset};

/// Stretches from an offset up to, and without, another.
type Stretch = (Offset, Offset);

/// The stretches that frames hold, by log: ascending, neighbours joined.
#[derive(Default)]
pub(super) struct Coverage(BTreeMap<LogId, Vec<Stretch>>);

impl Coverage {
    /// Adds a batch behind those there are; `false` when its log has such offsets already.
    pub(super) fn add(&mut self, log: LogId, from: Offset, to: Offset) -> bool {
        let stretches = self.0.entry(log).or_default();
        match stretches.last_mut() {
            Some(last) if from < last.1 => return false,
            Some(last) if from == last.1 => last.1 = to,
            _ => stretches.push((from, to)),
        }
        true
    }

    /// What of `start..end` lies neither in frames nor in `parts`, and what lies behind `end`.
    pub(super) fn compare(
        &self,
        log: LogId,
        start: Offset,
        end: Offset,
        parts: &[Stretch],
    ) -> (Vec<Stretch>, Option<Offset>) {
        let mut all: Vec<Stretch> = self.0.get(&log).into_iter().flatten().chain(parts).copied().collect();
        all.sort_unstable();
        let (mut gaps, mut at) = (Vec::new(), start);
        for (from, to) in &all {
            if *from >= end {
                break;
            }
            if *from > at {
                gaps.push((at, *from));
            }
            at = at.max(*to);
        }
        if at < end {
            gaps.push((at, end));
        }
        let reach = all.iter().map(|(_, to)| *to).max();
        (gaps, reach.filter(|reach| *reach > end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_types::StreamId;

    const LOG: LogId = LogId { stream: StreamId(1), index: 0 };

    fn stretch((from, to): (u64, u64)) -> Stretch {
        (Offset(from), Offset(to))
    }

    fn gaps(wal: &[(u64, u64)], parts: &[(u64, u64)], log: (u64, u64)) -> Vec<Stretch> {
        let mut coverage = Coverage::default();
        for &(from, to) in wal {
            assert!(coverage.add(LOG, Offset(from), Offset(to)));
        }
        let parts: Vec<Stretch> = parts.iter().copied().map(stretch).collect();
        coverage.compare(LOG, Offset(log.0), Offset(log.1), &parts).0
    }

    #[test]
    fn what_neither_frames_nor_parts_hold_is_a_gap() {
        assert_eq!(gaps(&[(0, 5), (5, 9)], &[], (0, 9)), []);
        assert_eq!(gaps(&[(6, 9)], &[(0, 6)], (0, 9)), []);
        assert_eq!(gaps(&[(6, 9)], &[(0, 4)], (0, 9)), [stretch((4, 6))]);
        assert_eq!(gaps(&[(0, 4), (6, 8)], &[], (2, 9)), [stretch((4, 6)), stretch((8, 9))]);
        assert_eq!(gaps(&[], &[], (3, 9)), [stretch((3, 9))]);
        assert_eq!(gaps(&[(0, 4)], &[], (4, 4)), []);
        assert_eq!(gaps(&[(0, 4)], &[(2, 20)], (3, 12)), []);
    }

    #[test]
    fn offsets_twice_and_offsets_behind_the_end_are_seen() {
        let mut coverage = Coverage::default();
        assert!(coverage.add(LOG, Offset(3), Offset(7)));
        assert!(!coverage.add(LOG, Offset(6), Offset(9)));
        assert_eq!(coverage.compare(LOG, Offset(3), Offset(5), &[]), (vec![], Some(Offset(7))));
    }
}
