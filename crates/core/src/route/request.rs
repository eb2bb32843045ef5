//! What can be asked about routes, and what is answered.
//!
//! Apart because fronts translate these, and nothing else of the routes, to their wires. Where a record goes is not asked: see
//! [`resolve`](super::resolve).

use super::binding::{Binding, Destination};
use super::declare::FREE_BYTES;
use super::entry::{RouteConfig, RouteEntry, RouteHead};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use millstream_types::{Namespace, RouteId};

/// A request about routes.
#[derive(Debug)]
pub enum RouteRequest {
    /// Create a route. Answer: [`RouteReply::Route`], also if it is there already and set up in this way; or `RouteDiffers`,
    /// `InvalidName`, `InvalidConfig`, `LimitExceeded`.
    Create(Box<CreateRoute>),
    /// Set up a route anew, but for how it matches. Answer: [`RouteReply::Route`], or `UnknownRoute`, `InvalidConfig`.
    Alter {
        /// The route.
        route: RouteId,
        /// Where records go that it takes nowhere, see [`RouteConfig::alternate`].
        alternate: Option<Arc<str>>,
        /// All of its annotations.
        annotations: BTreeMap<Box<str>, Box<str>>,
    },
    /// Delete a route, the bindings from it and, in slices, those to it. Answer: [`RouteReply::Deleted`], or `UnknownRoute`,
    /// `RouteInUse`.
    Delete {
        /// The route.
        route: RouteId,
        /// Only if no binding leads on from it.
        if_unused: bool,
    },
    /// Have a route lead to a stream or route of its namespace. Answer: [`RouteReply::Bound`], or `UnknownRoute`, `UnknownStream`,
    /// `InvalidConfig` when the binding is out of bounds or asks for what the route does not look at, `LimitExceeded`.
    Bind {
        /// The route that it leads from.
        source: RouteId,
        /// The binding.
        binding: Box<Binding>,
    },
    /// Take a binding back. Answer: [`RouteReply::Unbound`], or `UnknownRoute`.
    Unbind {
        /// The route that it leads from.
        source: RouteId,
        /// Where it leads.
        destination: Destination,
        /// Its key.
        key: Box<[u8]>,
        /// Its opaque arguments.
        arguments: Box<[u8]>,
    },
}

/// A route to create.
#[derive(Debug, Clone)]
pub struct CreateRoute {
    /// Where its name lives.
    pub namespace: Namespace,
    /// Its name: UTF-8, 1 to 255 bytes.
    pub name: Arc<str>,
    /// How it is set up.
    pub config: RouteConfig,
}

/// The answer to a [`RouteRequest`].
#[derive(Debug, Clone)]
pub enum RouteReply {
    /// The route as it is now.
    Route {
        /// It.
        entry: Arc<RouteEntry>,
        /// It did not exist before.
        is_new: bool,
    },
    /// The route as it was.
    Deleted(Arc<RouteEntry>),
    /// The binding is there.
    Bound {
        /// It was not there before.
        is_new: bool,
    },
    /// The binding is not there, and its route not either if that was to go with its last binding.
    Unbound {
        /// It was there before.
        was_bound: bool,
    },
}

impl RouteRequest {
    /// Bytes of entries that it makes at most (R12), and whether it gives space back.
    pub(crate) fn entries_bytes_max(&self) -> (usize, bool) {
        match self {
            RouteRequest::Create(create) => (1 + RouteHead::bytes_max(&create.name, &create.config), false),
            RouteRequest::Alter { .. } => (16 + RouteConfig::BYTES_MAX, false),
            RouteRequest::Bind { binding, .. } => (17 + binding.bytes(), false),
            RouteRequest::Unbind { .. } => (64, true),
            RouteRequest::Delete { .. } => (64 + FREE_BYTES, true),
        }
    }
}
