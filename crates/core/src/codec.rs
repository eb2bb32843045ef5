//! Reading and writing the bytes of entries and images: little-endian numbers and length-prefixed strings.
//!
//! Apart because every persisted thing of the core is built from these few shapes, and because reading them back
//! is the one place where the core meets bytes that may be damaged or from a newer version.

use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_types::{LogId, Offset, StreamId};

/// Why persisted bytes could not be understood. Recovery stops on it and names the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside a value.
    #[error("the bytes end inside a value")]
    Truncated,
    /// A tag that this version does not know: written by a newer version.
    #[error("unknown tag {0}: written by a newer version")]
    UnknownTag(u8),
    /// A value that cannot be: damaged, or a mistake of the writer.
    #[error("impossible value in {0}")]
    Invalid(&'static str),
}

/// Appends values to a byte vector.
#[derive(Debug)]
pub struct Encoder<'a>(pub &'a mut Vec<u8>);

impl Encoder<'_> {
    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.0.push(value);
    }
    /// Two bytes, little-endian.
    pub fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    /// Four bytes, little-endian.
    pub fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    /// Eight bytes, little-endian.
    pub fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    /// Eight bytes, little-endian, two's complement.
    pub fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    /// Sixteen bytes, little-endian.
    pub fn u128(&mut self, value: u128) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    /// A log: stream id and index.
    pub fn log(&mut self, log: LogId) {
        self.u64(log.stream.0);
        self.u32(log.index);
    }
    /// Four bytes of length, then the bytes.
    ///
    /// # Panics
    /// When the value is 4 GiB or longer; every value that gets here is bounded far below.
    pub fn bytes(&mut self, value: &[u8]) {
        self.u32(u32::try_from(value.len()).expect("a persisted value is shorter than 4 GiB"));
        self.0.extend_from_slice(value);
    }
    /// A string as bytes.
    pub fn str(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }
    /// 0, or 1 and the value.
    pub fn option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.u8(0),
            Some(value) => {
                self.u8(1);
                put(self, value);
            }
        }
    }
}

/// Takes values from the front of a slice.
#[derive(Debug, Clone)]
pub struct Decoder<'a>(pub &'a [u8]);

impl<'a> Decoder<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.0 = tail;
        Ok(head)
    }
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.take(N)?.try_into().map_err(|_| DecodeError::Truncated)
    }
    /// Whether everything has been read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// One byte.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }
    /// Two bytes, little-endian.
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_le_bytes(self.array()?))
    }
    /// Four bytes, little-endian.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_le_bytes(self.array()?))
    }
    /// Eight bytes, little-endian.
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_le_bytes(self.array()?))
    }
    /// Eight bytes, little-endian, two's complement.
    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_le_bytes(self.array()?))
    }
    /// Sixteen bytes, little-endian.
    pub fn u128(&mut self) -> Result<u128, DecodeError> {
        Ok(u128::from_le_bytes(self.array()?))
    }
    /// A number that was handed out: below 2⁶³, so that there are always more.
    pub fn id(&mut self) -> Result<u64, DecodeError> {
        let id = self.u64()?;
        if id < 1 << 63 { Ok(id) } else { Err(DecodeError::Invalid("an id")) }
    }
    /// The number to hand out next.
    pub fn next_id(&mut self) -> Result<u64, DecodeError> {
        let next = self.u64()?;
        if next <= 1 << 63 { Ok(next) } else { Err(DecodeError::Invalid("a counter")) }
    }
    /// An offset: those that a log can reach stay in the signed range.
    pub fn offset(&mut self) -> Result<Offset, DecodeError> {
        let offset = self.u64()?;
        if offset <= i64::MAX as u64 { Ok(Offset(offset)) } else { Err(DecodeError::Invalid("an offset")) }
    }
    /// 0 or 1.
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Invalid("a choice")),
        }
    }
    /// A log: stream id and index.
    pub fn log(&mut self) -> Result<LogId, DecodeError> {
        Ok(LogId { stream: StreamId(self.u64()?), index: self.u32()? })
    }
    /// Four bytes of length, then the bytes.
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.u32()? as usize;
        self.take(len)
    }
    /// A string, UTF-8 checked.
    pub fn str(&mut self) -> Result<&'a str, DecodeError> {
        core::str::from_utf8(self.bytes()?).map_err(|_| DecodeError::Invalid("a string"))
    }
    /// An owned string.
    pub fn boxed_str(&mut self) -> Result<Box<str>, DecodeError> {
        Ok(self.str()?.into())
    }
    /// 0, or 1 and the value.
    pub fn option<T>(
        &mut self,
        get: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        match self.u8()? {
            0 => Ok(None),
            1 => get(self).map(Some),
            _ => Err(DecodeError::Invalid("an option")),
        }
    }
}
