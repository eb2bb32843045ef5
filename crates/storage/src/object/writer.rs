//! Writing an object from front to end.
//!
//! Apart because it is the one place where batches are laid out for good: it keeps a buffer and the index of the part at
//! hand in memory and nothing else, however large the object gets.

use std::io::{self, IoSlice};

use millstream_types::batch::{self, BatchHeader};
use millstream_types::object::{OBJECT_PARTS_MAX, ObjectEntry, ObjectPart};
use millstream_types::{LogId, ObjectNumber, Offset, RecordTime};

use super::format::{
    self, FOOTER_BYTES_MAX, HEADER_BYTES, Header, INDEX_HEAD_BYTES, IndexHead, IndexId, ListedPart,
    TRAILER_BYTES, Trailer, VERSION,
};
use super::index::Block;
use super::{BLOCK_BYTES, OBJECT_BYTES_MAX};
use crate::error::ObjectError;
use crate::store::{ObjectSink, Store, name_of};

/// Bytes gathered before they are written: whoever writes pauses in between.
const BUFFER_BYTES: usize = 256 << 10;
/// A batch of this length is handed to the store as it is instead of being copied first.
const DIRECT_BYTES: usize = 64 << 10;

/// Writes one object; dropping it before [`ObjectWriter::finish`] abandons the object.
pub struct ObjectWriter {
    sink: Box<dyn ObjectSink>,
    directory: u128,
    number: ObjectNumber,
    header: [u8; HEADER_BYTES],
    buffer: Vec<u8>,
    /// Bytes that the store has.
    stored: u64,
    parts: Vec<ListedPart>,
    open: Option<OpenPart>,
    /// A write failed: what the store has is unknown.
    failed: bool,
}

/// The part at hand.
struct OpenPart {
    log: LogId,
    from: Offset,
    /// Offset after the last batch, `from` before the first.
    next: Offset,
    at: u64,
    /// Room for the head, then the entries of the blocks that are closed.
    index: Vec<u8>,
    blocks: u32,
    batches: u32,
    records: u64,
    max_timestamp: RecordTime,
    block: Option<Block>,
}

impl ObjectWriter {
    /// Begins the object `number` of a data directory.
    ///
    /// # Errors
    /// [`ObjectError::Io`]; of the kind `AlreadyExists` when there is an object of this number.
    pub fn new(
        store: &dyn Store,
        directory: u128,
        number: ObjectNumber,
    ) -> Result<ObjectWriter, ObjectError> {
        let sink = store.create(number).map_err(|source| failed("creating", number, source))?;
        let header = Header { version: VERSION, directory, number }.encode();
        let mut buffer = Vec::with_capacity(BUFFER_BYTES);
        buffer.extend_from_slice(&header);
        Ok(ObjectWriter {
            sink,
            directory,
            number,
            header,
            buffer,
            stored: 0,
            parts: Vec::new(),
            open: None,
            failed: false,
        })
    }

