//! Entries of lease groups: what was decided, as it is persisted.
//!
//! Apart because these bytes are read by later versions. Every entry begins with its tag, the group's stream u64 and
//! number u64; then:
//!
//! | tag | entry | bytes |
//! |---|---|---|
//! | 32 | group created | name (0, or 1 and a string), count u32, then (settled u64, marked to u64) per log |
//! | 33 | group deleted | |
//! | 34 | acquired | log u32, bound u8, holder u64, time i64, deadline i64, first lease u64, count u32, then runs (offset u64, length u32, delivery count u32, priority u8) |
//! | 35 | settled | log u32, count u32, then (offset u64, length u64) |
//! | 36 | given back | log u32, until (0, or 1 and i64), count u32, then (offset u64, delivery count u32, priority u8) |
//! | 37 | renewed | log u32, deadline i64, count u32, then (offset u64, lease u64) |
//! | 38 | moving | log u32, reason u8, target u8 (2: and u64), count u32, then (offset u64, delivery count u32, lease u64) |
//! | 39 | sought | count u32, then (log u32, offset u64) |
//! | 40 | marked | log u32, offset of the first record u64, count u32, then runs of records marked alike (length u32, priority u8, not before i64, expires i64), count u32, then per record, if the stream is ordered, its key (0, or 1 and u64) |
//! | 41 | keys read | log u32, to u64, count u32, then (offset u64, key (0, or 1 and u64)) |
//! | 42 | remembered | log u32, offset u64, time i64, id (16) |
//! | 43 | forgotten | to i64 |
//! | 44 | redriven | number u64, target u8 (2: and u64), rate (0, or 1 and u32), started i64, state u8, moved u64, total u64, count u32, then next u64, end u64 per log |
//! | 45 | sized | log u32, offset of the first record u64, count of offsets u32, bytes u32 |
//! | 46 | purging | 0, or 1 and: settled u64, count u32, then next u64, end u64 per log |
//!
//! Each says what is true afterwards of the records it names, so that folding it again, over a state that is newer
//! already, ends in the same state once the later ones are folded too. That a lease or a delay has run out is not an entry:
//! it follows from the time.
//!
//! Long, because what is written of each entry stands beside how it is read.

use super::dedup::Remembered;
use super::ids::{HolderId, LeaseGroupId, LeaseNumber};
use super::keys::KeyHash;
use super::purge::{self, Purge};
use super::record::{Bound, MoveReason, MoveTarget};
use super::redrive::{self, Redrive};
use crate::codec::{DecodeError, Decoder, Encoder};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use millstream_types::limits::{LOGS_PER_STREAM_MAX, NAME_BYTES_MAX};
use millstream_types::{EngineTime, Offset, StreamId};

/// The first tag of lease entries.
pub(crate) const FIRST_TAG: u8 = 32;
/// Bytes of an entry before what it lists.
pub(super) const HEAD_BYTES: usize = 64;
/// Bytes of one element of what an entry lists, at most.
pub(super) const ITEM_BYTES: usize = 21;

/// One change of a lease group.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaseEntry {
    /// The group.
    pub group: LeaseGroupId,
    /// What has changed.
    pub change: LeaseChange,
}

/// See the module's table.
#[derive(Debug, Clone, PartialEq)]
pub enum LeaseChange {
    /// The group exists.
    Created(Box<GroupCreated>),
    /// The group is gone.
    Deleted,
    /// Records are out.
    Acquired(Box<RecordsAcquired>),
    /// Records are done with.
    Settled {
        /// Their log.
        log: u32,
        /// First offset and length of each run.
        runs: Vec<(Offset, u64)>,
    },
    /// Records are ready, or put off.
    GivenBack {
        /// Their log.
        log: u32,
        /// Not before this time.
        until: Option<EngineTime>,
        /// Offset, delivery count, priority.
        records: Vec<(Offset, u32, u8)>,
    },
    /// Leases end at another time.
    Renewed {
        /// Their records' log.
        log: u32,
        /// The time.
        deadline: EngineTime,
        /// Which.
        leases: Vec<(Offset, LeaseNumber)>,
    },
    /// Records are on their way into another stream.
    Moving {
        /// Their log.
        log: u32,
        /// Why.
        reason: MoveReason,
        /// Where to.
        target: MoveTarget,
        /// Offset, delivery count, and the number by which the end of the move will call it.
        records: Vec<(Offset, u32, LeaseNumber)>,
    },
    /// What is before these offsets is settled, everything else is not.
    Sought(Vec<(u32, Offset)>),
    /// New records are not like others.
    Marked {
        /// Their log.
        log: u32,
        /// The first record.
        from: Offset,
        /// Runs of records that are marked alike.
        marks: Vec<(u32, StoredMark)>,
        /// One per record, if their stream is ordered.
        keys: Vec<KeyHash>,
    },
    /// The ordering keys of older records were read.
    KeysRead {
        /// Their log.
        log: u32,
        /// Those of all records before this are known.
        to: Offset,
        /// The keys.
        keys: Vec<(Offset, KeyHash)>,
    },
    /// A record came with a dedup id.
    Remembered(Remembered),
    /// Dedup ids that came until then are forgotten.
    Forgotten(EngineTime),
    /// How far a redrive is.
    Redriven(Redrive),
    /// A batch takes so many bytes.
    Sized {
        /// Its log.
        log: u32,
        /// Its first record.
        from: Offset,
        /// How many offsets it takes.
        len: u32,
        /// How many bytes.
        bytes: u32,
    },
    /// How far a purge is; `None`: at its end.
    Purging(Option<Purge>),
}

