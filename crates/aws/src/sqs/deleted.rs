//! Names of queues that were deleted a moment ago: they cannot be used again at once.
//!
//! Apart because it is all that this front remembers by itself. It is forgotten with the process: a client that waits
//! the minute never notices.

use super::limits::QUEUE_PAUSE_MS;
use millstream_types::{EngineTime, Namespace};
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// Names remembered at most; beyond it the oldest ones are forgotten.
const NAMES_MAX: usize = 10_000;

/// The names, each with the time of its deletion.
#[derive(Debug, Default)]
pub(crate) struct Deleted {
    names: Mutex<BTreeMap<(Namespace, String), EngineTime>>,
}

impl Deleted {
    /// Remembers a name.
    pub(crate) fn note(&self, namespace: Namespace, name: &str, now: EngineTime) {
        let mut names = self.names.lock();
        names.retain(|_, deleted| now.since_ms(*deleted) < QUEUE_PAUSE_MS);
        if names.len() >= NAMES_MAX {
            let oldest = names.iter().min_by_key(|(_, deleted)| **deleted).map(|(name, _)| name.clone());
            oldest.and_then(|oldest| names.remove(&oldest));
        }
        names.insert((namespace, name.to_owned()), now);
    }

    /// Whether a queue of this name was deleted within the last minute.
    pub(crate) fn is_recent(&self, namespace: Namespace, name: &str, now: EngineTime) -> bool {
        let names = self.names.lock();
        let deleted = names.get(&(namespace, name.to_owned()));
        deleted.is_some_and(|deleted| now.since_ms(*deleted) < QUEUE_PAUSE_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_remembered_for_a_minute() {
        let deleted = Deleted::default();
        deleted.note(Namespace(1), "q", EngineTime(0));
        let is_recent = |namespace, name, ms| deleted.is_recent(Namespace(namespace), name, EngineTime(ms));
        assert!(is_recent(1, "q", 0) && is_recent(1, "q", 59_999) && !is_recent(1, "q", 60_000));
        assert!(!is_recent(2, "q", 0) && !is_recent(1, "r", 0));
    }

    #[test]
    fn only_so_many_names_are_remembered() {
        let deleted = Deleted::default();
        for n in 0..=NAMES_MAX {
            let name = format!("q{n}");
            deleted.note(Namespace(0), &name, EngineTime(i64::try_from(n).unwrap()));
        }
        let now = EngineTime(10_000);
        assert!(!deleted.is_recent(Namespace(0), "q0", now) && deleted.is_recent(Namespace(0), "q1", now));
        deleted.note(Namespace(0), "later", EngineTime(1_000_000));
        assert_eq!(deleted.names.lock().len(), 1);
    }
}
