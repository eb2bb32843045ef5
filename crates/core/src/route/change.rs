//! Entries of routes: what was decided, as it is persisted.
//!
//! Apart because these bytes are read by later versions. Every entry begins with its tag; then:
//!
//! | tag | entry | bytes |
//! |---|---|---|
//! | 64 | route created | id u64, namespace u32, name, created i64, configuration |
//! | 65 | route deleted, with all bindings that lead on from it | route u64 |
//! | 66 | bound | route u64, number of the binding in it u64, binding |
//! | 67 | unbound | route u64, count u32, then a binding's number u64 each |
//! | 68 | route altered | route u64, configuration |
//!
//! A route's bindings are numbered from 1 in the order in which they were made, and a number is never used again in its
//! route: so entries can be folded once more over a state that is newer already. Bindings *to* something that is gone are
//! freed by entries of the routes that they lead from.

use super::binding::Binding;
use super::entry::{RouteConfig, RouteHead};
use crate::codec::{DecodeError, Decoder, Encoder};
use alloc::sync::Arc;
use alloc::vec::Vec;
use millstream_types::RouteId;

/// The first tag of routes' entries.
pub(crate) const FIRST_TAG: u8 = 64;

/// Bindings of a route on the disk that lead to something in memory are in memory as well. Their numbers begin here.
pub(super) const FIRST_HELD: u64 = 1 << 62;

/// Whether a binding is in memory only, though its route is not.
pub(super) fn is_held(number: u64) -> bool {
    number >= FIRST_HELD
}

/// One change of a route.
#[derive(Debug, Clone, PartialEq)]
pub enum RouteChange {
    /// It exists.
    Created(RouteHead),
    /// It is gone, and all bindings that lead on from it.
    Deleted {
        /// The route.
        route: RouteId,
    },
    /// A binding leads on from it.
    Bound {
        /// The route.
        route: RouteId,
        /// Which one it is of the route's.
        number: u64,
        /// The binding.
        binding: Arc<Binding>,
    },
    /// Bindings are gone.
    Unbound {
        /// The route.
        route: RouteId,
        /// Which ones.
        numbers: Vec<u64>,
    },
    /// It is set up like this now; how it matches stays.
    Altered {
        /// The route.
        route: RouteId,
        /// All of its set-up.
        config: Arc<RouteConfig>,
    },
}

impl RouteChange {
    /// The route that it is about.
    pub(crate) fn route(&self) -> RouteId {
        match self {
            RouteChange::Created(head) => head.id,
            RouteChange::Deleted { route }
            | RouteChange::Bound { route, .. }
            | RouteChange::Unbound { route, .. }
            | RouteChange::Altered { route, .. } => *route,
        }
    }

    /// Whether it is about a route or bindings that are in memory only.
    pub(crate) fn is_ephemeral(&self) -> bool {
        self.route().is_ephemeral()
            || match self {
                RouteChange::Bound { number, .. } => is_held(*number),
                RouteChange::Unbound { numbers, .. } => {
                    !numbers.is_empty() && numbers.iter().all(|number| is_held(*number))
                }
                RouteChange::Created(_) | RouteChange::Deleted { .. } | RouteChange::Altered { .. } => false,
            }
    }

    /// Writes the entry.
    pub(crate) fn put(&self, out: &mut Encoder<'_>) {
        match self {
            RouteChange::Created(head) => {
                out.u8(FIRST_TAG);
                head.put(out);
            }
            RouteChange::Deleted { route } => {
                out.u8(FIRST_TAG + 1);
                out.u64(route.0);
            }
            RouteChange::Bound { route, number, binding } => {
                out.u8(FIRST_TAG + 2);
                out.u64(route.0);
                out.u64(*number);
                binding.put(out);
            }
            RouteChange::Unbound { route, numbers } => {
                out.u8(FIRST_TAG + 3);
                out.u64(route.0);
                out.u32(u32::try_from(numbers.len()).expect("a slice at most"));
                numbers.iter().for_each(|number| out.u64(*number));
            }
            RouteChange::Altered { route, config } => {
                out.u8(FIRST_TAG + 4);
                out.u64(route.0);
                config.put(out);
            }
        }
    }

    /// Reads an entry after its tag.
    pub(crate) fn get(tag: u8, input: &mut Decoder<'_>) -> Result<RouteChange, DecodeError> {
        let route = |input: &mut Decoder<'_>| input.id().map(RouteId);
        Ok(match tag {
            64 => RouteChange::Created(RouteHead::get(input)?),
            65 => RouteChange::Deleted { route: route(input)? },
            66 => RouteChange::Bound {
                route: route(input)?,
                number: input.id()?,
                binding: Arc::new(Binding::get(input)?),
            },
            67 => {
                let route = route(input)?;
                let mut numbers = Vec::new();
                for _ in 0..input.u32()? {
                    numbers.push(input.id()?);
                }
                RouteChange::Unbound { route, numbers }
            }
            68 => RouteChange::Altered { route: route(input)?, config: Arc::new(RouteConfig::get(input)?) },
            tag => return Err(DecodeError::UnknownTag(tag)),
        })
    }
}
