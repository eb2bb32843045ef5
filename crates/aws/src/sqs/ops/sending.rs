//! Sending: messages become one append, and what came of it becomes their answers.
//!
//! Apart because one message and a batch of them are sent alike. Messages of a standard queue are one batch of records;
//! on a FIFO queue each is a batch of its own, since each is looked up by its deduplication id. One request is one frame either way: all of it is durable, or nothing is.

use super::queues::Queue;
use crate::hex::{Ascii, spell_sum};
use crate::json::Object;
use crate::sqs::attributes::{DeduplicationScope, QueueSettings};
use crate::sqs::errors::SqsError;
use crate::sqs::message::{Sum, md5_of_attributes, md5_of_bodies};
use crate::sqs::outgoing::Outgoing;
use crate::sqs::sums::{Place, Sums};
use crate::sqs::translate::{Message, log_of, message_id, push_record, sequence_number};
use crate::step::{Context, Step};
use crate::xml::Xml;
use millstream_core::catalog::{ConfigChange, LeaseSetting, LeaseSettingKey, Ordering, Setting};
use millstream_core::lease::RecordMark;
use millstream_core::log::{AppendBatch, Appended};
use millstream_core::{Reply, Request};
use millstream_front::Grant;
use millstream_types::batch::{BatchBuilder, Compression};
use millstream_types::key::{dedup_id, ordering_key};
use millstream_types::{ErrorKind, LogId, RecordTime, StreamUid};

/// Bytes of a record without attributes beside its body, with some to spare.
const RECORD_BYTES: usize = 32;

/// The answer to one message.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    /// Of an entry of a batch.
    id: Option<String>,
    /// Known once the message has its place.
    message_id: Option<Ascii<36>>,
    body_sum: Ascii<32>,
    attributes_sum: Option<String>,
    system_attributes_sum: Option<String>,
    sequence_number: Option<String>,
}

impl Sent {
    /// The same as the answer to an entry of a batch.
    pub(super) fn entry(self, id: String) -> Sent {
        Sent { id: Some(id), ..self }
    }

    /// Its members.
    pub(super) fn members(&self, object: &mut Object<'_>) {
        object.optional("Id", self.id.as_deref());
        object.optional("MessageId", self.message_id.as_deref());
        object.text("MD5OfMessageBody", &self.body_sum);
        object.optional("MD5OfMessageAttributes", self.attributes_sum.as_deref());
        object.optional("MD5OfMessageSystemAttributes", self.system_attributes_sum.as_deref());
        object.optional("SequenceNumber", self.sequence_number.as_deref());
    }

    /// Its elements.
    pub(super) fn elements(&self, xml: &mut Xml) {
        xml.optional("Id", self.id.as_deref());
        xml.optional("MessageId", self.message_id.as_deref());
        xml.element("MD5OfMessageBody", &self.body_sum);
        xml.optional("MD5OfMessageAttributes", self.attributes_sum.as_deref());
        xml.optional("MD5OfMessageSystemAttributes", self.system_attributes_sum.as_deref());
        xml.optional("SequenceNumber", self.sequence_number.as_deref());
    }
}

/// What is kept of messages until it is known where they went.
struct Pending {
    uid: StreamUid,
    fifo: bool,
    /// Per batch of the append: its log, and the answers of its messages, with their sums, but for what depends on
    /// their offsets.
    batches: Vec<(u32, Vec<(Sent, Sum)>)>,
}

/// Sends messages, at least one; goes on with their answers in their order.
///
/// # Errors
/// When they do not fit into a batch of records, which their own limits prevent.
pub(super) fn send(
    cx: &Context,
    queue: &Queue,
    grant: &Grant,
    settings: &QueueSettings,
    messages: Vec<Outgoing<'_>>,
    then: impl FnOnce(Vec<Result<Sent, SqsError>>) -> Result<Step, SqsError> + Send + 'static,
) -> Result<Step, SqsError> {
    let mut requests = Vec::with_capacity(2);
    let lease = queue.entry.config.lease();
    let has_groups = messages.iter().any(|message| message.group.is_some());
    let mut is_keyed = lease.ordering() != Ordering::Unordered;
    if has_groups && !lease.is_set(LeaseSettingKey::Ordering) {
        // The first tenant on a standard queue: from now on none of them starves another. Queues without tenants do
        // not pay for it. It is no change that its sender makes, but what Amazon calls a fair queue.
        let changes = vec![ConfigChange::Set(Setting::Lease(LeaseSetting::Ordering(Ordering::Fair)))];
        requests.push(grant.allow(Request::AlterStream { stream: queue.entry.id, changes }));
        is_keyed = true;
    }
    let (append, pending) = append(cx, queue, settings, is_keyed, messages)?;
    requests.push(grant.allow(append));
    let then = move |cx: &mut Context, mut replies: Vec<Reply>| {
        // The append is the last request. Its sender need not know whether the change before it was made: without it
        // the groups' marks have no effect.
        let appended = replies.pop().unwrap_or(Reply::Refused(ErrorKind::Indeterminate));
        Step::from(results(&cx.shared.sums, appended, pending).and_then(then))
    };
    Ok(Step::Submit(requests, Box::new(then)))
}

