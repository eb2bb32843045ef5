//! Creating, changing and deleting streams.
//!
//! Apart because these are the only writers of the catalog; each is one entry on one stream.

use crate::catalog::{ConfigChange, StreamEntry, check_name};
use crate::effect::{Effects, Ticket};
use crate::entry::Entry;
use crate::lease;
use crate::request::{CreateStream, Reply};
use crate::route;
use crate::shard::{Counters, Shard, Turn};
use alloc::sync::Arc;
use millstream_types::limits::{LOGS_MAX, LOGS_PER_STREAM_MAX};
use millstream_types::{ErrorKind, StreamId};

/// Creates a stream.
pub(crate) fn create(
    shard: &mut Shard,
    turn: Turn,
    ticket: Ticket,
    request: CreateStream,
    effects: &mut Effects,
) {
    if let Err(kind) = check_create(shard, &request) {
        return refuse(shard, ticket, kind, effects);
    }
    let CreateStream { namespace, name, uid, logs, config } = request;
    let Counters { next_stream, next_ephemeral, .. } = shard.counters;
    let id = match config.ephemeral() {
        false => next_stream,
        true => next_ephemeral,
    };
    let entry = StreamEntry { id, uid, namespace, name, logs, config, created: turn.now };
    shard.record(turn, Entry::StreamCreated(entry), effects);
    lease::follow_config(shard, turn, id, effects);
    reply_with(shard, turn, ticket, id, effects);
}

fn check_create(shard: &Shard, request: &CreateStream) -> Result<(), ErrorKind> {
    check_name(&request.name)?;
    shard.namespaces.get(request.namespace).ok_or(ErrorKind::UnknownNamespace)?;
    if !(1..=LOGS_PER_STREAM_MAX).contains(&request.logs) {
        return Err(ErrorKind::InvalidLogCount);
    }
    if !request.config.is_possible() {
        return Err(ErrorKind::InvalidConfig);
    }
    if shard.names.contains_key(&(request.namespace, request.name.clone())) {
        return Err(ErrorKind::StreamExists);
    }
    if shard.log_count + request.logs > LOGS_MAX {
        return Err(ErrorKind::LimitExceeded);
    }
    assert_ne!(request.uid.0, 0, "universal ids are drawn at random and never zero");
    Ok(())
}

/// Deletes a stream; its logs are dropped in slices afterwards (R13).
pub(crate) fn delete(shard: &mut Shard, turn: Turn, ticket: Ticket, id: StreamId, effects: &mut Effects) {
    let Some(stream) = shard.streams.get(&id) else {
        return refuse(shard, ticket, ErrorKind::UnknownStream, effects);
    };
    let entry = stream.entry.clone();
    remove(shard, turn, id, effects);
    route::free(shard, turn, effects);
    effects.reply_after(ticket, turn.position, Reply::Stream(entry));
}

/// Deletes a stream that exists.
pub(crate) fn remove(shard: &mut Shard, turn: Turn, id: StreamId, effects: &mut Effects) {
    lease::stream_goes(shard, turn, id, effects);
    shard.record(turn, Entry::StreamDeleted { stream: id }, effects);
}

/// Adds logs to a stream.
pub(crate) fn add_logs(
    shard: &mut Shard,
    turn: Turn,
    ticket: Ticket,
    id: StreamId,
    logs: u32,
    effects: &mut Effects,
) {
    let checked = shard.streams.get(&id).ok_or(ErrorKind::UnknownStream).and_then(|stream| {
        let have = stream.entry.logs;
        if logs <= have || logs > LOGS_PER_STREAM_MAX {
            return Err(ErrorKind::InvalidLogCount);
        }
        if shard.log_count + (logs - have) > LOGS_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        Ok(StreamEntry { logs, ..(*stream.entry).clone() })
    });
    replace(shard, turn, ticket, checked, effects);
}

/// Changes a stream's configuration: all changes or none.
pub(crate) fn alter(
    shard: &mut Shard,
    turn: Turn,
    ticket: Ticket,
    id: StreamId,
    changes: &[ConfigChange],
    effects: &mut Effects,
) {
    let checked = shard.streams.get(&id).ok_or(ErrorKind::UnknownStream).and_then(|stream| {
        let mut entry = (*stream.entry).clone();
        changes.iter().try_for_each(|change| entry.config.change(change))?;
        let is_moved = entry.config.ephemeral() != stream.entry.config.ephemeral();
        if is_moved || !entry.config.is_possible() {
            return Err(ErrorKind::InvalidConfig);
        }
        Ok(entry)
    });
    replace(shard, turn, ticket, checked, effects);
}

fn replace(
    shard: &mut Shard,
    turn: Turn,
    ticket: Ticket,
    checked: Result<StreamEntry, ErrorKind>,
    effects: &mut Effects,
) {
    match checked {
        Err(kind) => refuse(shard, ticket, kind, effects),
        Ok(entry) => {
            let id = entry.id;
            shard.record(turn, Entry::StreamChanged(entry), effects);
            lease::follow_config(shard, turn, id, effects);
            reply_with(shard, turn, ticket, id, effects);
        }
    }
}

fn reply_with(shard: &Shard, turn: Turn, ticket: Ticket, id: StreamId, effects: &mut Effects) {
    let entry: Arc<StreamEntry> = shard.streams[&id].entry.clone();
    effects.reply_after(ticket, turn.position, Reply::Stream(entry));
}

/// A refusal reveals what exists, so it waits for the last change of the catalog (R10).
fn refuse(shard: &Shard, ticket: Ticket, kind: ErrorKind, effects: &mut Effects) {
    effects.reply_after(ticket, shard.catalog_after(), Reply::Refused(kind));
}
