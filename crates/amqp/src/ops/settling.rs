//! What acknowledging, refusing and recovering share: tags become leases, and credit comes back.
//!
//! Apart because one delivery or all of them, kept or given back, are the same request to the core.

use crate::errors::{Code, Fault};
use crate::session::{Connection, Unacked};
use crate::step::Step;
use millstream_core::lease::Action;
use millstream_types::limits::LEASE_SETTLE_RECORDS_MAX;

/// Settles the delivery of a tag, or all up to it.
pub(super) fn settle(
    cx: &mut Connection,
    number: u16,
    (tag, multiple): (u64, bool),
    action: Action,
) -> Result<Step, Fault> {
    let taken = cx.channel(number).deliveries.take(tag, multiple);
    let taken = taken.ok_or_else(|| Fault::precondition(format!("unknown delivery tag {tag}")))?;
    if let Some(transaction) = cx.channel(number).transaction() {
        if transaction.settles.len() + taken.len() > LEASE_SETTLE_RECORDS_MAX {
            let text = format!("a transaction settles at most {LEASE_SETTLE_RECORDS_MAX} deliveries");
            return Err(Fault::new(Code::RESOURCE_ERROR, text));
        }
        transaction.settles.extend(taken.into_iter().map(|unacked| (unacked, action)));
        return Ok(Step::Done);
    }
    settle_all(cx, number, &taken, action);
    Ok(Step::Done)
}

/// Settles deliveries that were taken off their channel.
pub(super) fn settle_all(cx: &mut Connection, number: u16, taken: &[Unacked], action: Action) {
    for unacked in taken {
        if let Some(lease) = unacked.lease {
            cx.settle(&unacked.source, lease, action);
        }
    }
    cx.credit_back(taken, number);
}

/// Gives a delivery back to its place, as redelivered, or refuses it for good.
pub(super) fn refusal(requeue: bool) -> Action {
    if requeue { Action::Release { delay_ms: 0, delivered: true } } else { Action::Reject }
}
