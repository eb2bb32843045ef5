//! Decoding in place: fields of a message read from a frame that stays where it is.
//!
//! Apart because every length and count that a peer claims is checked here, against what is really left of the
//! frame; the generated code only says which field comes next.
//!
//! ```text
//!            old versions            flexible versions
//! string     i16 length, bytes       uvarint length + 1, bytes        null: -1 / 0
//! bytes      i32 length, bytes       uvarint length + 1, bytes        null: -1 / 0
//! array      i32 count, elements     uvarint count + 1, elements      null: -1 / 0
//! struct     fields                  fields, uvarint tags, (uvarint tag, uvarint size, field)*
//! ```

use bytes::Bytes;

use super::{DecodeError, Records, STRING_BYTES_MAX, Str, Uuid};

/// Elements that all arrays of one message may have together, unless the reader is told otherwise.
///
/// An element can take one byte on the wire and a few hundred in memory. Without a limit on the sum, a frame of
/// Kafka's default size (100 MiB) could be blown up to many gigabytes; the largest honest requests (a
/// consumer of a hundred thousand partitions) stay far below this.
pub const ELEMENTS_MAX: u32 = 1 << 20;

/// Elements for which an array reserves space before it has seen one of them.
const RESERVE_ELEMENTS_MAX: usize = 1024;

/// Reads a frame from front to back. After an error its position means nothing: drop it.
#[derive(Debug, Clone)]
pub struct Reader {
    frame: Bytes,
    at: usize,
    /// Where the message, or the tagged field being read, ends.
    end: usize,
    elements_left: u32,
}

impl Reader {
    /// A reader over a whole frame (without its size prefix).
    pub fn new(frame: Bytes) -> Self {
        Self::with_elements_max(frame, ELEMENTS_MAX)
    }

    /// The same, with another limit on array elements: lower before a peer has authenticated, higher for a client
    /// that trusts its broker.
    pub fn with_elements_max(frame: Bytes, elements_max: u32) -> Self {
        let end = frame.len();
        Self { frame, at: 0, end, elements_left: elements_max }
    }

    /// Bytes not read yet.
    pub fn remaining(&self) -> usize {
        self.end - self.at
    }

