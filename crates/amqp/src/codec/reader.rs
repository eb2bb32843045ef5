//! Reading fields from the bytes of a frame, in place.
//!
//! Apart because no length that a peer claims is believed here: every field is a slice of bytes that are there.

use super::DecodeError;

/// Reads the fields of one method, header or table.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// Bits that follow each other share an octet: what is left of it, and how many were taken.
    bits: Option<(u8, u8)>,
}

impl<'a> Reader<'a> {
    /// Reads from the beginning of some bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes, bits: None }
    }

    /// What has not been read.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] when there are fewer.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(DecodeError::Truncated)?;
        (self.rest, self.bits) = (rest, None);
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        Ok(*self.take(N)?.first_chunk().expect("so many were taken"))
    }

    /// One octet.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`], as all that follow.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    /// Two octets.
    ///
    /// # Errors
    /// See [`Reader::u8`].
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// Four octets.
    ///
    /// # Errors
    /// See [`Reader::u8`].
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// Eight octets.
    ///
    /// # Errors
    /// See [`Reader::u8`].
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// One bit; up to eight that follow each other stand in one octet, the first one lowest.
    ///
    /// # Errors
    /// See [`Reader::u8`].
    pub fn bit(&mut self) -> Result<bool, DecodeError> {
        let (octet, taken) = match self.bits {
            Some((octet, taken)) if taken < 8 => (octet, taken),
            _ => (self.u8()?, 0),
        };
        self.bits = Some((octet >> 1, taken + 1));
        Ok(octet & 1 != 0)
    }

    /// A string of at most 255 bytes.
    ///
    /// # Errors
    /// [`DecodeError::NotText`] unless it is UTF-8.
    pub fn short(&mut self) -> Result<&'a str, DecodeError> {
        let count = self.u8()?;
        core::str::from_utf8(self.take(count.into())?).map_err(|_| DecodeError::NotText)
    }

    /// Bytes behind their length in four octets.
    ///
    /// # Errors
    /// See [`Reader::u8`].
    pub fn long(&mut self) -> Result<&'a [u8], DecodeError> {
        let count = self.u32()?;
        self.take(usize::try_from(count).map_err(|_| DecodeError::Truncated)?)
    }

    /// Refuses bytes after the last field.
    ///
    /// # Errors
    /// [`DecodeError::TrailingBytes`].
    pub fn end(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::TrailingBytes(self.rest.len())) }
    }
}
