//! The audit log: who logged in, who failed, and who changed what.
//!
//! Apart because it is for another reader than the log of the process: each entry goes there as well, under the target
//! `audit`, and the newest are kept in memory for the console. No entry holds a secret or a record's content.

use core::net::IpAddr;
use millstream_types::EngineTime;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Entries that are kept for the console.
const KEPT_MAX: usize = 500;
/// Characters of what was done; an address may be much longer.
const WHAT_CHARS_MAX: usize = 300;

/// One thing that somebody did, or tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) time: EngineTime,
    /// Who it was: `local`, `admin token`, `session 3`, or `nobody` who was not let in.
    pub(crate) who: String,
    pub(crate) peer: Option<IpAddr>,
    /// What was done: a method and an address, and what it was about.
    pub(crate) what: String,
    /// What became of it: a status code.
    pub(crate) status: u16,
}

/// The audit log.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    kept: Mutex<Kept>,
}

/// The newest entries.
#[derive(Debug, Default)]
struct Kept {
    /// Entries that were ever written: the number of the next one.
    written: u64,
    entries: VecDeque<Entry>,
}

impl Audit {
    /// Writes an entry.
    pub(crate) fn write(&self, mut entry: Entry) {
        if let Some((cut, _)) = entry.what.char_indices().nth(WHAT_CHARS_MAX) {
            entry.what.truncate(cut);
            entry.what.push('…');
        }
        let Entry { who, peer, what, status, .. } = &entry;
        let peer = peer.map_or_else(|| "unknown".to_owned(), |peer| peer.to_string());
        // `what` may hold what a stranger chose: as a quoted value it cannot begin a line of its own.
        if *status == 401 || *status == 429 {
            tracing::warn!(target: "audit", who, peer, ?what, status, "refused");
        } else {
            tracing::info!(target: "audit", who, peer, ?what, status, "done");
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.entries.len() >= KEPT_MAX {
            kept.entries.pop_front();
        }
        kept.entries.push_back(entry);
        kept.written += 1;
    }

    /// The newest entries before the one of a number, the newest first, with their numbers.
    pub(crate) fn newest(&self, before: u64, count: usize) -> Vec<(u64, Entry)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let numbered = (0..kept.written).rev().zip(kept.entries.iter().rev());
        let earlier = numbered.skip_while(|(number, _)| *number >= before);
        earlier.take(count).map(|(number, entry)| (number, entry.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_entries_are_kept_and_none_is_long() {
        let audit = Audit::default();
        for number in 0..KEPT_MAX + 10 {
            let what = format!("{number} {}", "ü".repeat(1000));
            audit.write(Entry { time: EngineTime(1), who: "local".into(), peer: None, what, status: 200 });
        }
        let newest = audit.newest(u64::MAX, usize::MAX);
        assert_eq!((newest.len(), newest[0].0), (KEPT_MAX, 509));
        let what = &newest[0].1.what;
        assert!(what.starts_with("509 ") && what.chars().count() == WHAT_CHARS_MAX + 1);
        let earlier = audit.newest(100, 3);
        let of: Vec<_> = earlier.iter().map(|(number, entry)| (*number, &entry.what[..3])).collect();
        assert_eq!(of, [(99, "99 "), (98, "98 "), (97, "97 ")]);
        assert!(audit.newest(10, 3).is_empty(), "those are not kept");
    }
}
