//! Encoding into chunks: small fields gather in one buffer, record bytes are passed on as they are.
//!
//! Apart because it is what keeps a Fetch response from copying what consumers read. Record chunks are kept
//! beside the buffer with the position where they belong ("splices"), so that the buffer stays in one piece until
//! the frame is complete and its size can still be filled in at the front:
//!
//! ```text
//! small     [size][header .. fields .. records length][more fields ..]
//! splices                                             ^ at 61: Bytes, Bytes
//! drained   [size][header .. fields .. records length] [Bytes] [Bytes] [more fields ..]
//! ```
//!
//! A session keeps one writer: frames queue up in it and are drained together, and the buffer's allocation serves
//! many responses.

use bytes::{BufMut, Bytes, BytesMut};

use super::{EncodeError, Records, STRING_BYTES_MAX, Uuid};

/// Chunks of records shorter than this are copied: below it, an entry in a vectored write costs more than the copy.
pub const SPLICE_BYTES_MIN: usize = 512;

/// Space asked for at the start of a frame: most responses fit, and one check serves them.
const FRAME_RESERVE_BYTES: usize = 256;

/// Where encoded bytes gather.
#[derive(Debug, Default)]
pub struct Writer {
    small: BytesMut,
    splices: Vec<Splice>,
    spliced_bytes: usize,
    /// The first error code that was written since somebody asked; 0: none was.
    error_code: i16,
}

#[derive(Debug)]
struct Splice {
    /// Position in `small` before which the chunk belongs.
    at: usize,
    chunk: Bytes,
}

impl Writer {
    /// An empty writer; it allocates with the first byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes gathered and not drained.
    pub fn len(&self) -> usize {
        self.small.len() + self.spliced_bytes
    }

    /// Whether there is nothing to drain.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first error code in what was written since the last call, if there was any.
    pub fn take_error_code(&mut self) -> Option<i16> {
        Some(std::mem::take(&mut self.error_code)).filter(|code| *code != 0)
    }

    /// Writes one frame: its size in four bytes, then what `body` writes.
    ///
    /// # Errors
    /// Those of `body`, or a frame of more than 2 GiB. The writer is then as it was before: frames that were
    /// complete stay, of this one nothing does.
    pub fn frame(
        &mut self,
        body: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let start = self.small.len();
        let splices = self.splices.len();
        let spliced_bytes = self.spliced_bytes;
        self.small.reserve(FRAME_RESERVE_BYTES);
        self.small.put_i32(0);
        let size = body(self).and_then(|()| {
            let length = self.small.len() - start - 4 + self.spliced_bytes - spliced_bytes;
            i32::try_from(length).map_err(|_| EncodeError::TooLong { length })
        });
        match size {
            Ok(size) => {
                self.small[start..start + 4].copy_from_slice(&size.to_be_bytes());
                Ok(())
            }
            Err(error) => {
                self.small.truncate(start);
                self.splices.truncate(splices);
                self.spliced_bytes = spliced_bytes;
                Err(error)
            }
        }
    }

    /// Moves everything gathered to `out`, in order and without copying. No chunk is empty.
    pub fn drain_into(&mut self, out: &mut impl Extend<Bytes>) {
        let mut taken = 0;
        for splice in self.splices.drain(..) {
            if splice.at > taken {
                out.extend([self.small.split_to(splice.at - taken).freeze()]);
                taken = splice.at;
            }
            out.extend([splice.chunk]);
        }
        self.spliced_bytes = 0;
        if !self.small.is_empty() {
            out.extend([self.small.split().freeze()]);
        }
    }

    /// Everything gathered as one piece; copies when there are splices. For clients and tests.
    pub fn into_bytes(mut self) -> Bytes {
        if self.splices.is_empty() {
            return self.small.freeze();
        }
        let mut chunks = Vec::new();
        let mut joined = BytesMut::with_capacity(self.len());
        self.drain_into(&mut chunks);
        chunks.iter().for_each(|chunk| joined.extend_from_slice(chunk));
        joined.freeze()
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.small.put_u8(u8::from(value));
    }

    pub(super) fn i8(&mut self, value: i8) {
        self.small.put_i8(value);
    }

    /// An error code: like any number, and remembered so that a session need not look for it in the message.
    pub(super) fn error_code(&mut self, code: i16) {
        if self.error_code == 0 {
            self.error_code = code;
        }
        self.small.put_i16(code);
    }

