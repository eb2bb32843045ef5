//! Batches in memory that nobody needs any more go at once, not with the next trim.
//!
//! Apart because it is what keeps an ephemeral queue as small as what waits in it (R18): one record that stays out would
//! otherwise hold everything behind it, and a trim comes once a second, in which a busy queue is paid for many times over. A
//! log on the disk has time.

use super::act::Act;
use super::ids::LeaseGroupId;
use crate::effect::EphemeralChange;
use alloc::vec::Vec;
use millstream_types::{LogId, Offset, planted};

/// Batches that one settlement looks at: a tenth of a microsecond each. What a purge leaves goes with the trim.
const LOOKED_AT_MAX: usize = 2_048;

impl Act<'_> {
    /// Whether what a group settles is needed by nobody then: its stream lets records go at once, and nobody else is known to
    /// read it.
    pub(super) fn forgets_settled(&self, id: LeaseGroupId) -> bool {
        if !id.stream.is_ephemeral() || id.number != 0 {
            return false;
        }
        let config = &self.shard.streams[&id.stream].entry.config;
        let is_alone = self.shard.leases.of_stream(id.stream).nth(1).is_none();
        config.consumed() == Some(0)
            && config.cleanup().0
            && is_alone
            && !self.shard.groups.has_readers(id.stream)
    }

    /// Lets go of the batches of which the group has settled everything, after it has settled these runs.
    pub(super) fn forget_settled(&mut self, id: LeaseGroupId, index: u32, runs: &[(Offset, u64)]) {
        let log = id.log(index);
        let mut spent: Vec<Offset> = Vec::new();
        let mut left = LOOKED_AT_MAX;
        for &(from, len) in runs {
            let end = Offset(from.0.saturating_add(len));
            let mut at = from;
            while at < end
                && left > 0
                && let Some((base, last)) = self.shard.log(log).and_then(|state| state.held.batch_from(at))
                && base < end
            {
                if self.is_spent(id, index, base, last) && spent.last() != Some(&base) {
                    spent.push(base);
                }
                at = last.advance(1);
                left -= 1;
            }
        }
        for base in spent {
            self.forget(log, base);
        }
    }

    fn is_spent(&self, id: LeaseGroupId, index: u32, base: Offset, last: Offset) -> bool {
        if planted!(EphemeralForgottenEarly) {
            return true;
        }
        self.log(id, index).is_some_and(|log| log.unsettled(base, last.advance(1)).next().is_none())
    }

    fn forget(&mut self, log: LogId, base: Offset) {
        if let Some(state) = self.shard.log_mut(log) {
            let freed = state.held.forget(base);
            self.shard.ephemeral_bytes -= freed;
            self.effects.ephemeral.push(EphemeralChange::Forget { log, base });
        }
    }
}
