//! Consumed records go: trims of logs whose stream lets records go once they are settled.
//!
//! Apart because it is the one place where a group's progress frees space. A record counts as consumed when the default
//! group has settled everything up to it, and every cursor group that has committed in the log within a day has passed
//! it (R16). Where the stream keeps consumed records for a time, the group's progress is sampled, so that a record goes
//! at most a sixty-fourth of that time late; samples are not kept over a restart, which keeps records longer, never shorter.

use super::act::Act;
use super::group::Leases;
use super::ids::LeaseGroupId;
use crate::entry::Entry;
use crate::retention::{self, Extent};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use millstream_types::{EngineTime, LogId, Offset, planted};

/// A log is looked at no more often than this.
const INTERVAL_MS: u64 = 1_000;
/// A log that a cursor group holds back is looked at again after this.
const HELD_BACK_MS: u64 = 10_000;
/// Who has not committed for so long holds nothing back.
const CURSOR_COUNTS_MS: u64 = 24 * 3_600_000;
/// Samples per time that records are kept.
const SAMPLES: u64 = 64;
/// Logs that one tick looks at.
const LOGS_PER_TICK: usize = 64;

/// Logs to look at.
#[derive(Debug, Default)]
pub(super) struct Consumption {
    due: BTreeSet<(EngineTime, LogId)>,
    logs: BTreeMap<LogId, Progress>,
}

/// How far a log's default group was, and when.
#[derive(Debug)]
struct Progress {
    due: EngineTime,
    samples: VecDeque<(EngineTime, Offset)>,
}

impl Consumption {
    pub(super) fn first(&self) -> Option<EngineTime> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Has a log looked at, no later than this.
    fn look(&mut self, log: LogId, at: EngineTime) {
        let progress = self.logs.entry(log).or_insert(Progress { due: at, samples: VecDeque::new() });
        self.due.remove(&(progress.due, log));
        progress.due = progress.due.min(at);
        self.due.insert((progress.due, log));
    }
}

impl Leases {
    /// A default group has settled records of a log that lets them go.
    pub(super) fn has_consumed(&mut self, log: LogId, now: EngineTime) {
        let at = now.after_ms(INTERVAL_MS);
        if self.consumption.logs.get(&log).is_none_or(|progress| progress.due > at) {
            self.consumption.look(log, at);
        }
    }

    /// After a restart: every log may have been consumed further than it was trimmed.
    pub(super) fn look_at_all(&mut self, now: EngineTime) {
        for (&id, group) in self.groups.iter().filter(|(id, _)| id.number == 0) {
            for index in 0..u32::try_from(group.logs.len()).expect("log counts fit in 32 bits") {
                self.consumption.look(id.log(index), now.after_ms(INTERVAL_MS));
            }
        }
    }
}

impl Act<'_> {
    /// Trims what is consumed, of the logs whose turn it is.
    pub(super) fn trim_consumed(&mut self) {
        for _ in 0..LOGS_PER_TICK {
            let now = self.now();
            let consumption = &mut self.shard.leases.consumption;
            let Some(&(at, log)) = consumption.due.first().filter(|(at, _)| *at <= now) else { return };
            if self.room() == 0 {
                return;
            }
            self.shard.leases.consumption.due.remove(&(at, log));
            match self.trim_log(log) {
                Some(again) => {
                    let consumption = &mut self.shard.leases.consumption;
                    consumption.logs.get_mut(&log).expect("it was due").due = again;
                    consumption.due.insert((again, log));
                }
                None => {
                    self.shard.leases.consumption.logs.remove(&log);
                }
            }
        }
    }

    /// Trims a log as far as it is consumed. Returns when to look at it again, if it has to be without anything settled.
    fn trim_log(&mut self, log: LogId) -> Option<EngineTime> {
        let now = self.now();
        let stream = self.shard.streams.get(&log.stream)?;
        let kept_ms = stream.entry.config.consumed()?;
        let state = stream.logs.get(log.index as usize)?;
        let group = self.shard.leases.groups.get(&LeaseGroupId::default_of(log.stream))?;
        let settled = group.logs.get(log.index as usize)?.watermark().min(state.end);
        let samples = &mut self.shard.leases.consumption.logs.get_mut(&log).expect("it was due").samples;
        let (consumed, matures) = if kept_ms == 0 || planted!(ConsumedGoesAtOnce) {
            (settled, None)
        } else {
            kept(samples, now, kept_ms, settled)
        };
        let held = self
            .shard
            .groups
            .committed_since(log, EngineTime(now.0.saturating_sub_unsigned(CURSOR_COUNTS_MS)));
        let passed = held.map_or(consumed, |held| held.min(consumed));
        let extent = Extent { start: state.start, end: state.end, bytes: 0, consumed: Some(passed) };
        let start = retention::new_start(&stream.entry.config, now, extent, core::iter::empty());
        if let Some(start) = start {
            self.shard.record(self.turn, Entry::LogTrimmed { log, start }, self.effects);
        }
        let held_back = (passed < consumed).then(|| now.after_ms(HELD_BACK_MS));
        matures.into_iter().chain(held_back).min().map(|at| at.max(now.after_ms(INTERVAL_MS)))
    }
}

/// How far the group was so long ago, and when the next sample is that old or is to be taken.
fn kept(
    samples: &mut VecDeque<(EngineTime, Offset)>,
    now: EngineTime,
    kept_ms: u64,
    settled: Offset,
) -> (Offset, Option<EngineTime>) {
    // A group that has sought back since was never further than it is.
    samples.retain_mut(|(_, offset)| {
        *offset = settled.min(*offset);
        true
    });
    let mut consumed = Offset::ZERO;
    while let Some(&(at, offset)) = samples.front()
        && now.since_ms(at) >= kept_ms
    {
        consumed = offset;
        samples.pop_front();
    }
    let spacing_ms = kept_ms / SAMPLES;
    let (last, known) = samples.back().copied().unwrap_or((EngineTime(i64::MIN), consumed));
    let mut next = None;
    if settled > known {
        if samples.is_empty() || now.since_ms(last) >= spacing_ms {
            samples.push_back((now, settled));
        } else {
            next = Some(last.after_ms(spacing_ms));
        }
    }
    let matures = samples.front().map(|(at, _)| at.after_ms(kept_ms));
    (consumed, matures.into_iter().chain(next).min())
}
