//! The durable changes of a group, and how they are folded.
//!
//! Apart because this is persisted, and because folds must converge (see [`crate::shard`]): every entry says what
//! is true afterwards, so that one that an image holds already changes nothing.
//!
//! | tag | entry | bytes |
//! |---|---|---|
//! | 16 | roster | group, roster |
//! | 17 | offsets committed | group, count u32, then (log, offset u64, leader epoch u32, committed i64, expires option i64, note) each |
//! | 18 | offsets removed | group, count u32, then log each |
//! | 19 | group deleted | group |
//!
//! A group is `namespace u32, name`.

use super::group::Groups;
use super::reply::CommittedOffset;
use super::request::GroupId;
use super::roster::{Roster, shared_str};
use crate::codec::{DecodeError, Decoder, Encoder};
use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_types::limits::{NAME_BYTES_MAX, OFFSET_METADATA_BYTES_MAX};
use millstream_types::{EngineTime, LogId, Namespace, Offset, WalPosition};

/// One durable change of one group.
#[derive(Debug, Clone, PartialEq)]
pub enum GroupEntry {
    /// Who makes up its generation now.
    Roster(GroupId, Box<Roster>),
    /// These offsets are committed.
    OffsetsCommitted(GroupId, Vec<(LogId, CommittedOffset)>),
    /// These logs have no committed offset any more.
    OffsetsRemoved(GroupId, Vec<LogId>),
    /// The group is gone with everything in it.
    Deleted(GroupId),
}

impl GroupEntry {
    /// Whether it is about offsets in logs alone that are in memory only.
    pub(crate) fn is_ephemeral(&self) -> bool {
        match self {
            GroupEntry::OffsetsCommitted(_, offsets) => {
                !offsets.is_empty() && offsets.iter().all(|(log, _)| log.stream.is_ephemeral())
            }
            GroupEntry::OffsetsRemoved(_, logs) => {
                !logs.is_empty() && logs.iter().all(|log| log.stream.is_ephemeral())
            }
            GroupEntry::Roster(..) | GroupEntry::Deleted(_) => false,
        }
    }

    /// The parts about logs on the disk and about logs in memory, where there are both: each is an entry of its own.
    pub(super) fn parts(self) -> [Option<GroupEntry>; 2] {
        let is_held = |log: &LogId| log.stream.is_ephemeral();
        match self {
            GroupEntry::OffsetsCommitted(id, offsets) if offsets.iter().any(|(log, _)| is_held(log)) => {
                let (held, kept): (Vec<_>, Vec<_>) = offsets.into_iter().partition(|(log, _)| is_held(log));
                let kept = (!kept.is_empty()).then(|| GroupEntry::OffsetsCommitted(id.clone(), kept));
                [kept, Some(GroupEntry::OffsetsCommitted(id, held))]
            }
            GroupEntry::OffsetsRemoved(id, logs) if logs.iter().any(is_held) => {
                let (held, kept): (Vec<_>, Vec<_>) = logs.into_iter().partition(is_held);
                let kept = (!kept.is_empty()).then(|| GroupEntry::OffsetsRemoved(id.clone(), kept));
                [kept, Some(GroupEntry::OffsetsRemoved(id, held))]
            }
            entry => [Some(entry), None],
        }
    }

    pub(crate) fn put(&self, out: &mut Encoder<'_>) {
        match self {
            GroupEntry::Roster(group, roster) => {
                out.u8(16);
                put_group(group, out);
                roster.put(out);
            }
            GroupEntry::OffsetsCommitted(group, offsets) => {
                out.u8(17);
                put_group(group, out);
                out.u32(u32::try_from(offsets.len()).expect("offsets are bounded"));
                for (log, offset) in offsets {
                    put_offset(*log, offset, out);
                }
            }
            GroupEntry::OffsetsRemoved(group, logs) => {
                out.u8(18);
                put_group(group, out);
                out.u32(u32::try_from(logs.len()).expect("offsets are bounded"));
                for log in logs {
                    out.log(*log);
                }
            }
            GroupEntry::Deleted(group) => {
                out.u8(19);
                put_group(group, out);
            }
        }
    }

