//! Images of lease groups for checkpoints.
//!
//! Apart because the walk has to be resumable inside a group of millions of records. What is ready and ordinary is in no
//! image: it is everything that is in none of the places which are written. A lease that is bound to a connection is
//! written as what it is after a restart: ready.
//!
//! A chunk is the tag 32, then items until it ends. Each item is its kind u8, the group's stream u64 and number u64, then:
//!
//! | kind | item | bytes |
//! |---|---|---|
//! | 0 | the group | name (0, or 1 and a string), next lease u64 |
//! | 1 | a log | log u32, settled u64, marked to u64 |
//! | 2 | settled out of order | log u32, count u32, then (from u64, to u64) |
//! | 3 | ready before others | log u32, priority u8, count u32, then offset u64 |
//! | 4 | with a history | log u32, count u32, then offset u64, delivery count u32, lease u64, first i64, expires i64, priority u8, state u8 (0 ready, 1 leased: bound u8, holder u64, deadline i64, 2 delayed: until i64, 3 moving: as in its entry) |
//! | 5 | put off | log u32, count u32, then (offset u64, until i64) |
//! | 7 | ordering keys | log u32, known to u64, count u32, then (offset u64, key (0, or 1 and u64)) |
//! | 8 | dedup ids | forgotten to i64, count u32, then (id (16), log u32, offset u64, time i64) |
//! | 9 | redrives | count u32, then each as in its entry |
//! | 10 | sizes | log u32, count u32, then (offset u64, count of offsets u32, bytes u32) |
//! | 11 | a purge that is under way | as in its entry, without the byte before it |
//! | 6 | the next group's number, in place of the group's; its stream is 0 | |

use super::dedup::{DedupWindow, Remembered};
use super::entry::{get_bound, get_group, get_move, in_reach, put_bound, put_group, put_move};
use super::group::{LeaseGroup, Leases};
use super::ids::{HolderId, LeaseGroupId, LeaseNumber};
use super::log::LeaseLog;
use super::purge;
use super::record::{Bound, Record, State};
use super::redrive::{self, redrive_bytes};
use crate::codec::{DecodeError, Decoder, Encoder};
use alloc::sync::Arc;
use alloc::vec::Vec;
use millstream_types::limits::{
    CHECKPOINT_CHUNK_BYTES_MAX, LOGS_PER_REDRIVE_MAX, LOGS_PER_STREAM_MAX, NAME_BYTES_MAX,
    REDRIVES_REMEMBERED,
};
use millstream_types::{EngineTime, Offset, StreamId, WalPosition, planted};

/// The tag of all lease chunks.
pub(crate) const TAG: u8 = 32;
/// A chunk that is this long gets no further item.
const CHUNK_BYTES: usize = 16 << 10;
/// Elements of one item.
const PER_ITEM: usize = 256;
/// Bytes of one element at most.
const ELEMENT_BYTES: usize = 64;

const _: () = assert!(
    CHUNK_BYTES + (REDRIVES_REMEMBERED + 1) * redrive_bytes(LOGS_PER_REDRIVE_MAX) + NAME_BYTES_MAX + 128
        <= CHECKPOINT_CHUNK_BYTES_MAX
);
const _: () =
    assert!(CHUNK_BYTES + PER_ITEM * ELEMENT_BYTES + NAME_BYTES_MAX + 64 <= CHECKPOINT_CHUNK_BYTES_MAX);

/// Where the walk over lease images goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseImageKey(Place);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Numbers,
    /// The first group from this one on.
    Group(LeaseGroupId),
    /// A group's dedup window, after so many ids.
    Dedup(LeaseGroupId, u64),
    /// A group's log.
    Log(LeaseGroupId, u32, Part),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Bounds,
    Done(Option<u64>),
    Ready(u8, Offset),
    Records(Offset),
    Delayed(Offset),
    Keys(Offset),
    Sizes(Offset),
}

impl Leases {
    pub(crate) fn first_image(&self) -> Option<LeaseImageKey> {
        (self.next_number > 0).then_some(LeaseImageKey(Place::Numbers))
    }

