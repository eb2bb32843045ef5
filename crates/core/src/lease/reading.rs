//! Keys of records that were appended without them, or too long ago for the window: asked for and taken.
//!
//! Apart because it is the other thing, beside a move, that needs bytes (R3): whoever asks for such logs reads them and says
//! what their records' keys are. Nothing is handed out before its key is known.

use super::act::Act;
use super::entry::LeaseChange;
use super::reply::{KeyRequest, LeaseReply};
use super::request::GiveKeys;
use crate::effect::Ticket;
use alloc::vec::Vec;
use millstream_types::limits::{KEYS_PER_REQUEST_MAX, MOVES_PER_REQUEST_MAX};
use millstream_types::{ErrorKind, Offset, WalPosition};

impl Act<'_> {
    /// Who reads keys asks where: it is answered as soon as there is a log, one asker at a time.
    pub(super) fn take_key_requests(&mut self, ticket: Ticket) {
        if let Some(before) = self.shard.leases.key_reader.replace(ticket) {
            self.effects.reply_now(before, super::reply(LeaseReply::KeyRequests(Vec::new())));
        }
        self.hand_out_key_requests();
    }

    pub(super) fn hand_out_key_requests(&mut self) {
        let Some(reader) = self.shard.leases.key_reader else { return };
        let mut requests = Vec::new();
        let mut after = WalPosition::ZERO;
        while requests.len() < MOVES_PER_REQUEST_MAX {
            let Some((group, index)) = self.shard.leases.keys_wanted.pop_first() else { break };
            let (Some(log), Some(of)) = (self.log(group, index), self.shard.log(group.log(index))) else {
                continue;
            };
            let (from, to) = (log.keys_known_to(), of.end);
            if from < to {
                // What is to be read has to be readable.
                after = after.max(of.last);
                requests.push(KeyRequest { group, log: index, from, to });
            }
        }
        if !requests.is_empty() {
            self.shard.leases.key_reader = None;
            self.answer(reader, after, LeaseReply::KeyRequests(requests));
        }
    }

    pub(super) fn give_keys(&mut self, given: &GiveKeys) -> Result<(), ErrorKind> {
        let &GiveKeys { group: id, log: index, from, to, ref keys } = given;
        self.group(id).ok_or(ErrorKind::UnknownLeaseGroup)?;
        let end = self.end(id, index).ok_or(ErrorKind::UnknownLog)?;
        if keys.len() > KEYS_PER_REQUEST_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        let mut expected = from;
        let mut absent: Vec<(Offset, u64)> = Vec::new();
        for offset in keys.iter().map(|(offset, _)| *offset).chain([to]) {
            if offset < expected || offset > end {
                return Err(ErrorKind::OffsetOutOfRange);
            }
            if offset > expected {
                absent.push((expected, offset.0 - expected.0));
            }
            expected = if offset < to { offset.advance(1) } else { offset };
        }
        let known_to = self.known(id).log(index).keys_known_to();
        if from > known_to || to <= known_to {
            // Of an earlier request, or of a place that the group has left.
            return Ok(());
        }
        if !absent.is_empty() {
            self.record(id, LeaseChange::Settled { log: index, runs: absent });
        }
        let keys = keys.iter().copied().filter(|(offset, _)| *offset >= known_to).collect();
        self.record(id, LeaseChange::KeysRead { log: index, to, keys });
        self.serve(id);
        Ok(())
    }
}
