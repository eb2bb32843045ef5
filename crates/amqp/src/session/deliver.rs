//! Consumers at work: they ask for as many records as they have credit for, read them, and deliver them.
//!
//! Apart because it goes on by itself, between the methods of the client: every settled delivery, every answer and every
//! read that ended leads here.
//!
//! ```text
//! credit ─► ask ─► Acquired ─► pump: find in what was read, else read ─► deliver ─► client ─► ack ─► credit
//! ```

use super::channel::Former;
use super::connection::Connection;
use super::consumer::{Found, Slice, Source};
use super::pending::Pending;
use super::unacked::Unacked;
use crate::codec::{Method, TableBuilder};
use crate::errors::Fault;
use crate::limits::{READ_BYTES, RECORDS_PER_ACQUIRE};
use crate::translate::{QueueType, Stored, Told, show};
use millstream_core::Reply;
use millstream_core::lease::{
    Acquire, AcquiredRecord, Action, Attach, Binding, HolderEnd, HolderId, LeaseRef, LeaseReply, LeaseRequest,
};
use millstream_front::{ReadError, ReadSlice};
use millstream_types::ErrorKind;
use millstream_types::batch::Record;
use std::sync::Arc;

/// The lease of a record that was handed out.
pub(crate) fn lease_of(record: &AcquiredRecord) -> LeaseRef {
    LeaseRef { log: record.log, offset: record.offset, lease: record.lease }
}

/// Gives a record back as if it had never been out.
pub(crate) const UNDELIVERED: Action = Action::Release { delay_ms: 0, delivered: false };

impl Connection {
    /// How many more deliveries a consumer may have.
    pub(super) fn credit(&self, channel: u16, prefetch: u16, out: usize) -> u32 {
        let left =
            |max: u16, out: usize| if max == 0 { usize::MAX } else { usize::from(max).saturating_sub(out) };
        let all = self
            .channels
            .get(&channel)
            .map_or(0, |channel| left(channel.prefetch_all, channel.deliveries.len()));
        let own = left(prefetch, out);
        u32::try_from(own.min(all)).unwrap_or(u32::MAX).min(RECORDS_PER_ACQUIRE)
    }

    /// Asks for records if a consumer has credit and nothing to do.
    pub(crate) fn ask(&mut self, id: u64) {
        let Some(consumer) = self.consumers.get(&id) else { return };
        let credit = self.credit(consumer.channel, consumer.prefetch, consumer.out);
        if consumer.asked || !consumer.wanted.is_empty() || credit == 0 {
            return;
        }
        let acquire = Acquire {
            group: consumer.source.group(),
            holder: HolderId(id),
            binding: Binding::Connection { timeout_ms: consumer.timeout_ms },
            records_max: credit,
            wait_ms: u64::MAX,
            priority: consumer.priority,
            leased_max: None,
            attempt: None,
        };
        let request = consumer.source.lease(LeaseRequest::Acquire(acquire));
        self.submit(Pending::Acquire(id), request);
        let consumer = self.consumers.get_mut(&id).expect("it was looked at above");
        consumer.asked = true;
        let done = consumer.slice.take_if(|slice| slice.is_spent() || slice.bytes > READ_BYTES as usize);
        self.dropped_bytes += done.map_or(0, |slice| slice.bytes);
    }

    /// Takes the records that a consumer was given.
    pub(crate) fn acquired(&mut self, id: u64, reply: Reply) -> Result<(), Fault> {
        // Whoever is gone has ended as a holder, and nothing is out to it.
        let Some(consumer) = self.consumers.get_mut(&id) else { return Ok(()) };
        consumer.asked = false;
        match reply {
            _ if consumer.is_cancelled => {
                if let Reply::Lease(reply) = reply
                    && let LeaseReply::Acquired(acquired) = *reply
                {
                    consumer.wanted.extend(acquired.records);
                }
                self.leave(id);
                Ok(())
            }
            Reply::Lease(reply) => {
                if let LeaseReply::Acquired(acquired) = *reply {
                    consumer.wanted.extend(acquired.records);
                }
                self.pump(id)
            }
            Reply::Refused(
                ErrorKind::UnknownLeaseGroup | ErrorKind::UnknownStream | ErrorKind::UnknownLog,
            ) => {
                self.cancel_by_broker(id);
                Ok(())
            }
            Reply::Refused(kind) => Err(kind.into()),
            _ => Err(Fault::internal("an answer that was not asked for")),
        }
    }