    /// Writes one chunk.
    pub(crate) fn image(&self, key: LeaseImageKey, out: &mut Encoder<'_>) -> Option<LeaseImageKey> {
        let mut place = key.0;
        out.u8(TAG);
        while out.0.len() < CHUNK_BYTES {
            let Some(next) = self.item(place, out) else {
                if out.0.len() == 1 {
                    out.0.clear();
                }
                return None;
            };
            place = next;
        }
        Some(LeaseImageKey(place))
    }

    fn item(&self, place: Place, out: &mut Encoder<'_>) -> Option<Place> {
        match place {
            Place::Numbers => {
                out.u8(6);
                put_group(out, LeaseGroupId { stream: StreamId(0), number: self.next_number });
                Some(Place::Group(LeaseGroupId { stream: StreamId(0), number: 0 }))
            }
            Place::Group(from) => {
                // The ids of streams in memory come after all others.
                let mut kept = self.groups.range(from..).take_while(|(id, _)| !id.stream.is_ephemeral());
                let (&id, group) = kept.next()?;
                out.u8(0);
                put_group(out, id);
                out.option(group.name.as_deref(), |out, name| out.str(name));
                out.u64(group.next_lease.0);
                out.u8(9);
                put_group(out, id);
                out.u32(u32::try_from(group.redrives.len()).expect("few are remembered"));
                group.redrives.iter().for_each(|one| redrive::put(out, one));
                if let Some(purge) = &group.purge {
                    out.u8(11);
                    put_group(out, id);
                    purge::put(out, purge);
                }
                Some(Place::Dedup(id, 0))
            }
            Place::Dedup(id, after) => {
                let logs = Place::Log(id, 0, Part::Bounds);
                let Some(window) = self.groups.get(&id).and_then(|group| group.dedup.as_ref()) else {
                    return Some(logs);
                };
                let max = if planted!(IdsLostInImages) { 0 } else { PER_ITEM };
                let records: Vec<_> = window.after(after).take(max).collect();
                out.u8(8);
                put_group(out, id);
                out.i64(window.forgotten_to.0);
                out.u32(u32::try_from(records.len()).expect("bounded by PER_ITEM"));
                for (_, record) in &records {
                    put_remembered(out, record);
                }
                Some(records.last().map_or(logs, |(came, _)| Place::Dedup(id, *came)))
            }
            Place::Log(id, index, part) => {
                // A group that is gone meanwhile has an entry that says so.
                let log = self.groups.get(&id).and_then(|group| group.logs.get(index as usize));
                let after = LeaseGroupId { number: id.number + 1, ..id };
                let Some(log) = log else { return Some(Place::Group(after)) };
                let next = put_part(id, index, log, part, out);
                Some(next.map_or(Place::Log(id, index + 1, Part::Bounds), |part| Place::Log(id, index, part)))
            }
        }
    }

    /// Takes the items of a chunk.
    pub(crate) fn restore(&mut self, stamp: WalPosition, input: &mut Decoder<'_>) -> Result<(), DecodeError> {
        while !input.is_empty() {
            let kind = input.u8()?;
            let id = get_group(input)?;
            match kind {
                6 => self.next_number = id.number,
                0 => {
                    let name = input.option(|input| input.str().map(Arc::from))?;
                    let next_lease = LeaseNumber(input.next_id()?);
                    let group = LeaseGroup { next_lease, ..LeaseGroup::new(name, Vec::new(), stamp) };
                    if self.groups.insert(id, group).is_some() {
                        return Err(DecodeError::Invalid("a lease group that has an image already"));
                    }
                }
                9 => {
                    let group = self.groups.get_mut(&id);
                    let group =
                        group.ok_or(DecodeError::Invalid("redrives of a lease group that has no image"))?;
                    for _ in 0..input.u32()? {
                        redrive::fold(&mut group.redrives, redrive::get(input)?);
                    }
                }
                11 => {
                    let group = self.groups.get_mut(&id);
                    let group =
                        group.ok_or(DecodeError::Invalid("a purge of a lease group that has no image"))?;
                    group.purge = Some(purge::get(input)?);
                }
                8 => {
                    let group = self.groups.get_mut(&id);
                    let group =
                        group.ok_or(DecodeError::Invalid("dedup ids of a lease group that has no image"))?;
                    let window = group.dedup.get_or_insert_with(|| DedupWindow::new(self.seed));
                    let forgotten_to = EngineTime(input.i64()?);
                    for _ in 0..input.u32()? {
                        window.remember(get_remembered(input)?);
                    }
                    window.forget(forgotten_to);
                }
                _ => {
                    let group = self.groups.get_mut(&id);
                    let group =
                        group.ok_or(DecodeError::Invalid("an image of a lease group that has none"))?;
                    group.last = stamp;
                    let index = input.u32()?;
                    if index >= LOGS_PER_STREAM_MAX {
                        return Err(DecodeError::Invalid("a lease group's log"));
                    }
                    get_part(kind, group.log(index), input)?;
                }
            }
        }
        Ok(())
    }
}

