//! Values of headers, as routes compare them.
//!
//! Apart because what a header is worth differs between protocols, and a route must not know them: a front says what it has
//! read in these few shapes, and two that are equal in its protocol are equal here. Numbers are equal when they are the same
//! number, however they are written; everything else is equal only to its own kind.

use crate::codec::{DecodeError, Decoder, Encoder};
use alloc::boxed::Box;
use core::hash::{Hash, Hasher};

/// A header's value, borrowed from where it was read.
#[derive(Debug, Clone, Copy)]
pub enum ValueRef<'a> {
    /// Nothing: equal to nothing, not even to itself.
    Void,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number. Not a number is equal to nothing.
    Float(f64),
    /// Text, or bytes that stand for it.
    Text(&'a [u8]),
    /// A moment, in a unit of the front's choice.
    Time(i64),
    /// Anything else, as bytes that are the same when it is the same; `kind` keeps apart what only looks alike.
    Other {
        /// Of the front's choice.
        kind: u8,
        /// The value.
        bytes: &'a [u8],
    },
}

/// A header's value that a binding asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// See [`ValueRef::Bool`].
    Bool(bool),
    /// See [`ValueRef::Int`].
    Int(i64),
    /// See [`ValueRef::Float`].
    Float(f64),
    /// See [`ValueRef::Text`].
    Text(Box<[u8]>),
    /// See [`ValueRef::Time`].
    Time(i64),
    /// See [`ValueRef::Other`].
    Other {
        /// See [`ValueRef::Other`].
        kind: u8,
        /// See [`ValueRef::Other`].
        bytes: Box<[u8]>,
    },
}

impl ValueRef<'_> {
    /// Whether they are the same value.
    #[must_use]
    pub fn is_equal(self, other: ValueRef<'_>) -> bool {
        match (self, other) {
            (ValueRef::Bool(a), ValueRef::Bool(b)) => a == b,
            (ValueRef::Int(a), ValueRef::Int(b)) | (ValueRef::Time(a), ValueRef::Time(b)) => a == b,
            (ValueRef::Float(a), ValueRef::Float(b)) => a == b,
            (ValueRef::Int(whole), ValueRef::Float(number))
            | (ValueRef::Float(number), ValueRef::Int(whole)) => whole_of(number) == Some(whole),
            (ValueRef::Text(a), ValueRef::Text(b)) => a == b,
            (ValueRef::Other { kind: a, bytes: left }, ValueRef::Other { kind: b, bytes: right }) => {
                a == b && left == right
            }
            _ => false,
        }
    }

    /// Hashes so that equal values come to the same.
    pub(super) fn hash_into(self, hasher: &mut impl Hasher) {
        match self {
            ValueRef::Void => hasher.write_u8(0),
            ValueRef::Bool(value) => (1_u8, value).hash(hasher),
            ValueRef::Int(value) => (2_u8, value).hash(hasher),
            ValueRef::Float(value) => match whole_of(value) {
                Some(whole) => (2_u8, whole).hash(hasher),
                None => (3_u8, value.to_bits()).hash(hasher),
            },
            ValueRef::Text(bytes) => (4_u8, bytes).hash(hasher),
            ValueRef::Time(value) => (5_u8, value).hash(hasher),
            ValueRef::Other { kind, bytes } => (6_u8, kind, bytes).hash(hasher),
        }
    }
}

/// The whole number that a number is, if it is one.
fn whole_of(number: f64) -> Option<i64> {
    // The bounds are powers of two, which numbers of this kind hold exactly; inside, the cast loses nothing of a whole number.
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number);
    let whole = number as i64;
    (fits && whole as f64 == number).then_some(whole)
}

impl Value {
    /// The value, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Bool(value) => ValueRef::Bool(*value),
            Value::Int(value) => ValueRef::Int(*value),
            Value::Float(value) => ValueRef::Float(*value),
            Value::Text(bytes) => ValueRef::Text(bytes),
            Value::Time(value) => ValueRef::Time(*value),
            Value::Other { kind, bytes } => ValueRef::Other { kind: *kind, bytes },
        }
    }

    /// Bytes that [`Value::put`] writes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Value::Bool(_) => 2,
            Value::Int(_) | Value::Float(_) | Value::Time(_) => 9,
            Value::Text(bytes) => 5 + bytes.len(),
            Value::Other { bytes, .. } => 6 + bytes.len(),
        }
    }

    /// `kind u8`, then the value: 1 byte; 8; text; 8; (kind u8, bytes).
    pub(super) fn put(&self, out: &mut Encoder<'_>) {
        match self {
            Value::Bool(value) => {
                out.u8(1);
                out.u8(u8::from(*value));
            }
            Value::Int(value) => {
                out.u8(2);
                out.i64(*value);
            }
            Value::Float(value) => {
                out.u8(3);
                out.u64(value.to_bits());
            }
            Value::Text(bytes) => {
                out.u8(4);
                out.bytes(bytes);
            }
            Value::Time(value) => {
                out.u8(5);
                out.i64(*value);
            }
            Value::Other { kind, bytes } => {
                out.u8(6);
                out.u8(*kind);
                out.bytes(bytes);
            }
        }
    }

    pub(super) fn get(input: &mut Decoder<'_>) -> Result<Value, DecodeError> {
        Ok(match input.u8()? {
            1 => Value::Bool(input.bool()?),
            2 => Value::Int(input.i64()?),
            3 => Value::Float(f64::from_bits(input.u64()?)),
            4 => Value::Text(input.bytes()?.into()),
            5 => Value::Time(input.i64()?),
            6 => Value::Other { kind: input.u8()?, bytes: input.bytes()?.into() },
            _ => return Err(DecodeError::Invalid("a header's value")),
        })
    }
}
