//! What one Fetch is to return: its partitions, what is known of them, what was read.
//!
//! Apart because it is the same for a request that names everything and for one that continues a session.

use super::Read;
use crate::codec::{Records, Str, Uuid, generated::fetch::PartitionData};
use crate::errors::ErrorCode;
use crate::ops::topics::{find_topic, find_topic_by_id};
use crate::step::{Context, ReadResult};
use millstream_core::catalog::StreamEntry;
use millstream_front::{Action, LogReader, Resource};
use millstream_types::limits::READ_BYTES_PER_TURN;
use millstream_types::{ErrorKind, LogId, Offset};
use std::sync::Arc;

/// A topic as the request names it: by name or by id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Topic {
    Name(Str),
    Id(Uuid),
}

impl Topic {
    fn find(&self, cx: &Context) -> Result<Arc<StreamEntry>, ErrorCode> {
        match self {
            Topic::Name(name) => find_topic(cx, name),
            Topic::Id(id) => find_topic_by_id(cx, *id),
        }
    }
}

/// One partition of the request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) topic: Topic,
    pub(crate) partition: i32,
    pub(crate) leader_epoch: i32,
    pub(crate) offset: i64,
    pub(crate) max_bytes: i32,
}

/// One partition of the answer in the making.
pub(crate) struct Part {
    pub(crate) asked: Asked,
    found: Option<(LogId, Arc<StreamEntry>, Arc<dyn LogReader>)>,
    pub(crate) code: ErrorCode,
    next: Offset,
    /// The high watermark at the last look.
    seen: Offset,
    pub(crate) records: Records,
    /// Nothing more is to be read: an error, the end, or its share is used up.
    full: bool,
}

impl Part {
    pub(crate) fn new(cx: &Context, asked: Asked) -> Part {
        let (found, code, next) = match Part::find(cx, &asked) {
            Ok((found, next)) => (Some(found), ErrorCode::NONE, next),
            Err(code) => (None, code, Offset::ZERO),
        };
        Part {
            asked,
            full: found.is_none(),
            found,
            code,
            next,
            seen: Offset::ZERO,
            records: Records::default(),
        }
    }

