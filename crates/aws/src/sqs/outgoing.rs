//! A message to be sent, as it comes in a request: alone, or as an entry of a batch.
//!
//! Apart because both are checked alike, against the queue that they are for.

use super::attributes::QueueSettings;
use super::batch::Entry;
use super::errors::SqsError;
use super::limits::{DELAY_SECONDS_MAX, MESSAGE_ATTRIBUTES_MAX};
use super::message::{Attribute, RawAttribute, attributes, check_body, message_bytes, trace_header};
use super::translate::is_group_id;
use crate::hex;
use crate::value::{Int, Map, Text};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// The parameters of a message.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct RawMessage<'a> {
    /// Of an entry of a batch.
    #[serde(borrow, rename = "Id")]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "QueueUrl")]
    pub(crate) url: Option<Text<'a>>,
    #[serde(borrow, rename = "MessageBody")]
    body: Option<Text<'a>>,
    #[serde(rename = "DelaySeconds")]
    delay_seconds: Option<Int>,
    #[serde(borrow, rename = "MessageAttributes", alias = "MessageAttribute")]
    attributes: Map<'a, RawAttribute<'a>, MESSAGE_ATTRIBUTES_MAX>,
    #[serde(borrow, rename = "MessageSystemAttributes", alias = "MessageSystemAttribute")]
    system_attributes: Map<'a, RawAttribute<'a>, MESSAGE_ATTRIBUTES_MAX>,
    #[serde(borrow, rename = "MessageDeduplicationId")]
    deduplication_id: Option<Text<'a>>,
    #[serde(borrow, rename = "MessageGroupId")]
    group: Option<Text<'a>>,
}

impl RawMessage<'_> {
    /// Its size before anything is checked: what a batch's limit counts, whether the message is taken or not.
    pub(crate) fn bytes(&self) -> u64 {
        let body = self.body.as_ref().map_or(0, |body| body.len());
        let attributes = self.attributes.entries.iter().map(|(name, raw)| name.len() + raw.bytes());
        (body + attributes.sum::<usize>()) as u64
    }
}

impl<'a> Entry<'a> for RawMessage<'a> {
    fn id(&self) -> Option<&Text<'a>> {
        self.id.as_ref()
    }
}

/// A message that its queue takes.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) body: Cow<'a, str>,
    pub(crate) attributes: Vec<Attribute<'a>>,
    pub(crate) trace_header: Option<Attribute<'a>>,
    /// `None`: as the queue has it.
    pub(crate) delay_ms: Option<u64>,
    pub(crate) group: Option<Cow<'a, str>>,
    /// Given, or made from the body.
    pub(crate) deduplication_id: Option<Cow<'a, str>>,
}

impl<'a> Outgoing<'a> {
    /// Checks a message for a queue.
    ///
    /// # Errors
    /// In Amazon's words, for the first rule that is broken.
    pub(crate) fn check(raw: RawMessage<'a>, settings: &QueueSettings) -> Result<Outgoing<'a>, SqsError> {
        check_body(raw.body.as_deref())?;
        let body = raw.body.unwrap_or_default().0;
        let attributes = attributes(raw.attributes)?;
        let trace_header = trace_header(raw.system_attributes)?;
        if message_bytes(&body, &attributes) > settings.message_bytes_max {
            return Err(SqsError::InvalidParameterValue(format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {} bytes.",
                settings.message_bytes_max
            )));
        }
        let delay_ms = delay_ms(raw.delay_seconds, settings.fifo)?;
        let group = group_id(raw.group, "MessageGroupId")?;
        if settings.fifo && group.is_none() {
            return Err(SqsError::MissingParameter("MessageGroupId"));
        }
        let given = group_id(raw.deduplication_id, "MessageDeduplicationId")?;
        let deduplication_id = deduplication_id(given, &body, settings)?;
        Ok(Outgoing { body, attributes, trace_header, delay_ms, group, deduplication_id })
    }
}

fn delay_ms(delay: Option<Int>, fifo: bool) -> Result<Option<u64>, SqsError> {
    let Some(Int(seconds)) = delay else { return Ok(None) };
    if fifo && seconds != 0 {
        let reason = "The request include parameter that is not valid for this queue type.";
        return Err(SqsError::invalid(seconds, "DelaySeconds", reason));
    }
    match u64::try_from(seconds) {
        // A FIFO queue delays all its messages alike, or their order would be lost.
        Ok(_) if fifo => Ok(None),
        Ok(delay) if seconds <= DELAY_SECONDS_MAX => Ok(Some(delay * 1000)),
        _ => {
            let reason = format!("DelaySeconds must be >= 0 and <= {DELAY_SECONDS_MAX}.");
            Err(SqsError::invalid(seconds, "DelaySeconds", &reason))
        }
    }
}

