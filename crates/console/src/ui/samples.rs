//! Rates over time: a short memory of how far every stream's logs had come, kept for the console's charts.
//!
//! Apart because it is the only state that pages have. It is filled by looking at read views, which asks no shard (R9),
//! every second while there are few logs and every ten seconds otherwise; a chart is kept for the busiest streams alone, and
//! what is deleted is forgotten with the next look.

use millstream_front::Backend;
use millstream_types::{EngineTime, StreamId};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Values of a chart.
pub(crate) const VALUES_MAX: usize = 120;
/// Streams that have a chart.
const CHARTS_MAX: usize = 500;
/// Up to so many logs are looked at every second; to look at one costs a fraction of a microsecond.
const LOGS_OFTEN_MAX: u64 = 2_000;
/// Between two looks.
const OFTEN_MS: u64 = 1_000;
const SELDOM_MS: u64 = 10_000;
/// Ticks come a little early or late.
const SLACK_MS: u64 = 100;

/// What there was at the last look, and charts.
#[derive(Debug, Default)]
struct State {
    looked: Option<EngineTime>,
    /// Between the values of the charts.
    step_ms: u64,
    /// Where the logs of each stream ended, summed up.
    ends: BTreeMap<StreamId, u64>,
    charts: BTreeMap<StreamId, VecDeque<f32>>,
    total: VecDeque<f32>,
    streams: u64,
    records: u64,
    bytes: u64,
}

/// The console's memory.
#[derive(Debug, Default)]
pub(crate) struct Samples(Mutex<State>);

/// Everything together, as the overview shows it.
#[derive(Debug, Default)]
pub(crate) struct Total {
    pub(crate) streams: u64,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) rates: Vec<f32>,
    pub(crate) step_ms: u64,
}

impl Samples {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks, if it is time. Called about once a second.
    pub(crate) fn look(&self, now: EngineTime, backend: &dyn Backend) {
        let (due_ms, looked) = {
            let state = self.state();
            (state.step_ms.max(OFTEN_MS), state.looked)
        };
        let passed_ms = looked.map_or(u64::MAX, |looked| now.since_ms(looked));
        if passed_ms.saturating_add(SLACK_MS) < due_ms {
            return;
        }
        let mut seen = Seen::default();
        for namespace in backend.namespaces() {
            for entry in backend.streams(namespace.number) {
                let logs = entry.log_ids().filter_map(|id| backend.log(id));
                let end = logs.map(|log| {
                    seen.logs += 1;
                    let end = log.high_watermark().0;
                    seen.records += end.saturating_sub(log.log_start().0);
                    seen.bytes += log.bytes();
                    end
                });
                let end = end.sum();
                seen.ends.insert(entry.id, end);
            }
        }
        self.state().take(now, looked.map(|_| passed_ms), seen);
    }

    /// Everything together.
    pub(crate) fn total(&self) -> Total {
        let state = self.state();
        Total {
            streams: state.streams,
            records: state.records,
            bytes: state.bytes,
            rates: state.total.iter().copied().collect(),
            step_ms: state.step_ms,
        }
    }

    /// Records per second of a stream, the newest last; empty for one that nothing was appended to lately.
    pub(crate) fn rates(&self, stream: StreamId) -> Vec<f32> {
        self.state().charts.get(&stream).map_or(Vec::new(), |chart| chart.iter().copied().collect())
    }
}

#[derive(Debug, Default)]
struct Seen {
    logs: u64,
    records: u64,
    bytes: u64,
    ends: BTreeMap<StreamId, u64>,
}