    pub(super) fn i16(&mut self, value: i16) {
        self.small.put_i16(value);
    }

    pub(super) fn i32(&mut self, value: i32) {
        self.small.put_i32(value);
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.small.put_i64(value);
    }

    pub(super) fn uuid(&mut self, value: Uuid) {
        self.small.put_slice(&value.0);
    }

    pub(super) fn uvarint(&mut self, value: u32) {
        let (bytes, length) = uvarint_bytes(value);
        self.small.put_slice(&bytes[..length]);
    }

    pub(super) fn string(&mut self, flexible: bool, value: &str) -> Result<(), EncodeError> {
        let length = value.len();
        if length > STRING_BYTES_MAX {
            return Err(EncodeError::TooLong { length });
        }
        // The check above makes both conversions exact.
        if flexible {
            self.uvarint(length as u32 + 1)
        } else {
            self.i16(length as i16)
        }
        self.small.put_slice(value.as_bytes());
        Ok(())
    }

    pub(super) fn nullable_string(&mut self, flexible: bool, value: Option<&str>) -> Result<(), EncodeError> {
        match value {
            Some(value) => self.string(flexible, value)?,
            None if flexible => self.uvarint(0),
            None => self.i16(-1),
        }
        Ok(())
    }

    pub(super) fn bytes(&mut self, flexible: bool, value: &[u8]) -> Result<(), EncodeError> {
        self.count(flexible, value.len())?;
        self.small.put_slice(value);
        Ok(())
    }

    pub(super) fn nullable_records(
        &mut self,
        flexible: bool,
        value: Option<&Records>,
    ) -> Result<(), EncodeError> {
        let Some(records) = value else {
            self.null(flexible);
            return Ok(());
        };
        self.count(flexible, records.len())?;
        for chunk in records.chunks() {
            if chunk.len() < SPLICE_BYTES_MIN {
                self.small.put_slice(chunk);
            } else {
                self.spliced_bytes += chunk.len();
                self.splices.push(Splice { at: self.small.len(), chunk: chunk.clone() });
            }
        }
        Ok(())
    }

    pub(super) fn array<T>(
        &mut self,
        flexible: bool,
        elements: &[T],
        mut write: impl FnMut(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.count(flexible, elements.len())?;
        elements.iter().try_for_each(|element| write(self, element))
    }

    /// Null in place of an array, bytes or records (not of a string).
    pub(super) fn null(&mut self, flexible: bool) {
        if flexible { self.uvarint(0) } else { self.i32(-1) }
    }

    /// A struct that may be null: -1, or 1 and the struct.
    pub(super) fn nullable<T>(
        &mut self,
        value: Option<&T>,
        write: impl FnOnce(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        match value {
            Some(value) => {
                self.i8(1);
                write(self, value)
            }
            None => {
                self.i8(-1);
                Ok(())
            }
        }
    }

    /// A tagged field: its tag, its size and what `field` writes. The size is put in afterwards by
    /// moving the field, which is a few dozen bytes in every message there is.
    pub(super) fn tagged(
        &mut self,
        tag: u32,
        field: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.uvarint(tag);
        let start = self.small.len();
        let splices = self.splices.len();
        field(self)?;
        assert_eq!(splices, self.splices.len(), "no message has records in a tagged field");
        let length = self.small.len() - start;
        let size = u32::try_from(length).map_err(|_| EncodeError::TooLong { length })?;
        let (bytes, width) = uvarint_bytes(size);
        self.small.put_slice(&bytes[..width]);
        self.small.copy_within(start..start + length, start + width);
        self.small[start..start + width].copy_from_slice(&bytes[..width]);
        Ok(())
    }

    fn count(&mut self, flexible: bool, length: usize) -> Result<(), EncodeError> {
        let count = i32::try_from(length).map_err(|_| EncodeError::TooLong { length })?;
        // A non-negative i32 plus one always fits in u32.
        if flexible {
            self.uvarint(count as u32 + 1)
        } else {
            self.i32(count)
        }
        Ok(())
    }
}

fn uvarint_bytes(mut value: u32) -> ([u8; 5], usize) {
    let mut bytes = [0; 5];
    let mut length = 0;
    loop {
        bytes[length] = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            return (bytes, length + 1);
        }
        bytes[length] |= 0x80;
        length += 1;
    }
}