/// One append of some messages.
fn append(
    cx: &Context,
    queue: &Queue,
    settings: &QueueSettings,
    is_keyed: bool,
    messages: Vec<Outgoing<'_>>,
) -> Result<(Request, Pending), SqsError> {
    let mut pending = Pending { uid: queue.entry.uid, fifo: settings.fifo, batches: Vec::new() };
    let mut batches: Vec<Draft> = Vec::new();
    let sums = md5_of_bodies(messages.iter().map(|message| &*message.body));
    let record_bytes = |message: &Outgoing<'_>| message.body.len() + RECORD_BYTES;
    let all_bytes: usize = messages.iter().map(record_bytes).sum();
    // One batch takes all messages, unless each goes on its own or to one of several logs.
    let is_one = !settings.fifo && queue.entry.logs == 1;
    for (message, sum) in messages.iter().zip(sums) {
        let index = log_of(message.group.as_deref(), queue.entry.logs, cx.backend.random());
        let joins = batches.last().is_some_and(|last| !settings.fifo && last.log == index);
        if !joins {
            let bytes = if is_one { all_bytes } else { record_bytes(message) };
            let builder = BatchBuilder::with_capacity(bytes);
            batches.push(Draft { log: index, builder, marks: Vec::new() });
            pending.batches.push((index, Vec::new()));
        }
        let draft = batches.last_mut().expect("one was pushed if there was none");
        draft.push(message, settings, is_keyed, RecordTime(cx.now.0))?;
        pending.batches.last_mut().expect("as many as drafts").1.push((answer(message, sum), sum));
    }
    let batches: Result<Vec<AppendBatch>, SqsError> =
        batches.into_iter().map(|draft| draft.finish(queue, is_keyed, RecordTime(cx.now.0))).collect();
    Ok((Request::Append(batches?), pending))
}

/// A batch being made.
struct Draft {
    log: u32,
    builder: BatchBuilder,
    marks: Vec<RecordMark>,
}

impl Draft {
    fn push(
        &mut self,
        message: &Outgoing<'_>,
        settings: &QueueSettings,
        is_keyed: bool,
        now: RecordTime,
    ) -> Result<(), SqsError> {
        let trace_header = message.trace_header.as_ref();
        let record = Message {
            body: (&*message.body).into(),
            attributes: message.attributes.clone(),
            group: message.group.as_deref().map(Into::into),
            deduplication_id: message.deduplication_id.as_deref().map(Into::into),
            trace_header: trace_header
                .and_then(|header| std::str::from_utf8(header.value.as_bytes()).ok())
                .map(Into::into),
            sent: now,
            origin: None,
        };
        push_record(&mut self.builder, &record).map_err(|error| SqsError::from(error.kind()))?;
        self.marks.push(mark(message, settings, is_keyed));
        Ok(())
    }

    fn finish(self, queue: &Queue, is_keyed: bool, now: RecordTime) -> Result<AppendBatch, SqsError> {
        let records = self.builder.record_count();
        let bytes = self.builder.finish(Compression::None).map_err(|error| SqsError::from(error.kind()))?;
        // Where keys count, that a record has none has to be said as well, or it would have to be read for it.
        let plain = !is_keyed && self.marks.iter().all(|mark| *mark == RecordMark::default());
        Ok(AppendBatch {
            log: LogId { stream: queue.entry.id, index: self.log },
            records,
            last_offset_delta: records - 1,
            max_timestamp: now,
            producer: None,
            marks: if plain { Vec::new() } else { self.marks },
            bytes,
        })
    }
}

/// What the core has to know of a message.
fn mark(message: &Outgoing<'_>, settings: &QueueSettings, is_keyed: bool) -> RecordMark {
    let group = message.group.as_deref().map(str::as_bytes);
    let scope = match settings.deduplication_scope {
        DeduplicationScope::Queue => None,
        DeduplicationScope::MessageGroup => group,
    };
    RecordMark {
        delay_ms: message.delay_ms,
        ordering_key: group.filter(|_| is_keyed).map(ordering_key),
        dedup: message.deduplication_id.as_deref().map(|id| dedup_id(scope, id.as_bytes())),
        ..RecordMark::default()
    }
}

/// A message's answer, but for what depends on its offset.
fn answer(message: &Outgoing<'_>, sum: Sum) -> Sent {
    Sent {
        id: None,
        message_id: None,
        body_sum: spell_sum(&sum),
        attributes_sum: md5_of_attributes(&message.attributes),
        system_attributes_sum: message.trace_header.clone().and_then(|header| md5_of_attributes(&[header])),
        sequence_number: None,
    }
}

/// The answers, in the order of the messages.
///
/// # Errors
/// When the whole append was refused.
fn results(sums: &Sums, reply: Reply, pending: Pending) -> Result<Vec<Result<Sent, SqsError>>, SqsError> {
    let appended = match reply {
        Reply::Appended(appended) => appended,
        Reply::Refused(kind) => return Err(kind.into()),
        _ => return Err(SqsError::Internal),
    };
    if appended.len() != pending.batches.len() {
        return Err(SqsError::Internal);
    }
    let (uid, fifo) = (pending.uid, pending.fifo);
    let mut results = Vec::new();
    for ((log, messages), appended) in pending.batches.into_iter().zip(appended) {
        results.extend((0u64..).zip(messages).map(|(delta, (sent, sum))| {
            let Appended { base_offset, duplicate, .. } = appended.map_err(SqsError::from)?;
            let offset = base_offset.advance(delta);
            // What a duplicate is answered with is the place of another message, whose body may differ.
            if !duplicate {
                sums.keep(Place { stream: uid, log, offset }, sum);
            }
            Ok(Sent {
                message_id: Some(message_id(uid, log, offset)),
                sequence_number: fifo.then(|| sequence_number(offset)),
                ..sent
            })
        }));
    }
    Ok(results)
}
