//! Leases: the exclusive, ending right to settle one record, and the groups that hand it out.
//!
//! Apart because any stream is a work queue this way: a group over a stream remembers which records are settled, and of
//! those that are not, who has them, until when, how often they were out. A record that nobody has touched costs nothing.
//!
//! A record is **ready**, **leased**, **delayed** (put off), **moving** (into another stream, R3) or **settled**. What happens
//! to it (a test walks every cell):
//!
//! | event | ready | leased | delayed | moving | settled |
//! |---|---|---|---|---|---|
//! | acquire | → leased | nothing | nothing | nothing | nothing |
//! | acquire, at its delivery limit, with a route | → moving | nothing | nothing | nothing | nothing |
//! | acquire, at its delivery limit, without | → settled | nothing | nothing | nothing | nothing |
//! | ack | NotLeased | → settled | NotLeased | NotLeased | Settled |
//! | late ack of its last delivery | → settled | → settled | → settled | NotLeased | Settled |
//! | late ack of an older delivery | NotLeased | NotLeased | NotLeased | NotLeased | Settled |
//! | release | NotLeased | → ready | NotLeased | NotLeased | Settled |
//! | release for later | NotLeased | → delayed | NotLeased | NotLeased | Settled |
//! | release, at its delivery limit, with a route | NotLeased | → moving | NotLeased | NotLeased | Settled |
//! | reject, with a route | NotLeased | → moving | NotLeased | NotLeased | Settled |
//! | reject, without | NotLeased | → settled | NotLeased | NotLeased | Settled |
//! | renew | NotLeased | → leased | NotLeased | NotLeased | Settled |
//! | it is settled by its place | → settled | NotReady | NotReady | NotReady | Settled |
//! | it is redriven by its place | → moving | NotReady | NotReady | NotReady | Settled |
//! | its group is purged | → settled | nothing | nothing | nothing | nothing |
//! | its deadline or delay passes | nothing | → ready | → ready | nothing | nothing |
//! | its time to live passes, with a route | → moving | nothing | → moving | nothing | nothing |
//! | its time to live passes, without | → settled | nothing | → settled | nothing | nothing |
//! | its move ends in another stream | nothing | nothing | nothing | → settled | nothing |
//! | its move ends with a return | nothing | nothing | nothing | → ready | nothing |
//! | the group seeks to it | → ready | → ready | → ready | → ready | → ready |
//! | the group seeks behind it | → settled | → settled | → settled | → settled | nothing |
//! | the broker starts again | nothing | nothing | nothing | nothing | nothing |
//! | the broker starts again, bound to a connection | nothing | → ready | nothing | nothing | nothing |
//!
//! Leases and delays pass without an entry: a lease whose deadline has passed *is* ready, so that a mass expiry writes
//! nothing. Entries are decisions, and say what is true afterwards.
//!
//! State: `log.rs` (one log of a group, everything that is folded), `record.rs`, `ranges.rs`, `offsets.rs`, `keys.rs`, `sizes.rs`; `group.rs`,
//! `dedup.rs`; of this process only: `held.rs`, `waiters.rs`, `holders.rs`, `attempts.rs`. Events: `acquire.rs`, `settle.rs`, `places.rs`,
//! `moving.rs`, `append.rs`, `admin.rs`, `reading.rs`; by themselves: `tick.rs`, `consumed.rs`, `forget.rs`, `redrive.rs`, `purge.rs`, the last
//! two seen by `jobs.rs`. Persisted:
//! `entry.rs`, `image.rs`.

mod acquire;
mod act;
mod admin;
mod append;
mod attempts;
mod consumed;
mod dedup;
mod entry;
mod forget;
mod group;
mod held;
mod holders;
mod ids;
mod image;
mod jobs;
mod keys;
mod log;
mod moving;
mod offsets;
mod places;
mod purge;
mod ranges;
mod reading;
mod record;
mod redrive;
mod reply;
mod request;
mod settle;
mod size;
mod sizes;
mod tail;
mod tick;
mod waiters;

