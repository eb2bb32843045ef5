//! Where a log may start: which of its oldest records its configuration lets go.
//!
//! Apart because it is a pure rule that a sweep applies to every log, and because it combines settings of different
//! origins. Space is given back in pieces (whatever storage can free at once), so the rules of time and size are about
//! pieces, the oldest first, and stop at the first piece that stays. Whoever sweeps submits the result as a trim.
//!
//! | the log deletes | records go once consumed | time or size | a piece goes when |
//! |---|---|---|---|
//! | no | any | any | never (what a client deletes itself goes all the same) |
//! | yes | no | any, set or by default | it is older than the time, or the log without it has at least the size |
//! | yes | yes | not set | never as a piece: records go to the consumed offset exactly |
//! | yes | yes | set | as in the second row, consumed or not; and records go to the consumed offset |
//!
//! The last two rows differ because the broker's default time is for streams that are kept: a queue whose consumer is
//! away for a week must not lose what waits in it unless someone said so.
//!
//! A piece is older than the time when the largest of its timestamps is. A timestamp in the future keeps its piece, and
//! every newer one, until it has passed, as clients know it; and so does a piece without any timestamp, whose age nobody
//! knows, until the size lets it go.

use crate::catalog::{SettingKey, StreamConfig};
use millstream_types::{EngineTime, Offset, RecordTime, planted};

/// A piece of a log: records that storage gives back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Offset after its last record.
    pub to: Offset,
    /// Its bytes.
    pub bytes: u64,
    /// Largest timestamp of its records.
    pub max_timestamp: RecordTime,
}

/// What a log is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Its first offset.
    pub start: Offset,
    /// Offset after its last durable record: nothing from here on goes.
    pub end: Offset,
    /// Bytes of all its pieces.
    pub bytes: u64,
    /// Before this offset every record was consumed, as long ago as [`StreamConfig::consumed`] says; `None` when nobody
    /// consumes the log.
    pub consumed: Option<Offset>,
}

/// The log's new start, or `None` when nothing may go. `pieces` are the log's from the oldest on; no more of them are
/// taken than go, and one.
#[must_use]
pub fn new_start(
    config: &StreamConfig,
    now: EngineTime,
    extent: Extent,
    pieces: impl IntoIterator<Item = Piece>,
) -> Option<Offset> {
    let (deletes, _) = config.cleanup();
    if !deletes {
        return None;
    }
    let once_consumed = config.consumed().is_some();
    let counts = |key: SettingKey| !once_consumed || config.is_set(&key);
    let limits = Limits {
        age_ms: config.retention_ms().filter(|_| counts(SettingKey::RetentionMs)),
        bytes: config.retention_bytes().filter(|_| counts(SettingKey::RetentionBytes)),
    };
    let by_limits = limits.start(now, extent, pieces);
    let by_consumers = extent.consumed.filter(|_| once_consumed);
    let start = by_limits.max(by_consumers)?.min(extent.end);
    (start > extent.start).then_some(start)
}

/// When `piece`, the oldest one that stays, may go because of its age; `None` when age alone never lets it go.
#[must_use]
pub fn expires_at(config: &StreamConfig, piece: &Piece) -> Option<EngineTime> {
    let (deletes, _) = config.cleanup();
    let counts = deletes && (config.consumed().is_none() || config.is_set(&SettingKey::RetentionMs));
    let age_ms = config.retention_ms().filter(|_| counts && piece.max_timestamp.0 >= 0)?;
    Some(EngineTime(piece.max_timestamp.0).after_ms(age_ms).after_ms(1))
}

struct Limits {
    age_ms: Option<u64>,
    bytes: Option<u64>,
}

impl Limits {
    fn start(
        &self,
        now: EngineTime,
        extent: Extent,
        pieces: impl IntoIterator<Item = Piece>,
    ) -> Option<Offset> {
        if self.age_ms.is_none() && self.bytes.is_none() {
            return None;
        }
        let mut one_too_many = planted!(RetentionOneTooMany);
        let mut left = extent.bytes;
        let mut start = None;
        for piece in pieces {
            left = left.saturating_sub(piece.bytes);
            let is_over = self.bytes.is_some_and(|bytes| left >= bytes);
            if !is_over && !self.is_old(now, piece.max_timestamp) && !core::mem::take(&mut one_too_many) {
                break;
            }
            start = Some(piece.to);
        }
        start
    }

    fn is_old(&self, now: EngineTime, newest: RecordTime) -> bool {
        let age_ms = now.since_ms(EngineTime(newest.0));
        newest.0 >= 0 && self.age_ms.is_some_and(|limit_ms| age_ms > limit_ms)
    }
}

#[cfg(test)]
mod tests;