/// See [`LeaseChange::Created`].
#[derive(Debug, Clone, PartialEq)]
pub struct GroupCreated {
    /// Its name; the default group has none.
    pub name: Option<Arc<str>>,
    /// Per log: everything before the first offset is settled; marks of records before the second are unknown.
    pub logs: Vec<(Offset, Offset)>,
}

/// See [`LeaseChange::Acquired`].
#[derive(Debug, Clone, PartialEq)]
pub struct RecordsAcquired {
    /// Their log.
    pub log: u32,
    /// What ends the leases.
    pub bound: Bound,
    /// Who has them.
    pub holder: HolderId,
    /// When.
    pub time: EngineTime,
    /// When the leases end.
    pub deadline: EngineTime,
    /// The first record's lease; the others' follow in the order of the runs.
    pub lease: LeaseNumber,
    /// The records.
    pub runs: Vec<AcquiredRun>,
}

/// Consecutive records that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcquiredRun {
    /// The first one.
    pub offset: Offset,
    /// How many.
    pub len: u32,
    /// How often they were delivered.
    pub count: u32,
    /// Their priority.
    pub priority: u8,
}

/// A mark as it is kept, with absolute times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredMark {
    /// 0: none.
    pub priority: u8,
    /// Not to be delivered before; 0: at once.
    pub not_before: EngineTime,
    /// Not to be delivered after; `i64::MAX`: always.
    pub expires: EngineTime,
}

impl LeaseEntry {
    pub(crate) fn put(&self, out: &mut Encoder<'_>) {
        let tag = match &self.change {
            LeaseChange::Created(_) => 0,
            LeaseChange::Deleted => 1,
            LeaseChange::Acquired(_) => 2,
            LeaseChange::Settled { .. } => 3,
            LeaseChange::GivenBack { .. } => 4,
            LeaseChange::Renewed { .. } => 5,
            LeaseChange::Moving { .. } => 6,
            LeaseChange::Sought(_) => 7,
            LeaseChange::Marked { .. } => 8,
            LeaseChange::KeysRead { .. } => 9,
            LeaseChange::Remembered(_) => 10,
            LeaseChange::Forgotten(_) => 11,
            LeaseChange::Redriven(_) => 12,
            LeaseChange::Sized { .. } => 13,
            LeaseChange::Purging(_) => 14,
        };
        out.u8(FIRST_TAG + tag);
        put_group(out, self.group);
        match &self.change {
            LeaseChange::Created(created) => {
                out.option(created.name.as_deref(), |out, name| out.str(name));
                list(out, &created.logs, |out, (settled, marked_to)| {
                    out.u64(settled.0);
                    out.u64(marked_to.0);
                });
            }
            LeaseChange::Deleted => {}
            LeaseChange::Acquired(acquired) => {
                out.u32(acquired.log);
                put_bound(out, acquired.bound);
                out.u64(acquired.holder.0);
                out.i64(acquired.time.0);
                out.i64(acquired.deadline.0);
                out.u64(acquired.lease.0);
                list(out, &acquired.runs, |out, run| {
                    out.u64(run.offset.0);
                    out.u32(run.len);
                    out.u32(run.count);
                    out.u8(run.priority);
                });
            }
            LeaseChange::Settled { log, runs } => {
                out.u32(*log);
                list(out, runs, |out, (offset, len)| {
                    out.u64(offset.0);
                    out.u64(*len);
                });
            }
            LeaseChange::GivenBack { log, until, records } => {
                out.u32(*log);
                out.option(*until, |out, until| out.i64(until.0));
                list(out, records, |out, (offset, count, priority)| {
                    out.u64(offset.0);
                    out.u32(*count);
                    out.u8(*priority);
                });
            }
            LeaseChange::Renewed { log, deadline, leases } => {
                out.u32(*log);
                out.i64(deadline.0);
                list(out, leases, |out, (offset, lease)| {
                    out.u64(offset.0);
                    out.u64(lease.0);
                });
            }
            LeaseChange::Moving { log, reason, target, records } => {
                out.u32(*log);
                put_move(out, *reason, *target);
                list(out, records, |out, (offset, count, lease)| {
                    out.u64(offset.0);
                    out.u32(*count);
                    out.u64(lease.0);
                });
            }
            LeaseChange::Sought(to) => list(out, to, |out, (log, offset)| {
                out.u32(*log);
                out.u64(offset.0);
            }),
            LeaseChange::KeysRead { log, to, keys } => {
                out.u32(*log);
                out.u64(to.0);
                list(out, keys, |out, (offset, key)| {
                    out.u64(offset.0);
                    out.option(*key, Encoder::u64);
                });
            }
            LeaseChange::Remembered(record) => {
                out.u32(record.log);
                out.u64(record.offset.0);
                out.i64(record.time.0);
                out.u64(record.id[0]);
                out.u64(record.id[1]);
            }
            LeaseChange::Forgotten(to) => out.i64(to.0),
            LeaseChange::Redriven(redrive) => redrive::put(out, redrive),
            LeaseChange::Sized { log, from, len, bytes } => {
                out.u32(*log);
                out.u64(from.0);
                out.u32(*len);
                out.u32(*bytes);
            }
            LeaseChange::Purging(purge) => out.option(purge.as_ref(), purge::put),
            LeaseChange::Marked { log, from, marks, keys } => {
                out.u32(*log);
                out.u64(from.0);
                list(out, marks, |out, (len, mark)| {
                    out.u32(*len);
                    out.u8(mark.priority);
                    out.i64(mark.not_before.0);
                    out.i64(mark.expires.0);
                });
                list(out, keys, |out, key| out.option(*key, Encoder::u64));
            }
        }
    }