pub use append::RecordMark;
pub use entry::LeaseEntry;
pub use ids::{HolderId, LeaseGroupId, LeaseNumber, LeaseRef, LeaseToken, TOKEN_BYTES};
pub use image::LeaseImageKey;
pub use jobs::{GroupJobs, PurgeProgress};
pub use record::{Bound, MoveReason, MoveTarget};
pub use redrive::{Redrive, RedriveState};
pub use reply::{
    Acquired, AcquiredRecord, GroupCounts, GroupTotals, HolderEnd, KeyRequest, LeaseError, LeaseReply, Move,
    PeekedRecord, RecordState,
};
pub use request::{
    Acquire, Action, Attach, Binding, FinishMove, GiveKeys, LeaseRequest, MoveOutcome, SeekTo, Settle,
    StartRedrive,
};

pub(crate) use act::ROOM_BYTES;
pub(crate) use append::{Surplus, Verdict, appended, check_append, make_room, mark_bytes};
pub(crate) use entry::FIRST_TAG;
pub(crate) use group::Leases;
pub(crate) use held::answer as answer_producer;
pub(crate) use image::TAG as IMAGE_TAG;
pub(crate) use size::{GROUP_ENTRY_BYTES_MAX, group_entry_bytes};
pub(crate) use tick::{TICK_BYTES, tick};

use crate::effect::{Effects, Ticket};
use crate::request::Reply;
use crate::shard::{Shard, Turn};
use act::Act;
use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_types::{ErrorKind, LogId, StreamId, WalPosition};

/// Decides one request about leases.
pub(crate) fn apply(
    shard: &mut Shard,
    turn: Turn,
    ticket: Ticket,
    request: LeaseRequest,
    effects: &mut Effects,
) {
    let room_bytes = request.frame_size_max().entries_bytes;
    let mut act = Act::new(shard, turn, effects, room_bytes);
    match request {
        LeaseRequest::Acquire(acquire) => {
            let result = act.acquire(ticket, acquire);
            act.finish(acquire.group, ticket, result);
        }
        LeaseRequest::CancelAcquire { group, holder } => {
            let result = act.cancel(group, holder);
            act.done(group, ticket, result);
        }
        LeaseRequest::Settle(settle) => {
            let result = act.settle(ticket, &settle);
            act.finish(settle.group, ticket, result);
        }
        LeaseRequest::CreateGroup { stream, name, from } => {
            let result = act.create_group(ticket, stream, name, &from);
            act.finish(LeaseGroupId::default_of(stream), ticket, result);
        }
        LeaseRequest::DeleteGroup { group } => {
            let result = act.delete_group(ticket, group);
            act.finish(group, ticket, result);
        }
        LeaseRequest::Describe { groups } => {
            if let Err(kind) = act.describe(ticket, &groups) {
                act.effects.reply_now(ticket, Reply::Refused(kind));
            }
        }
        LeaseRequest::Seek { group, to } => {
            let result = act.seek(ticket, group, &to);
            act.finish(group, ticket, result);
        }
        LeaseRequest::Purge { group } => {
            let result = act.purge(ticket, group);
            act.finish(group, ticket, result);
        }
        LeaseRequest::StartPurge { group } => {
            let result = act.start_purge(ticket, group);
            act.finish(group, ticket, result);
        }
        LeaseRequest::CancelPurge { group } => {
            let result = act.cancel_purge(ticket, group);
            act.finish(group, ticket, result);
        }
        LeaseRequest::Jobs { after } => act.list_jobs(ticket, after),
        LeaseRequest::Peek { group, from, max } => {
            let result = act.peek(ticket, group, from, max);
            act.finish(group, ticket, result);
        }
        LeaseRequest::SettleRecords { group, records } => {
            let result = act.act_by_place(ticket, group, &records, None);
            act.finish(group, ticket, result);
        }
        LeaseRequest::RedriveRecords { group, records, target } => {
            let result = act.act_by_place(ticket, group, &records, Some(target));
            act.finish(group, ticket, result);
        }
        LeaseRequest::Attach(attach) => {
            let result = act.attach(attach);
            act.done(attach.group, ticket, result);
        }
        LeaseRequest::AwaitEnd { group, holder } => {
            let result = act.await_end(ticket, group, holder);
            act.finish(group, ticket, result);
        }
        LeaseRequest::DeleteStream { stream, if_unused, if_empty } => {
            let result = act.delete_stream(ticket, stream, if_unused, if_empty);
            act.finish(LeaseGroupId::default_of(stream), ticket, result);
        }
        LeaseRequest::TakeMoves => act.take_moves(ticket),
        LeaseRequest::FinishMoves(moves) => {
            if let Err(kind) = act.finish_moves(ticket, moves) {
                act.effects.reply_now(ticket, Reply::Refused(kind));
            }
        }
        LeaseRequest::StartRedrive(start) => {
            let result = act.start_redrive(ticket, start);
            act.finish(start.group, ticket, result);
        }
        LeaseRequest::CancelRedrive { group, number } => {
            let result = act.cancel_redrive(ticket, group, number);
            act.finish(group, ticket, result);
        }
        LeaseRequest::Redrives { group } => {
            let result = act.list_redrives(ticket, group);
            act.finish(group, ticket, result);
        }
        LeaseRequest::TakeKeyRequests => act.take_key_requests(ticket),
        LeaseRequest::GiveKeys(given) => {
            let result = act.give_keys(&given);
            act.done(given.group, ticket, result);
        }
        LeaseRequest::Detach { group, holder } => {
            let result = act.detach(group, holder);
            act.done(group, ticket, result);
        }
        LeaseRequest::EndHolder { group, holder } => {
            let result = act.end_holder(group, holder);
            act.done(group, ticket, result);
        }
    }
}

