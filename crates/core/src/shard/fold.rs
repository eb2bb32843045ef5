//! Folding one entry into the state, and telling the read side about it.
//!
//! Apart because recovery uses exactly this (R1).
//!
//! **Invariant:** folds converge. Recovery loads images of different moments and folds everything since the oldest of
//! them, so an entity may see entries again that its image holds already, or entries of a stream whose deletion is
//! still to come. Entries say what is true afterwards, never "one more": after the last of them the state is the same.

use crate::catalog::Stream;
use crate::effect::{CatalogChange, CatalogEffect, Effects, EphemeralChange, ViewChange};
use crate::entry::Entry;
use crate::route::RouteChange;
use crate::shard::Shard;
use alloc::sync::Arc;
use millstream_types::{LogId, ObjectNumber, ProducerId, StreamId, WalPosition};

/// Batches in memory that one trim lets go of; ticks go on with the rest (R13).
const TRIMMED_AT_ONCE: usize = 256;

impl Shard {
    /// Folds an entry of the frame that starts at `position`.
    pub(crate) fn fold(&mut self, position: WalPosition, entry: Entry) {
        match entry {
            Entry::StreamCreated(entry) => {
                let id = entry.id;
                self.stream_id_taken(id);
                self.catalog_last = self.catalog_last.max(position);
                if !self.streams.contains_key(&id) {
                    self.insert_stream(Stream::new(entry, position));
                }
            }
            Entry::StreamChanged(entry) => {
                self.catalog_last = self.catalog_last.max(position);
                if let Some(stream) = self.streams.get_mut(&entry.id) {
                    let have = u32::try_from(stream.logs.len()).expect("log counts fit in 32 bits");
                    if entry.logs >= have {
                        self.log_count += entry.logs - have;
                        stream.logs.resize_with(entry.logs as usize, Default::default);
                        stream.entry = Arc::new(entry);
                        stream.last = stream.last.max(position);
                    }
                }
            }
            Entry::StreamDeleted { stream } => {
                self.catalog_last = self.catalog_last.max(position);
                // A deleted stream's image may never have been written, but its id was taken all the same.
                self.stream_id_taken(stream);
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
                    state.last = state.last.max(position);
                    let (freed, batches) = state.held.trim(start, TRIMMED_AT_ONCE);
                    self.ephemeral_bytes -= freed;
                    if batches == TRIMMED_AT_ONCE {
                        self.overhanging.insert(log);
                    }
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
                self.counters.last = self.counters.last.max(position);
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
                self.catalog_last = self.catalog_last.max(position);
                self.namespaces.put(*entry);
            }
            Entry::NamespaceGone { namespace } => {
                self.catalog_last = self.catalog_last.max(position);
                self.namespaces.remove(namespace);
            }
            Entry::Group(entry) => self.groups.fold(position, entry),
            Entry::Lease(entry) => self.leases.fold(position, entry),
            Entry::Route(change) => self.routes.fold(position, change),
        }
    }

    /// An id that was handed out is never handed out again.
    fn stream_id_taken(&mut self, id: StreamId) {
        let next = StreamId(id.0 + 1);
        if id.is_ephemeral() {
            self.counters.next_ephemeral = self.counters.next_ephemeral.max(next);
        } else {
            self.counters.next_stream = self.counters.next_stream.max(next);
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

    /// What sessions will see of an entry that is about to be folded, once `after` is durable.
    pub(crate) fn publish(&self, entry: &Entry, after: WalPosition, effects: &mut Effects) {
        let mut catalog = |change: CatalogChange| effects.catalog.push(CatalogEffect { change, after });
        match entry {
            Entry::StreamCreated(entry) => {
                catalog(CatalogChange::Put(Arc::new(entry.clone())));
                entry.log_ids().for_each(|log| create_view(log, effects));
            }
            Entry::StreamChanged(entry) => {
                let have = self.streams[&entry.id].entry.logs;
                catalog(CatalogChange::Put(Arc::new(entry.clone())));
                (have..entry.logs).for_each(|index| create_view(LogId { stream: entry.id, index }, effects));
            }
            Entry::StreamDeleted { stream } => {
                let (stream, entry) = (*stream, self.streams[stream].entry.clone());
                let logs = entry.logs;
                catalog(CatalogChange::Remove(entry));
                if stream.is_ephemeral() {
                    effects.ephemeral.push(EphemeralChange::Delete { stream, logs });
                } else {
                    effects.views.push(ViewChange::Delete { stream, logs });
                }
            }
            Entry::LogTrimmed { log, start } => {
                let (log, start) = (*log, *start);
                if log.stream.is_ephemeral() {
                    effects.ephemeral.push(EphemeralChange::Trim { log, start });
                } else {
                    effects.views.push(ViewChange::Trim { log, start });
                }
            }
            Entry::ObjectCommitted(entry) => {
                let object = entry.number;
                effects.views.extend(entry.parts.iter().map(|&part| ViewChange::Pack { object, part }));
            }
            Entry::Route(RouteChange::Deleted { route }) => {
                let entry = self.routes.entry(*route).expect("who deletes a route has found it");
                catalog(CatalogChange::RemoveRoute(entry.clone()));
            }
            Entry::NamespacePut(entry) => {
                let is_going = entry.is_going;
                let entry = Arc::new((**entry).clone());
                catalog(match is_going {
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

/// A log is new.
fn create_view(log: LogId, effects: &mut Effects) {
    if log.stream.is_ephemeral() {
        effects.ephemeral.push(EphemeralChange::Create { log });
    } else {
        effects.views.push(ViewChange::Create { log });
    }
}
