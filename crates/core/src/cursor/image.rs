//! Images of groups for checkpoints: small groups share a chunk, large ones take several.
//!
//! Apart because the walk has to be resumable at any offset and in the middle of a large roster, which is encoded
//! once and carried along in the key: its parts are of one moment, whatever happens between two of them.
//!
//! A chunk is the tag 16, then items until it ends:
//!
//! | item | bytes |
//! |---|---|
//! | 0: group without a roster | group |
//! | 1: part of a roster | group, length of the whole u32, where the part starts u32, part |
//! | 2: offsets | group, count u32, then as in the entry |

use super::entry::{get_group, get_offset, put_group, put_offset};
use super::group::Groups;
use super::request::GroupId;
use super::roster::Roster;
use crate::catalog::Stream;
use crate::codec::{DecodeError, Decoder, Encoder};
use crate::hash::KeyedMap;
use alloc::boxed::Box;
use alloc::vec::Vec;
use bytes::Bytes;
use core::ops::Bound::{Excluded, Unbounded};
use millstream_types::limits::{CHECKPOINT_CHUNK_BYTES_MAX, NAME_BYTES_MAX, OFFSET_METADATA_BYTES_MAX};
use millstream_types::{LogId, StreamId, WalPosition, planted};

/// The tag of all group chunks.
const TAG: u8 = 16;
/// A chunk that is this long gets no further item.
const CHUNK_BYTES: usize = 32 << 10;
/// Roster bytes of one item at most.
const PART_BYTES: usize = 16 << 10;
/// An offsets item that is this long gets no further offset.
const OFFSETS_BYTES: usize = 16 << 10;
const _: () = assert!(CHUNK_BYTES + PART_BYTES + NAME_BYTES_MAX + 64 <= CHECKPOINT_CHUNK_BYTES_MAX);
const _: () = assert!(
    CHUNK_BYTES + OFFSETS_BYTES + OFFSET_METADATA_BYTES_MAX + NAME_BYTES_MAX + 128
        <= CHECKPOINT_CHUNK_BYTES_MAX
);

/// Where the walk over group images goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupImageKey {
    /// The first group after this one; `None`: the first of all.
    After(Option<GroupId>),
    /// The group's roster, as it was encoded, from this byte on.
    Roster(GroupId, Bytes, usize),
    /// The group's offsets after this log.
    Offsets(GroupId, Option<LogId>),
}

/// A roster whose parts are coming in.
#[derive(Debug)]
pub(crate) struct PartialRoster {
    group: GroupId,
    bytes: Vec<u8>,
    whole: usize,
}

impl Groups {
    pub(crate) fn first_image(&self) -> Option<GroupImageKey> {
        (!self.by_id.is_empty()).then_some(GroupImageKey::After(None))
    }

    /// Writes one chunk; nothing if nothing was found yet, or there was nothing left. Looks at no more than `seen_max` groups
    /// and offsets, at least 1, and adds to `seen` how many they were: those of deleted streams and groups without a durable
    /// part are looked at and not written, so bytes do not bound the work.
    pub(crate) fn image(
        &self,
        key: GroupImageKey,
        streams: &KeyedMap<StreamId, Stream>,
        out: &mut Encoder<'_>,
        seen: &mut usize,
        seen_max: usize,
    ) -> Option<GroupImageKey> {
        let mut key = key;
        loop {
            let left = seen_max - *seen;
            if out.0.len() >= CHUNK_BYTES || left == 0 {
                return Some(key);
            }
            key = match key {
                GroupImageKey::After(before) => self.next_group(before.as_ref(), out, seen, left)?,
                GroupImageKey::Roster(id, bytes, at) => put_part(id, bytes, at, out),
                GroupImageKey::Offsets(id, after) => self.put_offsets(id, after, streams, out, seen, left),
            };
        }
    }

    fn next_group(
        &self,
        before: Option<&GroupId>,
        out: &mut Encoder<'_>,
        seen: &mut usize,
        left: usize,
    ) -> Option<GroupImageKey> {
        let rest = self.by_id.range((before.map_or(Unbounded, Excluded), Unbounded));
        let mut last = None;
        let found = rest.take(left).find(|(id, group)| {
            *seen += 1;
            last = Some(*id);
            group.durable
        });
        let Some((id, group)) = found else {
            // None of these has an image; perhaps there are more.
            return last.map(|last| GroupImageKey::After(Some(last.clone())));
        };
        if let Some(roster) = &group.roster {
            let mut bytes = Vec::new();
            roster.put(&mut Encoder(&mut bytes));
            return Some(GroupImageKey::Roster(id.clone(), bytes.into(), 0));
        }
        begin(0, id, out);
        Some(GroupImageKey::Offsets(id.clone(), None))
    }

