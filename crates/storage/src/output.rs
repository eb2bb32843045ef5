//! Objects under way: what compaction and packing write into.
//!
//! Apart because both fill objects part by part and end them at the same marks: enough bytes, as many parts as an object
//! has at most, or as many pieces of older objects to take the place of as one commit may.

use std::collections::VecDeque;
use std::sync::Arc;

use millstream_types::object::OBJECT_PARTS_MAX;
use millstream_types::{LogId, ObjectEntry, ObjectNumber, Offset};

use crate::error::ObjectError;
use crate::log_reader::{HomeId, LogReader};
use crate::object::ObjectWriter;
use crate::store::Store;

/// Pieces of older objects that one object takes the place of, about: a commit is one step of the core, which allows twice
/// as many (R13).
const COVERED_MAX: usize = 1024;
/// Pieces that are looked at ahead of the batches at hand.
const AHEAD: usize = 256;

/// Writes one object after another. After an error it is dropped, which abandons the object at hand.
pub(crate) struct Output {
    store: Arc<dyn Store>,
    directory: u128,
    object_bytes: u64,
    writer: Option<ObjectWriter>,
    /// The open part's log, and the offset where it begins.
    open: Option<(LogId, Offset)>,
    /// Pieces of older objects that the object at hand takes the place of.
    covered: usize,
}

/// Counts the pieces of objects that lie before an offset, as it moves on.
pub(crate) struct Covered {
    /// Where the next pieces end, and whether each is an object's.
    ahead: VecDeque<(Offset, bool)>,
    asked_to: Offset,
}

impl Covered {
    /// Counts from `from` on.
    pub(crate) fn new(from: Offset) -> Covered {
        Covered { ahead: VecDeque::new(), asked_to: from }
    }

    /// Pieces of objects that end at or before `to` and were not counted before.
    pub(crate) fn up_to(&mut self, reader: &dyn LogReader, to: Offset) -> usize {
        let mut count = 0;
        loop {
            while let Some((_, is_object)) = self.ahead.pop_front_if(|(end, _)| *end <= to) {
                count += usize::from(is_object);
            }
            if !self.ahead.is_empty() || self.asked_to >= to {
                return count;
            }
            let pieces = reader.pieces(self.asked_to, AHEAD);
            let Some(last) = pieces.last() else { return count };
            self.asked_to = last.to;
            let ends = pieces.iter().map(|piece| (piece.to, matches!(piece.home, HomeId::Object(_))));
            self.ahead.extend(ends);
        }
    }
}

impl Output {
    /// Objects end when they have `object_bytes` bytes.
    pub(crate) fn new(store: Arc<dyn Store>, directory: u128, object_bytes: u64) -> Output {
        Output { store, directory, object_bytes, writer: None, open: None, covered: 0 }
    }

    /// Makes sure that the part of `log` is open: it is, or it begins at `from`, in a new object if there is none.
    pub(crate) fn open_part(
        &mut self,
        log: LogId,
        from: Offset,
        numbers: &mut dyn FnMut() -> ObjectNumber,
    ) -> Result<(), ObjectError> {
        if let Some((open, _)) = self.open {
            assert_eq!(open, log, "one part is open at a time");
            return Ok(());
        }
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => ObjectWriter::new(&*self.store, self.directory, numbers())?,
        };
        writer.begin_part(log, from);
        self.writer = Some(writer);
        self.open = Some((log, from));
        Ok(())
    }

    /// Adds a batch, in pieces, to the open part.
    pub(crate) fn batch(&mut self, pieces: &[&[u8]]) -> Result<(), ObjectError> {
        self.writer.as_mut().expect("a part is open").batch(pieces)
    }

    /// Ends the open part, if there is one.
    pub(crate) fn end_part(&mut self, to: Offset, is_compacted: bool) -> Result<(), ObjectError> {
        if let (Some((_, from)), Some(writer)) = (self.open.take(), &mut self.writer) {
            assert!(from < to, "a part is opened for a batch, and answers for it");
            writer.end_part(to, is_compacted)?;
        }
        Ok(())
    }

    /// The open part takes the place of so many more pieces of older objects.
    pub(crate) fn cover(&mut self, pieces: usize) {
        self.covered += pieces;
    }

    /// Whether the object at hand takes the place of as much as it may: its open part must be ended.
    pub(crate) fn covers_enough(&self) -> bool {
        self.covered >= COVERED_MAX
    }

    /// Bytes of the object at hand.
    pub(crate) fn bytes(&self) -> u64 {
        self.writer.as_ref().map_or(0, ObjectWriter::bytes)
    }

    /// Whether a part is open.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether the object at hand should be finished as soon as its open part is ended.
    pub(crate) fn is_full(&self) -> bool {
        self.writer.as_ref().is_some_and(|writer| {
            writer.bytes() >= self.object_bytes
                || self.covers_enough()
                || (writer.parts() >= OBJECT_PARTS_MAX && self.open.is_none())
        })
    }

    /// Makes the object at hand durable; `None` when there is none.
    pub(crate) fn finish(&mut self) -> Result<Option<ObjectEntry>, ObjectError> {
        assert!(self.open.is_none(), "a part is ended before its object");
        self.covered = 0;
        self.writer.take().map(ObjectWriter::finish).transpose()
    }
}
