//! Reading the ordering keys of records that came without them, or too long ago.
//!
//! Apart from the moves because nothing is written for it but the keys, and nobody waits for a record's bytes: logs are read
//! from where the shard says, in order, a few thousand records at a time.
//!
//! A record that cannot be read is said to have no key: it will never be delivered, and must not hold up those behind it.

use super::{RETRY_MS, World};
use millstream_core::Reply;
use millstream_core::lease::{GiveKeys, KeyRequest, LeaseReply, LeaseRequest};
use millstream_storage::{LogView, ReadError, ReadMode, ReadOutcome, StoredBatch};
use millstream_types::batch::{self, BatchError, OpenLimits};
use millstream_types::key::ordering_key;
use millstream_types::limits::{KEYS_PER_REQUEST_MAX, READ_BYTES_PER_TURN};
use millstream_types::{EngineTime, Offset};
use std::collections::VecDeque;

/// After so many bytes, read and decompressed, the keys are said: a step takes milliseconds.
const STEP_BYTES: usize = READ_BYTES_PER_TURN as usize;
/// Bytes of one read.
const READ_BYTES: u32 = 256 << 10;

/// Reads keys for whoever asks.
pub(super) struct KeyReader {
    /// The shard has been asked which logs are to be read.
    is_asking: bool,
    /// Keys were handed to the shard.
    is_giving: bool,
    /// Logs to be read.
    wanted: VecDeque<KeyRequest>,
    /// Nothing is asked for or read before.
    not_before: EngineTime,
}

/// Keys of a part of a log.
struct Part {
    /// Up to here.
    to: Offset,
    keys: Vec<(Offset, Option<u64>)>,
    bytes: usize,
}

/// Why a part ended early.
enum End {
    /// There is as much as one request says.
    Enough,
    /// The log is gone.
    Gone,
    /// The disk failed, or the records are not there yet.
    Later,
    /// The record at the end cannot be read.
    Unreadable(String),
}

impl KeyReader {
    pub(super) fn new() -> KeyReader {
        let not_before = EngineTime(i64::MIN);
        KeyReader { is_asking: false, is_giving: false, wanted: VecDeque::new(), not_before }
    }

    /// Takes the logs that were asked for.
    pub(super) fn asked(&mut self, reply: Reply, now: EngineTime) {
        self.is_asking = false;
        match reply {
            Reply::Lease(reply) => {
                let LeaseReply::KeyRequests(requests) = *reply else {
                    unreachable!("key requests were asked for, not {reply:?}")
                };
                if requests.is_empty() {
                    // Somebody else has asked, see the moves.
                    self.not_before = now.after_ms(RETRY_MS);
                }
                self.wanted.extend(requests);
            }
            _ => self.not_before = now.after_ms(RETRY_MS),
        }
    }

    /// Takes the answer to keys that were given. A log whose keys were refused is asked for again if it is there.
    pub(super) fn given(&mut self, reply: &Reply, now: EngineTime) {
        self.is_giving = false;
        if let Reply::Refused(why) = reply {
            tracing::debug!(?why, "ordering keys were not taken");
            self.not_before = now.after_ms(RETRY_MS);
        }
    }

    /// Reads a part of one log. Returns the request to make, if there is one, and when there is something to do at the
    /// latest.
    pub(super) fn step(&mut self, world: &World<'_>) -> (Option<LeaseRequest>, Option<EngineTime>) {
        if self.is_giving || (self.wanted.is_empty() && self.is_asking) {
            return (None, None);
        }
        if world.now < self.not_before {
            return (None, Some(self.not_before));
        }
        let Some(request) = self.wanted.pop_front() else {
            self.is_asking = true;
            return (Some(LeaseRequest::TakeKeyRequests), None);
        };
        let Some(view) = world.views.get(request.group.log(request.log)) else {
            return (None, Some(world.now));
        };
        let mut part = Part { to: request.from, keys: Vec::new(), bytes: 0 };
        match part.read(&view, request.to) {
            Ok(()) | Err(End::Enough) => {}
            Err(End::Gone) => return (None, Some(world.now)),
            Err(_) if part.to > request.from => {}
            Err(End::Later) => {
                self.wanted.push_front(request);
                self.not_before = world.now.after_ms(RETRY_MS);
                return (None, Some(self.not_before));
            }
            Err(End::Unreadable(why)) => {
                tracing::error!(
                    stream = view.log().stream.0,
                    log = view.log().index,
                    offset = part.to.0,
                    why,
                    "the ordering key of a record cannot be read; it counts as one without a key"
                );
                part.keys.push((part.to, None));
                part.to = part.to.advance(1);
            }
        }
        self.is_giving = true;
        let KeyRequest { group, log, from, .. } = request;
        (Some(LeaseRequest::GiveKeys(GiveKeys { group, log, from, to: part.to, keys: part.keys })), None)
    }
}

impl Part {
    /// Reads on, up to `end`.
    fn read(&mut self, view: &LogView, end: Offset) -> Result<(), End> {
        while self.to < end {
            if self.bytes >= STEP_BYTES {
                return Err(End::Enough);
            }
            if view.high_watermark() < end {
                return Err(End::Later);
            }
            match view.read(self.to, READ_BYTES, ReadMode::MayBlock) {
                Ok(ReadOutcome::Batches(batches)) => {
                    for stored in &batches {
                        self.add(stored, end)?;
                    }
                }
                // Compaction left nothing.
                Ok(ReadOutcome::AtEnd) => self.to = end,
                Ok(ReadOutcome::WouldBlock) => unreachable!("this read may block"),
                Err(ReadError::Revoked) => return Err(End::Gone),
                Err(ReadError::OutOfRange { start, .. }) => self.to = start.clamp(self.to.advance(1), end),
                Err(ReadError::Io { .. }) => return Err(End::Later),
                Err(error @ ReadError::Corrupt { .. }) => return Err(End::Unreadable(error.to_string())),
            }
        }
        Ok(())
    }

    fn add(&mut self, stored: &StoredBatch, end: Offset) -> Result<(), End> {
        let unreadable = |error: BatchError| End::Unreadable(error.to_string());
        if stored.base_offset >= end {
            self.to = end;
            return Ok(());
        }
        // What lies before it is not there any more.
        self.to = self.to.max(stored.base_offset);
        let opened = batch::open(&stored.to_contiguous(), OpenLimits::default()).map_err(unreadable)?;
        self.bytes += stored.bytes() + opened.body().len();
        if !opened.header().is_control() {
            for record in &opened {
                let record = record.map_err(unreadable)?;
                let offset = stored.base_offset.advance(u64::from(record.offset_delta));
                if offset >= end {
                    break;
                }
                if offset < self.to {
                    continue;
                }
                self.to = offset;
                if self.keys.len() == KEYS_PER_REQUEST_MAX {
                    return Err(End::Enough);
                }
                self.keys.push((offset, record.key.map(ordering_key)));
                self.to = offset.advance(1);
            }
        }
        self.to = stored.last_offset.advance(1).min(end);
        Ok(())
    }
}
