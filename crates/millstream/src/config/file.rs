//! The configuration file: flat TOML, one key per knob.
//!
//! Apart because of its errors: whatever is wrong, the file, the line and the key are named.

use super::{KNOBS, Kind};
use anyhow::{Context, anyhow, bail};
use std::ops::Range;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// One key of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its line, from 1.
    pub(super) line: usize,
    /// The knob's place in the table.
    pub(super) knob: usize,
    /// The value as the knob reads it.
    pub(super) value: String,
}

/// Reads a file.
///
/// # Errors
/// A sentence with file, line and key.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Entry>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the configuration file {} cannot be read", path.display()))?;
    parse(&text, &path.display().to_string())
}

/// Reads the text of a file called `name`.
pub(super) fn parse(text: &str, name: &str) -> anyhow::Result<Vec<Entry>> {
    let line = |span: Range<usize>| 1 + text[..span.start.min(text.len())].matches('\n').count();
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, line);
        anyhow!("{name}:{line}: this is not TOML: {}", error.message())
    })?;
    let mut entries = Vec::new();
    for (key, value) in table.get_ref() {
        let line = line(key.span());
        let key = key.get_ref().as_ref();
        let Some(knob) = KNOBS.iter().position(|knob| knob.key == key) else {
            bail!("{name}:{line}: unknown key {key:?}{}", nearest(key));
        };
        let value = match (KNOBS[knob].kind, value.get_ref()) {
            (Kind::Text | Kind::Number, DeValue::String(text)) => text.to_string(),
            (Kind::Number, DeValue::Integer(number)) if number.radix() == 10 => number.as_str().to_owned(),
            (Kind::Bool, DeValue::Boolean(value)) => value.to_string(),
            (kind, _) => bail!("{name}:{line}: {key} must be {}", expected(kind)),
        };
        entries.push(Entry { line, knob, value });
    }
    entries.sort_by_key(|entry| entry.line);
    Ok(entries)
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a string in quotes",
        Kind::Number => "a number",
        Kind::Bool => "true or false",
    }
}

/// A suggestion for a mistyped key, if one is close.
fn nearest(key: &str) -> String {
    let distances = KNOBS.iter().map(|knob| (distance(key, knob.key), knob.key));
    match distances.min() {
        Some((distance, nearest)) if distance <= 3 => format!("; did you mean {nearest:?}?"),
        _ => "; `millstream config` lists all keys".to_owned(),
    }
}

/// How many characters must be changed, added or removed to get from one to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[to.len()]
}