/// Writes an item with the elements that come next, if there are any. Returns what comes after them in this log.
fn put_part(id: LeaseGroupId, index: u32, log: &LeaseLog, part: Part, out: &mut Encoder<'_>) -> Option<Part> {
    let head = |out: &mut Encoder<'_>, kind: u8| {
        out.u8(kind);
        put_group(out, id);
        out.u32(index);
    };
    let count = |out: &mut Encoder<'_>, len: usize| out.u32(u32::try_from(len).expect("bounded by PER_ITEM"));
    match part {
        Part::Bounds => {
            head(out, 1);
            out.u64(log.watermark().0);
            out.u64(log.marked_to.0);
            Some(Part::Done(None))
        }
        Part::Done(after) => {
            let max = if planted!(SettledLostInImages) { 0 } else { PER_ITEM };
            let ranges: Vec<_> = log.done.after(after.max(Some(log.watermark().0))).take(max).collect();
            let Some(last) = ranges.last() else { return Some(Part::Ready(1, Offset::ZERO)) };
            head(out, 2);
            count(out, ranges.len());
            for range in &ranges {
                out.u64(range.start);
                out.u64(range.end);
            }
            Some(Part::Done(Some(last.start)))
        }
        Part::Ready(priority, from) => {
            let Some((&level, members)) = log.levels.range(priority..).next() else {
                return Some(Part::Records(Offset::ZERO));
            };
            let from = if level == priority { from } else { Offset::ZERO }.max(log.watermark());
            let plain = members.from(from).filter(|offset| !log.records.contains_key(offset));
            let offsets: Vec<Offset> = plain.take(PER_ITEM).collect();
            let Some(last) = offsets.last() else {
                return Some(
                    level
                        .checked_add(1)
                        .map_or(Part::Records(Offset::ZERO), |level| Part::Ready(level, Offset::ZERO)),
                );
            };
            head(out, 3);
            out.u8(level);
            count(out, offsets.len());
            offsets.iter().for_each(|offset| out.u64(offset.0));
            Some(Part::Ready(level, last.advance(1)))
        }
        Part::Records(from) => {
            let from = from.max(log.watermark());
            let records: Vec<_> = log.records.range(from..).take(PER_ITEM).collect();
            let Some((last, _)) = records.last() else { return Some(Part::Delayed(Offset::ZERO)) };
            head(out, 4);
            count(out, records.len());
            for (offset, record) in &records {
                out.u64(offset.0);
                put_record(out, record);
            }
            Some(Part::Records(last.advance(1)))
        }
        Part::Delayed(from) => {
            let max = if planted!(DelaysLostInImages) { 0 } else { PER_ITEM };
            let from = from.max(log.watermark());
            let delayed: Vec<_> = log.delayed.range(from..).take(max).collect();
            let Some((last, _)) = delayed.last() else { return Some(Part::Keys(Offset::ZERO)) };
            head(out, 5);
            count(out, delayed.len());
            for (offset, until) in &delayed {
                out.u64(offset.0);
                out.i64(until.0);
            }
            Some(Part::Delayed(last.advance(1)))
        }
        Part::Keys(from) => {
            let Some(window) = &log.window else { return Some(Part::Sizes(Offset::ZERO)) };
            let keys: Vec<_> = window.from(from.max(log.watermark())).take(PER_ITEM).collect();
            head(out, 7);
            out.u64(log.keys_known_to().0);
            count(out, keys.len());
            for (offset, key) in &keys {
                out.u64(offset.0);
                out.option(*key, Encoder::u64);
            }
            Some(keys.last().map_or(Part::Sizes(Offset::ZERO), |(last, _)| Part::Keys(last.advance(1))))
        }
        Part::Sizes(from) => {
            let settled = log.watermark().0;
            let live = log.sizes.from(from).filter(|(first, len, _)| first.0 + u64::from(*len) > settled);
            let sizes: Vec<_> = live.take(PER_ITEM).collect();
            let (last, ..) = sizes.last()?;
            head(out, 10);
            count(out, sizes.len());
            for (first, len, bytes) in &sizes {
                out.u64(first.0);
                out.u32(*len);
                out.u32(*bytes);
            }
            Some(Part::Sizes(last.advance(1)))
        }
    }
}

