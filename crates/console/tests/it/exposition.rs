//! A strict reader of Prometheus' text format.
//!
//! Apart because what it refuses, Prometheus would refuse as a whole: a scrape with one bad line is no scrape.

use std::collections::{BTreeMap, BTreeSet};

/// A scrape, read.
#[derive(Debug)]
pub(crate) struct Exposition {
    pub(crate) text: String,
    types: BTreeMap<String, String>,
    /// By name and labels, as they stand there.
    samples: BTreeMap<String, f64>,
}

impl Exposition {
    /// The value of a sample.
    pub(crate) fn value(&self, metric: &str, labels: &str) -> Option<f64> {
        self.samples.get(&format!("{metric}{labels}")).copied()
    }

    /// How many samples a metric has.
    pub(crate) fn series(&self, metric: &str) -> usize {
        self.samples.keys().filter(|sample| sample.split('{').next() == Some(metric)).count()
    }

    /// The names of the families.
    pub(crate) fn families(&self) -> impl Iterator<Item = &str> {
        self.types.keys().map(String::as_str)
    }
}

/// Reads a scrape, and panics at the first thing that Prometheus would not like.
pub(crate) fn parse(text: &str) -> Exposition {
    assert!(text.is_empty() || text.ends_with('\n'));
    let (mut types, mut samples) = (BTreeMap::new(), BTreeMap::new());
    let mut closed = BTreeSet::new();
    let mut family = String::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (word, name, rest) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            assert!(["HELP", "TYPE"].contains(&word), "{line}");
            if name != family {
                assert!(
                    closed.insert(std::mem::replace(&mut family, name.to_owned())) && !closed.contains(name),
                    "{line}"
                );
            }
            if word == "TYPE" {
                assert!(["counter", "gauge", "histogram"].contains(&rest), "{line}");
                assert!(types.insert(name.to_owned(), rest.to_owned()).is_none(), "{line}");
            }
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        let metric = check_labels(name);
        let kind = types.get(&family).unwrap_or_else(|| panic!("no type: {line}"));
        let rest = metric.strip_prefix(&*family).unwrap_or_else(|| panic!("of another family: {line}"));
        let suffixes: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        assert!(suffixes.contains(&rest), "{line}");
        assert!(samples.insert(name.to_owned(), value).is_none(), "twice: {line}");
    }
    Exposition { text: text.to_owned(), types, samples }
}

/// Checks a sample's labels and gives its metric.
fn check_labels(sample: &str) -> &str {
    let Some((metric, rest)) = sample.split_once('{') else { return sample };
    let mut rest = rest.strip_suffix('}').unwrap_or_else(|| panic!("open labels: {sample}"));
    let mut names = BTreeSet::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("no value: {sample}"));
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{sample}");
        assert!(names.insert(name), "{sample}");
        let mut end = None;
        let mut escaped = false;
        for (at, character) in after.char_indices() {
            match character {
                _ if escaped => {
                    assert!(['\\', '"', 'n'].contains(&character), "{sample}");
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        rest = &after[end.unwrap_or_else(|| panic!("open value: {sample}")) + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    metric
}
