//! Settling: receipt handles become leases, and what the core says of each becomes an answer.
//!
//! Apart because deleting and prolonging, one message or ten, are the same request to the core.

use super::queues::{Queue, lease, lease_reply, submit};
use crate::sqs::call::required_text;
use crate::sqs::errors::SqsError;
use crate::sqs::limits::VISIBILITY_SECONDS_MAX;
use crate::sqs::translate::Receipt;
use crate::step::{Context, Step};
use crate::value::{Int, Text};
use millstream_core::lease::{Action, LeaseError, LeaseRef, LeaseReply, LeaseRequest, Settle};
use millstream_front::Grant;
use millstream_types::StreamUid;

/// What is to become of the message of a receipt handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Delete,
    /// Keep it for so many seconds from now; 0 gives it back.
    Keep(i64),
}

/// A handle that was checked.
pub(super) struct Checked {
    receipt: Receipt,
    queue: StreamUid,
    action: Action,
    wish: Wish,
}

impl Checked {
    /// Checks a handle for a queue.
    pub(super) fn new(
        cx: &Context,
        queue: &Queue,
        handle: Option<Text<'_>>,
        wish: Wish,
    ) -> Result<Checked, SqsError> {
        let handle = required_text(handle, "ReceiptHandle")?;
        let receipt =
            Receipt::read(&handle, queue.entry.uid).filter(|receipt| receipt.token.group == queue.group());
        let Some(receipt) = receipt else { return Err(SqsError::receipt_handle(&handle)) };
        let action = match wish {
            // On a standard queue a handle stays good until the message is received again.
            Wish::Delete => Action::Ack { late: !queue.at.is_fifo() },
            Wish::Keep(seconds) => {
                let elapsed_seconds = cx.now.since_ms(receipt.received) / 1000;
                let elapsed_seconds = i64::try_from(elapsed_seconds).unwrap_or(i64::MAX);
                if elapsed_seconds.saturating_add(seconds) > VISIBILITY_SECONDS_MAX {
                    let reason =
                        "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
                    return Err(SqsError::invalid(seconds, "VisibilityTimeout", reason));
                }
                Action::Renew { timeout_ms: seconds.unsigned_abs() * 1000 }
            }
        };
        Ok(Checked { receipt, queue: queue.entry.uid, action, wish })
    }

    fn lease(&self) -> LeaseRef {
        self.receipt.token.lease
    }

    /// What the core's answer is for the client.
    fn result(self, fifo: bool, result: Result<(), LeaseError>) -> Result<(), SqsError> {
        // Spelled again it is the handle that was sent.
        let handle = || self.receipt.spell(self.queue);
        let expired = |reason: &str| Err(SqsError::invalid(handle(), "ReceiptHandle", reason));
        match (result, self.wish) {
            (Ok(()), _) => Ok(()),
            // Deleting again what is deleted is no mistake; nor is it with a handle that was replaced by a newer
            // one, but on a FIFO queue that would hide that two had the message.
            (Err(LeaseError::Settled | LeaseError::Unknown), Wish::Delete) => Ok(()),
            // Receipts name leases: that a record is named by its place is never the answer, and would mean the same.
            (Err(LeaseError::NotLeased | LeaseError::NotReady), Wish::Delete) if !fifo => Ok(()),
            (Err(LeaseError::NotLeased | LeaseError::NotReady), _) if fifo => {
                expired("The receipt handle has expired.")
            }
            (Err(LeaseError::NotLeased | LeaseError::NotReady), _) => Err(SqsError::MessageNotInflight),
            (Err(LeaseError::Settled | LeaseError::Unknown), Wish::Keep(_)) => {
                expired("Message does not exist or is not available for visibility timeout change.")
            }
        }
    }
}

/// The seconds of a request to keep a message.
pub(super) fn visibility(seconds: Option<Int>) -> Result<Option<i64>, SqsError> {
    match seconds {
        Some(Int(seconds)) if !(0..=VISIBILITY_SECONDS_MAX).contains(&seconds) => {
            let reason = format!("Must be >= 0 and <= {VISIBILITY_SECONDS_MAX}, if provided.");
            Err(SqsError::invalid(seconds, "VisibilityTimeout", &reason))
        }
        seconds => Ok(seconds.map(|Int(seconds)| seconds)),
    }
}

/// Settles what was checked; goes on with one result for each, in their order.
pub(super) fn settle(
    queue: &Queue,
    grant: Grant,
    checked: Vec<Checked>,
    then: impl FnOnce(Vec<Result<(), SqsError>>) -> Result<Step, SqsError> + Send + 'static,
) -> Step {
    let fifo = queue.at.is_fifo();
    let leases = checked.iter().map(|checked| (checked.lease(), checked.action)).collect();
    let request = lease(grant, LeaseRequest::Settle(Settle { group: queue.group(), leases }));
    submit(request, move |_, reply| match lease_reply(reply)? {
        LeaseReply::Settled(results) if results.len() == checked.len() => {
            let results = checked.into_iter().zip(results);
            then(results.map(|(checked, result)| checked.result(fifo, result)).collect())
        }
        _ => Err(SqsError::Internal),
    })
}

/// Settles a batch: what was not refused already. Goes on with one result for each entry.
pub(super) fn settle_batch(
    queue: &Queue,
    grant: Grant,
    entries: Vec<(String, Result<Checked, SqsError>)>,
    then: impl FnOnce(Vec<(String, Result<(), SqsError>)>) -> Step + Send + 'static,
) -> Step {
    let mut checked = Vec::with_capacity(entries.len());
    let refusals: Vec<(String, Result<(), SqsError>)> =
        entries.into_iter().map(|(id, entry)| (id, entry.map(|entry| checked.push(entry)))).collect();
    if checked.is_empty() {
        return then(refusals);
    }
    settle(queue, grant, checked, move |results| {
        let mut results = results.into_iter();
        let merged = refusals.into_iter().map(|(id, refusal)| {
            (id, refusal.and_then(|()| results.next().unwrap_or(Err(SqsError::Internal))))
        });
        Ok(then(merged.collect()))
    })
}
