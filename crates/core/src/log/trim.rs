//! Trimming: the start of a log moves forward, never back.
//!
//! Apart because records end in two steps: the start moves in the write-ahead log first, space is freed after.

use crate::effect::{Effects, Ticket};
use crate::entry::Entry;
use crate::request::{Reply, Trim};
use crate::shard::{Shard, Turn};
use alloc::vec::Vec;
use millstream_types::limits::TRIMS_PER_REQUEST_MAX;
use millstream_types::{ErrorKind, Offset};

/// Decides a whole trim request; each log on its own, all in one frame.
pub(crate) fn trim(shard: &mut Shard, turn: Turn, ticket: Ticket, trims: Vec<Trim>, effects: &mut Effects) {
    if trims.len() > TRIMS_PER_REQUEST_MAX {
        return effects.reply_now(ticket, Reply::Refused(ErrorKind::LimitExceeded));
    }
    let mut after = None;
    let mut results = Vec::with_capacity(trims.len());
    for trim in trims {
        results.push(trim_one(shard, turn, trim, effects));
        after = after.max(shard.log(trim.log).map(|log| log.last));
    }
    effects.replies.push(crate::effect::ReplyEffect { ticket, reply: Reply::Trimmed(results), after });
}

fn trim_one(shard: &mut Shard, turn: Turn, trim: Trim, effects: &mut Effects) -> Result<Offset, ErrorKind> {
    if !shard.streams.contains_key(&trim.log.stream) {
        return Err(ErrorKind::UnknownStream);
    }
    let log = shard.log(trim.log).ok_or(ErrorKind::UnknownLog)?;
    let before = trim.before.unwrap_or(log.end);
    if before > log.end {
        return Err(ErrorKind::OffsetOutOfRange);
    }
    if before <= log.start {
        return Ok(log.start);
    }
    shard.record(turn, Entry::LogTrimmed { log: trim.log, start: before }, effects);
    Ok(before)
}
