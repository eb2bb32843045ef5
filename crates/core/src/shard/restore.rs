//! Restoring a shard: images of a checkpoint first, then the frames of the write-ahead log.
//!
//! Apart because this is where the core meets bytes from an earlier process: everything is checked, and what cannot
//! be understood is an error that stops the start, never a default.

use crate::catalog::{self, Stream, get_entry, get_namespace};
use crate::codec::{DecodeError, Decoder};
use crate::entry::Entry;
use crate::hash::HashSeed;
use crate::lease;
use crate::log;
use crate::object::{Objects, get_object};
use crate::route;
use crate::shard::{Shard, ShardOptions};
use alloc::collections::BTreeMap;
use millstream_types::{
    BatchFacts, EngineTime, LogId, Namespace, ObjectNumber, Offset, ProducerId, StreamId, WalPosition,
    planted,
};

/// Why persisted state was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Bytes that cannot be understood.
    #[error("{0}")]
    Decode(#[from] DecodeError),
    /// Records are missing between what the log holds and the next batch.
    #[error("log {log} continues at offset {found}, but {expected} was to come")]
    Gap {
        /// The log.
        log: LogId,
        /// The offset that was to come.
        expected: Offset,
        /// The offset that came.
        found: Offset,
    },
    /// An image of a log whose stream has no image.
    #[error("an image names log {0}, whose stream is not known")]
    UnknownLog(LogId),
    /// A stream has an image and is not deleted later, but some of its logs have no image.
    #[error("the images of stream {stream} end before its log {index}")]
    LogsMissing {
        /// The stream.
        stream: StreamId,
        /// The first log that has none.
        index: u32,
    },
    /// A stream is in a namespace that is not there.
    #[error("stream {stream} is in namespace {namespace}, which does not exist")]
    UnknownNamespace {
        /// The stream.
        stream: StreamId,
        /// Its namespace.
        namespace: Namespace,
    },
    /// The manifest names records that the log never had.
    #[error("object {object} answers for log {log} up to {to}, but it ends at {end}")]
    PartBeyondEnd {
        /// The object.
        object: ObjectNumber,
        /// The log.
        log: LogId,
        /// Where the part ends.
        to: Offset,
        /// Where the log ends.
        end: Offset,
    },
}

/// A shard that is being rebuilt.
#[derive(Debug)]
pub struct Restore {
    shard: Shard,
    /// Streams whose logs have not all had their images yet: how many have, and how many there were. What is left here
    /// after the last image was deleted while the checkpoint walked over it; the entry that did it is still to come.
    unfinished: BTreeMap<StreamId, (u32, u32)>,
}

impl Restore {
    /// Begins with nothing.
    #[must_use]
    pub fn new(seed: HashSeed, options: ShardOptions) -> Restore {
        let shard = Shard { objects: Objects::restoring(), ..Shard::new(seed, options) };
        Restore { shard, unfinished: BTreeMap::new() }
    }

    /// Takes one image. Images come in the order in which they were written.
    ///
    /// # Errors
    /// When the image cannot be understood.
    pub fn image(&mut self, stamp: WalPosition, image: &[u8]) -> Result<(), RestoreError> {
        let mut input = Decoder(image);
        let shard = &mut self.shard;
        // What an image says came with frames before its stamp. A reply that waited for the frame *at* the stamp would wait
        // for one that may not come for long: after a crash nothing need follow the checkpoint.
        let stamp = if planted!(StampTakenForFrame) { stamp } else { WalPosition(stamp.0.saturating_sub(1)) };
        match input.u8()? {
            1 => {
                shard.counters.next_stream = StreamId(input.next_id()?);
                shard.counters.next_producer = ProducerId(input.next_id()?);
                if !input.is_empty() {
                    shard.counters.next_object = ObjectNumber(input.next_id()?);
                }
                if !input.is_empty() {
                    shard.namespaces.next = Namespace(input.u32()?.clamp(1, Namespace::NUMBERS_END));
                }
            }
            2 => {
                let entry = get_entry(&mut input)?;
                if entry.id.is_ephemeral() {
                    return Err(DecodeError::Invalid("an image, of what is never written").into());
                }
                if shard.streams.contains_key(&entry.id) {
                    return Err(DecodeError::Invalid("a stream that has an image already").into());
                }
                self.unfinished.insert(entry.id, (0, entry.logs));
                shard.insert_stream(Stream::new(entry, stamp));
            }
            3 => {
                let (stream, first, count) = (StreamId(input.u64()?), input.u32()?, input.u32()?);
                for n in 0..count {
                    let log = LogId { stream, index: first.saturating_add(n) };
                    let (start, end) = (input.offset()?, input.offset()?);
                    if start > end {
                        return Err(DecodeError::Invalid("a log's bounds").into());
                    }
                    // Logs may have been added between the stream's image and this one; the entry that did it
                    // follows in the frames, and so does everything that was appended to them.
                    if let Some(state) = shard.log_mut(log) {
                        (state.start, state.end, state.last) = (start, end, stamp);
                    } else if !shard.streams.contains_key(&stream) {
                        return Err(RestoreError::UnknownLog(log));
                    }
                }
                if let Some((done, logs)) = self.unfinished.get_mut(&stream) {
                    *done = first.saturating_add(count);
                    if *done >= *logs {
                        self.unfinished.remove(&stream);
                    }
                }
            }
            4 => {
                let log = input.log()?;
                let count = input.u32()?;
                if let Some(state) = shard.log_mut(log) {
                    for _ in 0..count {
                        state.producers.get(&mut input)?;
                    }
                } else {
                    input = Decoder(&[]);
                }
            }
            5 => {
                let entry = get_object(&mut input)?;
                let next = ObjectNumber(entry.number.0 + 1);
                shard.counters.next_object = shard.counters.next_object.max(next);
                if !shard.objects.restore(stamp, entry) {
                    return Err(DecodeError::Invalid("an object that has an image already").into());
                }
            }
            tag @ route::IMAGE_TAG.. => shard.routes.restore(tag, stamp, &mut input)?,
            6 => shard.namespaces.put(get_namespace(&mut input)?),
            lease::IMAGE_TAG => shard.leases.restore(stamp, &mut input)?,
            tag => shard.groups.restore(tag, stamp, &mut input)?,
        }
        if input.is_empty() { Ok(()) } else { Err(DecodeError::Invalid("an image's length").into()) }
    }

