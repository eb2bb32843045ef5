//! Writing fields, and what a session sends: frames in one buffer, large bodies beside it as they are.
//!
//! Apart because it is what keeps a delivery from copying what a consumer reads: a body is a slice of the stored batch,
//! and goes between the pieces of the buffer into the socket.

use super::{Long, Table};
use bytes::{BufMut as _, Bytes, BytesMut};

/// Bodies shorter than this are copied: below it, a piece of its own in a vectored write costs more than the copy.
pub const SPLICE_BYTES_MIN: usize = 1024;

/// Writes the fields of one method or header.
#[derive(Debug)]
pub struct Fields<'o> {
    out: &'o mut BytesMut,
    /// Where the octet of the last bits stands, and how many there are in it.
    bits: Option<(usize, u8)>,
}

impl<'o> Fields<'o> {
    /// Writes behind what is there.
    pub fn new(out: &'o mut BytesMut) -> Fields<'o> {
        Fields { out, bits: None }
    }

    /// One octet.
    pub fn u8(&mut self, number: u8) {
        self.plain().put_u8(number);
    }

    /// Two octets.
    pub fn u16(&mut self, number: u16) {
        self.plain().put_u16(number);
    }

    /// Four octets.
    pub fn u32(&mut self, number: u32) {
        self.plain().put_u32(number);
    }

    /// Eight octets.
    pub fn u64(&mut self, number: u64) {
        self.plain().put_u64(number);
    }

    /// One bit.
    pub fn bit(&mut self, is: bool) {
        let (at, count) = match self.bits {
            Some((at, count)) if count < 8 => (at, count),
            _ => {
                self.out.put_u8(0);
                (self.out.len() - 1, 0)
            }
        };
        self.out[at] |= u8::from(is) << count;
        self.bits = Some((at, count + 1));
    }

    /// A string of at most 255 bytes; a longer one is cut off.
    pub fn short(&mut self, text: &str) {
        let text = cut(text);
        let out = self.plain();
        out.put_u8(u8::try_from(text.len()).expect("it was cut"));
        out.extend_from_slice(text.as_bytes());
    }

    /// Bytes behind their length in four octets.
    pub fn long(&mut self, bytes: &[u8]) {
        let out = self.plain();
        out.put_u32(u32::try_from(bytes.len()).expect("fields are far below 4 GiB"));
        out.extend_from_slice(bytes);
    }

    fn plain(&mut self) -> &mut BytesMut {
        self.bits = None;
        self.out
    }
}

/// The beginning of a text that fits into a short string.
pub(super) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(u8::MAX.into())]
}

/// A type that fields of methods have.
pub(super) trait Field<'a>: Sized {
    fn get(reader: &mut super::Reader<'a>) -> Result<Self, super::DecodeError>;
    fn put(&self, fields: &mut Fields<'_>);
}

macro_rules! field {
    ($type:ty, $method:ident) => {
        impl<'a> Field<'a> for $type {
            fn get(reader: &mut super::Reader<'a>) -> Result<Self, super::DecodeError> {
                reader.$method()
            }
            fn put(&self, fields: &mut Fields<'_>) {
                fields.$method(*self);
            }
        }
    };
}

field!(u8, u8);
field!(u16, u16);
field!(u32, u32);
field!(u64, u64);
field!(bool, bit);
field!(&'a str, short);

impl<'a> Field<'a> for Long<'a> {
    fn get(reader: &mut super::Reader<'a>) -> Result<Self, super::DecodeError> {
        Ok(Long(reader.long()?))
    }
    fn put(&self, fields: &mut Fields<'_>) {
        fields.long(self.0);
    }
}

impl<'a> Field<'a> for Table<'a> {
    fn get(reader: &mut super::Reader<'a>) -> Result<Self, super::DecodeError> {
        Table::get(reader)
    }
    fn put(&self, fields: &mut Fields<'_>) {
        fields.long(self.bytes());
    }
}

/// What is to be sent, in order.
#[derive(Debug, Default)]
pub struct Output {
    small: BytesMut,
    /// Chunks, each with the place in `small` before which it belongs.
    splices: Vec<(usize, Bytes)>,
    spliced_bytes: usize,
}

impl Output {
    /// Bytes gathered and not drained.
    #[must_use]
    pub fn len(&self) -> usize {
        self.small.len() + self.spliced_bytes
    }

    /// Whether there is nothing to drain.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The buffer, to write behind what is there.
    pub(super) fn small(&mut self) -> &mut BytesMut {
        &mut self.small
    }

    /// Adds bytes: a copy if they are few, else as they are.
    pub fn push(&mut self, chunk: Bytes) {
        if chunk.len() < SPLICE_BYTES_MIN {
            self.small.extend_from_slice(&chunk);
        } else {
            self.spliced_bytes += chunk.len();
            self.splices.push((self.small.len(), chunk));
        }
    }

    /// Adds a copy of bytes.
    pub fn copy(&mut self, bytes: &[u8]) {
        self.small.extend_from_slice(bytes);
    }

    /// Moves everything to `into`, in order.
    pub fn drain_into(&mut self, into: &mut Vec<Bytes>) {
        let mut taken = 0;
        for (at, chunk) in self.splices.drain(..) {
            if at > taken {
                into.push(self.small.split_to(at - taken).freeze());
                taken = at;
            }
            into.push(chunk);
        }
        if !self.small.is_empty() {
            into.push(self.small.split().freeze());
        }
        self.spliced_bytes = 0;
    }
}
