//! What of the alarms survives a restart: silences, and which alarms were told.
//!
//! Apart because it is written down: as annotations of the default namespace, which are entries of the write-ahead log like
//! everything else. They are few and short, so that what others keep there has its room.
//!
//! ```text
//! alarms.silence.<number>   rule[.subject] until_ms reason          one each, 32 at most
//! alarms.told               [rule.subject since_ms]*                with spaces between; 80 alarms at most
//! ```

use super::board::{Board, SILENCES_MAX, Silence};
use super::id::AlarmId;
use super::rules::Rule;
use millstream_core::catalog::Annotations;
use millstream_types::EngineTime;
use std::fmt::Write as _;

/// What the keys of these annotations begin with.
pub const ANNOTATION_PREFIX: &str = "alarms.";
const SILENCE: &str = "alarms.silence.";
const TOLD: &str = "alarms.told";
/// Bytes of a reason at most.
pub(crate) const REASON_BYTES_MAX: usize = 300;
/// Alarms that are remembered: with more, the others are told again after a restart.
const TOLD_MAX: usize = 80;

/// A change of annotations: keys with their new values, or none.
pub(crate) type Changes = Vec<(Box<str>, Option<Box<str>>)>;

impl Board {
    /// What is to be changed so that the annotations say what the board does.
    pub(crate) fn changes(&self, annotations: &Annotations) -> Changes {
        let mut wanted = Annotations::new();
        for (number, silence) in self.silences.iter().enumerate() {
            let Silence { rule, subject, reason, until } = silence;
            let mut text = rule.info().name.to_owned();
            if let Some(subject) = subject {
                write!(text, ".{subject:016x}").expect("a string takes everything");
            }
            write!(text, " {} {reason}", until.0).expect("a string takes everything");
            wanted.insert(format!("{SILENCE}{number}").into(), text.into());
        }
        let told: Vec<String> =
            self.told().take(TOLD_MAX).map(|(id, since)| format!("{id} {}", since.0)).collect();
        if !told.is_empty() {
            wanted.insert(TOLD.into(), told.join(" ").into());
        }
        let ours = annotations.iter().filter(|(key, _)| key.starts_with(ANNOTATION_PREFIX));
        let gone = ours.filter(|(key, _)| !wanted.contains_key(*key)).map(|(key, _)| (key.clone(), None));
        let mut changes: Changes = gone.collect();
        let new = wanted.into_iter().filter(|(key, text)| annotations.get(key) != Some(text));
        changes.extend(new.map(|(key, text)| (key, Some(text))));
        changes
    }

    /// Goes on from what was written down. What cannot be read is left out: it can only have been written by another version.
    pub(crate) fn restore(&mut self, annotations: &Annotations) {
        let ours = annotations.iter().filter(|(key, _)| key.starts_with(SILENCE));
        self.silences = ours.filter_map(|(_, text)| read_silence(text)).take(SILENCES_MAX).collect();
        let told = annotations.get(TOLD).map(|text| text.split(' ').collect::<Vec<_>>()).unwrap_or_default();
        let pairs = told.chunks_exact(2).take(TOLD_MAX);
        self.remembered = pairs
            .filter_map(|pair| Some((AlarmId::parse(pair[0])?, EngineTime(pair[1].parse().ok()?))))
            .collect();
    }
}

fn read_silence(text: &str) -> Option<Silence> {
    let mut parts = text.splitn(3, ' ');
    let (what, until, reason) = (parts.next()?, parts.next()?, parts.next()?);
    let (rule, subject) = match AlarmId::parse(what) {
        Some(id) => (id.rule, Some(id.subject)),
        None => (Rule::by_name(what)?, None),
    };
    Some(Silence { rule, subject, reason: reason.to_owned(), until: EngineTime(until.parse().ok()?) })
}

// Each of them fits into one annotation, with room for the longest name of a rule.
const _: () = assert!(REASON_BYTES_MAX + 64 <= 4096 && TOLD_MAX * 51 <= 4096);
// And all of them leave half of a namespace's room to others.
const _: () = assert!(
    SILENCES_MAX * (REASON_BYTES_MAX + 96) + 4096 + 64
        <= millstream_types::limits::NAMESPACE_ANNOTATION_BYTES_MAX / 4 * 3
);
