//! Bindings: what leads from a route to a stream or to another route, and under which condition.
//!
//! Apart because a binding is what clients name, list and take back, whole and as they made it, whatever a route's table makes
//! of it for matching.

use super::value::Value;
use crate::codec::{DecodeError, Decoder, Encoder};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use millstream_types::limits::{
    BINDING_ARGUMENTS_BYTES_MAX, BINDING_KEY_BYTES_MAX, BINDING_WEIGHT_MAX, NAME_BYTES_MAX,
};
use millstream_types::{ErrorKind, RouteId, StreamId};

/// Where a binding leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Destination {
    /// To a stream.
    Stream(StreamId),
    /// To another route.
    Route(RouteId),
}

impl Destination {
    /// Whether it is in memory only.
    #[must_use]
    pub fn is_ephemeral(self) -> bool {
        match self {
            Destination::Stream(stream) => stream.is_ephemeral(),
            Destination::Route(route) => route.is_ephemeral(),
        }
    }
}

/// One binding of a route.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// Where it leads.
    pub destination: Destination,
    /// Its key: at most 255 bytes. What it means is up to the route.
    pub key: Box<[u8]>,
    /// What it asks for beside the key.
    pub condition: Condition,
    /// What a front wants back as it was sent, at most 16 KiB. Never read here, but part of what tells bindings apart.
    pub arguments: Box<[u8]>,
}

/// What a binding asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Its key says it all.
    Key,
    /// These headers: for routes that match headers.
    Headers(Criteria),
    /// So large a share, 1 to 1,024: for routes that share out by a hash.
    Weight(u32),
}

/// Headers that a binding asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Criteria {
    /// One of them is enough; otherwise it takes all.
    pub any: bool,
    /// Headers whose names begin with `x-` count like others; otherwise they are not looked at.
    pub with_x: bool,
    /// Names with values; without one it is enough that the header is there.
    pub pairs: Vec<(Box<str>, Option<Value>)>,
}

impl Criteria {
    /// Those that count.
    pub(super) fn counted(&self) -> impl Iterator<Item = (&str, Option<&Value>)> {
        let pairs = self.pairs.iter().map(|(name, value)| (&**name, value.as_ref()));
        pairs.filter(|(name, _)| self.with_x || !name.starts_with("x-"))
    }
}

/// What makes two bindings of a route the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindingName<'a> {
    /// Where it leads.
    pub destination: Destination,
    /// Its key.
    pub key: &'a [u8],
    /// Its opaque arguments.
    pub arguments: &'a [u8],
}

impl BindingName<'_> {
    pub(super) fn hash_into(&self, hasher: &mut impl Hasher) {
        self.destination.hash(hasher);
        self.key.hash(hasher);
        self.arguments.hash(hasher);
    }
}

impl Binding {
    /// What tells it from the other bindings of its route.
    #[must_use]
    pub fn name(&self) -> BindingName<'_> {
        BindingName { destination: self.destination, key: &self.key, arguments: &self.arguments }
    }

    /// `InvalidConfig` when something is out of bounds.
    pub(super) fn check(&self) -> Result<(), ErrorKind> {
        let condition_fits = match &self.condition {
            Condition::Key => true,
            Condition::Weight(weight) => (1..=BINDING_WEIGHT_MAX).contains(weight),
            Condition::Headers(criteria) => {
                criteria.pairs.iter().all(|(name, _)| name.len() <= NAME_BYTES_MAX)
                    && self.condition.bytes() <= BINDING_ARGUMENTS_BYTES_MAX
            }
        };
        let fits = self.key.len() <= BINDING_KEY_BYTES_MAX
            && self.arguments.len() <= BINDING_ARGUMENTS_BYTES_MAX
            && condition_fits;
        if fits { Ok(()) } else { Err(ErrorKind::InvalidConfig) }
    }

    /// Bytes that [`Binding::put`] writes at most.
    pub(super) fn bytes(&self) -> usize {
        24 + self.key.len() + self.arguments.len() + self.condition.bytes()
    }

    /// `destination (0 or 1, u64), key, arguments, condition`.
    pub(super) fn put(&self, out: &mut Encoder<'_>) {
        self.destination.put(out);
        out.bytes(&self.key);
        out.bytes(&self.arguments);
        match &self.condition {
            Condition::Key => out.u8(0),
            Condition::Headers(criteria) => {
                out.u8(1);
                out.u8(u8::from(criteria.any));
                out.u8(u8::from(criteria.with_x));
                out.u32(u32::try_from(criteria.pairs.len()).expect("bounded by its bytes"));
                for (name, value) in &criteria.pairs {
                    out.str(name);
                    out.option(value.as_ref(), |out, value| value.put(out));
                }
            }
            Condition::Weight(weight) => {
                out.u8(2);
                out.u32(*weight);
            }
        }
    }

    pub(super) fn get(input: &mut Decoder<'_>) -> Result<Binding, DecodeError> {
        let destination = Destination::get(input)?;
        let (key, arguments) = (input.bytes()?.into(), input.bytes()?.into());
        let condition = match input.u8()? {
            0 => Condition::Key,
            1 => {
                let (any, with_x) = (input.bool()?, input.bool()?);
                let mut pairs = Vec::new();
                for _ in 0..input.u32()? {
                    pairs.push((input.boxed_str()?, input.option(Value::get)?));
                }
                Condition::Headers(Criteria { any, with_x, pairs })
            }
            2 => Condition::Weight(input.u32()?),
            _ => return Err(DecodeError::Invalid("a binding's condition")),
        };
        let binding = Binding { destination, key, condition, arguments };
        if binding.check().is_err() {
            return Err(DecodeError::Invalid("a binding"));
        }
        Ok(binding)
    }
}

impl Condition {
    fn bytes(&self) -> usize {
        match self {
            Condition::Key => 1,
            Condition::Weight(_) => 5,
            Condition::Headers(criteria) => {
                let pair = |(name, value): &(Box<str>, Option<Value>)| {
                    5 + name.len() + value.as_ref().map_or(0, Value::bytes)
                };
                7 + criteria.pairs.iter().map(pair).sum::<usize>()
            }
        }
    }
}

impl Destination {
    pub(super) fn put(self, out: &mut Encoder<'_>) {
        let (kind, id) = match self {
            Destination::Stream(stream) => (0, stream.0),
            Destination::Route(route) => (1, route.0),
        };
        out.u8(kind);
        out.u64(id);
    }

    fn get(input: &mut Decoder<'_>) -> Result<Destination, DecodeError> {
        Ok(match (input.u8()?, input.id()?) {
            (0, id) => Destination::Stream(StreamId(id)),
            (1, id) => Destination::Route(RouteId(id)),
            _ => return Err(DecodeError::Invalid("a binding's destination")),
        })
    }
}
