//! Figures, their medians and ratios, as tables and as JSON.
//!
//! Apart because a work should not know how it is shown: it yields named figures, and everything else (which is better,
//! how many digits, how rounds are put together) is decided here.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::plan::Class;

/// One figure of one run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Metric {
    /// What it is, unit included.
    pub(crate) name: &'static str,
    /// Its value.
    pub(crate) value: f64,
}

/// One run of one work on one broker.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    /// The durability class; `None` where there is none.
    pub(crate) class: Option<Class>,
    /// The work, with what distinguishes it.
    pub(crate) work: String,
    /// The broker's name.
    pub(crate) broker: &'static str,
    /// Counted from 1.
    pub(crate) round: u32,
    /// What was measured, in the order to be shown.
    pub(crate) metrics: Vec<Metric>,
}

/// All runs so far.
pub(crate) struct Report {
    /// What heads the runs that are of no durability class.
    title: &'static str,
    samples: Vec<Sample>,
}

impl Default for Report {
    fn default() -> Report {
        Report::titled("without durability")
    }
}

impl Report {
    /// An empty report, with what heads the runs that are of no durability class.
    pub(crate) fn titled(title: &'static str) -> Report {
        Report { title, samples: Vec::new() }
    }

    /// Adds a run and says it in one line, so that a long bench can be followed.
    pub(crate) fn add(&mut self, sample: Sample) {
        let figures: Vec<_> =
            sample.metrics.iter().map(|metric| format!("{} {}", number(metric.value), metric.name)).collect();
        eprintln!("  {:<10} {}: {}", sample.broker, sample.work, figures.join(", "));
        self.samples.push(sample);
    }

    /// The tables: one per class, the first broker's figures against the second's.
    pub(crate) fn tables(&self, brokers: &[&'static str]) -> String {
        let mut out = String::new();
        for class in [None, Some(Class::Fsync), Some(Class::Cache)] {
            let of_class: Vec<_> = self.samples.iter().filter(|sample| sample.class == class).collect();
            if of_class.is_empty() {
                continue;
            }
            let title = class.map_or(self.title, Class::name);
            out += &format!("\n== {title} ==\n");
            let mut works: Vec<&str> = Vec::new();
            for sample in &of_class {
                if !works.contains(&sample.work.as_str()) {
                    works.push(&sample.work);
                }
            }
            for work in works {
                let of_work: Vec<_> = of_class.iter().copied().filter(|sample| sample.work == work).collect();
                out += &table(work, &of_work, brokers);
            }
        }
        out
    }

    /// Every run, for other programs.
    pub(crate) fn samples(&self) -> &[Sample] {
        &self.samples
    }
}

fn table(work: &str, samples: &[&Sample], brokers: &[&'static str]) -> String {
    // Brokers that ran this work, in the order asked for; the null server is none of them.
    let mut columns: Vec<_> = brokers
        .iter()
        .copied()
        .filter(|broker| samples.iter().any(|sample| sample.broker == *broker))
        .collect();
    if columns.is_empty() {
        columns = samples.first().map(|sample| sample.broker).into_iter().collect();
    }
    let mut out = format!("\n{work:<44}");
    for broker in &columns {
        out += &format!("{broker:>14}");
    }
    if columns.len() == 2 {
        out += "   ratio (each round)";
    }
    out.push('\n');
    let mut names: Vec<&'static str> = Vec::new();
    for metric in samples.iter().flat_map(|sample| &sample.metrics) {
        if !names.contains(&metric.name) {
            names.push(metric.name);
        }
    }
    for name in names {
        let rounds: Vec<_> = columns.iter().map(|broker| by_round(samples, broker, name)).collect();
        out += &format!("  {name:<42}");
        for rounds in &rounds {
            let values: Vec<_> = rounds.values().copied().collect();
            out += &format!("{:>14}", median(&values).map_or_else(|| "-".to_owned(), number));
        }
        if let [first, second] = &rounds[..] {
            out += &ratios(first, second);
        }
        out.push('\n');
    }
    out
}

fn by_round(samples: &[&Sample], broker: &str, name: &str) -> BTreeMap<u32, f64> {
    let of_broker = samples.iter().filter(|sample| sample.broker == broker);
    of_broker
        .flat_map(|sample| sample.metrics.iter().map(|metric| (sample.round, metric)))
        .filter(|(_, metric)| metric.name == name)
        .map(|(round, metric)| (round, metric.value))
        .collect()
}

/// The median of the rounds' ratios, then each of them: rounds are what was measured under the same conditions.
fn ratios(first: &BTreeMap<u32, f64>, second: &BTreeMap<u32, f64>) -> String {
    let pairs = first.iter().filter_map(|(round, a)| Some((a, second.get(round)?)));
    let ratios: Vec<_> = pairs.filter(|(_, b)| **b != 0.0).map(|(a, b)| a / b).collect();
    let Some(middle) = median(&ratios) else { return String::new() };
    let each: Vec<_> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
    format!("{middle:>8.2} ({})", each.join(" "))
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

/// Three or more significant digits, large numbers in groups of three.
fn number(value: f64) -> String {
    if value.abs() < 1000.0 {
        let digits = if value.abs() >= 100.0 {
            0
        } else if value.abs() >= 10.0 {
            1
        } else {
            3
        };
        return format!("{value:.digits$}");
    }
    let plain = format!("{value:.0}");
    let mut grouped = String::new();
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(broker: &'static str, round: u32, value: f64) -> Sample {
        let metrics = vec![Metric { name: "records/s", value }];
        Sample { class: Some(Class::Fsync), work: "work".to_owned(), broker, round, metrics }
    }

    #[test]
    fn ratio_is_the_median_of_the_rounds_not_the_ratio_of_medians() {
        let mut report = Report::default();
        for (round, a, b) in [(1, 100.0, 10.0), (2, 30.0, 20.0), (3, 60.0, 30.0)] {
            report.add(sample("a", round, a));
            report.add(sample("b", round, b));
        }
        let tables = report.tables(&["a", "b"]);
        assert!(tables.contains("60.0          20.0    2.00 (10.00 1.50 2.00)"), "{tables}");
    }

    #[test]
    fn numbers_keep_three_digits_and_group_thousands() {
        assert_eq!(number(0.1234), "0.123");
        assert_eq!(number(12.34), "12.3");
        assert_eq!(number(1_234_567.8), "1,234,568");
    }
}