    /// Bytes of the object so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.stored + self.buffer.len() as u64
    }

    /// Parts so far, the one at hand included.
    #[must_use]
    pub fn parts(&self) -> usize {
        self.parts.len() + usize::from(self.open.is_some())
    }

    /// Whether this many bytes of batches still fit, with all indexes that may have to follow.
    #[must_use]
    pub fn has_room(&self, batches_bytes: u64) -> bool {
        let index_bytes = self.open.as_ref().map_or(0, |part| part.index.len());
        let rest = (index_bytes + FOOTER_BYTES_MAX + TRAILER_BYTES) as u64 + BUFFER_BYTES as u64;
        self.bytes().saturating_add(batches_bytes).saturating_add(rest) <= OBJECT_BYTES_MAX
    }

    /// Begins the part of a log that answers for its offsets from `from` on. Parts come in the order of their logs.
    ///
    /// # Panics
    /// When a part is open, when the log does not come after the one before, and beyond [`OBJECT_PARTS_MAX`] parts.
    pub fn begin_part(&mut self, log: LogId, from: Offset) {
        assert!(self.open.is_none(), "a part is ended before the next one begins");
        assert!(self.parts.len() < OBJECT_PARTS_MAX, "an object has at most {OBJECT_PARTS_MAX} parts");
        assert!(
            self.parts.last().is_none_or(|last| last.part.log < log),
            "parts come in the order of their logs, one per log"
        );
        self.open = Some(OpenPart {
            log,
            from,
            next: from,
            at: self.bytes(),
            index: vec![0; INDEX_HEAD_BYTES],
            blocks: 0,
            batches: 0,
            records: 0,
            max_timestamp: RecordTime::NONE,
            block: None,
        });
    }

    /// Adds the part's next batch: whole, as stored, base offset and leader epoch set for its log, in one piece or
    /// several. Its header says the rest.
    ///
    /// # Errors
    /// [`ObjectError::Batch`] when the bytes are no batch or not one behind the one before: nothing was added.
    /// [`ObjectError::Io`]: the object must be abandoned.
    ///
    /// # Panics
    /// Without an open part, after an error of the store, and when the object would pass [`OBJECT_BYTES_MAX`].
    pub fn batch(&mut self, pieces: &[&[u8]]) -> Result<(), ObjectError> {
        let part = self.open.as_mut().expect("a batch belongs to a part");
        let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
        let (number, log, expected) = (self.number, part.log, part.next);
        let refused = |what| ObjectError::Batch { file: name_of(number), log, expected, what };
        let header = BatchHeader::parse(&head_of(pieces)).map_err(|_| refused("bytes that are no batch"))?;
        if header.total_bytes() != bytes {
            return Err(refused("a batch of another length than its header says"));
        }
        let offsets = header.base_offset().zip(header.last_offset()).zip(header.next_offset());
        let Some(((first, last), next)) = offsets else {
            return Err(refused("a batch beyond the range of offsets"));
        };
        if first < part.next {
            return Err(refused("a batch before the end of the one before"));
        }
        assert!(
            self.stored + self.buffer.len() as u64 + bytes as u64 <= OBJECT_BYTES_MAX,
            "whoever writes an object ends it while there is room"
        );
        if part.block.as_ref().is_some_and(|block| block.bytes as usize + bytes > BLOCK_BYTES as usize) {
            part.end_block();
        }
        let so_far = part.max_timestamp.max(header.max_timestamp());
        let at = self.stored + self.buffer.len() as u64 - part.at;
        let block = part.block.get_or_insert_with(|| Block {
            first,
            last,
            max_timestamp: header.max_timestamp(),
            max_timestamp_so_far: so_far,
            at,
            bytes: 0,
            batches: 0,
            checksum: format::block_seed(log, first),
        });
        block.last = last;
        block.max_timestamp = block.max_timestamp.max(header.max_timestamp());
        block.max_timestamp_so_far = so_far;
        block.bytes += bytes as u32;
        block.batches += 1;
        for piece in pieces {
            block.checksum = crc32c::crc32c_append(block.checksum, piece);
        }
        part.max_timestamp = so_far;
        part.batches += 1;
        part.records += u64::from(header.record_count());
        part.next = next;
        self.put(pieces)
    }

    /// Ends the part, which answers for the offsets up to `to`; returns it as the manifest will have it.
    ///
    /// # Errors
    /// [`ObjectError::Io`]: the object must be abandoned.
    ///
    /// # Panics
    /// Without an open part, when `to` is not behind its last batch and `from`, and after an error of the store.
    pub fn end_part(&mut self, to: Offset, is_compacted: bool) -> Result<ObjectPart, ObjectError> {
        let mut part = self.open.take().expect("a part is begun before it is ended");
        assert!(part.from < to && part.next <= to, "a part ends behind its last batch");
        part.end_block();
        let head = IndexHead {
            blocks: part.blocks,
            batches: part.batches,
            records: part.records,
            from: part.from,
            to,
        };
        let id = IndexId { directory: self.directory, number: self.number, log: part.log, at: part.at };
        let index_sum = head.seal(&mut part.index, &id);
        let listed = ObjectPart {
            log: part.log,
            from: part.from,
            to,
            at: part.at,
            bytes: self.bytes() - part.at,
            index_bytes: u32::try_from(part.index.len()).expect("blocks are bounded by the object's bytes"),
            batches: part.batches,
            records: part.records,
            max_timestamp: part.max_timestamp,
            is_compacted,
        };
        assert!(format::is_possible(&listed), "what is written can be read: {listed:?}");
        self.put(&[&part.index])?;
        self.parts.push(ListedPart { part: listed, index_sum });
        Ok(listed)
    }

    /// Ends the object and makes it durable under its name; only then may anything refer to it.
    ///
    /// # Errors
    /// [`ObjectError::Io`]: there is no object, and nothing may refer to it.
    ///
    /// # Panics
    /// When a part is open, without any part, and after an error of the store.
    pub fn finish(mut self) -> Result<ObjectEntry, ObjectError> {
        assert!(self.open.is_none(), "a part is ended before its object");
        let footer = format::encode_footer(&self.parts);
        let trailer = Trailer::new(&self.header, &footer, self.bytes());
        self.put(&[&footer, &trailer.encode()])?;
        self.flush(&[]).map_err(|source| failed("writing", self.number, source))?;
        let bytes = self.bytes();
        let number = self.number;
        self.sink.finish().map_err(|source| failed("finishing", number, source))?;
        let parts = self.parts.iter().map(|listed| listed.part).collect();
        Ok(ObjectEntry { number, bytes, checksum: trailer.sum, parts })
    }

    fn put(&mut self, pieces: &[&[u8]]) -> Result<(), ObjectError> {
        assert!(!self.failed, "an object is abandoned after an error of the store");
        let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
        let is_direct = bytes >= DIRECT_BYTES;
        if is_direct || self.buffer.len() + bytes > BUFFER_BYTES {
            let along: &[&[u8]] = if is_direct { pieces } else { &[] };
            self.flush(along).map_err(|source| failed("writing", self.number, source))?;
        }
        if !is_direct {
            for piece in pieces {
                self.buffer.extend_from_slice(piece);
            }
        }
        Ok(())
    }

    /// Writes what was gathered, and `along` behind it.
    fn flush(&mut self, along: &[&[u8]]) -> io::Result<()> {
        let bytes: usize = self.buffer.len() + along.iter().map(|piece| piece.len()).sum::<usize>();
        let mut slices: Vec<_> = std::iter::once(&self.buffer[..])
            .chain(along.iter().copied())
            .filter(|slice| !slice.is_empty())
            .map(IoSlice::new)
            .collect();
        self.failed = true;
        self.sink.append(&mut slices)?;
        self.failed = false;
        self.stored += bytes as u64;
        self.buffer.clear();
        Ok(())
    }
}

impl OpenPart {
    fn end_block(&mut self) {
        let Some(block) = self.block.take() else { return };
        block.encode(&mut self.index);
        self.blocks += 1;
    }
}

/// The first bytes of a batch that lies in several pieces: its header, or what there is of it.
fn head_of(pieces: &[&[u8]]) -> Vec<u8> {
    pieces.iter().flat_map(|piece| piece.iter()).take(batch::HEADER_BYTES).copied().collect()
}

fn failed(action: &'static str, number: ObjectNumber, source: io::Error) -> ObjectError {
    ObjectError::Io { action, file: name_of(number), source }
}
