//! Objects under way: what compaction and packing write into.
//!
//! Apart because both fill objects part by part and end them at the same marks: enough bytes, or as many parts as an object
//! has at most.

use std::sync::Arc;

use millstream_types::object::OBJECT_PARTS_MAX;
use millstream_types::{LogId, ObjectEntry, ObjectNumber, Offset};

use crate::error::ObjectError;
use crate::object::ObjectWriter;
use crate::store::Store;

/// Writes one object after another. After an error it is dropped, which abandons the object at hand.
pub(crate) struct Output {
    store: Arc<dyn Store>,
    directory: u128,
    object_bytes: u64,
    writer: Option<ObjectWriter>,
    /// The open part's log, and the offset where it begins.
    open: Option<(LogId, Offset)>,
}

impl Output {
    /// Objects end when they have `object_bytes` bytes.
    pub(crate) fn new(store: Arc<dyn Store>, directory: u128, object_bytes: u64) -> Output {
        Output { store, directory, object_bytes, writer: None, open: None }
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

    /// Whether a part is open.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether the object at hand should be finished as soon as its open part is ended.
    pub(crate) fn is_full(&self) -> bool {
        self.writer.as_ref().is_some_and(|writer| {
            writer.bytes() >= self.object_bytes || (writer.parts() >= OBJECT_PARTS_MAX && self.open.is_none())
        })
    }

    /// Makes the object at hand durable; `None` when there is none.
    pub(crate) fn finish(&mut self) -> Result<Option<ObjectEntry>, ObjectError> {
        assert!(self.open.is_none(), "a part is ended before its object");
        self.writer.take().map(ObjectWriter::finish).transpose()
    }
}
