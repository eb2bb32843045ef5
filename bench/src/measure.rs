//! One run of a work on a broker, with everything that is measured around it.
//!
//! Apart because disk, processor time and memory are taken the same way for every work.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::broker::{Broker, own_cpu_s};
use crate::disk;
use crate::histogram::Latencies;
use crate::pauses::{Pauses, Watch};
use crate::plan::Class;
use crate::report::{Metric, Sample};
use crate::sqs::{Cycles, MESSAGE_BYTES};
use crate::work::{EndToEnd, Moved};

/// What a work yields: what it moved, and figures of its own.
pub(crate) struct Outcome {
    moved: Moved,
    own: Vec<Metric>,
    /// When each thing that counts was due, and when it was there; empty where that is not measured.
    spans: Vec<(Instant, Instant)>,
}

impl Outcome {
    /// So many messages of that size, and figures of its own; `name` is what their rate is called.
    pub(crate) fn new(
        name: &'static str,
        messages: u64,
        message_bytes: usize,
        elapsed: Duration,
        own: impl IntoIterator<Item = Metric>,
    ) -> Outcome {
        let value = messages as f64 / elapsed.as_secs_f64();
        let own = [Metric { name, value }].into_iter().chain(own).collect();
        Outcome {
            moved: Moved { records: messages, bytes: messages * message_bytes as u64, elapsed },
            own,
            spans: Vec::new(),
        }
    }

    /// With what the machine had to do with it.
    fn seen_with(mut self, pauses: &Pauses) -> Outcome {
        if !self.spans.is_empty() && pauses.are_known() {
            let undisturbed = |(from, to): &&(Instant, Instant)| !pauses.touch(*from, *to);
            let latencies = latencies(self.spans.iter().filter(undisturbed));
            let share = 1.0 - latencies.count() as f64 / self.spans.len() as f64;
            self.own.extend([
                Metric { name: "end to end p99 ms, machine running", value: latencies.percentile_ms(99.0) },
                Metric { name: "end to end p99.9 ms, machine running", value: latencies.percentile_ms(99.9) },
                Metric { name: "share left out for that", value: share },
            ]);
        }
        self
    }
}

impl From<Moved> for Outcome {
    fn from(moved: Moved) -> Outcome {
        let seconds = moved.elapsed.as_secs_f64();
        let own = vec![
            Metric { name: "records/s", value: moved.records as f64 / seconds },
            Metric { name: "MB/s", value: moved.bytes as f64 / seconds / 1e6 },
        ];
        Outcome { moved, own, spans: Vec::new() }
    }
}

impl From<EndToEnd> for Outcome {
    fn from(result: EndToEnd) -> Outcome {
        let EndToEnd { spans, confirm, moved, due } = result;
        let share = moved.records as f64 / due as f64;
        let end_to_end = latencies(spans.iter());
        let own = vec![
            Metric { name: "end to end p50 ms", value: end_to_end.percentile_ms(50.0) },
            Metric { name: "end to end p99 ms", value: end_to_end.percentile_ms(99.0) },
            Metric { name: "end to end p99.9 ms", value: end_to_end.percentile_ms(99.9) },
            Metric { name: "confirm p50 ms", value: confirm.percentile_ms(50.0) },
            Metric { name: "confirm p99 ms", value: confirm.percentile_ms(99.0) },
            Metric { name: "share of due records received", value: share },
        ];
        Outcome { moved, own, spans }
    }
}

impl From<Cycles> for Outcome {
    fn from(result: Cycles) -> Outcome {
        let Cycles { messages, elapsed, send, receive, delete, empty } = result;
        let percentiles = [
            ("send p50 ms", &send, 50.0),
            ("send p99 ms", &send, 99.0),
            ("receive p50 ms", &receive, 50.0),
            ("receive p99 ms", &receive, 99.0),
            ("delete p50 ms", &delete, 50.0),
            ("delete p99 ms", &delete, 99.0),
        ];
        let taken = percentiles.into_iter().filter(|(_, latencies, _)| latencies.count() > 0);
        let own = taken
            .map(|(name, latencies, percent)| Metric { name, value: latencies.percentile_ms(percent) })
            .chain([Metric { name: "receives of nothing", value: empty as f64 }]);
        Outcome::new("messages/s", messages, MESSAGE_BYTES, elapsed, own)
    }
}

fn latencies<'a>(spans: impl Iterator<Item = &'a (Instant, Instant)>) -> Latencies {
    let mut latencies = Latencies::new();
    spans.for_each(|(due, seen)| latencies.record(seen.saturating_duration_since(*due)));
    latencies
}

/// Where and when a run belongs.
pub(crate) struct Place<'a> {
    /// The directory whose disk is probed.
    pub(crate) data: &'a Path,
    /// The durability class; `None` where each broker has its own.
    pub(crate) class: Option<Class>,
    /// Counted from 1.
    pub(crate) round: u32,
}

/// Probes the disk, runs the work and puts the figures together.
///
/// # Errors
/// Those of the work; when the broker is gone.
pub(crate) fn measure<O: Into<Outcome>>(
    place: &Place<'_>,
    work: String,
    broker: &Broker,
    run: impl FnOnce() -> anyhow::Result<O>,
) -> anyhow::Result<Sample> {
    let probe = disk::probe(place.data)?;
    broker.forget_peak()?;
    let (broker_before, own_before) = (broker.cpu_s()?, own_cpu_s()?);
    let watch = Watch::begin();
    let result = run();
    let pauses = watch.end();
    let Outcome { moved, own, .. } = result?.into().seen_with(&pauses);
    let (broker_cpu, own_cpu) = (broker.cpu_s()? - broker_before, own_cpu_s()? - own_before);
    let millions = moved.records as f64 / 1e6;
    let seconds = moved.elapsed.as_secs_f64();
    let mut metrics = own;
    metrics.extend([
        Metric { name: "broker CPU s per million", value: broker_cpu / millions },
        Metric { name: "broker cores", value: broker_cpu / seconds },
        Metric { name: "client CPU s per million", value: own_cpu / millions },
        Metric { name: "client cores", value: own_cpu / seconds },
        Metric { name: "resident MB, peak", value: broker.resident_bytes_peak()? as f64 / 1e6 },
        Metric { name: "disk before: fdatasync p50 ms", value: probe.percentile_ms(50.0) },
        Metric { name: "disk before: fdatasync p99 ms", value: probe.percentile_ms(99.0) },
    ]);
    if pauses.are_known() {
        let value = pauses.longest_sum().as_secs_f64() * 1e3 / seconds;
        metrics.push(Metric { name: "machine stood still, ms per s", value });
    }
    Ok(Sample { class: place.class, work, broker: broker.name, round: place.round, metrics })
}
