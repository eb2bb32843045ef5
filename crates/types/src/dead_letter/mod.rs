//! What a dead letter says of itself: the reserved headers of a record that was taken out of its stream, and their bytes.
//!
//! Apart because one part writes them and every protocol shows them in its own words: why the record is where it is,
//! where it was before, and how often it has gone that way. All values are text, so that a consumer that knows
//! nothing of them can read them.
//!
//! | header | value |
//! |---|---|
//! | `dead-letter.reason` | `rejected`, `expired`, `limit` (delivered as often as it may be) or `length` (its stream was too long) |
//! | `dead-letter.source` | name of the stream that it was taken out of, in the same namespace |
//! | `dead-letter.log` | index of the log there |
//! | `dead-letter.offset` | its offset there |
//! | `dead-letter.deliveries` | how often it was delivered there |
//! | `dead-letter.time` | when, in milliseconds since 1970 UTC |
//! | `dead-letter.history` | one line for each stream and reason, see [`History`] |
//!
//! A record that is moved again gets new ones; of the old ones only the history lives on. One that goes back to its
//! source on request keeps nothing but its history.

mod history;

pub use history::{Death, HISTORY_MAX, History};

use crate::batch::Headers;
use crate::limits::NAME_BYTES_MAX;
use crate::{EngineTime, Offset};
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::str::FromStr;

/// What the names of all these headers begin with.
pub const PREFIX: &str = "dead-letter.";
const REASON: &str = "dead-letter.reason";
const SOURCE: &str = "dead-letter.source";
const LOG: &str = "dead-letter.log";
const OFFSET: &str = "dead-letter.offset";
const DELIVERIES: &str = "dead-letter.deliveries";
const TIME: &str = "dead-letter.time";
const HISTORY: &str = "dead-letter.history";

/// Why a record became a dead letter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DeathReason {
    /// A consumer rejected it.
    Rejected,
    /// Its time to live was over.
    Expired,
    /// It was delivered as often as it may be.
    Limit,
    /// Its stream became too long.
    Length,
}

impl DeathReason {
    /// The reason's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            DeathReason::Rejected => "rejected",
            DeathReason::Expired => "expired",
            DeathReason::Limit => "limit",
            DeathReason::Length => "length",
        }
    }

    /// The reason of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<DeathReason> {
        [DeathReason::Rejected, DeathReason::Expired, DeathReason::Limit, DeathReason::Length]
            .into_iter()
            .find(|reason| reason.as_str() == word)
    }
}

/// What the headers of a dead letter say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadLetter {
    /// Why it was taken out of its stream.
    pub reason: DeathReason,
    /// The stream's name, 1 to 255 bytes.
    pub source: Box<str>,
    /// Index of the log there.
    pub log: u32,
    /// Its offset there.
    pub offset: Offset,
    /// How often it was delivered there.
    pub deliveries: u32,
    /// When.
    pub time: EngineTime,
    /// This death and the earlier ones.
    pub history: History,
}

impl DeadLetter {
    /// Reads the headers of a record; `None` if it is not a dead letter. Anyone may have written them: nothing in them is
    /// more than a claim.
    #[must_use]
    pub fn parse(headers: Headers<'_>) -> Option<DeadLetter> {
        let source = text(headers, SOURCE)?;
        if !(1..=NAME_BYTES_MAX).contains(&source.len()) {
            return None;
        }
        Some(DeadLetter {
            reason: DeathReason::from_word(text(headers, REASON)?)?,
            source: source.into(),
            log: number(headers, LOG)?,
            offset: Offset(number(headers, OFFSET)?),
            deliveries: number(headers, DELIVERIES)?,
            time: EngineTime(number(headers, TIME)?),
            history: history(headers),
        })
    }

    /// The headers, to stand behind the record's own.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut headers = alloc::vec![
            (REASON, self.reason.as_str().into()),
            (SOURCE, self.source.as_bytes().into()),
            (LOG, self.log.to_string().into()),
            (OFFSET, self.offset.to_string().into()),
            (DELIVERIES, self.deliveries.to_string().into()),
            (TIME, self.time.to_string().into()),
        ];
        headers.extend(history_header(&self.history));
        headers
    }
}

/// A record's history; empty if it has none, or one that cannot be read.
#[must_use]
pub fn history(headers: Headers<'_>) -> History {
    text(headers, HISTORY).and_then(History::parse).unwrap_or_default()
}

/// The header of a record that is no dead letter any more, and was one; `None` for an empty history.
#[must_use]
pub fn history_header(history: &History) -> Option<(&'static str, Vec<u8>)> {
    (!history.is_empty()).then(|| (HISTORY, history.to_text().into_bytes()))
}

/// The last header of a name counts: it is the broker's, whatever a producer wrote before it.
fn text<'a>(headers: Headers<'a>, name: &str) -> Option<&'a str> {
    let (_, value) = headers.filter(|(key, _)| *key == name).last()?;
    core::str::from_utf8(value?).ok()
}

fn number<N: FromStr>(headers: Headers<'_>, name: &str) -> Option<N> {
    text(headers, name)?.parse().ok()
}

#[cfg(test)]
mod tests;