/// A stream's configuration was set: its default group follows it.
pub(crate) fn follow_config(shard: &mut Shard, turn: Turn, stream: StreamId, effects: &mut Effects) {
    Act::new(shard, turn, effects, GROUP_ENTRY_BYTES_MAX).follow_config(stream);
}

/// Settles leases of groups that exist, as a part of a request whose size was checked, and serves those who wait for
/// what comes back or was appended to `logs`. Returns the last frame that the results reveal.
pub(crate) fn settle_all(
    shard: &mut Shard,
    turn: Turn,
    settles: &[Settle],
    logs: &[LogId],
    effects: &mut Effects,
) -> (WalPosition, Vec<Vec<Result<(), LeaseError>>>) {
    let mut act = Act::new(shard, turn, effects, settle_bytes(settles));
    let mut after = WalPosition::ZERO;
    let mut results = Vec::with_capacity(settles.len());
    for settle in settles {
        let (last, result) = act.settle_checked(settle);
        after = after.max(last);
        results.push(result);
    }
    crate::log::show_together(act.shard, turn, act.effects);
    act.stock(logs);
    for settle in settles {
        act.serve(settle.group);
    }
    (after, results)
}

/// Bytes of entries that [`settle_all`] makes at most.
pub(crate) fn settle_bytes(settles: &[Settle]) -> usize {
    ROOM_BYTES + settles.iter().map(|settle| settle.leases.len() * act::RECORD_BYTES).sum::<usize>()
}

/// A stream is deleted in this turn: nobody waits for its records any more.
pub(crate) fn stream_goes(shard: &mut Shard, turn: Turn, stream: StreamId, effects: &mut Effects) {
    let groups: Vec<LeaseGroupId> = shard.leases.of_stream(stream).collect();
    let mut act = Act::new(shard, turn, effects, 0);
    for id in groups {
        act.end_waits(id, ErrorKind::UnknownStream);
    }
}

fn reply(reply: LeaseReply) -> Reply {
    Reply::Lease(Box::new(reply))
}

impl Act<'_> {
    /// Answers a request that was refused.
    fn finish(&mut self, id: LeaseGroupId, ticket: Ticket, result: Result<(), ErrorKind>) {
        if let Err(kind) = result {
            self.refuse(id, ticket, kind);
        }
    }

    /// Answers a request that has no other answer.
    fn done(&mut self, id: LeaseGroupId, ticket: Ticket, result: Result<(), ErrorKind>) {
        match result {
            Ok(()) => self.answer(ticket, self.last(id), LeaseReply::Done),
            Err(kind) => self.refuse(id, ticket, kind),
        }
    }
}