    /// Delivers what a consumer was given, as far as it was read, and reads on.
    pub(crate) fn pump(&mut self, id: u64) -> Result<(), Fault> {
        loop {
            let Some(consumer) = self.consumers.get_mut(&id) else { return Ok(()) };
            if consumer.reading.is_some() {
                return Ok(());
            }
            let source = consumer.source.clone();
            match consumer.next() {
                None => {
                    self.feed(id);
                    return Ok(());
                }
                Some((wanted, Found::Absent)) => self.settle(&source, lease_of(&wanted), Action::Absent),
                Some((wanted, Found::Record(record))) => {
                    if self.has_room(id) {
                        self.deliver(id, &wanted, &record);
                    } else {
                        self.settle(&source, lease_of(&wanted), UNDELIVERED);
                    }
                }
                Some((_, Found::Elsewhere)) => {
                    let read = consumer.read().expect("a record is wanted");
                    consumer.reading = Some((read.0.index, read.1));
                    let done = consumer.slice.take();
                    self.dropped_bytes += done.map_or(0, |slice| slice.bytes);
                    self.read(Pending::Read(id), source.grant.allow(read));
                    return Ok(());
                }
            }
        }
    }

    /// Whether a consumer may have another delivery: those of its channel may have taken what it was promised.
    fn has_room(&self, id: u64) -> bool {
        let consumer = self.consumers.get(&id);
        consumer.is_some_and(|consumer| self.credit(consumer.channel, consumer.prefetch, consumer.out) > 0)
    }

    /// Takes what a consumer read.
    pub(crate) fn was_read(&mut self, id: u64, outcome: Result<ReadSlice, ReadError>) -> Result<(), Fault> {
        if self.readers.contains_key(&id) {
            return self.was_read_by_reader(id, outcome);
        }
        let read_bytes = outcome.as_ref().map_or(0, |slice| slice.bytes);
        let Some(consumer) = self.consumers.get_mut(&id) else {
            self.dropped_bytes += read_bytes;
            return Ok(());
        };
        let Some((log, from)) = consumer.reading.take() else {
            return Err(Fault::internal("a read that was not asked for"));
        };
        if consumer.is_cancelled {
            self.dropped_bytes += read_bytes;
            self.leave(id);
            return Ok(());
        }
        match outcome {
            // Memory is short, and held by what was read before: without that the next read waits for some.
            Ok(slice) if slice.next_offset <= from => self.drop_slices(),
            Ok(slice) => consumer.slice = Some(Slice::new(log, from, slice)),
            // It went away after it was handed out: retention, or someone who trimmed the log.
            Err(ReadError::OutOfRange) => {
                let source = consumer.source.clone();
                if let Some(gone) = consumer.wanted.pop_front() {
                    self.settle(&source, lease_of(&gone), Action::Absent);
                }
            }
            Err(ReadError::Deleted) => {
                self.cancel_by_broker(id);
                return Ok(());
            }
            Err(error @ (ReadError::Corrupt | ReadError::Failed)) => {
                return Err(ErrorKind::from(error).into());
            }
        }
        self.pump(id)
    }

    /// Lets go of what consumers read and have not delivered; it is read again.
    pub(crate) fn drop_slices(&mut self) {
        let slices = self.consumers.values_mut().filter_map(|consumer| consumer.slice.take());
        let slices = slices.chain(self.readers.values_mut().filter_map(|reader| reader.slice.take()));
        self.dropped_bytes += slices.map(|slice| slice.bytes).sum::<usize>();
    }

