//! A record as it goes into another stream: the same key, value, time and headers, and what is said of the move.
//!
//! Apart because this is what consumers of dead letters see. Which headers say it is in `millstream_types::dead_letter`.

use millstream_core::lease::{Move, MoveReason, RecordMark};
use millstream_core::log::AppendBatch;
use millstream_types::batch::{BatchBuilder, BatchError, Compression, Headers, Record};
use millstream_types::dead_letter::{self, DeadLetter, DeathReason, History};
use millstream_types::key::{log_of, ordering_key};
use millstream_types::routed::{self, Routed};
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
        history.add_routed(source, reason, now, Routed::parse(record.headers()));
    }
    history
}

/// What is said of the move. `history` has it already.
pub(super) fn added(
    of: &Move,
    source: &str,
    history: History,
    routed: Option<&Routed>,
    now: EngineTime,
) -> Vec<Added> {
    let way = routed.into_iter().flat_map(|Routed { by, key }| {
        [(routed::BY, by.as_bytes().into()), (routed::KEY, key.as_bytes().into())]
    });
    let mut added: Vec<Added> = match death_reason(of.reason) {
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
    };
    added.extend(way);
    added
}

/// The batches to append, of the same bytes: compressed as the one was that the record lay in, since its target may take no larger ones.
///
/// # Errors
/// [`BatchError`]: with what is added the record is larger than any batch.
pub(super) fn batches(
    record: &Record,
    compression: Compression,
    of: &Move,
    added: &[Added],
    logs: &[LogId],
) -> Result<Vec<AppendBatch>, BatchError> {
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
    let bytes = builder.finish(compression)?;
    let batch = |log: &LogId| AppendBatch {
        log: *log,
        records: 1,
        last_offset_delta: 0,
        max_timestamp: record.timestamp,
        producer: None,
        marks: vec![mark],
        bytes: bytes.clone(),
    };
    Ok(logs.iter().map(batch).collect())
}

/// The log of a stream that a record goes to: records of one key stay together, others are spread by their offsets.
pub(super) fn log_index(record: &Record, of: &Move, logs: u32) -> u32 {
    let any = || u32::try_from(of.record.offset.0 % u64::from(logs)).expect("less than the number of logs");
    record.key.as_deref().map_or_else(any, |key| log_of(key, logs))
}

/// A record's own headers without what earlier moves added, then those that are added now. Nothing is gathered: there may be
/// millions of headers in a record.
#[derive(Clone)]
struct Outgoing<'a> {
    own: Headers<'a>,
    added: std::slice::Iter<'a, Added>,
    /// What was said of its way is said anew.
    is_rerouted: bool,
    left: usize,
}

impl<'a> Outgoing<'a> {
    fn new(own: Headers<'a>, added: &'a [Added]) -> Outgoing<'a> {
        let is_rerouted = added.iter().any(|(name, _)| name.starts_with(routed::PREFIX));
        let kept = own.filter(|(name, _)| is_kept(name, is_rerouted)).count();
        Outgoing { own, added: added.iter(), is_rerouted, left: kept + added.len() }
    }
}

fn is_kept(name: &str, is_rerouted: bool) -> bool {
    !(name.starts_with(dead_letter::PREFIX) || is_rerouted && name.starts_with(routed::PREFIX))
}

impl<'a> Iterator for Outgoing<'a> {
    type Item = (&'a str, Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let is_rerouted = self.is_rerouted;
        let next = self.own.by_ref().find(|(name, _)| is_kept(name, is_rerouted));
        let next = next.or_else(|| self.added.next().map(|(name, value)| (*name, Some(&value[..]))));
        self.left -= usize::from(next.is_some());
        next
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Outgoing<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_core::lease::{LeaseGroupId, LeaseNumber, LeaseRef, MoveTarget};
    use millstream_types::batch::{self, OpenLimits};
    use millstream_types::{Offset, RecordTime, StreamId};

    const NOW: EngineTime = EngineTime(900);

    fn of(reason: MoveReason) -> Move {
        let record = LeaseRef { log: 2, offset: Offset(7), lease: LeaseNumber(1) };
        let group = LeaseGroupId::default_of(StreamId(1));
        let target = MoveTarget::Stream(StreamId(5));
        Move { group, record, reason, target, delivery_count: 3, priority: 4 }
    }

    fn first(bytes: &bytes::Bytes) -> Record {
        batch::records(bytes, OpenLimits::default()).unwrap().next().unwrap().unwrap()
    }

    fn record(key: Option<&[u8]>) -> Record {
        let mut builder = BatchBuilder::new();
        let headers = [("a", Some(&b"1"[..])), ("a", None), ("b", Some(b""))];
        builder.push(RecordTime(5), key, None, &headers).unwrap();
        first(&builder.finish(Compression::None).unwrap())
    }

    fn moved(record: &Record, of: &Move, source: &str) -> (AppendBatch, Record) {
        let added = added(of, source, history(record, of, source, NOW), None, NOW);
        let to = LogId { stream: StreamId(5), index: 1 };
        let batches = batches(record, Compression::Zstd, of, &added, &[to]).unwrap();
        let [batch] = <[AppendBatch; 1]>::try_from(batches).unwrap();
        let record = first(&batch.bytes);
        (batch, record)
    }

    #[test]
    fn a_record_comes_back_with_its_history_and_nothing_else_of_its_death() {
        let fresh = record(Some(b"k"));
        let (batch, dead) = moved(&fresh, &of(MoveReason::Limit), "orders");
        let letter = DeadLetter::parse(dead.headers()).unwrap();
        assert_eq!((letter.deliveries, letter.offset, letter.log), (3, Offset(7), 2));
        let [mark] = batch.marks[..] else { panic!("one mark") };
        assert_eq!((mark.priority, mark.delay_ms, mark.dedup), (4, Some(0), None));
        assert_eq!(mark.ordering_key, Some(ordering_key(b"k")));

        let (_, back) = moved(&dead, &of(MoveReason::Redrive), "dead");
        assert_eq!(DeadLetter::parse(back.headers()), None);
        let own: Vec<_> = back.headers().take(3).collect();
        assert_eq!(own, [("a", Some(&b"1"[..])), ("a", None), ("b", Some(b""))]);
        assert_eq!(back.headers().len(), 4);
        assert_eq!(dead_letter::history(back.headers()), letter.history);
        assert_eq!((back.key.as_deref(), back.timestamp), (Some(&b"k"[..]), RecordTime(5)));
        assert_eq!(back.value, None);

        let (_, again) = moved(&back, &of(MoveReason::Limit), "orders");
        assert_eq!(DeadLetter::parse(again.headers()).unwrap().history.deaths()[0].count, 2);
    }

    #[test]
    fn what_was_never_dead_comes_back_as_it_was() {
        let (_, back) = moved(&record(None), &of(MoveReason::Redrive), "dead");
        assert_eq!(back.headers().len(), 3);
    }

    #[test]
    fn records_of_one_key_go_to_one_log_and_others_are_spread() {
        let at = |record: &Record, offset| {
            let of = of(MoveReason::Rejected);
            log_index(record, &Move { record: LeaseRef { offset: Offset(offset), ..of.record }, ..of }, 3)
        };
        let keyed = record(Some(b"k"));
        assert!((0..9).all(|offset| at(&keyed, offset) == log_of(b"k", 3)));
        assert_eq!((0..3).map(|offset| at(&record(None), offset)).collect::<Vec<_>>(), [0, 1, 2]);
    }
}
