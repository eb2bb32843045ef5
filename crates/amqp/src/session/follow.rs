//! Consumers of stream queues at work: they read on as long as they have credit, and wait for the log to move at its end.
//!
//! Apart because it goes on by itself, like `deliver.rs`, but asks nobody for leases. One read at a time per reader, each
//! of which is an event of its own, so readers of one connection take turns; what they wait for is one watch over all
//! their logs.
//!
//! ```text
//! credit ─► follow: deliver what was read ─► read on ─► client ─► ack ─► credit
//!                                        └─► at the end: watch ─► moved ─► follow
//! ```

use super::connection::Connection;
use super::consumer::Slice;
use super::pending::Pending;
use super::reader::{Next, Reader};
use super::unacked::Unacked;
use crate::codec::{Method, TableBuilder};
use crate::errors::Fault;
use crate::limits::READ_BYTES;
use crate::translate::{STREAM_LOG, Told, show};
use millstream_front::{ReadError, ReadSlice, Tag, Watch};
use millstream_types::batch::Record;
use millstream_types::{ErrorKind, LogId, Offset};
use std::collections::BTreeMap;

/// The only watch that a session has.
const WATCH: Tag = Tag(0);

impl Connection {
    /// Delivers what a reader has read, as far as it has credit, and reads on.
    pub(crate) fn follow(&mut self, id: u64) {
        loop {
            let Some(reader) = self.readers.get(&id) else { return };
            if reader.is_reading {
                return;
            }
            let has_credit = self.credit(reader.channel, reader.prefetch, reader.out) > 0;
            let log_id = reader.log();
            let reader = self.readers.get_mut(&id).expect("it was looked at above");
            if !has_credit {
                self.dropped_bytes += reader.rest();
                return;
            }
            if let Some((offset, record)) = reader.next() {
                self.deliver_at(id, offset, &record);
                continue;
            }
            self.dropped_bytes += reader.slice.take().map_or(0, |slice| slice.bytes);
            let Some(log) = self.backend.log(log_id) else {
                self.cancel_by_broker(id);
                return;
            };
            match reader.plan(&*log) {
                Next::Read(from) => {
                    reader.is_reading = true;
                    reader.waits = None;
                    let read = reader.source.grant.allow((log_id, from, READ_BYTES));
                    self.read(Pending::Read(id), read);
                }
                Next::Wait(seen) => {
                    // One that waits already is being watched for.
                    self.is_watch_due |= reader.waits != Some(seen);
                    reader.waits = Some(seen);
                }
            }
            return;
        }
    }

    /// Takes what a reader read.
    pub(crate) fn was_read_by_reader(
        &mut self,
        id: u64,
        outcome: Result<ReadSlice, ReadError>,
    ) -> Result<(), Fault> {
        let read_bytes = outcome.as_ref().map_or(0, |slice| slice.bytes);
        let Some(reader) = self.readers.get_mut(&id) else {
            self.dropped_bytes += read_bytes;
            return Ok(());
        };
        reader.is_reading = false;
        match outcome {
            Ok(slice) => {
                let start = self.backend.log(reader.log()).map_or(Offset::ZERO, |log| log.log_start());
                if !reader.take(Slice::of(STREAM_LOG, slice), start) {
                    // Memory is short, and held by what was read before: without that the next read waits for some.
                    self.dropped_bytes += read_bytes;
                    self.drop_slices();
                }
            }
            // It went away meanwhile: the reader goes on where the log begins now.
            Err(ReadError::OutOfRange) => {}
            Err(ReadError::Deleted) => {
                self.cancel_by_broker(id);
                return Ok(());
            }
            Err(error @ (ReadError::Corrupt | ReadError::Failed)) => {
                return Err(ErrorKind::from(error).into());
            }
        }
        self.feed(id);
        Ok(())
    }

    fn deliver_at(&mut self, id: u64, offset: Offset, record: &Record) {
        let Some(reader) = self.readers.get_mut(&id) else { return };
        let source = reader.source.clone();
        let Some(channel) = self.channels.get_mut(&reader.channel) else { return };
        reader.out += 1;
        let unacked = Unacked { tag: 0, source: source.clone(), lease: None, consumer: Some(id) };
        let delivery_tag = channel.deliveries.add(Some(unacked));
        let mut table = TableBuilder::default();
        let shown = show(record, &source.entry.name, Some(Told::Offset(offset)), &mut table);
        let deliver = Method::BasicDeliver {
            consumer_tag: &reader.tag,
            delivery_tag,
            redelivered: false,
            exchange: shown.exchange,
            routing_key: shown.routing_key,
        };
        self.out.method(reader.channel, &deliver);
        self.out.content(reader.channel, &shown.properties, &shown.body, self.frame_max);
    }

    /// A log that readers wait for has moved, or may have.
    pub(crate) fn moved(&mut self) {
        let waiting = self.readers.iter_mut().filter(|(_, reader)| reader.waits.is_some());
        let waiting: Vec<u64> = waiting
            .map(|(id, reader)| {
                reader.waits = None;
                *id
            })
            .collect();
        waiting.into_iter().for_each(|id| self.feed(id));
    }

    /// What to watch from now on, if that has changed.
    pub(crate) fn watch(&mut self) -> Option<Watch> {
        if !std::mem::take(&mut self.is_watch_due) {
            return None;
        }
        let mut logs: BTreeMap<LogId, Offset> = BTreeMap::new();
        for reader in self.readers.values() {
            if let Some(seen) = reader.waits {
                let least = logs.entry(reader.log()).or_insert(seen);
                *least = seen.min(*least);
            }
        }
        Some(Watch { tag: WATCH, logs: logs.into_iter().collect() }).filter(|watch| !watch.logs.is_empty())
    }

    /// Ends a consumer of a stream. What is out to it stays so until it is settled or the channel ends.
    pub(crate) fn end_reader(&mut self, id: u64) {
        let Some(reader) = self.readers.remove(&id) else { return };
        let Reader { source, slice, .. } = reader;
        self.dropped_bytes += slice.map_or(0, |slice| slice.bytes);
        self.consumer_left(&source);
    }
}
