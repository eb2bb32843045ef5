//! A message as its receiver gets it.
//!
//! Apart because what is shown depends on what was asked for: body and sums always, attributes and system attributes by
//! name. The sum over attributes is over those that are shown.

use super::super::queues::Queue;
use crate::hex::{Ascii, spell_sum};
use crate::json::{Object, array};
use crate::sqs::message::{
    Attribute, NameFilter, Sum, TRACE_HEADER, Value, md5_of_attributes, md5_of_bodies,
};
use crate::sqs::queue::{QueueRef, is_queue_name};
use crate::sqs::sums::Place;
use crate::sqs::translate::{HANDLE_BYTES, Message, Origin, Receipt, message_id, sequence_number};
use crate::step::{Context, Output};
use crate::value::Text;
use crate::xml::Xml;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use millstream_core::lease::{AcquiredRecord, LeaseRef, LeaseToken};
use millstream_types::EngineTime;
use std::collections::BTreeMap;

/// Which system attributes are wanted.
#[derive(Debug, Default)]
pub(super) struct SystemFilter {
    all: bool,
    names: Vec<String>,
}

impl SystemFilter {
    /// The wish that two lists of names state; names of nothing are wishes for nothing.
    pub(super) fn new<'a>(names: impl Iterator<Item = &'a Text<'a>>) -> SystemFilter {
        let mut filter = SystemFilter::default();
        for name in names {
            filter.all |= &**name == "All";
            filter.names.push((**name).to_owned());
        }
        filter
    }

    fn is_empty(&self) -> bool {
        !self.all && self.names.is_empty()
    }

    fn wants(&self, name: &str) -> bool {
        self.all || self.names.iter().any(|wanted| wanted == name)
    }
}

/// A record that was found, as far as it will be shown.
pub(super) struct Found {
    record: AcquiredRecord,
    body: String,
    attributes: Vec<Attribute<'static>>,
    group: Option<String>,
    deduplication_id: Option<String>,
    trace_header: Option<String>,
    sent_ms: i64,
    origin: Option<Origin>,
}

impl Found {
    pub(super) fn new(record: AcquiredRecord, message: Message<'_>, filter: &NameFilter) -> Found {
        let wanted = message.attributes.into_iter().filter(|attribute| filter.wants(&attribute.name));
        Found {
            record,
            body: message.body.into_owned(),
            attributes: wanted.map(Attribute::into_owned).collect(),
            group: message.group.map(|group| group.into_owned()),
            deduplication_id: message.deduplication_id.map(|id| id.into_owned()),
            trace_header: message.trace_header.map(|header| header.into_owned()),
            sent_ms: message.sent.0,
            origin: message.origin,
        }
    }

    /// A message keeps its id when it is dead-lettered; only when the queue that it was sent to is gone, nobody knows it.
    fn message_id(&self, cx: &Context, queue: &Queue) -> Ascii<36> {
        let namespace = queue.entry.namespace;
        let origin = self.origin.as_ref();
        let sent = origin.and_then(|origin| Some((cx.backend.stream(namespace, &origin.stream)?, origin)));
        match sent {
            Some((entry, origin)) => message_id(entry.uid, origin.log, origin.offset),
            None => message_id(queue.entry.uid, self.record.log, self.record.offset),
        }
    }

    /// The queue that it was dead-lettered from, if SQS can spell it.
    fn source_arn(&self, queue: &Queue) -> Option<String> {
        let name = &self.origin.as_ref()?.stream;
        let scope = queue.at.scope.clone();
        is_queue_name(name).then(|| QueueRef { scope, name: name.to_string() }.arn())
    }

    /// Bytes of what is shown.
    pub(super) fn bytes(&self) -> u64 {
        crate::sqs::message::message_bytes(&self.body, &self.attributes)
    }
}

/// The reply.
#[derive(Debug, Default)]
pub(super) struct Received {
    messages: Vec<Shown>,
}

#[derive(Debug)]
struct Shown {
    message_id: Ascii<36>,
    receipt_handle: Ascii<HANDLE_BYTES>,
    body_sum: Ascii<32>,
    body: String,
    system: BTreeMap<&'static str, String>,
    attributes_sum: Option<String>,
    attributes: BTreeMap<String, ShownAttribute>,
}

#[derive(Debug)]
struct ShownAttribute {
    text: Option<String>,
    /// In base64.
    binary: Option<String>,
    data_type: String,
}

/// Bytes of a message's JSON beside what was sent, about: ids, sums and names.
const FRAME_BYTES: usize = 320;

impl Received {
    /// The reply of what was found in a queue.
    pub(super) fn new(
        cx: &Context,
        (received, found): (EngineTime, Vec<Found>),
        queue: &Queue,
        system: &SystemFilter,
    ) -> Received {
        let sums = sums(cx, &found, queue);
        let shown =
            found.into_iter().zip(sums).map(|(found, sum)| shown(cx, found, sum, received, queue, system));
        Received { messages: shown.collect() }
    }
}

