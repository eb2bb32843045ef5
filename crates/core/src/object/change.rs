//! Committing and dropping packed objects.
//!
//! Apart because these are the only writers of the manifest. An object comes into being once its file is durable and
//! goes before its file does, so a crash between leaves a file that nothing names, never a name without its file.

use super::bytes::check_object;
use crate::effect::{Effects, ReplyEffect, Ticket};
use crate::entry::Entry;
use crate::request::Reply;
use crate::shard::{Shard, Turn};
use alloc::vec::Vec;
use millstream_types::limits::OBJECTS_PER_DROP_MAX;
use millstream_types::{ErrorKind, ObjectEntry, ObjectNumber, ObjectPart, WalPosition};

/// Stretches of older objects that one commit may cut or take over: half a millisecond of work (R13). A packer merges
/// far fewer, since a log gets objects of its own from megabytes on.
pub(super) const STRETCHES_PER_COMMIT_MAX: usize = 2048;

/// Decides about a new object. Parts that nobody needs are left out; one without parts is not committed.
pub(crate) fn commit(
    shard: &mut Shard,
    turn: Turn,
    ticket: Ticket,
    mut entry: ObjectEntry,
    effects: &mut Effects,
) {
    // What is refused or left out shows what the logs and the manifest are: that must not be lost after it was
    // shown (R10).
    let seen = revealed(shard, &entry);
    let (reply, after) = match check(shard, &mut entry) {
        Err(kind) => (Reply::Refused(kind), seen),
        Ok(()) if entry.parts.is_empty() => (Reply::Object { committed: false }, seen),
        Ok(()) => {
            shard.record(turn, Entry::ObjectCommitted(entry), effects);
            (Reply::Object { committed: true }, turn.position)
        }
    };
    effects.reply_after(ticket, after, reply);
}

fn revealed(shard: &Shard, entry: &ObjectEntry) -> WalPosition {
    let logs = entry.parts.iter().filter_map(|part| shard.log(part.log)).map(|log| log.last);
    logs.fold(shard.catalog_last.max(shard.objects.last), WalPosition::max)
}

fn check(shard: &Shard, entry: &mut ObjectEntry) -> Result<(), ErrorKind> {
    if entry.number < shard.counters.next_object || check_object(entry).is_err() {
        return Err(ErrorKind::InvalidObject);
    }
    let bounds = |part: &ObjectPart| shard.log_bounds(part.log);
    if entry.parts.iter().any(|part| bounds(part).is_some_and(|(_, end)| part.to > end)) {
        return Err(ErrorKind::InvalidObject);
    }
    entry.parts.retain(|part| bounds(part).is_some_and(|(start, _)| part.to > start));
    let index = shard.objects.index.as_ref().expect("a shard that decides is restored");
    let mut cut = 0;
    for part in &entry.parts {
        cut += index.cut_by(part, STRETCHES_PER_COMMIT_MAX + 1);
        if cut > STRETCHES_PER_COMMIT_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
    }
    Ok(())
}

/// Drops those objects that nobody needs, and answers with those that are now gone.
pub(crate) fn drop_objects(
    shard: &mut Shard,
    turn: Turn,
    ticket: Ticket,
    objects: Vec<ObjectNumber>,
    effects: &mut Effects,
) {
    if objects.len() > OBJECTS_PER_DROP_MAX {
        return effects.reply_now(ticket, Reply::Refused(ErrorKind::LimitExceeded));
    }
    let mut gone = Vec::with_capacity(objects.len());
    for object in objects {
        if shard.objects.is_live(object) {
            continue;
        }
        if shard.objects.entries.contains_key(&object) {
            shard.record(turn, Entry::ObjectDropped { object }, effects);
        }
        gone.push(object);
    }
    // Files are removed on this answer: whatever made the objects unneeded has to be durable, the drops too.
    let after = Some(shard.objects.last);
    effects.replies.push(ReplyEffect { ticket, reply: Reply::ObjectsDropped(gone), after });
}