    fn deliver(&mut self, id: u64, wanted: &AcquiredRecord, record: &Record) {
        let Some(consumer) = self.consumers.get_mut(&id) else { return };
        let source = consumer.source.clone();
        let Some(channel) = self.channels.get_mut(&consumer.channel) else { return };
        let unacked = (!consumer.no_ack).then(|| Unacked {
            tag: 0,
            source: source.clone(),
            lease: Some(lease_of(wanted)),
            consumer: Some(id),
        });
        consumer.out += usize::from(unacked.is_some());
        let delivery_tag = channel.deliveries.add(unacked);
        let mut table = TableBuilder::default();
        let shown = show(record, &source.entry.name, told_count(&source, wanted), &mut table);
        let deliver = Method::BasicDeliver {
            consumer_tag: &consumer.tag,
            delivery_tag,
            redelivered: wanted.delivery_count > 1,
            exchange: shown.exchange,
            routing_key: shown.routing_key,
        };
        self.out.method(consumer.channel, &deliver);
        self.out.content(consumer.channel, &shown.properties, &shown.body, self.frame_max);
        if consumer.no_ack {
            self.settle(&source, lease_of(wanted), Action::Ack { late: false });
        }
    }

    /// Returns the credit of deliveries that were settled.
    pub(crate) fn credit_back(&mut self, settled: &[Unacked], channel: u16) {
        for unacked in settled {
            let Some(id) = unacked.consumer else { continue };
            let former = self.channels.get_mut(&channel).map(|channel| &mut channel.former);
            if let Some(former) = former
                && let Some(at) = former.iter().position(|former| former.id == id)
            {
                // With the last of its deliveries a cancelled consumer is gone.
                former[at].out = former[at].out.saturating_sub(1);
                if former[at].out == 0 {
                    former.swap_remove(at);
                }
            } else if let Some(consumer) = self.consumers.get_mut(&id) {
                consumer.out = consumer.out.saturating_sub(1);
                self.feed(id);
            } else if let Some(reader) = self.readers.get_mut(&id) {
                reader.out = reader.out.saturating_sub(1);
                self.feed(id);
            }
        }
        let all: Vec<u64> = match self.channels.get(&channel) {
            Some(channel) if channel.prefetch_all > 0 => channel.consumers.values().copied().collect(),
            _ => return,
        };
        all.into_iter().for_each(|id| self.feed(id));
    }

    /// Ends a consumer that its client does not want any more. What was delivered to it stays out until it is settled or
    /// the channel ends; what was not goes back.
    pub(crate) fn cancel(&mut self, number: u16, tag: &str) {
        let Some(channel) = self.channels.get_mut(&number) else { return };
        let Some(id) = channel.consumers.remove(tag) else { return };
        self.hide_consumer(number, tag);
        if self.readers.contains_key(&id) {
            self.end_reader(id);
            return;
        }
        let Some(channel) = self.channels.get_mut(&number) else { return };
        let Some(consumer) = self.consumers.get_mut(&id) else { return };
        let source = consumer.source.clone();
        if consumer.out > 0 {
            channel.former.push(Former { id, source: source.clone(), out: consumer.out });
        }
        consumer.is_cancelled = true;
        let detach = LeaseRequest::Detach { group: source.group(), holder: HolderId(id) };
        self.submit(Pending::Quiet, source.lease(detach));
        self.leave(id);
        self.consumer_left(&source);
    }

    /// Lets a cancelled consumer go, once nothing is under way for it.
    fn leave(&mut self, id: u64) {
        let Some(consumer) = self.consumers.get_mut(&id) else { return };
        let source = consumer.source.clone();
        for record in std::mem::take(&mut consumer.wanted) {
            self.settle(&source, lease_of(&record), UNDELIVERED);
        }
        let Some(consumer) = self.consumers.get(&id) else { return };
        if !consumer.asked && consumer.reading.is_none() {
            let slice = self.consumers.remove(&id).and_then(|consumer| consumer.slice);
            self.dropped_bytes += slice.map_or(0, |slice| slice.bytes);
        }
    }

