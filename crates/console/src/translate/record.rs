//! Records as the API shows them, and as it takes them.
//!
//! Apart because it is the one place where both shapes are known. Nothing is hidden: headers that protocols reserve for
//! themselves are shown as they are, for whoever looks here wants to know what is stored.

use super::bytes::{read, spell};
use super::dead_letter::Letter;
use super::view::{View, Viewed};
use crate::errors::Problem;
use millstream_types::batch::{Headers, RecordView};
use millstream_types::dead_letter::DeadLetter;
use millstream_types::{Offset, RecordTime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A record as it is shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Record")]
pub(crate) struct ShownRecord {
    partition: u32,
    offset: u64,
    timestamp_ms: i64,
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_base64: Option<String>,
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
    /// The value decoded, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    view: Option<Viewed>,
    headers: Vec<ShownHeader>,
    /// What its headers say, if it was dead-lettered.
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter: Option<Letter>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Header")]
struct ShownHeader {
    name: String,
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
}

impl ShownRecord {
    pub(crate) fn new(partition: u32, offset: Offset, record: &RecordView<'_>) -> ShownRecord {
        let (key, key_base64) = spell(record.key);
        let (value, value_base64) = spell(record.value);
        ShownRecord {
            partition,
            offset: offset.0,
            timestamp_ms: record.timestamp.0,
            key,
            key_base64,
            value,
            value_base64,
            view: None,
            headers: shown_headers(record.headers),
            dead_letter: DeadLetter::parse(record.headers).map(Letter::from),
        }
    }

    /// With its value decoded.
    pub(crate) fn viewed(self, view: View, value: Option<&[u8]>) -> ShownRecord {
        ShownRecord { view: value.and_then(|value| view.decode(value)), ..self }
    }

    /// When it is from.
    pub(crate) fn timestamp(&self) -> RecordTime {
        RecordTime(self.timestamp_ms)
    }

    /// Where it is.
    pub(crate) fn place(&self) -> (u32, Offset) {
        (self.partition, Offset(self.offset))
    }

    /// Its key, if that is text.
    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// What its headers say, if it was dead-lettered.
    pub(crate) fn dead_letter(&self) -> Option<&Letter> {
        self.dead_letter.as_ref()
    }

    /// Bytes of its content, as far as that bounds an answer.
    pub(crate) fn content_bytes(record: &RecordView<'_>) -> usize {
        let bytes = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
        let headers = record.headers.map(|(name, value)| name.len() + bytes(value));
        bytes(record.key) + bytes(record.value) + headers.sum::<usize>()
    }
}

fn shown_headers(headers: Headers<'_>) -> Vec<ShownHeader> {
    let shown = headers.map(|(name, bytes)| {
        let (value, value_base64) = spell(bytes);
        ShownHeader { name: name.to_owned(), value, value_base64 }
    });
    shown.collect()
}

/// A record to be sent, as it is given.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GivenRecord {
    key: Option<String>,
    key_base64: Option<String>,
    value: Option<String>,
    value_base64: Option<String>,
    headers: Vec<GivenHeader>,
    timestamp_ms: Option<i64>,
    pub(crate) delay_ms: Option<u64>,
    pub(crate) time_to_live_ms: Option<u64>,
    pub(crate) priority: Option<u8>,
    pub(crate) dedup_id: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GivenHeader {
    name: String,
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    value_base64: Option<String>,
}

/// A record to be sent, read.
pub(crate) struct ReadRecord {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
    pub(crate) timestamp: RecordTime,
}

impl GivenRecord {
    /// A record made of bytes.
    pub(crate) fn of_bytes<'a>(
        key: Option<&str>,
        value: &[u8],
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> GivenRecord {
        let (value, value_base64) = spell(Some(value));
        let headers = headers.map(|(name, bytes)| {
            let (value, value_base64) = spell(Some(bytes));
            GivenHeader { name: name.to_owned(), value, value_base64 }
        });
        GivenRecord {
            key: key.map(str::to_owned),
            value,
            value_base64,
            headers: headers.collect(),
            ..GivenRecord::default()
        }
    }

    /// Its key, if it does not say one itself.
    pub(crate) fn set_key(&mut self, key: &str) {
        if self.key.is_none() && self.key_base64.is_none() {
            self.key = Some(key.to_owned());
        }
    }

    /// Reads what it holds; a record that does not say when it is from is from now.
    pub(crate) fn read(&mut self, now: RecordTime) -> Result<ReadRecord, Problem> {
        let headers = std::mem::take(&mut self.headers).into_iter().map(|header| {
            let value = read("value", header.value, header.value_base64.as_deref())?;
            Ok((header.name, value))
        });
        Ok(ReadRecord {
            key: read("key", self.key.take(), self.key_base64.as_deref())?,
            value: read("value", self.value.take(), self.value_base64.as_deref())?,
            headers: headers.collect::<Result<_, Problem>>()?,
            timestamp: self.timestamp_ms.map_or(now, RecordTime),
        })
    }
}
