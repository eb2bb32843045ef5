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
    kept: Mutex<VecDeque<Entry>>,
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
        if kept.len() >= KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(entry);
    }

    /// The newest entries, the newest first.
    pub(crate) fn newest(&self, count: usize) -> Vec<Entry> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().take(count).cloned().collect()
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
        let newest = audit.newest(usize::MAX);
        assert_eq!(newest.len(), KEPT_MAX);
        assert!(newest[0].what.starts_with("509 ") && newest[0].what.chars().count() == WHAT_CHARS_MAX + 1);
        assert_eq!(audit.newest(3).len(), 3);
    }
}
