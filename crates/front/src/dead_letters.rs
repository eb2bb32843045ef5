//! Where streams' dead letters go, as far as their settings say.
//!
//! Apart because every front that lists dead letters or sends them back asks this, and a stream may name another one or a
//! route. By a route a record's own key and headers have a say: here a stream counts when one of its dead letters may come
//! there; each record is judged when it is moved.

use crate::backend::Backend;
use millstream_core::catalog::{DeadLetterRoute, StreamEntry};
use millstream_core::route::reach;
use std::collections::HashMap;
use std::sync::Arc;

/// The ways of one namespace's dead letters; routes that several streams name are followed once.
pub struct Ways<'b> {
    backend: &'b dyn Backend,
    known: HashMap<DeadLetterRoute, Vec<Arc<str>>>,
}

impl<'b> Ways<'b> {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(backend: &'b dyn Backend) -> Ways<'b> {
        Ways { backend, known: HashMap::new() }
    }

    /// Calls for the name of each stream that a stream's dead letters may come to. One that it names itself need not
    /// exist.
    pub fn each(&mut self, from: &StreamEntry, mut visit: impl FnMut(&str)) {
        let lease = from.config.lease();
        match (lease.dead_letter_route(), lease.dead_letter()) {
            // Without a route to the stream that is called like the key; a record without a key of its own stays in a circle.
            (Some(DeadLetterRoute { route, key }), _) if route.is_empty() => {
                key.iter().for_each(|name| visit(name));
            }
            (Some(setting), _) => {
                if !self.known.contains_key(setting) {
                    let names = self.follow(from, setting);
                    self.known.insert(setting.clone(), names);
                }
                self.known[setting].iter().for_each(|name| visit(name));
            }
            (None, name) => name.into_iter().for_each(visit),
        }
    }

    /// Whether a stream's dead letters may come to another one.
    pub fn lead(&mut self, from: &StreamEntry, to: &StreamEntry) -> bool {
        let mut leads = false;
        self.each(from, |name| leads |= *name == *to.name);
        leads && from.namespace == to.namespace
    }

    fn follow(&self, from: &StreamEntry, setting: &DeadLetterRoute) -> Vec<Arc<str>> {
        let route = self.backend.route(from.namespace, &setting.route);
        let key = setting.key.as_deref().map(str::as_bytes);
        let streams = route.map(|route| reach(self.backend, &route, key));
        // Where there are too many, no dead letter is let through either.
        let streams = streams.and_then(Result::ok).unwrap_or_default();
        streams.into_iter().map(|stream| stream.name.clone()).collect()
    }
}
