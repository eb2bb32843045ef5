//! Field tables: names with values of many types, in each other.
//!
//! Apart because a table is kept as it was sent: [`Table`] is its bytes, checked once, and whoever needs a value looks for
//! it in them. So nothing is lost on the way through the broker, not even how wide a number was.
//!
//! ```text
//! table   length u32 │ (name: length u8, bytes │ type u8 │ value)…
//! array   length u32 │ (type u8 │ value)…
//! ```

use super::{DecodeError, Reader};
use bytes::BufMut as _;

/// Tables and arrays in each other: more than any client nests, few enough for any stack.
pub const DEPTH_MAX: usize = 16;

/// A table's bytes without their length, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Table<'a> {
    bytes: &'a [u8],
}

/// An array's bytes without their length, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Array<'a> {
    bytes: &'a [u8],
}

/// A value of a table or an array.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "the variants are the protocol's own types, with their letters")]
pub enum Value<'a> {
    /// `S`: text, by convention.
    Long(&'a [u8]),
    /// `I`
    I32(i32),
    /// `D`: `value` without its last `scale` digits.
    Decimal { scale: u8, value: u32 },
    /// `T`: seconds since 1970 UTC.
    Timestamp(u64),
    /// `F`
    Table(Table<'a>),
    /// `A`
    Array(Array<'a>),
    /// `t`
    Bool(bool),
    /// `b`
    I8(i8),
    /// `B`
    U8(u8),
    /// `s`
    I16(i16),
    /// `u`
    U16(u16),
    /// `i`
    U32(u32),
    /// `l`, and `L` that some clients send for it.
    I64(i64),
    /// `f`
    F32(f32),
    /// `d`
    F64(f64),
    /// `x`
    Bytes(&'a [u8]),
    /// `V`
    Void,
}

impl<'a> Value<'a> {
    fn get(reader: &mut Reader<'a>, depth: usize) -> Result<Value<'a>, DecodeError> {
        let signed = |word: u32| i32::from_be_bytes(word.to_be_bytes());
        Ok(match reader.u8()? {
            b'S' => Value::Long(reader.long()?),
            b'I' => Value::I32(signed(reader.u32()?)),
            b'D' => Value::Decimal { scale: reader.u8()?, value: reader.u32()? },
            b'T' => Value::Timestamp(reader.u64()?),
            b'F' => Value::Table(Table::check(reader.long()?, depth + 1)?),
            b'A' => Value::Array(Array::check(reader.long()?, depth + 1)?),
            b't' => Value::Bool(reader.u8()? != 0),
            b'b' => Value::I8(i8::from_be_bytes([reader.u8()?])),
            b'B' => Value::U8(reader.u8()?),
            b's' => Value::I16(i16::from_be_bytes(reader.u16()?.to_be_bytes())),
            b'u' => Value::U16(reader.u16()?),
            b'i' => Value::U32(reader.u32()?),
            b'l' | b'L' => Value::I64(i64::from_be_bytes(reader.u64()?.to_be_bytes())),
            b'f' => Value::F32(f32::from_bits(reader.u32()?)),
            b'd' => Value::F64(f64::from_bits(reader.u64()?)),
            b'x' => Value::Bytes(reader.long()?),
            b'V' => Value::Void,
            letter => return Err(DecodeError::UnknownType(letter)),
        })
    }

    fn put(&self, out: &mut Vec<u8>) {
        match *self {
            Value::Long(bytes) => put_sized(out, b'S', bytes),
            Value::I32(number) => {
                out.put_u8(b'I');
                out.put_i32(number);
            }
            Value::Decimal { scale, value } => {
                out.extend_from_slice(&[b'D', scale]);
                out.put_u32(value);
            }
            Value::Timestamp(seconds) => {
                out.put_u8(b'T');
                out.put_u64(seconds);
            }
            Value::Table(table) => put_sized(out, b'F', table.bytes),
            Value::Array(array) => put_sized(out, b'A', array.bytes),
            Value::Bool(is) => out.extend_from_slice(&[b't', u8::from(is)]),
            Value::I8(number) => {
                out.put_u8(b'b');
                out.put_i8(number);
            }
            Value::U8(number) => out.extend_from_slice(&[b'B', number]),
            Value::I16(number) => {
                out.put_u8(b's');
                out.put_i16(number);
            }
            Value::U16(number) => {
                out.put_u8(b'u');
                out.put_u16(number);
            }
            Value::U32(number) => {
                out.put_u8(b'i');
                out.put_u32(number);
            }
            Value::I64(number) => {
                out.put_u8(b'l');
                out.put_i64(number);
            }
            Value::F32(number) => {
                out.put_u8(b'f');
                out.put_f32(number);
            }
            Value::F64(number) => {
                out.put_u8(b'd');
                out.put_f64(number);
            }
            Value::Bytes(bytes) => put_sized(out, b'x', bytes),
            Value::Void => out.put_u8(b'V'),
        }
    }

    /// The number, of whatever width it was sent; `None` if it is none, or beyond 64 bits with a sign.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        match *self {
            Value::I8(number) => Some(number.into()),
            Value::U8(number) => Some(number.into()),
            Value::I16(number) => Some(number.into()),
            Value::U16(number) => Some(number.into()),
            Value::I32(number) => Some(number.into()),
            Value::U32(number) => Some(number.into()),
            Value::I64(number) => Some(number),
            _ => None,
        }
    }

    /// The text of a long string.
    #[must_use]
    pub fn as_text(&self) -> Option<&'a str> {
        match *self {
            Value::Long(bytes) => core::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }
}

impl<'a> Table<'a> {
    /// Reads a table behind its length.
    ///
    /// # Errors
    /// When anything in it cannot be read.
    pub fn get(reader: &mut Reader<'a>) -> Result<Table<'a>, DecodeError> {
        Table::check(reader.long()?, 1)
    }

    /// Takes bytes that follow no length.
    ///
    /// # Errors
    /// As [`Table::get`].
    pub fn of(bytes: &'a [u8]) -> Result<Table<'a>, DecodeError> {
        Table::check(bytes, 1)
    }

    fn check(bytes: &'a [u8], depth: usize) -> Result<Table<'a>, DecodeError> {
        if depth > DEPTH_MAX {
            return Err(DecodeError::TooDeep);
        }
        let mut reader = Reader::new(bytes);
        while !reader.rest().is_empty() {
            reader.short()?;
            Value::get(&mut reader, depth)?;
        }
        Ok(Table { bytes })
    }

    /// Its bytes, without their length.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Its fields, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> + use<'a> {
        let mut reader = Reader::new(self.bytes);
        core::iter::from_fn(move || {
            if reader.rest().is_empty() {
                return None;
            }
            let name = reader.short().expect("a table was checked as a whole");
            Some((name, Value::get(&mut reader, 0).expect("a table was checked as a whole")))
        })
    }

    /// The first value of a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Value<'a>> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

impl<'a> Array<'a> {
    fn check(bytes: &'a [u8], depth: usize) -> Result<Array<'a>, DecodeError> {
        if depth > DEPTH_MAX {
            return Err(DecodeError::TooDeep);
        }
        let mut reader = Reader::new(bytes);
        while !reader.rest().is_empty() {
            Value::get(&mut reader, depth)?;
        }
        Ok(Array { bytes })
    }

    /// Its bytes, without their length.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Its values, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let mut reader = Reader::new(self.bytes);
        core::iter::from_fn(move || {
            let some = !reader.rest().is_empty();
            some.then(|| Value::get(&mut reader, 0).expect("an array was checked as a whole"))
        })
    }
}

/// A table being made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableBuilder {
    bytes: Vec<u8>,
}

/// An array being made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArrayBuilder {
    bytes: Vec<u8>,
}

impl TableBuilder {
    /// Adds a field. A name is cut off after 255 bytes.
    pub fn put(&mut self, name: &str, value: Value<'_>) -> &mut TableBuilder {
        let name = super::writer::cut(name);
        self.bytes.put_u8(u8::try_from(name.len()).expect("it was cut"));
        self.bytes.extend_from_slice(name.as_bytes());
        value.put(&mut self.bytes);
        self
    }

    /// Adds all fields of another table, as they were sent.
    pub fn extend(&mut self, table: Table<'_>) {
        self.bytes.extend_from_slice(table.bytes);
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> Table<'_> {
        Table { bytes: &self.bytes }
    }
}

impl ArrayBuilder {
    /// Adds a value.
    pub fn push(&mut self, value: Value<'_>) -> &mut ArrayBuilder {
        value.put(&mut self.bytes);
        self
    }

    /// The array.
    #[must_use]
    pub fn array(&self) -> Array<'_> {
        Array { bytes: &self.bytes }
    }
}

fn put_sized(out: &mut Vec<u8>, letter: u8, bytes: &[u8]) {
    out.put_u8(letter);
    out.put_u32(u32::try_from(bytes.len()).expect("fields are far below 4 GiB"));
    out.extend_from_slice(bytes);
}
