//! How often a record was dead-lettered, from which streams, and why.
//!
//! Apart because it outlives the other headers, and because two questions are answered from it alone: what a protocol shows as
//! the deaths of a message, and whether a message goes round in circles.
//!
//! One line for each stream and reason, the latest death first:
//!
//! ```text
//! <reason> <count> <first time, ms> <latest time, ms> <bytes of the name> <name of the stream>[<way>]
//! folded <count>
//! ```
//!
//! where the way, if it is known how the record came into that stream at its latest death, is
//! ` <bytes of the route's name> <the route's name> <bytes of the key> <key>`.
//!
//! The last line stands for those for which there was no room: with more than [`HISTORY_MAX`] lines the oldest is
//! folded into it, except the very first death, which is kept as long as there is a history.

use super::DeathReason;
use crate::EngineTime;
use crate::limits::{BINDING_KEY_BYTES_MAX, NAME_BYTES_MAX};
use crate::routed::Routed;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

/// Streams and reasons that a history tells apart: more than any sensible chain of streams has, and 13 KiB at most.
pub const HISTORY_MAX: usize = 16;

/// What happened in one stream for one reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Death {
    /// Name of the stream that the record was taken out of.
    pub source: Box<str>,
    /// Why.
    pub reason: DeathReason,
    /// How often.
    pub count: u64,
    /// When first.
    pub first: EngineTime,
    /// When last.
    pub latest: EngineTime,
    /// How the record had come into the stream then, if it says.
    pub routed: Option<Routed>,
}

/// All that happened to a record, the latest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct History {
    deaths: Vec<Death>,
    folded: u64,
}

impl History {
    /// Whether the record was never dead-lettered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deaths.is_empty()
    }

    /// One for each stream and reason, the latest first.
    #[must_use]
    pub fn deaths(&self) -> &[Death] {
        &self.deaths
    }

    /// Deaths that are not told apart any more.
    #[must_use]
    pub fn folded(&self) -> u64 {
        self.folded
    }

    /// The one that came first.
    #[must_use]
    pub fn first(&self) -> Option<&Death> {
        // Of equal times the one further back is the older.
        self.deaths.iter().rev().min_by_key(|death| death.first)
    }

    /// Adds a death of a record that does not say how it came there.
    pub fn add(&mut self, source: &str, reason: DeathReason, time: EngineTime) {
        self.add_routed(source, reason, time, None);
    }

    /// Adds a death.
    pub fn add_routed(
        &mut self,
        source: &str,
        reason: DeathReason,
        time: EngineTime,
        routed: Option<Routed>,
    ) {
        let known = self.deaths.iter().position(|death| &*death.source == source && death.reason == reason);
        let death = match known {
            Some(place) => {
                let known = self.deaths.remove(place);
                Death { count: known.count.saturating_add(1), latest: time, routed, ..known }
            }
            None => Death { source: source.into(), reason, count: 1, first: time, latest: time, routed },
        };
        self.deaths.insert(0, death);
        if self.deaths.len() > HISTORY_MAX {
            let first = self.first().map(|death| death.first);
            let last = self.deaths.len() - 1;
            let folded = if Some(self.deaths[last].first) == first { last - 1 } else { last };
            self.folded = self.folded.saturating_add(self.deaths.remove(folded).count);
        }
    }

    /// Whether a record with this history, its latest death included, would go in a circle by itself if it went to a
    /// stream now: it was taken out of that stream before, and since then no consumer has rejected it anywhere.
    #[must_use]
    pub fn is_cycle_to(&self, target: &str) -> bool {
        let Some(place) = self.deaths.iter().position(|death| &*death.source == target) else { return false };
        self.deaths[..=place].iter().all(|death| death.reason != DeathReason::Rejected)
    }

    /// Reads what [`History::to_text`] wrote. Lines beyond [`HISTORY_MAX`] are not taken.
    pub(super) fn parse(mut text: &str) -> Option<History> {
        let mut history = History::default();
        while !text.is_empty() {
            if let Some(count) = text.strip_prefix("folded ") {
                history.folded = count.strip_suffix('\n')?.parse().ok()?;
                break;
            }
            if history.deaths.len() == HISTORY_MAX {
                return None;
            }
            let mut fields = text.splitn(6, ' ');
            let mut field = || fields.next();
            let reason = DeathReason::from_word(field()?)?;
            let count = field()?.parse().ok()?;
            let first = EngineTime(field()?.parse().ok()?);
            let latest = EngineTime(field()?.parse().ok()?);
            let bytes: usize = field()?.parse().ok()?;
            let rest = field()?;
            if !(1..=NAME_BYTES_MAX).contains(&bytes) {
                return None;
            }
            let (source, mut rest) = rest.split_at_checked(bytes)?;
            let mut routed = None;
            if rest.starts_with(' ') {
                let by = counted(&mut rest, NAME_BYTES_MAX)?.into();
                routed = Some(Routed { by, key: counted(&mut rest, BINDING_KEY_BYTES_MAX)?.into() });
            }
            text = rest.strip_prefix('\n')?;
            history.deaths.push(Death { source: source.into(), reason, count, first, latest, routed });
        }
        Some(history)
    }

    /// The header's value.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        for Death { source, reason, count, first, latest, routed } in &self.deaths {
            let bytes = source.len();
            write!(text, "{} {count} {first} {latest} {bytes} {source}", reason.as_str())
                .expect("a string takes all that is written to it");
            if let Some(Routed { by, key }) = routed {
                write!(text, " {} {by} {} {key}", by.len(), key.len())
                    .expect("a string takes all that is written to it");
            }
            text.push('\n');
        }
        if self.folded > 0 {
            writeln!(text, "folded {}", self.folded).expect("a string takes all that is written to it");
        }
        text
    }
}

/// Takes ` <bytes> <text>` from the front.
fn counted<'a>(rest: &mut &'a str, bytes_max: usize) -> Option<&'a str> {
    let (bytes, text) = rest.strip_prefix(' ')?.split_once(' ')?;
    let bytes = bytes.parse().ok().filter(|bytes| *bytes <= bytes_max)?;
    let (text, left) = text.split_at_checked(bytes)?;
    *rest = left;
    Some(text)
}