impl State {
    fn take(&mut self, now: EngineTime, passed_ms: Option<u64>, seen: Seen) {
        let step_ms = if seen.logs <= LOGS_OFTEN_MAX { OFTEN_MS } else { SELDOM_MS };
        if step_ms != self.step_ms {
            // Values of another step would be drawn as if they were of this one.
            self.charts.clear();
            self.total.clear();
        }
        if let Some(passed_ms) = passed_ms.filter(|passed| *passed > 0) {
            let per_second = |records: u64| (records as f64 * 1_000.0 / passed_ms as f64) as f32;
            let mut all = 0;
            let mut grown: Vec<(StreamId, u64)> = Vec::new();
            for (id, end) in &seen.ends {
                let before = self.ends.get(id).copied().unwrap_or(0);
                let more = end.saturating_sub(before);
                all += more;
                if more > 0 {
                    grown.push((*id, more));
                }
            }
            push(&mut self.total, per_second(all));
            self.charts.retain(|id, _| seen.ends.contains_key(id));
            grown.sort_unstable_by_key(|(_, more)| core::cmp::Reverse(*more));
            for (id, _) in grown.iter().take(CHARTS_MAX) {
                if !self.charts.contains_key(id) && self.make_room() {
                    // Everything before was nothing: the charts of all streams end at the same moment.
                    self.charts.insert(*id, VecDeque::from(vec![0.0; self.total.len() - 1]));
                }
            }
            let grown: BTreeMap<StreamId, u64> = grown.into_iter().collect();
            for (id, chart) in &mut self.charts {
                push(chart, per_second(grown.get(id).copied().unwrap_or(0)));
            }
        }
        self.looked = Some(now);
        self.step_ms = step_ms;
        self.streams = seen.ends.len() as u64;
        self.records = seen.records;
        self.bytes = seen.bytes;
        self.ends = seen.ends;
    }

    /// Whether there is room for one more chart: one in which nothing is left makes some.
    fn make_room(&mut self) -> bool {
        if self.charts.len() < CHARTS_MAX {
            return true;
        }
        let idle = self.charts.iter().find(|(_, chart)| chart.iter().all(|value| *value == 0.0));
        let idle = idle.map(|(id, _)| *id);
        idle.is_some_and(|id| self.charts.remove(&id).is_some())
    }
}

fn push(chart: &mut VecDeque<f32>, value: f32) {
    if chart.len() >= VALUES_MAX {
        chart.pop_front();
    }
    chart.push_back(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_testkit::broker::TestBroker;

    fn seen(logs: u64, ends: &[(u64, u64)]) -> Seen {
        let ends = ends.iter().map(|(id, end)| (StreamId(*id), *end)).collect();
        Seen { logs, ends, ..Seen::default() }
    }

    #[test]
    fn rates_are_what_came_between_two_looks_and_what_is_deleted_is_forgotten() {
        let mut state = State::default();
        state.take(EngineTime(0), None, seen(2, &[(1, 100), (2, 7)]));
        assert!(state.total.is_empty(), "what was there before says nothing about a rate");
        state.take(EngineTime(1_000), Some(1_000), seen(2, &[(1, 110), (2, 7)]));
        state.take(EngineTime(3_000), Some(2_000), seen(2, &[(1, 110), (2, 27)]));
        assert_eq!(state.total, [10.0, 10.0]);
        assert_eq!(state.charts[&StreamId(1)], [10.0, 0.0]);
        assert_eq!(state.charts[&StreamId(2)], [0.0, 10.0]);
        state.take(EngineTime(4_000), Some(1_000), seen(1, &[(2, 27)]));
        assert_eq!(state.charts.keys().collect::<Vec<_>>(), [&StreamId(2)]);
        state.take(EngineTime(14_000), Some(10_000), seen(LOGS_OFTEN_MAX + 1, &[(2, 27)]));
        assert_eq!((state.step_ms, state.total.len()), (SELDOM_MS, 1));
    }

    #[test]
    fn the_first_look_is_always_due_and_the_next_one_after_a_while() {
        let (samples, broker) = (Samples::default(), TestBroker::new());
        broker.create_stream("a", 2);
        samples.look(broker.now(), &*broker);
        assert_eq!((samples.total().streams, samples.total().rates.len()), (1, 0));
        broker.create_stream("b", 1);
        samples.look(broker.now().after_ms(500), &*broker);
        assert_eq!(samples.total().streams, 1);
        samples.look(broker.now().after_ms(1_000), &*broker);
        assert_eq!((samples.total().streams, samples.total().rates), (2, vec![0.0]));
    }

    #[test]
    fn charts_are_bounded_and_the_idle_ones_make_room() {
        let mut state = State::default();
        let all = |from: u64, end: u64| (from..from + 600).map(|id| (id, end)).collect::<Vec<_>>();
        state.take(EngineTime(0), None, seen(1, &all(0, 0)));
        for second in 1..=200 {
            state.take(EngineTime(second * 1_000), Some(1_000), seen(1, &all(0, second as u64)));
        }
        assert_eq!(state.charts.len(), CHARTS_MAX);
        assert_eq!((state.total.len(), state.charts[&StreamId(0)].len()), (VALUES_MAX, VALUES_MAX));
    }
}
