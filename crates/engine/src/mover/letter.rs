//! A record as it goes into another stream: the same key, value, time and headers, and what is said of the move.
//!
//! Apart because this is what consumers of dead letters see. Which headers say it is in `millstream_types::dead_letter`.

use millstream_core::lease::{Move, MoveReason, RecordMark};
use millstream_core::log::AppendBatch;
use millstream_types::batch::{BatchBuilder, BatchError, Compression, Headers, Record};
use millstream_types::dead_letter::{self, DeadLetter, DeathReason, History};
use millstream_types::key::ordering_key;
use millstream_types::{EngineTime, LogId};

/// A header that is added.
type Added = (&'static str, Vec<u8>);

/// The reason that a dead letter names; a record that is moved on request is none.
pub(super) fn death_reason(reason: MoveReason) -> Option<DeathReason> {
    match reason {
        MoveReason::Rejected => Some(DeathReason::Rejected),
        MoveReason::Expired => Some(DeathReason::Expired),
        MoveReason::Limit => Some(DeathReason::Limit),
        MoveReason::Length => Some(DeathReason::Length),
        MoveReason::Redrive => None,
    }
}

/// A record's history, with this move if it is a death.
pub(super) fn history(record: &Record, of: &Move, source: &str, now: EngineTime) -> History {
    let mut history = dead_letter::history(record.headers());
    if let Some(reason) = death_reason(of.reason) {
        history.add(source, reason, now);
    }
    history
}

/// What is said of the move. `history` has it already.
pub(super) fn added(of: &Move, source: &str, history: History, now: EngineTime) -> Vec<Added> {
    match death_reason(of.reason) {
        None => dead_letter::history_header(&history).into_iter().collect(),
        Some(reason) => DeadLetter {
            reason,
            source: source.into(),
            log: of.record.log,
            offset: of.record.offset,
            deliveries: of.delivery_count,
            time: now,
            history,
        }
        .headers(),
    }
}

/// The batch to append: compressed as the one was that the record lay in, since its target may take no larger ones.
///
/// # Errors
/// [`BatchError`]: with what is added the record is larger than any batch.
pub(super) fn batch(
    record: &Record,
    compression: Compression,
    of: &Move,
    added: &[Added],
    to: LogId,
) -> Result<AppendBatch, BatchError> {
    let mut builder = BatchBuilder::new();
    let headers = Outgoing::new(record.headers(), added);
    builder.push_with(record.timestamp, record.key.as_deref(), record.value.as_deref(), headers)?;
    // It goes on at once and lives as the stream says where it arrives; its place among others it keeps.
    let mark = RecordMark {
        priority: of.priority,
        delay_ms: Some(0),
        ordering_key: record.key.as_deref().map(ordering_key),
        ..RecordMark::default()
    };
    Ok(AppendBatch {
        log: to,
        records: 1,
        last_offset_delta: 0,
        max_timestamp: record.timestamp,
        producer: None,
        marks: vec![mark],
        bytes: builder.finish(compression)?,
    })
}

/// The log of a stream that a record goes to: records of one key stay together, others are spread by their offsets.
pub(super) fn log_index(record: &Record, of: &Move, logs: u32) -> u32 {
    let number = match &record.key {
        Some(key) => ordering_key(key),
        None => of.record.offset.0,
    };
    u32::try_from(number % u64::from(logs)).expect("less than the number of logs")
}

/// A record's own headers without what earlier moves added, then those that are added now. Nothing is gathered: there may be
/// millions of headers in a record.
#[derive(Clone)]
struct Outgoing<'a> {
    own: Headers<'a>,
    added: std::slice::Iter<'a, Added>,
    left: usize,
}

impl<'a> Outgoing<'a> {
    fn new(own: Headers<'a>, added: &'a [Added]) -> Outgoing<'a> {
        let kept = own.filter(|(name, _)| is_kept(name)).count();
        Outgoing { own, added: added.iter(), left: kept + added.len() }
    }
}

fn is_kept(name: &str) -> bool {
    !name.starts_with(dead_letter::PREFIX)
}

impl<'a> Iterator for Outgoing<'a> {
    type Item = (&'a str, Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.own.by_ref().find(|(name, _)| is_kept(name));
        let next = next.or_else(|| self.added.next().map(|(name, value)| (*name, Some(&value[..]))));
        self.left -= usize::from(next.is_some());
        next
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Outgoing<'_> {}
