//! tx.select, tx.commit, tx.rollback (90/10, 90/20, 90/30): several messages and acknowledgements at once.
//!
//! What is published and settled on a transactional channel waits in memory; a commit is one request to the shard: all of
//! it happens, in one frame, or nothing. Where RabbitMQ promises this for one queue, here it holds for all of them.

use super::basic_publish::send_back;
use super::{misplaced, operation};
use crate::codec::{ContentHeader, Method};
use crate::errors::Fault;
use crate::session::{Connection, Mode, Transaction, Unacked};
use crate::shared::Held;
use crate::step::{Lack, Step, submit};
use bytes::Bytes;
use millstream_core::lease::{Action as LeaseAction, LeaseGroupId, Settle};
use millstream_core::log::AppendBatch;
use millstream_core::{Reply, Request, Transact};
use millstream_front::registry::Operation;
use millstream_front::{Action, Grant};
use millstream_types::{ErrorKind, RecordTime};
use std::collections::BTreeMap;

const LIMITS: &str = "At most 32 MiB of messages and 2,048 acknowledgements wait for a commit.";
pub(crate) const SELECT: Operation = operation("tx.select", 90, 10, LIMITS);
pub(crate) const COMMIT: Operation =
    operation("tx.commit", 90, 20, "All or nothing, also over several queues.");
pub(crate) const ROLLBACK: Operation = operation("tx.rollback", 90, 30, "");

pub(crate) fn start(cx: &mut Connection, number: u16, method: &Method<'_>) -> Result<Step, Fault> {
    match method {
        Method::TxSelect {} => {
            let channel = cx.channel(number);
            match channel.mode {
                Mode::Plain => channel.mode = Mode::Tx(Box::default()),
                Mode::Tx(_) => {}
                Mode::Confirm(_) => return Err(Fault::precondition("cannot switch from confirm to tx mode")),
            }
            cx.show_channel(number);
            cx.send(number, &Method::TxSelectOk {});
            Ok(Step::Done)
        }
        Method::TxCommit {} => {
            let transaction = take(cx, number)?;
            commit(cx, number, transaction)
        }
        Method::TxRollback {} => {
            let transaction = take(cx, number)?;
            let deliveries = &mut cx.channel(number).deliveries;
            transaction.settles.into_iter().for_each(|(unacked, _)| deliveries.restore(unacked));
            cx.send(number, &Method::TxRollbackOk {});
            Ok(Step::Done)
        }
        _ => Err(misplaced()),
    }
}

fn take(cx: &mut Connection, number: u16) -> Result<Transaction, Fault> {
    let transaction = cx.channel(number).transaction();
    let transaction = transaction.ok_or_else(|| Fault::precondition("channel is not transactional"))?;
    Ok(std::mem::take(transaction))
}

/// A transaction that is to happen.
struct Commit {
    appends: Vec<AppendBatch>,
    settles: Vec<(Unacked, LeaseAction)>,
    /// Mandatory messages that no queue gets.
    returns: Vec<(Bytes, Bytes, Bytes)>,
    /// What its messages hold of the memory.
    held: Held,
}

fn commit(cx: &mut Connection, number: u16, transaction: Transaction) -> Result<Step, Fault> {
    let Transaction { mut publishing, settles, returns, held } = transaction;
    let (appends, _) = publishing.take_batches(RecordTime(cx.now.0));
    attempt(cx, number, Commit { appends, settles, returns, held })
}

/// Tries to commit; where there is no room, again when there is some.
fn attempt(cx: &mut Connection, number: u16, commit: Commit) -> Result<Step, Fault> {
    let mut grants = Vec::new();
    let mut appends = Vec::with_capacity(commit.appends.len());
    for batch in &commit.appends {
        // A queue that was deleted meanwhile has its messages like one that nobody reads.
        if let Some(entry) = cx.backend.stream_by_id(batch.log.stream) {
            grants.push(cx.allow(Action::Write, &entry.name)?);
            appends.push(batch.clone());
        }
    }
    let settles = by_group(cx, &commit.settles, &mut grants)?;
    let request = match (appends.is_empty(), settles.is_empty()) {
        (true, true) => None,
        _ => Grant::request_all(grants, Request::Transact(Box::new(Transact { appends, settles }))),
    };
    let Some(request) = request else { return Ok(commit.done(cx, number)) };
    Ok(submit(request, move |cx, reply| match reply {
        Reply::Transacted(_) => Ok(commit.done(cx, number)),
        Reply::Refused(kind @ (ErrorKind::StorageFull | ErrorKind::Overloaded)) => {
            let lack = if kind == ErrorKind::StorageFull { Lack::Disk } else { Lack::Memory };
            Ok(Step::Room(lack, Box::new(move |cx, ()| attempt(cx, number, commit))))
        }
        Reply::Refused(ErrorKind::StreamFull) => Err(Fault::precondition("partial tx completion")),
        Reply::Refused(kind) => Err(kind.into()),
        _ => Err(Fault::internal("an answer that was not asked for")),
    }))
}

impl Commit {
    /// It has happened.
    fn done(self, cx: &mut Connection, number: u16) -> Step {
        for (publish, header, body) in &self.returns {
            if let (Ok(Method::BasicPublish { exchange, routing_key, .. }), Ok(header)) =
                (Method::decode(publish), ContentHeader::decode(header))
            {
                send_back(cx, number, (exchange, routing_key), &header.properties, body);
            }
        }
        let unacked: Vec<Unacked> = self.settles.into_iter().map(|(unacked, _)| unacked).collect();
        cx.credit_back(&unacked, number);
        cx.send(number, &Method::TxCommitOk {});
        drop(self.held);
        Step::Done
    }
}

/// What is to be settled, queue by queue, with the permission for each.
fn by_group(
    cx: &Connection,
    settles: &[(Unacked, LeaseAction)],
    grants: &mut Vec<Grant>,
) -> Result<Vec<Settle>, Fault> {
    let mut groups: BTreeMap<LeaseGroupId, Settle> = BTreeMap::new();
    for (unacked, action) in settles {
        let Some(lease) = unacked.lease else { continue };
        let group = unacked.source.group();
        if !groups.contains_key(&group) {
            grants.push(cx.allow(Action::Read, &unacked.source.entry.name)?);
        }
        let settle = groups.entry(group).or_insert_with(|| Settle { group, leases: Vec::new() });
        settle.leases.push((lease, *action));
    }
    // A queue that is gone took its leases with it.
    groups.retain(|group, _| cx.backend.stream_by_id(group.stream).is_some());
    Ok(groups.into_values().collect())
}