    pub(crate) fn get(tag: u8, input: &mut Decoder<'_>) -> Result<GroupEntry, DecodeError> {
        if !(16..=19).contains(&tag) {
            return Err(DecodeError::UnknownTag(tag));
        }
        let group = get_group(input)?;
        Ok(match tag {
            16 => GroupEntry::Roster(group, Box::new(Roster::get(input)?)),
            17 => {
                let mut offsets = Vec::new();
                for _ in 0..input.u32()? {
                    offsets.push(get_offset(input)?);
                }
                GroupEntry::OffsetsCommitted(group, offsets)
            }
            18 => {
                let mut logs = Vec::new();
                for _ in 0..input.u32()? {
                    logs.push(input.log()?);
                }
                GroupEntry::OffsetsRemoved(group, logs)
            }
            _ => GroupEntry::Deleted(group),
        })
    }
}

impl Groups {
    /// Folds an entry of the frame that starts at `position`. What is volatile is not touched.
    pub(crate) fn fold(&mut self, position: WalPosition, entry: GroupEntry) {
        match entry {
            GroupEntry::Roster(id, roster) => {
                let group = self.by_id.entry(id).or_default();
                group.touch(position);
                group.roster = Some(roster);
            }
            GroupEntry::OffsetsCommitted(id, offsets) => {
                let group = self.by_id.entry(id.clone()).or_default();
                group.touch(position);
                for (log, offset) in offsets {
                    if group.offsets.insert(log, offset).is_none() {
                        self.readers.entry(log.stream).or_default().insert(id.clone());
                    }
                }
            }
            GroupEntry::OffsetsRemoved(id, logs) => {
                let group = self.by_id.entry(id.clone()).or_default();
                group.touch(position);
                for log in &logs {
                    group.offsets.remove(log);
                }
                for log in logs {
                    self.forget_reader(&id, log.stream);
                }
            }
            GroupEntry::Deleted(id) => {
                self.removed_last = self.removed_last.max(position);
                if let Some(group) = self.by_id.remove(&id)
                    && !group.offsets.is_empty()
                {
                    self.trash.push((id, group.offsets));
                }
            }
        }
    }
}

pub(super) fn put_group(group: &GroupId, out: &mut Encoder<'_>) {
    out.u32(group.namespace.0);
    out.str(&group.name);
}

pub(super) fn get_group(input: &mut Decoder<'_>) -> Result<GroupId, DecodeError> {
    let id = GroupId { namespace: Namespace(input.u32()?), name: shared_str(input)? };
    if (1..=NAME_BYTES_MAX).contains(&id.name.len()) {
        Ok(id)
    } else {
        Err(DecodeError::Invalid("a group's name"))
    }
}

pub(super) fn put_offset(log: LogId, offset: &CommittedOffset, out: &mut Encoder<'_>) {
    out.log(log);
    out.u64(offset.offset.0);
    out.u32(offset.leader_epoch.cast_unsigned());
    out.i64(offset.committed.0);
    out.option(offset.expires, |out, at| out.i64(at.0));
    out.str(&offset.metadata);
}

pub(super) fn get_offset(input: &mut Decoder<'_>) -> Result<(LogId, CommittedOffset), DecodeError> {
    let log = input.log()?;
    let offset = CommittedOffset {
        offset: Offset(input.u64()?),
        leader_epoch: input.u32()?.cast_signed(),
        committed: EngineTime(input.i64()?),
        expires: input.option(|input| input.i64().map(EngineTime))?,
        metadata: shared_str(input)?,
    };
    if offset.metadata.len() > OFFSET_METADATA_BYTES_MAX {
        return Err(DecodeError::Invalid("the note beside an offset"));
    }
    Ok((log, offset))
}