    pub(crate) fn get(tag: u8, input: &mut Decoder<'_>) -> Result<LeaseEntry, DecodeError> {
        let number =
            tag.checked_sub(FIRST_TAG).filter(|number| *number <= 14).ok_or(DecodeError::UnknownTag(tag))?;
        let group = get_group(input)?;
        let change = match number {
            0 => {
                let name = input.option(|input| input.str().map(Arc::from))?;
                if name.as_ref().is_some_and(|name: &Arc<str>| name.len() > NAME_BYTES_MAX) {
                    return Err(DecodeError::Invalid("a lease group's name"));
                }
                let logs = get_list(input, |input| Ok((input.offset()?, input.offset()?)))?;
                if logs.len() > LOGS_PER_STREAM_MAX as usize {
                    return Err(DecodeError::Invalid("a lease group's logs"));
                }
                LeaseChange::Created(Box::new(GroupCreated { name, logs }))
            }
            1 => LeaseChange::Deleted,
            2 => LeaseChange::Acquired(Box::new(RecordsAcquired {
                log: input.u32()?,
                bound: get_bound(input)?,
                holder: HolderId(input.u64()?),
                time: EngineTime(input.i64()?),
                deadline: EngineTime(input.i64()?),
                lease: LeaseNumber(input.id()?),
                runs: get_list(input, |input| {
                    let run = AcquiredRun {
                        offset: input.offset()?,
                        len: input.u32()?,
                        count: input.u32()?,
                        priority: input.u8()?,
                    };
                    in_reach(run.offset, u64::from(run.len))?;
                    Ok(run)
                })?,
            })),
            3 => {
                let log = input.u32()?;
                let runs = get_list(input, |input| {
                    let (offset, len) = (input.offset()?, input.u64()?);
                    in_reach(offset, len)?;
                    Ok((offset, len))
                })?;
                LeaseChange::Settled { log, runs }
            }
            4 => LeaseChange::GivenBack {
                log: input.u32()?,
                until: input.option(|input| input.i64().map(EngineTime))?,
                records: get_list(input, |input| Ok((input.offset()?, input.u32()?, input.u8()?)))?,
            },
            5 => LeaseChange::Renewed {
                log: input.u32()?,
                deadline: EngineTime(input.i64()?),
                leases: get_list(input, |input| Ok((input.offset()?, LeaseNumber(input.id()?))))?,
            },
            6 => {
                let log = input.u32()?;
                let (reason, target) = get_move(input)?;
                let records =
                    get_list(input, |input| Ok((input.offset()?, input.u32()?, LeaseNumber(input.id()?))))?;
                LeaseChange::Moving { log, reason, target, records }
            }
            7 => LeaseChange::Sought(get_list(input, |input| Ok((input.u32()?, input.offset()?)))?),
            9 => LeaseChange::KeysRead {
                log: input.u32()?,
                to: input.offset()?,
                keys: get_list(input, |input| Ok((input.offset()?, input.option(Decoder::u64)?)))?,
            },
            10 => LeaseChange::Remembered(Remembered {
                log: input.u32()?,
                offset: input.offset()?,
                time: EngineTime(input.i64()?),
                id: [input.u64()?, input.u64()?],
            }),
            11 => LeaseChange::Forgotten(EngineTime(input.i64()?)),
            12 => LeaseChange::Redriven(redrive::get(input)?),
            13 => {
                let (log, from, len, bytes) = (input.u32()?, input.offset()?, input.u32()?, input.u32()?);
                in_reach(from, u64::from(len))?;
                LeaseChange::Sized { log, from, len, bytes }
            }
            14 => LeaseChange::Purging(input.option(purge::get)?),
            _ => {
                let (log, from) = (input.u32()?, input.offset()?);
                let marks = get_list(input, |input| {
                    let len = input.u32()?;
                    let mark = StoredMark {
                        priority: input.u8()?,
                        not_before: EngineTime(input.i64()?),
                        expires: EngineTime(input.i64()?),
                    };
                    Ok((len, mark))
                })?;
                in_reach(from, marks.iter().map(|(len, _)| u64::from(*len)).sum())?;
                let keys = get_list(input, |input| input.option(Decoder::u64))?;
                in_reach(from, keys.len() as u64)?;
                LeaseChange::Marked { log, from, marks, keys }
            }
        };
        Ok(LeaseEntry { group, change })
    }
}