    #[allow(clippy::type_complexity, reason = "the parts of one lookup, taken apart at once")]
    fn find(
        cx: &Context,
        asked: &Asked,
    ) -> Result<((LogId, Arc<StreamEntry>, Arc<dyn LogReader>), Offset), ErrorCode> {
        let entry = asked.topic.find(cx)?;
        cx.allow(Action::Read, Resource::Stream(&entry.name))?;
        let index = u32::try_from(asked.partition).map_err(|_| ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        let log = LogId { stream: entry.id, index };
        let reader = cx.backend.log(log).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        check_leader_epoch(asked.leader_epoch)?;
        let next = u64::try_from(asked.offset).map(Offset).map_err(|_| ErrorCode::OFFSET_OUT_OF_RANGE)?;
        Ok(((log, entry, reader), next))
    }

    /// Bytes waiting at the partition's offset, at most what may be taken; `None` for an error.
    fn look(&mut self) -> Option<u64> {
        let (_, _, reader) = self.found.as_ref()?;
        self.seen = reader.high_watermark();
        if self.next < reader.log_start() || self.next > self.seen {
            self.fail(ErrorCode::OFFSET_OUT_OF_RANGE);
            return None;
        }
        if self.next == self.seen {
            return Some(0);
        }
        // Compaction can leave no record between an offset and the end: then the fetch waits as it does at the end.
        let most = u64::from(self.max_bytes());
        let bytes = reader.bytes_from(self.next, most);
        Some(if bytes == 0 { 0 } else { bytes.min(most).max(1) })
    }

    fn max_bytes(&self) -> u32 {
        u32::try_from(self.asked.max_bytes).unwrap_or(0)
    }

    fn fail(&mut self, code: ErrorCode) {
        self.code = code;
        self.full = true;
        self.records = Records::default();
    }

    /// Takes what a read gave.
    pub(crate) fn take(&mut self, result: ReadResult) {
        match result {
            Ok(slice) => {
                self.full = slice.chunks.is_empty();
                self.next = slice.next_offset;
                self.records.extend(slice.chunks);
            }
            // What was read before the error is good; the error comes back with the next request.
            Err(_) if !self.records.is_empty() => self.full = true,
            Err(error) => self.fail(ErrorCode::from(ErrorKind::from(error))),
        }
    }

    /// The high watermark and log start as the answer shows them.
    pub(crate) fn bounds(&self) -> (i64, i64) {
        match &self.found {
            // The request's offset was in range; an answer never shows less than it was read from.
            Some((_, _, reader)) => (wire(reader.high_watermark()), wire(reader.log_start())),
            None => (-1, -1),
        }
    }

    pub(crate) fn into_data(self, committed_only: bool) -> PartitionData {
        let (high_watermark, log_start_offset) = self.bounds();
        let last_stable_offset = self.found.as_ref().map_or(-1, |(_, _, r)| wire(r.last_stable_offset()));
        PartitionData {
            partition_index: self.asked.partition,
            error_code: self.code.0,
            high_watermark,
            last_stable_offset,
            log_start_offset,
            aborted_transactions: committed_only.then(Vec::new),
            preferred_read_replica: -1,
            records: Some(self.records),
            ..Default::default()
        }
    }
}

/// There was only ever one leader, in epoch 0; −1 says that the client does not care.
pub(crate) fn check_leader_epoch(epoch: i32) -> Result<(), ErrorCode> {
    if epoch > 0 { Err(ErrorCode::UNKNOWN_LEADER_EPOCH) } else { Ok(()) }
}

fn wire(offset: Offset) -> i64 {
    i64::try_from(offset.0).expect("offsets fit in 63 bits")
}

/// Everything one Fetch returns.
pub(crate) struct Plan {
    pub(crate) parts: Vec<Part>,
    pub(crate) committed_only: bool,
    pub(crate) kind: Kind,
}

/// How the plan relates to a session.
pub(crate) enum Kind {
    /// No session: every partition is answered.
    Full,
    /// A session: every partition is answered the first time, then those that changed.
    Session { id: i32, first: bool },
}

impl Plan {
    /// Bytes that could be returned now; `None` when something is to be said at once.
    pub(crate) fn look(&mut self) -> Option<u64> {
        let mut sum = Some(0);
        for part in &mut self.parts {
            let bytes = part.look();
            sum = sum.zip(bytes).map(|(sum, bytes)| sum + bytes);
        }
        if self.parts.is_empty() { sum.filter(|_| matches!(self.kind, Kind::Session { .. })) } else { sum }
    }

    /// The logs to wait for, with what was seen of them.
    pub(crate) fn logs(&self) -> Vec<(LogId, Offset)> {
        self.parts.iter().filter_map(|part| Some((part.found.as_ref()?.0, part.seen))).collect()
    }

    /// The next reads, each with the number of its part. The first partition that has something gets its batch
    /// whatever its size; the others share what is left of `max_bytes`.
    pub(crate) fn next_reads(&mut self, cx: &Context, max_bytes: u32) -> Vec<(usize, Read)> {
        let taken: usize = self.parts.iter().map(|part| part.records.len()).sum();
        let mut room = u64::from(max_bytes).saturating_sub(taken as u64);
        let mut empty_handed = taken == 0;
        let mut reads = Vec::new();
        for (at, part) in self.parts.iter_mut().enumerate() {
            let Some((log, entry, reader)) = &part.found else { continue };
            let share = u64::from(part.max_bytes()).saturating_sub(part.records.len() as u64);
            if part.full || part.next >= reader.high_watermark() {
                continue;
            }
            // What goes on must fit; what begins may take one batch that does not.
            let going_on = !part.records.is_empty();
            if (share == 0 || room == 0) && (going_on || !empty_handed) {
                part.full = true;
                continue;
            }
            let bytes = share.min(room).min(u64::from(READ_BYTES_PER_TURN));
            let Ok(grant) = cx.allow(Action::Read, Resource::Stream(&entry.name)) else {
                part.fail(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
                continue;
            };
            let bytes = u32::try_from(bytes).expect("bounded by a turn");
            reads.push((at, grant.allow((*log, part.next, bytes))));
            room -= u64::from(bytes).min(reader.bytes_from(part.next, u64::from(bytes))).min(room);
            empty_handed = false;
        }
        reads
    }
}
