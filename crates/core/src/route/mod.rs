//! Routes: from a name and a record to streams.
//!
//! Apart because where a record goes is decided in one place, whatever protocol it came in by. A route has *bindings*; each
//! leads to a stream or to another route, under a condition. The shard keeps them ([`RouteRequest`]); sessions match records by
//! what the catalog shows of them ([`resolve`]), and append to all streams found in one request, so that a record is published
//! to all of them or to none.
//!
//! What happens to a route (a test walks every cell):
//!
//! | event | absent | without bindings | bound |
//! |---|---|---|---|
//! | create, as it is | → without bindings | nothing | nothing |
//! | create, in another way | → without bindings | RouteDiffers | RouteDiffers |
//! | alter | UnknownRoute | nothing | nothing |
//! | delete | UnknownRoute | → absent | → absent |
//! | delete if unused | UnknownRoute | → absent | RouteInUse |
//! | bind | UnknownRoute | → bound | → bound |
//! | bind once more | UnknownRoute | → bound | nothing |
//! | unbind the last | UnknownRoute | nothing | → without bindings |
//! | unbind the last, where it goes with it | UnknownRoute | nothing | → absent |
//! | what the last leads to is deleted | nothing | nothing | → without bindings |
//! | what the last leads to is deleted, where it goes with it | nothing | nothing | → absent |
//! | the broker starts again | nothing | nothing | nothing |
//!
//! Deleting a stream or route frees the bindings to it: some in the same frame, the rest in slices (R13). What is left to
//! free needs no entry of its own: it is whatever leads to something that does not exist, before a restart as after it.
//!
//! Matching: `table/`, `resolve.rs`, `cache.rs` and `reach.rs`. State: `state.rs`; events: `declare.rs`; persisted: `change.rs`, `binding.rs`, `entry.rs`,
//! `value.rs`, `image.rs`.

mod binding;
mod cache;
mod change;
mod declare;
mod entry;
mod image;
mod radix;
mod reach;
mod request;
mod resolve;
mod state;
mod table;
mod value;

pub use binding::{Binding, BindingName, Condition, Criteria, Destination};
pub use cache::Resolver;
pub use change::RouteChange;
pub use entry::{HashBy, MatchKind, RouteConfig, RouteEntry, RouteHead};
pub use image::RouteImageKey;
pub use reach::reach;
pub use request::{CreateRoute, RouteReply, RouteRequest};
pub use resolve::{Headers, Lookup, NoHeaders, RoutedRecord, Targets, resolve};
pub use value::{Value, ValueRef};

pub(crate) use change::FIRST_TAG;
pub(crate) use declare::{FREE_BYTES, apply, free, tick};
pub(crate) use image::FIRST_TAG as IMAGE_TAG;
pub(crate) use state::Routes;
