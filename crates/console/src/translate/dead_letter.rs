//! What a dead letter says of itself, as the API shows it.
//!
//! Apart because it is made of the record's headers, which anyone may have written: it is shown, and nothing relies on it.

use millstream_types::dead_letter::DeadLetter;
use schemars::JsonSchema;
use serde::Serialize;

/// Why a record is a dead letter, and where it was before.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Death")]
pub(crate) struct Letter {
    reason: &'static str,
    source: String,
    source_partition: u32,
    source_offset: u64,
    deliveries: u32,
    time_ms: i64,
    /// This death and earlier ones, the latest first: one for each stream and reason.
    history: Vec<Death>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EarlierDeath")]
struct Death {
    source: String,
    reason: &'static str,
    count: u64,
    first_ms: i64,
    latest_ms: i64,
}

impl Letter {
    /// Why it died.
    pub(crate) fn reason(&self) -> &str {
        self.reason
    }

    /// The stream that it was in.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// When.
    pub(crate) fn time_ms(&self) -> i64 {
        self.time_ms
    }
}

impl From<DeadLetter> for Letter {
    fn from(letter: DeadLetter) -> Letter {
        let deaths = letter.history.deaths().iter().map(|death| Death {
            source: death.source.to_string(),
            reason: death.reason.as_str(),
            count: death.count,
            first_ms: death.first.0,
            latest_ms: death.latest.0,
        });
        Letter {
            reason: letter.reason.as_str(),
            source: letter.source.to_string(),
            source_partition: letter.log,
            source_offset: letter.offset.0,
            deliveries: letter.deliveries,
            time_ms: letter.time.0,
            history: deaths.collect(),
        }
    }
}
