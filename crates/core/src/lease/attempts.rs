//! Attempts to acquire that a client repeats because it never saw the answer.
//!
//! Apart because they are answers that are kept, bounded and of this process only: the same attempt gets the same records
//! under the same leases, as long as nothing has happened to any of them. After a restart an attempt is a new one.

use super::reply::AcquiredRecord;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use millstream_types::EngineTime;
use millstream_types::limits::LEASE_ATTEMPTS_PER_GROUP_MAX;

/// What an attempt got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    /// When its leases end.
    pub(super) deadline: EngineTime,
    pub(super) records: Vec<AcquiredRecord>,
}

/// The newest attempts of a group.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    by_id: BTreeMap<u128, Attempt>,
    ends: BTreeSet<(EngineTime, u128)>,
}

impl Attempts {
    pub(super) fn get(&self, id: u128) -> Option<&Attempt> {
        self.by_id.get(&id)
    }

    pub(super) fn forget(&mut self, id: u128) {
        if let Some(attempt) = self.by_id.remove(&id) {
            self.ends.remove(&(attempt.deadline, id));
        }
    }

    /// Keeps what an attempt got. Those whose leases have ended go, and at the limit the one whose leases end first.
    pub(super) fn keep(&mut self, id: u128, attempt: Attempt, now: EngineTime) {
        self.forget(id);
        while let Some(&(end, first)) = self.ends.first()
            && (end <= now || self.by_id.len() >= LEASE_ATTEMPTS_PER_GROUP_MAX)
        {
            self.forget(first);
        }
        self.ends.insert((attempt.deadline, id));
        self.by_id.insert(id, attempt);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_attempts_are_kept_and_none_whose_leases_have_ended() {
        let mut attempts = Attempts::default();
        let attempt = |ms| Attempt { deadline: EngineTime(ms), records: Vec::new() };
        for id in 0..=LEASE_ATTEMPTS_PER_GROUP_MAX {
            attempts.keep(id as u128, attempt(100 + i64::try_from(id).unwrap()), EngineTime(0));
        }
        assert!(attempts.get(0).is_none() && attempts.get(1).is_some());
        assert_eq!(attempts.by_id.len(), LEASE_ATTEMPTS_PER_GROUP_MAX);
        attempts.keep(1, attempt(50_000), EngineTime(40_000));
        assert_eq!((attempts.by_id.len(), attempts.ends.len()), (1, 1));
    }
}