/// Offsets stay in the signed range.
pub(super) fn in_reach(offset: Offset, len: u64) -> Result<(), DecodeError> {
    let end = offset.0.checked_add(len).filter(|end| *end <= i64::MAX as u64);
    end.map(|_| ()).ok_or(DecodeError::Invalid("a run of records"))
}

fn list<T>(out: &mut Encoder<'_>, items: &[T], put: impl Fn(&mut Encoder<'_>, &T)) {
    out.u32(u32::try_from(items.len()).expect("what an entry lists is bounded"));
    for item in items {
        put(out, item);
    }
}

fn get_list<T>(
    input: &mut Decoder<'_>,
    get: impl Fn(&mut Decoder<'_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let count = input.u32()?;
    // Nothing is allocated for a count that the bytes do not bear out.
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(get(input)?);
    }
    Ok(items)
}

pub(super) fn put_group(out: &mut Encoder<'_>, group: LeaseGroupId) {
    out.u64(group.stream.0);
    out.u64(group.number);
}

pub(super) fn get_group(input: &mut Decoder<'_>) -> Result<LeaseGroupId, DecodeError> {
    Ok(LeaseGroupId { stream: StreamId(input.id()?), number: input.id()? })
}

pub(super) fn put_bound(out: &mut Encoder<'_>, bound: Bound) {
    out.u8(match bound {
        Bound::Deadline => 0,
        Bound::Connection => 1,
        Bound::Name => 2,
    });
}

pub(super) fn get_bound(input: &mut Decoder<'_>) -> Result<Bound, DecodeError> {
    match input.u8()? {
        0 => Ok(Bound::Deadline),
        1 => Ok(Bound::Connection),
        2 => Ok(Bound::Name),
        _ => Err(DecodeError::Invalid("what ends a lease")),
    }
}

pub(super) fn put_move(out: &mut Encoder<'_>, reason: MoveReason, target: MoveTarget) {
    out.u8(match reason {
        MoveReason::Rejected => 0,
        MoveReason::Expired => 1,
        MoveReason::Limit => 2,
        MoveReason::Length => 3,
        MoveReason::Redrive => 4,
    });
    put_target(out, target);
}

pub(super) fn put_target(out: &mut Encoder<'_>, target: MoveTarget) {
    match target {
        MoveTarget::DeadLetter => out.u8(0),
        MoveTarget::Source => out.u8(1),
        MoveTarget::Stream(stream) => {
            out.u8(2);
            out.u64(stream.0);
        }
    }
}

pub(super) fn get_move(input: &mut Decoder<'_>) -> Result<(MoveReason, MoveTarget), DecodeError> {
    let reason = match input.u8()? {
        0 => MoveReason::Rejected,
        1 => MoveReason::Expired,
        2 => MoveReason::Limit,
        3 => MoveReason::Length,
        4 => MoveReason::Redrive,
        _ => return Err(DecodeError::Invalid("why a record moves")),
    };
    Ok((reason, get_target(input)?))
}

pub(super) fn get_target(input: &mut Decoder<'_>) -> Result<MoveTarget, DecodeError> {
    match input.u8()? {
        0 => Ok(MoveTarget::DeadLetter),
        1 => Ok(MoveTarget::Source),
        2 => Ok(MoveTarget::Stream(StreamId(input.id()?))),
        _ => Err(DecodeError::Invalid("where a record moves")),
    }
}