    /// Folds one frame: its entries, then its batches.
    ///
    /// # Errors
    /// When an entry cannot be understood, or offsets are missing.
    pub fn frame(
        &mut self,
        position: WalPosition,
        entries: &[u8],
        facts: &[BatchFacts],
    ) -> Result<(), RestoreError> {
        let mut input = Decoder(entries);
        while !input.is_empty() {
            let entry = Entry::get(&mut input)?;
            self.shard.fold(position, entry);
        }
        for facts in facts {
            let reach = facts.base_offset.0.checked_add(u64::from(facts.last_offset_delta));
            if reach.is_none_or(|last| last >= i64::MAX as u64) {
                return Err(DecodeError::Invalid("a batch's offsets").into());
            }
            let is_unfinished = self.is_unfinished(facts.log);
            if let Some(state) = self.shard.log_mut(facts.log)
                && facts.base_offset > state.end
            {
                if !is_unfinished {
                    let (log, expected, found) = (facts.log, state.end, facts.base_offset);
                    return Err(RestoreError::Gap { log, expected, found });
                }
                state.end = facts.base_offset;
            }
            log::fold_facts(&mut self.shard, position, facts);
        }
        Ok(())
    }

    /// Whether nothing is known of where a log ended when its stream's image was written.
    fn is_unfinished(&self, log: LogId) -> bool {
        let of = self.unfinished.get(&log.stream);
        of.is_some_and(|&(done, logs)| (done..logs).contains(&log.index))
    }

    /// The restored shard, ready to go on at `now`: what is not durable (timers of members, say) starts afresh.
    ///
    /// # Errors
    /// When what was taken does not fit together.
    pub fn finish(self, now: EngineTime) -> Result<Shard, RestoreError> {
        let Restore { mut shard, unfinished } = self;
        let missing = unfinished.iter().find(|&(stream, _)| shard.streams.contains_key(stream));
        if let Some((&stream, &(index, _))) = missing {
            return Err(RestoreError::LogsMissing { stream, index });
        }
        let lost = shard.by_namespace.iter().find(|(namespace, _)| !shard.namespaces.exists(*namespace));
        if let Some(&(namespace, stream)) = lost {
            return Err(RestoreError::UnknownNamespace { stream, namespace });
        }
        shard.trash.clear();
        let mut objects = core::mem::take(&mut shard.objects);
        objects.finish(|log| shard.log_bounds(log))?;
        shard.objects = objects;
        shard.groups.resume(now, &shard.streams);
        let streams = &shard.streams;
        shard.routes.resume(|stream| streams.contains_key(&stream));
        let log = |id: LogId| streams.get(&id.stream)?.logs.get(id.index as usize);
        let expires_ms = |id: StreamId| streams.get(&id)?.entry.config.lease().expires_ms();
        shard.leases.resume(now, |id| log(id).map(|log| log.start), expires_ms);
        catalog::resume_doom(&mut shard);
        Ok(shard)
    }
}
