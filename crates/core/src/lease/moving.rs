//! The end of a move: the record is appended to its new stream and settled in its old one, in one frame (R3).
//!
//! Apart because this is the second of two steps. The first marks the record as moving, durably; whoever asks
//! for moves reads it, makes a batch of it, and ends the move here. After a restart all open moves are handed out again, so an end may come twice, or for a record that was sought away meanwhile: the number of the move tells.

use super::act::Act;
use super::entry::LeaseChange;
use super::ids::{LeaseGroupId, LeaseRef};
use super::record::State;
use super::reply::LeaseReply;
use super::request::{FinishMove, MoveOutcome};
use crate::effect::Ticket;
use crate::log::{AppendBatch, Bounds, append_one, check_one};
use alloc::vec;
use alloc::vec::Vec;
use millstream_types::limits::{ENTRIES_PER_APPLY_MAX, MOVE_TARGETS_MAX, MOVES_PER_REQUEST_MAX};
use millstream_types::{ErrorKind, LogId, WalPosition, planted};

impl Act<'_> {
    pub(super) fn finish_moves(&mut self, ticket: Ticket, moves: Vec<FinishMove>) -> Result<(), ErrorKind> {
        if moves.len() > MOVES_PER_REQUEST_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        let mut after = WalPosition::ZERO;
        let mut results = Vec::with_capacity(moves.len());
        let (mut appended, mut emptied): (Vec<LogId>, Vec<LeaseGroupId>) = (Vec::new(), Vec::new());
        for finish in moves {
            let id = finish.group;
            let result = self.finish_move(finish, &mut appended);
            after = after.max(self.last(id));
            emptied.push(id);
            results.push(result);
        }
        crate::log::show_together(self.shard, self.turn, self.effects);
        // A record in memory is gone for those who ask for it; where it went is said once it is there.
        let after = if self.effects.has_frame() { self.turn.position } else { after };
        self.answer(ticket, after, LeaseReply::Moved(results));
        appended.sort_unstable();
        appended.dedup();
        self.stock(&appended);
        for id in emptied {
            self.serve(id);
        }
        Ok(())
    }

    /// Ends a move; logs that were appended to are added to `appended`.
    fn finish_move(&mut self, finish: FinishMove, appended: &mut Vec<LogId>) -> Result<bool, ErrorKind> {
        let FinishMove { group: id, record, outcome } = finish;
        let key = (id, record.log, record.offset);
        // Also if the record went another way meanwhile: whoever moves it has done with it.
        self.shard.leases.moving.remove(&key);
        let log = self.log(id, record.log).filter(|log| !log.is_settled(record.offset));
        let found = log.and_then(|log| log.records.get(&record.offset)).copied();
        let is_open = |found: &super::record::Record| {
            matches!(found.state, State::Moving { .. }) && found.lease == record.lease
        };
        let Some(found) = found.filter(is_open) else { return Ok(false) };
        match outcome {
            MoveOutcome::Append(batches) => {
                if let Err(kind) = self.check_targets(&batches) {
                    self.shard.leases.moving.insert(key);
                    return Err(kind);
                }
                for batch in batches {
                    appended.push(batch.log);
                    append_one(self.shard, self.turn, batch, Bounds::Checked, self.effects)
                        .expect("every batch was looked at before the first was appended");
                }
                if !planted!(MovedAndKept) {
                    self.settle_moved(id, record);
                }
            }
            MoveOutcome::Drop => self.settle_moved(id, record),
            MoveOutcome::Return => {
                let records = vec![(record.offset, found.count, found.priority)];
                self.record(id, LeaseChange::GivenBack { log: record.log, until: None, records });
            }
            MoveOutcome::Later { after_ms } => {
                self.shard.leases.move_later.insert((self.now().after_ms(after_ms), key));
            }
        }
        Ok(true)
    }

    /// Whether all targets take their batches; each of them is another log.
    fn check_targets(&self, batches: &[AppendBatch]) -> Result<(), ErrorKind> {
        if batches.len() > MOVE_TARGETS_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        let made = self.effects.entry_count;
        let mut entries = 0;
        for batch in batches {
            entries += check_one(self.shard, self.turn, batch, 0)?;
        }
        // Bounded like appends: what does not fit into this turn is tried again in another.
        if entries > 0 && made + entries > ENTRIES_PER_APPLY_MAX / 2 {
            return Err(ErrorKind::Overloaded);
        }
        Ok(())
    }

    fn settle_moved(&mut self, id: LeaseGroupId, record: LeaseRef) {
        let runs = vec![(record.offset, 1)];
        self.record(id, LeaseChange::Settled { log: record.log, runs });
    }
}
