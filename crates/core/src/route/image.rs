//! Images of routes for a fuzzy checkpoint (R7).
//!
//! Apart because a route with 100,000 bindings is written in chunks over many turns, while bindings come and go.
//!
//! | tag | chunk | bytes |
//! |---|---|---|
//! | 64 | counter | next route id u64 |
//! | 65 | route | as in its entry, then the number of its next binding u64 |
//! | 66 | bindings | route u64, count u32, then (number u64, binding) each |

use super::binding::Binding;
use super::change::FIRST_HELD;
use super::entry::RouteHead;
use super::state::Routes;
use crate::codec::{DecodeError, Decoder, Encoder};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Bound;
use millstream_types::limits::{
    BINDING_ARGUMENTS_BYTES_MAX, CHECKPOINT_CHUNK_BYTES_MAX, ROUTE_ANNOTATIONS_BYTES_MAX,
};
use millstream_types::{RouteId, WalPosition, planted};

/// The first tag of routes' images.
pub(crate) const FIRST_TAG: u8 = 64;
/// A chunk is complete when it is so long.
const CHUNK_BYTES: usize = 16 << 10;

const _: () = assert!(CHUNK_BYTES + 2 * BINDING_ARGUMENTS_BYTES_MAX + 512 <= CHECKPOINT_CHUNK_BYTES_MAX);
const _: () = assert!(ROUTE_ANNOTATIONS_BYTES_MAX + 2048 <= CHECKPOINT_CHUNK_BYTES_MAX);

/// Where the walk over the routes' images goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteImageKey {
    /// At the first one.
    Counter,
    /// At the first route whose id is at least this.
    Route(RouteId),
    /// At the route's bindings after this one.
    Bindings(RouteId, u64),
}

impl Routes {
    /// The first chunk, if there ever was a route.
    pub(crate) fn first_image(&self) -> Option<RouteImageKey> {
        (self.next_route > RouteId(1)).then_some(RouteImageKey::Counter)
    }

    /// Writes one chunk, or nothing when the route is gone meanwhile.
    pub(crate) fn image(&self, key: RouteImageKey, out: &mut Encoder<'_>) -> Option<RouteImageKey> {
        match key {
            RouteImageKey::Counter => {
                out.u8(FIRST_TAG);
                out.u64(self.next_route.0);
                Some(RouteImageKey::Route(RouteId(0)))
            }
            RouteImageKey::Route(from) => {
                // The ids of routes in memory come after all others.
                let (id, route) = self.routes.range(from..).next().filter(|(id, _)| !id.is_ephemeral())?;
                out.u8(FIRST_TAG + 1);
                RouteHead::of(&route.entry).put(out);
                out.u64(route.next_binding);
                Some(RouteImageKey::Bindings(*id, 0))
            }
            RouteImageKey::Bindings(id, after) => {
                let next_route = RouteImageKey::Route(RouteId(id.0 + 1));
                let Some(route) = self.routes.get(&id) else { return Some(next_route) };
                let mut items = Vec::new();
                let (mut count, mut last) = (0_u32, after);
                let kept = (Bound::Excluded(after), Bound::Excluded(FIRST_HELD));
                for (number, binding) in route.bindings.range(kept) {
                    let mut item = Encoder(&mut items);
                    item.u64(*number);
                    binding.put(&mut item);
                    (count, last) = (count + 1, *number);
                    if items.len() >= CHUNK_BYTES {
                        break;
                    }
                }
                if count == 0 || planted!(BindingsLostInImages) {
                    return Some(next_route);
                }
                out.u8(FIRST_TAG + 2);
                out.u64(id.0);
                out.u32(count);
                out.0.extend_from_slice(&items);
                Some(RouteImageKey::Bindings(id, last))
            }
        }
    }

    /// Takes one chunk after its tag.
    pub(crate) fn restore(
        &mut self,
        tag: u8,
        stamp: WalPosition,
        input: &mut Decoder<'_>,
    ) -> Result<(), DecodeError> {
        match tag {
            64 => self.next_route = RouteId(input.next_id()?).max(self.next_route),
            65 => {
                let head = RouteHead::get(input)?;
                if self.routes.contains_key(&head.id) {
                    return Err(DecodeError::Invalid("a route that has an image already"));
                }
                let next_binding = input.next_id()?;
                self.last = self.last.max(stamp);
                self.insert(head, next_binding, stamp);
            }
            66 => {
                let id = RouteId(input.id()?);
                if !self.routes.contains_key(&id) {
                    return Err(DecodeError::Invalid("bindings of a route without an image"));
                }
                for _ in 0..input.u32()? {
                    let number = input.id()?;
                    self.bind(stamp, id, number, Arc::new(Binding::get(input)?));
                }
            }
            tag => return Err(DecodeError::UnknownTag(tag)),
        }
        Ok(())
    }
}