/// An id of printable characters, if it is given.
pub(crate) fn group_id<'a>(id: Option<Text<'a>>, parameter: &str) -> Result<Option<Cow<'a, str>>, SqsError> {
    match id {
        Some(id) if !is_group_id(&id) => {
            let reason = format!(
                "{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length."
            );
            Err(SqsError::invalid(id, parameter, &reason))
        }
        id => Ok(id.map(|id| id.0)),
    }
}

fn deduplication_id<'a>(
    given: Option<Cow<'a, str>>,
    body: &str,
    settings: &QueueSettings,
) -> Result<Option<Cow<'a, str>>, SqsError> {
    match given {
        Some(_) if !settings.fifo => Err(SqsError::InvalidParameterValue(
            "The request include parameter MessageDeduplicationId which is not valid for this queue type".to_owned(),
        )),
        Some(given) => Ok(Some(given)),
        None if settings.fifo && settings.content_based_deduplication => {
            Ok(Some(hex::spell(&Sha256::digest(body)).into()))
        }
        None if settings.fifo => Err(SqsError::InvalidParameterValue(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided \
             explicitly"
                .to_owned(),
        )),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fifo(content_based: bool) -> QueueSettings {
        QueueSettings { content_based_deduplication: content_based, ..QueueSettings::new(true) }
    }

    fn check<'a>(json: &'a str, settings: &QueueSettings) -> Result<Outgoing<'a>, String> {
        let raw = serde_json::from_str(json).unwrap();
        Outgoing::check(raw, settings).map_err(|error| error.fault(crate::protocol::Protocol::Json).message)
    }

    #[test]
    fn a_standard_queue_takes_a_group_and_a_delay() {
        let json = r#"{"MessageBody":"b","MessageGroupId":"tenant","DelaySeconds":900}"#;
        let message = check(json, &QueueSettings::new(false)).unwrap();
        assert_eq!((message.group.as_deref(), message.delay_ms), (Some("tenant"), Some(900_000)));
        assert_eq!(message.deduplication_id, None);
    }

    #[test]
    fn a_fifo_queue_makes_ids_from_bodies_when_it_is_set_to() {
        let message = check(r#"{"MessageBody":"abc","MessageGroupId":"g"}"#, &fifo(true)).unwrap();
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(message.deduplication_id.as_deref(), Some(sum));
        let given =
            r#"{"MessageBody":"abc","MessageGroupId":"g","MessageDeduplicationId":"d","DelaySeconds":0}"#;
        let message = check(given, &fifo(true)).unwrap();
        assert_eq!((message.deduplication_id.as_deref(), message.delay_ms), (Some("d"), None));
    }

    #[test]
    fn each_rule_is_refused_in_its_words() {
        let standard = QueueSettings::new(false);
        let small = QueueSettings { message_bytes_max: 1024, ..QueueSettings::new(false) };
        let long = format!(r#"{{"MessageBody":"{}"}}"#, "x".repeat(1025));
        let attribute = format!(
            r#"{{"MessageBody":"b","MessageAttributes":{{"a":{{"DataType":"String","StringValue":"{}"}}}}}}"#,
            "x".repeat(1017)
        );
        let too_long = "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.";
        let group = |id: &str| format!(r#"{{"MessageBody":"b","MessageGroupId":"{id}"}}"#);
        for (json, settings, says) in [
            ("{}", &standard, "The request must contain the parameter MessageBody."),
            (&*long, &small, too_long),
            (&*attribute, &small, too_long),
            (
                r#"{"MessageBody":"b","DelaySeconds":-1}"#,
                &standard,
                "Value -1 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.",
            ),
            (
                r#"{"MessageBody":"b","DelaySeconds":901}"#,
                &standard,
                "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.",
            ),
            (
                r#"{"MessageBody":"b","MessageDeduplicationId":"d"}"#,
                &standard,
                "The request include parameter MessageDeduplicationId which is not valid for this queue type",
            ),
            (r#"{"MessageBody":"b"}"#, &fifo(true), "The request must contain the parameter MessageGroupId."),
            (
                &*group("ü"),
                &standard,
                "Value ü for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
            ),
        ] {
            assert_eq!(check(json, settings).unwrap_err(), says);
        }
        let almost = attribute.replace(&"x".repeat(1017), &"x".repeat(1016));
        assert!(check(&almost, &small).is_ok());
    }
}
