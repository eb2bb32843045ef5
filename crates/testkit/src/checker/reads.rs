//! Readers: each goes forward without gaps, and what it missed is remembered.
//!
//! Apart because it is about one reader at a time, while everything else is about partitions.

use std::collections::HashMap;

use super::{Anomalies, Anomaly, describe};
use crate::history::{Event, Run};

/// One reader's way through one partition since its last seek.
#[derive(Clone, Debug, Default)]
struct Way {
    start: Option<i64>,
    next: Option<i64>,
    /// Offsets passed over, as ranges from–to (exclusive).
    gaps: Vec<(i64, i64)>,
}

/// A complete reading of a partition.
#[derive(Debug)]
pub(super) struct Drain {
    pub(super) process: String,
    pub(super) partition: u32,
    /// The log start offset.
    pub(super) low: i64,
    /// The end.
    pub(super) high: i64,
    /// What was not read between them.
    pub(super) gaps: Vec<(i64, i64)>,
}

#[derive(Debug, Default)]
pub(super) struct Reads {
    ways: HashMap<(u32, u32), Way>,
    pub(super) drains: Vec<Drain>,
}

impl Reads {
    pub(super) fn seek(&mut self, process: u32, partition: u32, offset: Option<i64>) {
        self.ways.insert((process, partition), Way { next: offset, ..Way::default() });
    }

    /// Records were read; what lies before `trim_max` may have gone meanwhile.
    pub(super) fn read(
        &mut self,
        process: u32,
        partition: u32,
        run: &Run,
        trim_max: i64,
        event: &Event,
        anomalies: &mut Anomalies,
    ) {
        let way = self.ways.entry((process, partition)).or_default();
        if let Some(next) = way.next {
            if run.offset < next {
                anomalies.add(Anomaly::NonmonotonicPoll, || format!("{}; it was at {next}", describe(event)));
            }
            if run.offset > next {
                way.gaps.push((next, run.offset));
                if run.offset > trim_max {
                    anomalies.add(Anomaly::PollSkip, || format!("{}; it was at {next}", describe(event)));
                }
            }
        }
        way.start.get_or_insert(run.offset);
        way.next = Some(run.offset + i64::from(run.count));
    }

    /// A reader says that it has read everything between `low` and `high`.
    pub(super) fn drained(
        &mut self,
        process: u32,
        partition: u32,
        low: i64,
        high: i64,
        event: &Event,
        anomalies: &mut Anomalies,
    ) {
        let way = self.ways.remove(&(process, partition)).unwrap_or_default();
        let (start, next) = (way.start.unwrap_or(high), way.next.unwrap_or(high));
        let mut gaps = way.gaps;
        if start > low {
            gaps.push((low, start));
        }
        if next < high {
            gaps.push((next, high));
        }
        gaps.retain(|(_, to)| *to > low);
        for (from, to) in &gaps {
            anomalies.add(Anomaly::PollSkip, || {
                format!("{}; offsets {from} to {to} did not come", describe(event))
            });
        }
        self.drains.push(Drain { process: event.process.clone(), partition, low, high, gaps });
    }
}
