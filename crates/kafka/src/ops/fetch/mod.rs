//! Fetch (1), versions 4–18: read record batches by offset.
//!
//! Whole batches, as stored, beginning with the one that holds the offset. When less than the minimum is there, the
//! request waits for an append to one of its partitions or for its time to run out; nothing is polled. Incremental sessions
//! (KIP-227) are kept per connection, see [`session`]. Topics go by name up to version 12, by id from 13 on (KIP-516).
//!
//! Isolation level makes no difference while there are no transactions: the last stable offset is the high watermark.
//! Leader epochs are checked (a newer one than 0 is UNKNOWN_LEADER_EPOCH).
//!
//! Not supported: fetching as a replica; requests with a replica id are answered like a consumer's.

mod plan;
mod session;

pub(crate) use plan::check_leader_epoch;
pub(crate) use session::FetchSessions;

use crate::codec::generated::fetch::{FetchRequest, FetchResponse};
use crate::codec::{ApiKey, DecodeError, Reader};
use crate::limits::{FETCH_BYTES_MAX, FETCH_WAIT_MS_MAX};
use crate::ops::operation;
use crate::step::{Context, ReadResult, Step};
use millstream_front::registry::Operation;
use millstream_types::{EngineTime, LogId, Offset};
use plan::Plan;

pub(crate) const OPERATION: Operation = operation(
    ApiKey::Fetch,
    "Fetch sessions end with their connection. A response holds at most 16 MiB of records (and always one batch).",
);

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = FetchRequest::decode(version, r)?;
    let wait_ms = u64::try_from(request.max_wait_ms).unwrap_or(0).min(FETCH_WAIT_MS_MAX);
    let until = cx.now.after_ms(wait_ms);
    let max_bytes = u32::try_from(request.max_bytes).unwrap_or(0).min(FETCH_BYTES_MAX);
    let min_bytes = u64::try_from(request.min_bytes).unwrap_or(0).min(u64::from(max_bytes));
    let plan = match session::plan(cx, version, request) {
        Ok(plan) => plan,
        Err(code) => {
            let response = FetchResponse { error_code: code.0, ..Default::default() };
            return Ok(Step::respond(response));
        }
    };
    Ok(look(cx, plan, min_bytes, max_bytes, until))
}

/// Looks whether enough is there; reads it, or waits for more.
fn look(cx: &mut Context, mut plan: Plan, min_bytes: u64, max_bytes: u32, until: EngineTime) -> Step {
    let available = plan.look();
    if available.is_none_or(|bytes| bytes >= min_bytes) || cx.now >= until {
        return read(cx, plan, max_bytes);
    }
    let logs = plan.logs();
    Step::Watch(logs, until, Box::new(move |cx, ()| look(cx, plan, min_bytes, max_bytes, until)))
}

/// Reads as much as is allowed; goes on while a partition has more and there is room.
fn read(cx: &mut Context, mut plan: Plan, max_bytes: u32) -> Step {
    let reads = plan.next_reads(cx, max_bytes);
    if reads.is_empty() {
        return Step::respond(session::respond(cx, plan));
    }
    let (at, reads): (Vec<usize>, Vec<_>) = reads.into_iter().unzip();
    Step::Read(
        reads,
        Box::new(move |cx, results: Vec<ReadResult>| {
            for (at, result) in at.into_iter().zip(results) {
                plan.parts[at].take(result);
            }
            read(cx, plan, max_bytes)
        }),
    )
}

/// The permission to read, and where.
type Read = millstream_front::Authorized<(LogId, Offset, u32)>;