    /// Says that a consumer is there, and asks to be told when that ends.
    pub(crate) fn attach(&mut self, id: u64, source: &Source, priority: i32) {
        let (group, holder) = (source.group(), HolderId(id));
        // Whether somebody wants to be alone is known here: a consumer that is cancelled is no consumer any more, while
        // the core has it as a holder until the last of its deliveries is settled.
        let attach = LeaseRequest::Attach(Attach { group, holder, priority, exclusive: false });
        self.submit(Pending::Quiet, source.lease(attach));
        self.submit(Pending::End(id), source.lease(LeaseRequest::AwaitEnd { group, holder }));
    }

    /// A consumer's queue has something to say to it.
    pub(crate) fn ended(&mut self, id: u64, reply: Reply) -> Result<(), Fault> {
        let Some(consumer) = self.consumers.get(&id) else { return Ok(()) };
        let Reply::Lease(reply) = reply else { return Ok(()) };
        match *reply {
            LeaseReply::Ended(HolderEnd::GroupGone) => self.cancel_by_broker(id),
            LeaseReply::Ended(HolderEnd::TimedOut) => {
                let ms = consumer.timeout_ms.unwrap_or_default();
                return Err(Fault::precondition(format!(
                    "delivery acknowledgement on channel {} timed out. Timeout value used: {ms} ms",
                    consumer.channel
                )));
            }
            _ => {}
        }
        Ok(())
    }

    /// Ends a consumer whose queue is gone, and says so to a client that understands it.
    pub(crate) fn cancel_by_broker(&mut self, id: u64) {
        let consumer = self.consumers.get(&id).map(|consumer| (consumer.channel, consumer.tag.clone()));
        let reader = || self.readers.get(&id).map(|reader| (reader.channel, reader.tag.clone()));
        let Some((number, tag)) = consumer.or_else(reader) else { return };
        if let Some(channel) = self.channels.get_mut(&number) {
            channel.consumers.remove(&tag);
        }
        self.hide_consumer(number, &tag);
        self.end_consumer(id);
        if self.capabilities.cancel_notify {
            self.send(number, &Method::BasicCancel { consumer_tag: &tag, nowait: true });
        }
    }

    /// Ends a consumer and everything that is out to it.
    pub(crate) fn end_consumer(&mut self, id: u64) {
        let Some(consumer) = self.consumers.remove(&id) else {
            self.end_reader(id);
            return;
        };
        self.dropped_bytes += consumer.slice.map_or(0, |slice| slice.bytes);
        self.end_holder(id, &consumer.source);
        self.consumer_left(&consumer.source);
    }

    /// Gives back what is out to a holder.
    pub(crate) fn end_holder(&mut self, holder: u64, source: &Source) {
        let end = LeaseRequest::EndHolder { group: source.group(), holder: HolderId(holder) };
        self.submit(Pending::Quiet, source.lease(end));
    }

    /// A queue has a consumer less; with the last one goes a queue that was declared so.
    pub(crate) fn consumer_left(&mut self, source: &Arc<Source>) {
        let was_last = self.shared.remove_consumer(source.entry.id);
        if was_last && (Stored { config: &source.entry.config }).is_auto_delete() {
            self.delete_unasked(&source.entry);
        }
    }
}

/// How often a record was delivered before, where the queue tells.
pub(crate) fn told_count(source: &Source, record: &AcquiredRecord) -> Option<Told> {
    let stored = Stored { config: &source.entry.config };
    (stored.queue_type() == QueueType::Quorum)
        .then(|| Told::Deliveries(record.delivery_count.saturating_sub(1)))
}
