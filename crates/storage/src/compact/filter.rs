//! Which records of a batch survive a pass.
//!
//! Apart because these few rules are what users of compacted streams test:
//!
//! ```text
//! record                                             stays
//! in a control batch                                 yes, with its batch byte for byte
//! without key                                        no
//! with a later record of its key in the pass's map   no
//! latest of its key, with a value                    yes
//! latest of its key, null value (a tombstone)        until its batch's delete horizon, which the first pass
//!                                                    over the batch sets: now + how long tombstones are kept
//! ```
//!
//! A batch of which all stays and that gets no horizon is not touched.

use bytes::Bytes;
use millstream_types::batch::{BatchError, BatchHeader, OpenLimits, RetainedBatch, open};
use millstream_types::{EngineTime, Offset, RecordTime, planted};

use super::key_map::{KeyMap, Put};

/// What is left of a batch.
#[derive(Debug)]
pub(super) enum Left {
    /// All of it, as it was.
    Unchanged,
    /// This much.
    Some(RetainedBatch),
    /// Nothing.
    Nothing,
}

/// The rules of one pass.
pub(super) struct Filter<'m> {
    pub(super) map: &'m KeyMap,
    pub(super) now: EngineTime,
    pub(super) tombstone_retention_ms: u64,
}

impl Filter<'_> {
    /// Applies the rules to a whole batch that begins at `base`.
    ///
    /// # Errors
    /// What opening, walking and writing it again can fail with.
    pub(super) fn apply(&self, base: Offset, batch: &Bytes) -> Result<Left, BatchError> {
        let header = BatchHeader::parse(batch)?;
        if header.is_control() {
            return Ok(Left::Unchanged);
        }
        let opened = open(batch, OpenLimits::default())?;
        let horizon_passed = header.delete_horizon().is_some_and(|horizon| horizon.0 <= self.now.0)
            || planted!(TombstoneDroppedAtOnce);
        let mut stays = Vec::new();
        let mut has_tombstone = false;
        for record in &opened {
            let record = record?;
            let is_latest = record.key.is_some_and(|key| {
                let offset = base.advance(u64::from(record.offset_delta));
                let latest = self.map.latest(key);
                latest.is_none_or(|latest| {
                    latest < offset || (latest == offset && !planted!(NewestRecordCompacted))
                })
            });
            let is_tombstone = record.value.is_none();
            let stay = is_latest && !(is_tombstone && horizon_passed);
            has_tombstone |= stay && is_tombstone;
            stays.push(stay);
        }
        let gets_horizon = has_tombstone && header.delete_horizon().is_none();
        if !gets_horizon && stays.iter().all(|stay| *stay) {
            return Ok(Left::Unchanged);
        }
        let horizon = gets_horizon.then(|| RecordTime(self.now.after_ms(self.tombstone_retention_ms).0));
        let mut answers = stays.into_iter();
        let left =
            opened.retain(horizon, |_| answers.next().expect("the same records were walked before"))?;
        Ok(left.map_or(Left::Nothing, Left::Some))
    }
}

/// Puts the keys of a whole batch that begins at `base` into `map`. `Full` when it has not all of them; those it has do
/// no harm, their records are there.
///
/// # Errors
/// What opening and walking it can fail with.
pub(super) fn learn(
    base: Offset,
    batch: &Bytes,
    map: &mut KeyMap,
    may_grow: bool,
) -> Result<Put, BatchError> {
    let header = BatchHeader::parse(batch)?;
    if header.is_control() {
        return Ok(Put::Done);
    }
    for record in &open(batch, OpenLimits::default())? {
        let record = record?;
        let Some(key) = record.key else { continue };
        let offset = base.advance(u64::from(record.offset_delta));
        while map.put(key, offset) == Put::Full {
            if !may_grow {
                return Ok(Put::Full);
            }
            map.grow();
        }
    }
    Ok(Put::Done)
}