fn put_remembered(out: &mut Encoder<'_>, record: &Remembered) {
    out.u64(record.id[0]);
    out.u64(record.id[1]);
    out.u32(record.log);
    out.u64(record.offset.0);
    out.i64(record.time.0);
}

fn get_remembered(input: &mut Decoder<'_>) -> Result<Remembered, DecodeError> {
    Ok(Remembered {
        id: [input.u64()?, input.u64()?],
        log: input.u32()?,
        offset: input.offset()?,
        time: EngineTime(input.i64()?),
    })
}

fn get_part(kind: u8, log: &mut LeaseLog, input: &mut Decoder<'_>) -> Result<(), DecodeError> {
    if kind == 1 {
        *log = LeaseLog::starting_at(input.offset()?, input.offset()?);
        return Ok(());
    }
    if kind == 7 {
        let known_to = input.offset()?;
        let mut keys = Vec::new();
        for _ in 0..input.u32()? {
            keys.push((input.offset()?, input.option(Decoder::u64)?));
        }
        log.learn(keys.into_iter(), known_to);
        return Ok(());
    }
    let priority = if kind == 3 { input.u8()? } else { 0 };
    for _ in 0..input.u32()? {
        let offset = input.offset()?;
        match kind {
            2 => {
                let to = input.offset()?;
                if to <= offset {
                    return Err(DecodeError::Invalid("a range of settled records"));
                }
                log.settle(offset.0..to.0);
            }
            3 => log.restore_ready(offset, priority),
            4 => log.restore(offset, get_record(input)?),
            5 => log.restore_delayed(offset, EngineTime(input.i64()?)),
            10 => {
                let (len, bytes) = (input.u32()?, input.u32()?);
                in_reach(offset, u64::from(len))?;
                log.sizes.learn(offset, len, bytes);
            }
            tag => return Err(DecodeError::UnknownTag(tag)),
        }
    }
    Ok(())
}

fn put_record(out: &mut Encoder<'_>, record: &Record) {
    out.u32(record.count);
    out.u64(record.lease.0);
    out.i64(record.first.0);
    out.i64(record.expires.0);
    out.u8(record.priority);
    match record.state {
        State::Ready | State::Leased { bound: Bound::Connection, .. } => out.u8(0),
        State::Leased { bound, holder, deadline } => {
            out.u8(1);
            put_bound(out, bound);
            out.u64(holder.0);
            out.i64(deadline.0);
        }
        State::Delayed { until } => {
            out.u8(2);
            out.i64(until.0);
        }
        State::Moving { reason, target } => {
            out.u8(3);
            put_move(out, reason, target);
        }
    }
}

fn get_record(input: &mut Decoder<'_>) -> Result<Record, DecodeError> {
    let record = Record {
        count: input.u32()?,
        lease: LeaseNumber(input.id()?),
        first: EngineTime(input.i64()?),
        expires: EngineTime(input.i64()?),
        priority: input.u8()?,
        state: State::Ready,
    };
    let state = match input.u8()? {
        0 => State::Ready,
        1 => State::Leased {
            bound: get_bound(input)?,
            holder: HolderId(input.u64()?),
            deadline: EngineTime(input.i64()?),
        },
        2 => State::Delayed { until: EngineTime(input.i64()?) },
        3 => {
            let (reason, target) = get_move(input)?;
            State::Moving { reason, target }
        }
        _ => return Err(DecodeError::Invalid("where a record is")),
    };
    Ok(Record { state, ..record })
}
