//! What clients say about stream queues: how old records may become, where a consumer begins, and what it wants to see.
//!
//! Apart because RabbitMQ spells the same few things in many types: an offset is a word, a number, a time or an age.

use super::arguments::{letter, type_name};
use crate::codec::{Table, Value};
use crate::limits::STREAM_FILTERS_MAX;
use millstream_core::catalog::StreamEntry;
use millstream_front::Backend;
use millstream_types::batch::Record;
use millstream_types::{LogId, Offset, RecordTime};

/// The header by which a publisher says what a message is about.
const FILTER_VALUE: &str = "x-stream-filter-value";
/// The header that tells a consumer where a message is.
pub(crate) const STREAM_OFFSET: &str = "x-stream-offset";

/// The log that a stream queue has.
pub(crate) const STREAM_LOG: u32 = 0;

/// How many records a stream queue has: from the first that is left to the last, holes included.
pub(crate) fn stream_len(backend: &dyn Backend, entry: &StreamEntry) -> u64 {
    let log = backend.log(LogId { stream: entry.id, index: STREAM_LOG });
    log.map_or(0, |log| log.high_watermark().0.saturating_sub(log.log_start().0))
}

/// Units of an age, in seconds.
const UNITS: [(&str, u64); 6] =
    [("Y", 365 * 86_400), ("M", 30 * 86_400), ("D", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// An age such as `7D`, in milliseconds.
pub(crate) fn age_ms(text: &str) -> Option<u64> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
    number.checked_mul(*seconds)?.checked_mul(1000).filter(|ms| i64::try_from(*ms).is_ok())
}

/// Where a consumer of a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamStart {
    /// With the oldest record that is there.
    First,
    /// With the batch that came last.
    Last,
    /// With what comes from now on.
    Next,
    /// At an offset, or at the first one behind it that is there.
    At(Offset),
    /// With the first record that is not older.
    Since(RecordTime),
}

impl StreamStart {
    /// Reads the argument `x-stream-offset` of a consumer.
    ///
    /// # Errors
    /// Why it says nothing.
    pub(crate) fn read(arguments: Table<'_>, now: RecordTime) -> Result<StreamStart, String> {
        let Some(value) = arguments.find(STREAM_OFFSET) else { return Ok(StreamStart::Next) };
        if let Value::Timestamp(seconds) = value {
            let ms = i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
            return Ok(StreamStart::Since(RecordTime(ms)));
        }
        match (value.as_text(), value.as_integer()) {
            (Some("first"), _) => Ok(StreamStart::First),
            (Some("last"), _) => Ok(StreamStart::Last),
            (Some("next"), _) => Ok(StreamStart::Next),
            (Some(text), _) => {
                let ago_ms = age_ms(text).and_then(|ms| i64::try_from(ms).ok());
                let ago_ms = ago_ms.ok_or_else(|| format!("{{invalid_offset_arg,\"{text}\"}}"))?;
                Ok(StreamStart::Since(RecordTime(now.0.saturating_sub(ago_ms))))
            }
            (None, Some(number)) => {
                let offset = u64::try_from(number).map_err(|_| format!("{{value_negative,{number}}}"))?;
                Ok(StreamStart::At(Offset(offset)))
            }
            (None, None) => Err(format!("{{unacceptable_type,{}}}", type_name(letter(value)))),
        }
    }
}

/// What a consumer of a stream wants to see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StreamFilter {
    /// One of these; `None`: everything.
    values: Option<Vec<Box<str>>>,
    /// And what says nothing of itself.
    unfiltered: bool,
}

impl StreamFilter {
    /// Reads the arguments `x-stream-filter` and `x-stream-match-unfiltered` of a consumer.
    ///
    /// # Errors
    /// When it wants too many things.
    pub(crate) fn read(arguments: Table<'_>) -> Result<StreamFilter, String> {
        let values: Option<Vec<Box<str>>> = match arguments.find("x-stream-filter") {
            Some(Value::Array(values)) => {
                // What is no text is passed over, as in RabbitMQ.
                let texts = values.iter().filter_map(|value| value.as_text().map(Box::from));
                Some(texts.take(STREAM_FILTERS_MAX + 1).collect())
            }
            Some(value) => value.as_text().map(|text| vec![text.into()]),
            None => None,
        };
        if values.as_ref().is_some_and(|values| values.len() > STREAM_FILTERS_MAX) {
            return Err(format!("\"at most {STREAM_FILTERS_MAX} values\""));
        }
        let unfiltered = matches!(arguments.find("x-stream-match-unfiltered"), Some(Value::Bool(true)));
        Ok(StreamFilter { values, unfiltered })
    }

    /// Whether the consumer wants a record.
    pub(crate) fn wants(&self, record: &Record) -> bool {
        let Some(wanted) = &self.values else { return true };
        let mut headers = record.headers();
        match headers.find(|(name, _)| *name == FILTER_VALUE).and_then(|(_, value)| value) {
            Some(value) => wanted.iter().any(|wanted| wanted.as_bytes() == value),
            None => self.unfiltered,
        }
    }
}

#[cfg(test)]
#[path = "streams_tests.rs"]
mod tests;
