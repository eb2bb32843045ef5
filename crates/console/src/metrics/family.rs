//! Families of samples, and how the library for metrics encodes them.
//!
//! Apart because what is measured is kept where it happens, in plain numbers: here it is only put into the library's words, anew
//! at every scrape.

use super::catalog::{MetricKind, MetricRow};
use millstream_types::histogram::{BUCKETS, Counted, upper_end};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelValue, LabelValueEncoder, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use std::fmt::{self, Write as _};

/// The name and value of a label.
pub(super) type Label = (&'static str, LabelValue);

/// A label's value, which clients may have chosen: cut if it is very long.
#[derive(Debug, Clone)]
pub(super) struct LabelValue(String);

/// Bytes of a label's value at most: as long as any name.
const LABEL_BYTES_MAX: usize = 255;

impl From<&str> for LabelValue {
    fn from(text: &str) -> LabelValue {
        let mut end = text.len().min(LABEL_BYTES_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        LabelValue(text[..end].to_owned())
    }
}

impl EncodeLabelValue for LabelValue {
    /// The library escapes what would end a value.
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(&self.0)
    }
}

/// The value of a sample.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Counted since the start.
    Count(u64),
    /// As counted, in seconds.
    Seconds(f64),
    /// As it is now.
    Gauge(f64),
    /// Values counted in microseconds, shown in seconds.
    Micros(Box<Counted>),
    /// Values counted as they are.
    Amounts(Box<Counted>),
}

/// One metric with its samples.
#[derive(Debug)]
pub(super) struct Family {
    row: &'static MetricRow,
    samples: Vec<(Vec<Label>, Value)>,
}

impl Family {
    /// A metric without samples.
    pub(super) fn new(row: &'static MetricRow) -> Family {
        Family { row, samples: Vec::new() }
    }

    /// A metric without labels.
    pub(super) fn one(row: &'static MetricRow, value: Value) -> Family {
        let mut family = Family::new(row);
        family.add([], value);
        family
    }

    /// Adds a sample.
    ///
    /// # Panics
    /// When its labels are not those that the catalog says.
    pub(super) fn add<const N: usize>(&mut self, labels: [&str; N], value: Value) {
        assert_eq!(self.row.labels.len(), N, "{} has the labels that the catalog says", self.row.name);
        let labels = self.row.labels.iter().zip(labels).map(|(name, value)| (*name, value.into()));
        self.samples.push((labels.collect(), value));
    }

    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let kind = match self.row.kind {
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
            MetricKind::Histogram => MetricType::Histogram,
        };
        let name = self.row.name.strip_suffix("_total").unwrap_or(self.row.name);
        // The library ends a help text with a full stop of its own only where it registers metrics itself.
        let mut metric = encoder.encode_descriptor(name, self.row.help, None, kind)?;
        for (labels, value) in &self.samples {
            if labels.is_empty() {
                write(&mut metric, value)?;
            } else {
                let labels = labels.as_slice();
                write(&mut metric.encode_family(&labels)?, value)?;
            }
        }
        Ok(())
    }
}

fn write(metric: &mut MetricEncoder<'_>, value: &Value) -> fmt::Result {
    match value {
        Value::Count(count) => metric.encode_counter::<NoLabelSet, _, f64>(count, None),
        Value::Seconds(seconds) => metric.encode_counter::<NoLabelSet, _, f64>(seconds, None),
        Value::Gauge(value) => metric.encode_gauge(value),
        Value::Micros(counted) => histogram(metric, counted, MICROS_FIRST, 1e-6),
        Value::Amounts(counted) => histogram(metric, counted, 0, 1.0),
    }
}

/// Below 64 microseconds nothing is told apart.
const MICROS_FIRST: usize = 6;
/// Above 16 seconds, or 16 million, neither.
const SHOWN_LAST: usize = 24;

/// Writes a histogram with one bucket for each power of two between two ends.
#[allow(clippy::cast_precision_loss, reason = "more than 2^53 microseconds are 285 years")]
fn histogram(metric: &mut MetricEncoder<'_>, counted: &Counted, first: usize, unit: f64) -> fmt::Result {
    let below: u64 = counted.buckets[..first].iter().sum();
    let mut buckets = Vec::with_capacity(SHOWN_LAST - first + 2);
    for index in first..=SHOWN_LAST {
        let end = upper_end(index).expect("only the last bucket has no end");
        let count = counted.buckets[index] + if index == first { below } else { 0 };
        buckets.push((end as f64 * unit, count));
    }
    buckets.push((f64::MAX, counted.buckets[SHOWN_LAST + 1..].iter().sum()));
    metric.encode_histogram::<NoLabelSet>(counted.sum as f64 * unit, counted.count(), &buckets, None)
}

const _: () = assert!(MICROS_FIRST < SHOWN_LAST && SHOWN_LAST + 1 < BUCKETS);

/// All families of a scrape.
#[derive(Debug)]
pub(super) struct Families(pub(super) Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // One without samples has nothing to describe.
        self.0
            .iter()
            .filter(|family| !family.samples.is_empty())
            .try_for_each(|family| family.encode(&mut encoder))
    }
}