    fn put_offsets(
        &self,
        id: GroupId,
        after: Option<LogId>,
        streams: &KeyedMap<StreamId, Stream>,
        out: &mut Encoder<'_>,
        seen: &mut usize,
        left: usize,
    ) -> GroupImageKey {
        let Some(group) = self.by_id.get(&id) else { return GroupImageKey::After(Some(id)) };
        let (mut bytes, mut count, mut looked_at, mut last) = (Vec::new(), 0, 0, None);
        for (log, offset) in group.offsets.range((after.map_or(Unbounded, Excluded), Unbounded)) {
            if bytes.len() >= OFFSETS_BYTES || looked_at == left {
                break;
            }
            (last, looked_at) = (Some(*log), looked_at + 1);
            let is_kept = streams.contains_key(&log.stream) && !log.stream.is_ephemeral();
            if is_kept && !planted!(OffsetsLostInImages) {
                put_offset(*log, offset, &mut Encoder(&mut bytes));
                count += 1;
            }
        }
        if count > 0 {
            begin(2, &id, out);
            out.u32(count);
            out.0.extend_from_slice(&bytes);
        }
        *seen += looked_at;
        if last.is_some() { GroupImageKey::Offsets(id, last) } else { GroupImageKey::After(Some(id)) }
    }

    /// Takes one chunk.
    pub(crate) fn restore(
        &mut self,
        tag: u8,
        stamp: WalPosition,
        input: &mut Decoder<'_>,
    ) -> Result<(), DecodeError> {
        if tag != TAG {
            return Err(DecodeError::UnknownTag(tag));
        }
        while !input.is_empty() {
            let item = input.u8()?;
            let id = get_group(input)?;
            match item {
                0 => {}
                1 => {
                    let (whole, at) = (input.u32()? as usize, input.u32()? as usize);
                    self.restore_part(id, whole, at, stamp, input.bytes()?)?;
                    continue;
                }
                2 => {}
                _ => return Err(DecodeError::UnknownTag(item)),
            }
            let group = self.by_id.entry(id).or_default();
            group.touch(stamp);
            if item == 2 {
                for _ in 0..input.u32()? {
                    let (log, offset) = get_offset(input)?;
                    group.offsets.insert(log, offset);
                }
            }
        }
        Ok(())
    }

    fn restore_part(
        &mut self,
        id: GroupId,
        whole: usize,
        at: usize,
        stamp: WalPosition,
        part: &[u8],
    ) -> Result<(), DecodeError> {
        if at == 0 {
            self.partial = Some(PartialRoster { group: id, bytes: part.into(), whole });
        } else {
            let partial = self
                .partial
                .as_mut()
                .filter(|partial| partial.group == id && partial.bytes.len() == at && partial.whole == whole);
            partial.ok_or(DecodeError::Invalid("the parts of a roster"))?.bytes.extend_from_slice(part);
        }
        let partial = self.partial.take_if(|partial| partial.bytes.len() >= partial.whole);
        if let Some(partial) = partial {
            let mut input = Decoder(&partial.bytes);
            let roster = Roster::get(&mut input)?;
            if !input.is_empty() {
                return Err(DecodeError::Invalid("the length of a roster"));
            }
            let group = self.by_id.entry(partial.group).or_default();
            group.touch(stamp);
            group.roster = Some(Box::new(roster));
        }
        Ok(())
    }
}

fn begin(item: u8, id: &GroupId, out: &mut Encoder<'_>) {
    if out.0.is_empty() {
        out.u8(TAG);
    }
    out.u8(item);
    put_group(id, out);
}

fn put_part(id: GroupId, bytes: Bytes, at: usize, out: &mut Encoder<'_>) -> GroupImageKey {
    let part = bytes.slice(at..bytes.len().min(at + PART_BYTES));
    begin(1, &id, out);
    out.u32(u32::try_from(bytes.len()).expect("rosters are bounded"));
    out.u32(u32::try_from(at).expect("rosters are bounded"));
    out.bytes(&part);
    let next = at + part.len();
    if next == bytes.len() {
        GroupImageKey::Offsets(id, None)
    } else {
        GroupImageKey::Roster(id, bytes, next)
    }
}
