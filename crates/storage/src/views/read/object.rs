//! Reading from packed objects: the part's index says which blocks, the blocks' checksums say whether they are right.
//!
//! Apart because here offsets may be missing: compaction leaves holes between batches, between blocks, and at both ends.

use std::sync::Arc;

use millstream_types::Offset;

use super::{Gathered, READ_AHEAD_BYTES, ReadMode, Turn};
use crate::error::ReadError;
use crate::object::read::read_some;
use crate::objects::Object;
use crate::views::LogView;

/// Offsets of a log that an object answers for. Holding it pins the object.
pub(super) struct Stretch {
    pub(super) object: Arc<Object>,
    pub(super) from: Offset,
    pub(super) last: Offset,
}

impl LogView {
    /// Gathers what the object has of the stretch at or behind the offset asked for; that may be nothing.
    pub(super) fn read_stretch(
        &self,
        stretch: &Stretch,
        gathered: &mut Gathered,
        mode: ReadMode,
    ) -> Result<Turn, ReadError> {
        let Stretch { object, from, last } = stretch;
        let objects = &self.reading.objects;
        let part = object.part(self.log()).expect("a piece names an object that has a part of the log");
        let Some(index) = objects.index(object, part, mode)? else { return Ok(Turn::WouldBlock) };
        let mut next = gathered.from.max(*from);
        let mut file = None;
        while let Some(first) = index.block_at(next).filter(|first| index.blocks()[*first].first <= *last) {
            let room = gathered.bytes_max.saturating_sub(gathered.bytes) as u64;
            if !gathered.batches.is_empty() && u64::from(index.blocks()[first].bytes) > room {
                return Ok(Turn::Enough);
            }
            let file = match &file {
                Some(file) => file,
                None => file.insert(objects.open(object.number())?),
            };
            let span = index.span(first, room);
            let of_stretch = index.blocks()[span.clone()].iter().take_while(|block| block.first <= *last);
            let span = first..first + of_stretch.count();
            let behind = index.blocks()[span.end - 1];
            let place = index.place(span.clone());
            let mut buffer = self.reading.buffers.take((place.end - place.start) as usize);
            let read = read_some(&**file, object.number(), place.start, &mut buffer, mode)?;
            if mode == ReadMode::MayBlock {
                file.advise_will_need(place.end, (place.end + READ_AHEAD_BYTES).min(part.at + part.bytes));
            } else if read < index.blocks()[first].bytes as usize {
                return Ok(Turn::WouldBlock);
            }
            let batches = index.open(span, &buffer.freeze().slice(..read))?;
            let read_to = batches.last().expect("a block holds a batch").last_offset;
            for batch in batches {
                if batch.last_offset < next || batch.base_offset > *last {
                    continue;
                }
                if !gathered.fits(batch.bytes()) {
                    return Ok(Turn::Enough);
                }
                next = batch.last_offset.advance(1);
                gathered.bytes += batch.bytes();
                gathered.batches.push(batch);
            }
            if read_to < behind.last && !gathered.batches.is_empty() {
                // What comes next is not in memory, or damaged: the next read finds out which.
                return Ok(Turn::Enough);
            }
            // Also when the blocks held nothing of the stretch.
            next = next.max(read_to.advance(1));
        }
        Ok(Turn::GoOn)
    }
}
