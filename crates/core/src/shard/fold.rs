//! Folding one entry into the state, and telling the read side about it.
//!
//! Apart because recovery uses exactly this (R1).
//!
//! **Invariant:** folds converge. Recovery loads images of different moments and folds everything since the oldest of
//! them, so an entity may see entries again that its image holds already, or entries of a stream whose deletion is
//! still to come. Entries say what is true afterwards, never "one more": after the last of them the state is the same.

use crate::catalog::Stream;
use crate::effect::{CatalogChange, Effects, ViewChange};
use crate::entry::Entry;
use crate::route::RouteChange;
use crate::shard::Shard;
use alloc::sync::Arc;
use millstream_types::{LogId, ObjectNumber, ProducerId, StreamId, WalPosition};

impl Shard {
    /// Folds an entry of the frame that starts at `position`.
    pub(crate) fn fold(&mut self, position: WalPosition, entry: Entry) {
        match entry {
            Entry::StreamCreated(entry) => {
                let id = entry.id;
                self.counters.next_stream = self.counters.next_stream.max(StreamId(id.0 + 1));
                self.catalog_last = position;
                if !self.streams.contains_key(&id) {
                    self.insert_stream(Stream::new(entry, position));
                }
            }
            Entry::StreamChanged(entry) => {
                self.catalog_last = position;
                if let Some(stream) = self.streams.get_mut(&entry.id) {
                    let have = u32::try_from(stream.logs.len()).expect("log counts fit in 32 bits");
                    if entry.logs >= have {
                        self.log_count += entry.logs - have;
                        stream.logs.resize_with(entry.logs as usize, Default::default);
                        stream.entry = Arc::new(entry);
                        stream.last = position;
                    }
                }
            }
            Entry::StreamDeleted { stream } => {
                self.catalog_last = position;
                // A deleted stream's image may never have been written, but its id was taken all the same.
                self.counters.next_stream = self.counters.next_stream.max(StreamId(stream.0 + 1));
                self.groups.forget_stream(stream);
                self.leases.forget_stream(stream);
                self.routes.forget_stream(stream);
                self.objects.stream_deleted(stream);
                if let Some(stream) = self.streams.remove(&stream) {
                    self.stream_order.remove(&stream.entry.id);
                    self.doomed.remove(&stream.entry.id);
                    self.by_namespace.remove(&(stream.entry.namespace, stream.entry.id));
                    let name = (stream.entry.namespace, stream.entry.name.clone());
                    if self.names.get(&name) == Some(&stream.entry.id) {
                        self.names.remove(&name);
                    }
                    self.log_count -= stream.entry.logs;
                    self.trash.extend(stream.logs);
                }
            }
            Entry::LogTrimmed { log, start } => {
                if let Some(state) = self.log_mut(log)
                    && start > state.start
                {
                    // During recovery the records before the new start may have been freed already.
                    state.end = state.end.max(start);
                    state.start = start;
                    state.last = position;
                    self.objects.log_trimmed(log, start);
                }
                self.leases.log_trimmed(log, start);
            }
            Entry::ProducerAppended(appended) => {
                if let Some(state) = self.log_mut(appended.log) {
                    state.producers.fold(&appended);
                }
            }
            Entry::ProducerForgotten { log, id } => {
                if let Some(state) = self.log_mut(log) {
                    state.producers.forget(id);
                }
            }
            Entry::ProducerAllocated { id } => {
                self.counters.next_producer = self.counters.next_producer.max(ProducerId(id.0 + 1));
                self.counters.last = position;
            }
            Entry::ObjectCommitted(entry) => {
                let next = ObjectNumber(entry.number.0 + 1);
                self.counters.next_object = self.counters.next_object.max(next);
                let streams = &self.streams;
                let log = |log: LogId| streams.get(&log.stream)?.logs.get(log.index as usize);
                self.objects.commit(position, entry, |id| log(id).map(|log| log.start));
            }
            Entry::ObjectDropped { object } => self.objects.remove(position, object),
            Entry::NamespacePut(entry) => {
                self.catalog_last = position;
                self.namespaces.put(*entry);
            }
            Entry::NamespaceGone { namespace } => {
                self.catalog_last = position;
                self.namespaces.remove(namespace);
            }
            Entry::Group(entry) => self.groups.fold(position, entry),
            Entry::Lease(entry) => self.leases.fold(position, entry),
            Entry::Route(change) => self.routes.fold(position, change),
        }
    }

    pub(crate) fn insert_stream(&mut self, stream: Stream) {
        let entry = stream.entry.clone();
        self.log_count += entry.logs;
        self.stream_order.insert(entry.id);
        self.by_namespace.insert((entry.namespace, entry.id));
        // A fuzzy checkpoint may hold both a stream that is deleted later and its successor of the same name; ids
        // are handed out in order, so the larger one is the successor.
        let holder = self.names.entry((entry.namespace, entry.name.clone())).or_insert(entry.id);
        *holder = entry.id.max(*holder);
        self.streams.insert(entry.id, stream);
    }

    /// What sessions will see of an entry that is about to be folded.
    pub(crate) fn publish(&self, entry: &Entry, effects: &mut Effects) {
        match entry {
            Entry::StreamCreated(entry) => {
                effects.catalog.push(CatalogChange::Put(Arc::new(entry.clone())));
                effects.views.extend(entry.log_ids().map(|log| ViewChange::Create { log }));
            }
            Entry::StreamChanged(entry) => {
                let have = self.streams[&entry.id].entry.logs;
                effects.catalog.push(CatalogChange::Put(Arc::new(entry.clone())));
                let new = (have..entry.logs).map(|index| LogId { stream: entry.id, index });
                effects.views.extend(new.map(|log| ViewChange::Create { log }));
            }
            Entry::StreamDeleted { stream } => {
                let entry = self.streams[stream].entry.clone();
                effects.views.push(ViewChange::Delete { stream: *stream, logs: entry.logs });
                effects.catalog.push(CatalogChange::Remove(entry));
            }
            Entry::LogTrimmed { log, start } => {
                effects.views.push(ViewChange::Trim { log: *log, start: *start });
            }
            Entry::ObjectCommitted(entry) => {
                let object = entry.number;
                effects.views.extend(entry.parts.iter().map(|&part| ViewChange::Pack { object, part }));
            }
            Entry::Route(RouteChange::Deleted { route }) => {
                let entry = self.routes.entry(*route).expect("who deletes a route has found it");
                effects.catalog.push(CatalogChange::RemoveRoute(entry.clone()));
            }
            Entry::NamespacePut(entry) => {
                let is_going = entry.is_going;
                let entry = Arc::new((**entry).clone());
                effects.catalog.push(match is_going {
                    true => CatalogChange::RemoveNamespace(entry),
                    false => CatalogChange::PutNamespace(entry),
                });
            }
            // Nobody has found it since its deletion began.
            Entry::NamespaceGone { .. }
            | Entry::ProducerAppended(_)
            | Entry::ProducerForgotten { .. }
            | Entry::ProducerAllocated { .. }
            | Entry::ObjectDropped { .. }
            | Entry::Group(_)
            | Entry::Lease(_)
            | Entry::Route(_) => {}
        }
    }
}