    /// Refuses bytes after the message.
    ///
    /// # Errors
    /// [`DecodeError::Trailing`] when something is left.
    pub fn expect_end(&self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            bytes => Err(DecodeError::Trailing { at: self.at, bytes }),
        }
    }

    /// One byte; anything but zero is true, as in Kafka.
    pub(super) fn bool(&mut self) -> Result<bool, DecodeError> {
        Ok(self.i8()? != 0)
    }

    pub(super) fn i8(&mut self) -> Result<i8, DecodeError> {
        self.fixed().map(i8::from_be_bytes)
    }

    pub(super) fn i16(&mut self) -> Result<i16, DecodeError> {
        self.fixed().map(i16::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, DecodeError> {
        self.fixed().map(i32::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, DecodeError> {
        self.fixed().map(i64::from_be_bytes)
    }

    pub(super) fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        self.fixed().map(Uuid)
    }

    /// An unsigned integer of at most 32 bits, seven to a byte, lowest first: at most five bytes.
    pub(super) fn uvarint(&mut self) -> Result<u32, DecodeError> {
        let start = self.at;
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.fixed()?;
            if shift == 28 && byte > 0x0f {
                break;
            }
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::Varint { at: start })
    }

    pub(super) fn string(&mut self, flexible: bool) -> Result<Str, DecodeError> {
        self.nullable_string(flexible)?.ok_or(DecodeError::UnexpectedNull { at: self.at })
    }

    pub(super) fn nullable_string(&mut self, flexible: bool) -> Result<Option<Str>, DecodeError> {
        let length = if flexible { i64::from(self.uvarint()?) - 1 } else { i64::from(self.i16()?) };
        let Some(length) = self.length(length)? else { return Ok(None) };
        if length > STRING_BYTES_MAX {
            return Err(DecodeError::Length { at: self.at, length: length as i64 });
        }
        let at = self.at;
        let bytes = self.slice(length)?;
        Str::try_from(bytes).map(Some).map_err(|_| DecodeError::Utf8 { at })
    }

    pub(super) fn bytes(&mut self, flexible: bool) -> Result<Bytes, DecodeError> {
        self.nullable_bytes(flexible)?.ok_or(DecodeError::UnexpectedNull { at: self.at })
    }

    pub(super) fn nullable_bytes(&mut self, flexible: bool) -> Result<Option<Bytes>, DecodeError> {
        let length = self.count(flexible)?;
        match self.length(length)? {
            Some(length) => self.slice(length).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn nullable_records(&mut self, flexible: bool) -> Result<Option<Records>, DecodeError> {
        Ok(self.nullable_bytes(flexible)?.map(Records::from))
    }

    /// An array; `element_bytes_min` is the least an element takes on the wire.
    pub(super) fn array<T>(
        &mut self,
        flexible: bool,
        element_bytes_min: usize,
        element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        self.nullable_array(flexible, element_bytes_min, element)?
            .ok_or(DecodeError::UnexpectedNull { at: self.at })
    }

    pub(super) fn nullable_array<T>(
        &mut self,
        flexible: bool,
        element_bytes_min: usize,
        mut element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let claimed = self.count(flexible)?;
        let Some(count) = self.length(claimed)? else { return Ok(None) };
        if count > self.remaining() / element_bytes_min {
            return Err(DecodeError::Count { at: self.at, count: claimed });
        }
        self.elements_left = u32::try_from(count)
            .ok()
            .and_then(|count| self.elements_left.checked_sub(count))
            .ok_or(DecodeError::TooManyElements { at: self.at })?;
        let mut elements = Vec::with_capacity(count.min(RESERVE_ELEMENTS_MAX));
        for _ in 0..count {
            elements.push(element(self)?);
        }
        Ok(Some(elements))
    }

    /// A struct that may be null: one byte, negative for null, then the struct.
    pub(super) fn nullable<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.i8()? < 0 { Ok(None) } else { read(self).map(Some) }
    }

    /// The tagged fields that end a flexible struct. `known` reads the field and says true, or says false
    /// and has read nothing.
    pub(super) fn tagged_fields(
        &mut self,
        mut known: impl FnMut(&mut Self, u32) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        // Each turn reads at least two bytes, so the frame bounds the loop whatever the count says.
        for _ in 0..self.uvarint()? {
            let tag = self.uvarint()?;
            let size = self.uvarint()? as usize;
            if size > self.remaining() {
                return Err(DecodeError::Truncated { at: self.at, needed: size });
            }
            let field_end = self.at + size;
            let outer_end = core::mem::replace(&mut self.end, field_end);
            if known(self, tag)? && self.at != field_end {
                return Err(DecodeError::TagSize { at: field_end, tag });
            }
            self.at = field_end;
            self.end = outer_end;
        }
        Ok(())
    }

    pub(super) fn skip_tagged_fields(&mut self) -> Result<(), DecodeError> {
        self.tagged_fields(|_, _| Ok(false))
    }

    /// A length or count in four bytes or, compact, as one more than it is; -1 is null.
    fn count(&mut self, flexible: bool) -> Result<i64, DecodeError> {
        if flexible { Ok(i64::from(self.uvarint()?) - 1) } else { Ok(i64::from(self.i32()?)) }
    }

    /// Tells null from lengths and refuses other negative ones.
    fn length(&self, length: i64) -> Result<Option<usize>, DecodeError> {
        match length {
            -1 => Ok(None),
            _ => usize::try_from(length).map(Some).map_err(|_| DecodeError::Length { at: self.at, length }),
        }
    }

    #[inline]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let left = &self.frame[self.at..self.end];
        let value = *left.first_chunk().ok_or(DecodeError::Truncated { at: self.at, needed: N })?;
        self.at += N;
        Ok(value)
    }

    fn slice(&mut self, length: usize) -> Result<Bytes, DecodeError> {
        if length > self.remaining() {
            return Err(DecodeError::Truncated { at: self.at, needed: length });
        }
        let bytes = self.frame.slice(self.at..self.at + length);
        self.at += length;
        Ok(bytes)
    }
}