/// The sums of what was found: remembered from when it was sent, or made now.
fn sums(cx: &Context, found: &[Found], queue: &Queue) -> Vec<Sum> {
    let place = |Found { record, .. }: &Found| Place {
        stream: queue.entry.uid,
        log: record.log,
        offset: record.offset,
    };
    let known: Vec<Option<Sum>> = found.iter().map(|found| cx.shared.sums.get(place(found))).collect();
    let unknown = found.iter().zip(&known).filter(|(_, sum)| sum.is_none());
    let mut made = md5_of_bodies(unknown.map(|(found, _)| &*found.body)).into_iter();
    known.into_iter().map(|sum| sum.or_else(|| made.next()).expect("one was made for each")).collect()
}

fn shown(
    cx: &Context,
    found: Found,
    body_sum: Sum,
    received: EngineTime,
    queue: &Queue,
    system: &SystemFilter,
) -> Shown {
    let uid = queue.entry.uid;
    let AcquiredRecord { log, offset, lease, .. } = found.record;
    let token = LeaseToken { group: queue.group(), lease: LeaseRef { log, offset, lease } };
    let message_id = found.message_id(cx, queue);
    let system = system_attributes(&found, queue, system);
    let attributes_sum = md5_of_attributes(&found.attributes);
    let attributes = found.attributes.into_iter().map(|Attribute { name, data_type, value }| {
        let (text, binary) = match value {
            Value::Text(text) => (Some(text.into_owned()), None),
            Value::Binary(bytes) => (None, Some(BASE64.encode(bytes))),
        };
        (name.into_owned(), ShownAttribute { text, binary, data_type: data_type.into_owned() })
    });
    Shown {
        message_id,
        receipt_handle: Receipt { token, received }.spell(uid),
        body_sum: spell_sum(&body_sum),
        body: found.body,
        system,
        attributes_sum,
        attributes: attributes.collect(),
    }
}

fn system_attributes(found: &Found, queue: &Queue, filter: &SystemFilter) -> BTreeMap<&'static str, String> {
    // Most receivers want none, and each costs a text.
    if filter.is_empty() {
        return BTreeMap::new();
    }
    let record = &found.record;
    let all = [
        ("SenderId", Some(queue.at.scope.account.to_string())),
        ("SentTimestamp", Some(found.sent_ms.max(0).to_string())),
        ("ApproximateReceiveCount", Some(record.delivery_count.to_string())),
        ("ApproximateFirstReceiveTimestamp", Some(record.first_acquired.0.to_string())),
        ("SequenceNumber", queue.at.is_fifo().then(|| sequence_number(record.offset))),
        ("MessageDeduplicationId", found.deduplication_id.clone()),
        ("MessageGroupId", found.group.clone()),
        (TRACE_HEADER, found.trace_header.clone()),
        ("DeadLetterQueueSourceArn", found.source_arn(queue)),
    ];
    all.into_iter()
        .filter(|(name, _)| filter.wants(name))
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

impl Shown {
    fn json(&self, message: &mut Object<'_>) {
        message.text("MessageId", &self.message_id);
        message.text("ReceiptHandle", &self.receipt_handle);
        message.text("MD5OfBody", &self.body_sum);
        message.text("Body", &self.body);
        if !self.system.is_empty() {
            let mut system = Object::begin(message.member("Attributes"));
            for (name, value) in &self.system {
                system.text(name, value);
            }
            system.end();
        }
        message.optional("MD5OfMessageAttributes", self.attributes_sum.as_deref());
        if !self.attributes.is_empty() {
            // Their names are letters, digits and three marks: nothing to escape.
            let mut attributes = Object::begin(message.member("MessageAttributes"));
            for (name, value) in &self.attributes {
                let mut attribute = Object::begin(attributes.member(name));
                attribute.optional("StringValue", value.text.as_deref());
                attribute.optional("BinaryValue", value.binary.as_deref());
                attribute.text("DataType", &value.data_type);
                attribute.end();
            }
            attributes.end();
        }
    }
}

impl Output for Received {
    fn json(&self) -> Vec<u8> {
        let bytes = self.messages.iter().map(|message| message.body.len() + FRAME_BYTES);
        let mut out = Vec::with_capacity(bytes.sum::<usize>() + FRAME_BYTES);
        let mut reply = Object::begin(&mut out);
        if !self.messages.is_empty() {
            array(reply.member("Messages"), &self.messages, Shown::json);
        }
        reply.end();
        out
    }

    fn xml(&self, xml: &mut Xml) {
        for message in &self.messages {
            xml.open("Message");
            xml.element("MessageId", &message.message_id);
            xml.element("ReceiptHandle", &message.receipt_handle);
            xml.element("MD5OfBody", &message.body_sum);
            xml.element("Body", &message.body);
            for (name, value) in &message.system {
                xml.open("Attribute");
                xml.element("Name", name);
                xml.element("Value", value);
                xml.close("Attribute");
            }
            xml.optional("MD5OfMessageAttributes", message.attributes_sum.as_deref());
            for (name, value) in &message.attributes {
                xml.open("MessageAttribute");
                xml.element("Name", name);
                xml.open("Value");
                xml.optional("StringValue", value.text.as_deref());
                xml.optional("BinaryValue", value.binary.as_deref());
                xml.element("DataType", &value.data_type);
                xml.close("Value");
                xml.close("MessageAttribute");
            }
            xml.close("Message");
        }
    }
}
