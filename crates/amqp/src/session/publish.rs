//! Messages on their way into the log: what one read brought for one stream becomes one batch, and one append.
//!
//! Apart because this is what makes publishing cheap: clients send messages one by one, and pipeline them. All targets
//! of a message are in one request, so that it is in all of them or in none. Logs that got the same messages so far share
//! one batch, which is stored once (R17); the first message that is not for all of them parts them.
//!
//! Long, because the runs of confirms are put together and taken apart here, and each half is read against the other.

use crate::limits::{BATCH_BYTES_CLOSED, BATCH_RECORDS_CLOSED};
use crate::step::Lack;
use crate::translate::{Message, push_record};
use millstream_core::catalog::StreamEntry;
use millstream_core::lease::RecordMark;
use millstream_core::log::AppendBatch;
use millstream_core::{Reply, Request};
use millstream_front::{Authorized, Grant};
use millstream_types::batch::{BatchBuilder, BatchError, Compression};
use millstream_types::{ErrorKind, LogId, RecordTime};
use std::collections::{BTreeMap, BTreeSet};

/// Messages of one channel that follow each other, by the numbers of their confirms: the first, and the one behind the
/// last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) channel: u16,
    /// Which opening of the channel.
    pub(crate) serial: u64,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// Adds a message's number to runs.
fn add_to(runs: &mut Vec<Run>, run: Run) {
    match runs.last_mut() {
        Some(last) if (last.channel, last.serial, last.to) == (run.channel, run.serial, run.from) => {
            last.to = run.to
        }
        _ => runs.push(run),
    }
}

/// Where a message goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) entry: &'a StreamEntry,
    /// Which log of the stream.
    pub(crate) index: u32,
    /// What the core has to know of the message there.
    pub(crate) mark: RecordMark,
}

/// Logs to which a message is the same, and which got the same until now.
struct Alike<'a> {
    /// Their draft, if they have one.
    draft: Option<usize>,
    mark: RecordMark,
    /// Whether the stream's name says where the message was published, so that its record does not.
    is_named: bool,
    stream: &'a str,
    logs: Vec<LogId>,
}

/// A batch being made, for all of its logs.
#[derive(Debug, Default, Clone)]
struct Draft {
    logs: Vec<LogId>,
    builder: BatchBuilder,
    marks: Vec<RecordMark>,
    is_marked: bool,
    runs: Vec<Run>,
}

/// Messages that were taken and not handed to the shard.
#[derive(Debug, Default)]
pub(crate) struct Publishing {
    /// In the order in which they were begun; `None`: finished.
    drafts: Vec<Option<Draft>>,
    /// Which draft each log has.
    by_log: BTreeMap<LogId, usize>,
    grants: Vec<Grant>,
    batches: Vec<(AppendBatch, Vec<Run>)>,
    runs: Vec<Run>,
    /// Messages were published whose publisher does not hear what becomes of them.
    is_unconfirmed: bool,
    /// Bytes of their frames.
    cost: usize,
    bytes: usize,
    /// How many they are.
    messages: u64,
}

/// A batch of an append under way.
#[derive(Debug)]
pub(crate) struct AppendingBatch {
    /// To be appended again if there is no room now; its bytes are shared.
    pub(crate) batch: AppendBatch,
    /// Its messages that are confirmed.
    runs: Vec<Run>,
    /// What became of it, once that is known.
    result: Option<Result<(), ErrorKind>>,
}

impl AppendingBatch {
    /// Whether it is still to be appended.
    pub(crate) fn is_left(&self) -> bool {
        self.result.is_none()
    }
}

/// An append under way.
#[derive(Debug)]
pub(crate) struct Appending {
    /// All its messages that are confirmed.
    runs: Vec<Run>,
    pub(crate) batches: Vec<AppendingBatch>,
    pub(crate) is_unconfirmed: bool,
    /// Its place among the appends of its connection.
    pub(crate) order: u64,
    /// What its frames cost the memory budget.
    pub(crate) cost: usize,
    /// How many messages it has.
    pub(crate) messages: u64,
    /// When it was made, in microseconds of the driver's clock.
    pub(crate) since: u64,
    /// Why none of what was left was appended.
    failure: Option<ErrorKind>,
}

/// What became of an append.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// What is to be confirmed, and how.
    pub(crate) news: Vec<(Run, bool)>,
    /// Why something of it was not taken, other than by a queue that is full by its own rule, or gone.
    pub(crate) failure: Option<ErrorKind>,
}

impl Publishing {
    /// Bytes gathered.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a message to the batches of its targets.
    ///
    /// # Errors
    /// When it is too large for one.
    pub(crate) fn push(
        &mut self,
        now: RecordTime,
        targets: &[Target<'_>],
        message: &Message<'_>,
        run: Option<Run>,
    ) -> Result<(), BatchError> {
        for alike in self.alike(targets, message) {
            let index = self.draft_of(&alike);
            let draft = self.drafts[index].as_mut().expect("a log's draft is open");
            let before = draft.builder.bytes();
            push_record(&mut draft.builder, now, alike.stream, message)?;
            self.bytes += draft.builder.bytes() - before;
            draft.is_marked |= alike.mark != RecordMark::default();
            draft.marks.push(alike.mark);
            if let Some(run) = run {
                add_to(&mut draft.runs, run);
            }
            if draft.builder.bytes() >= BATCH_BYTES_CLOSED
                || draft.builder.record_count() >= BATCH_RECORDS_CLOSED
            {
                self.finish(index, now)?;
            }
        }
        Ok(())
    }

    /// The targets of a message, put together as far as they can share a record.
    fn alike<'a>(&self, targets: &[Target<'a>], message: &Message<'_>) -> Vec<Alike<'a>> {
        let mut all: Vec<Alike<'a>> = Vec::with_capacity(1);
        // The few of `all` that each draft, or none, has: a message may have thousands of targets.
        let mut by_draft: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
        for Target { entry, index, mark } in targets {
            let log = LogId { stream: entry.id, index: *index };
            let draft = self.by_log.get(&log).copied();
            let is_named = message.names(&entry.name);
            let of_draft = by_draft.entry(draft).or_default();
            let same = |at: &&usize| (all[**at].mark, all[**at].is_named) == (*mark, is_named);
            match of_draft.iter().find(same) {
                Some(at) => all[*at].logs.push(log),
                None => {
                    of_draft.push(all.len());
                    let logs = vec![log];
                    all.push(Alike { draft, mark: *mark, is_named, stream: &entry.name, logs });
                }
            }
        }
        all
    }

    /// The draft that these logs, and no others, have: their own from now on, if they shared it with others.
    fn draft_of(&mut self, alike: &Alike<'_>) -> usize {
        let draft = match alike.draft {
            None => Draft { logs: alike.logs.clone(), ..Draft::default() },
            Some(index) => {
                let shared = self.drafts[index].as_mut().expect("a log's draft is open");
                if shared.logs.len() == alike.logs.len() {
                    return index;
                }
                let parting: BTreeSet<_> = alike.logs.iter().collect();
                shared.logs.retain(|log| !parting.contains(log));
                self.bytes += shared.builder.bytes();
                Draft { logs: alike.logs.clone(), ..shared.clone() }
            }
        };
        let index = self.drafts.len();
        self.by_log.extend(draft.logs.iter().map(|log| (*log, index)));
        self.drafts.push(Some(draft));
        index
    }

    /// Makes a batch of a draft, for each of its logs.
    fn finish(&mut self, index: usize, now: RecordTime) -> Result<(), BatchError> {
        let Some(draft) = self.drafts[index].take() else { return Ok(()) };
        for log in &draft.logs {
            self.by_log.remove(log);
        }
        draft.finish(now, &mut self.batches)
    }

    /// Counts a message that went to some streams, with the permission for them.
    pub(crate) fn count(&mut self, run: Option<Run>, cost: usize, grants: Vec<Grant>) {
        self.cost += cost;
        self.messages += 1;
        self.grants.extend(grants);
        match run {
            Some(run) => add_to(&mut self.runs, run),
            None => self.is_unconfirmed = true,
        }
    }

    /// All batches, with the permissions for them.
    pub(crate) fn take_batches(&mut self, now: RecordTime) -> (Vec<AppendBatch>, Vec<Grant>) {
        let mut taken = std::mem::take(self);
        taken.close(now);
        (taken.batches.into_iter().map(|(batch, _)| batch).collect(), taken.grants)
    }

    /// Finishes the batches that were being made.
    fn close(&mut self, now: RecordTime) {
        for index in 0..self.drafts.len() {
            self.finish(index, now).expect("an uncompressed batch is as long as its builder");
        }
    }

    /// One append of everything, made at this microsecond; `None` when there is nothing.
    pub(crate) fn take(&mut self, now: RecordTime, since: u64) -> Option<(Authorized<Request>, Appending)> {
        let mut taken = std::mem::take(self);
        taken.close(now);
        let batches = taken.batches.iter().map(|(batch, _)| batch.clone()).collect();
        let request = Grant::request_all(taken.grants, Request::Append(batches))?;
        let batches =
            taken.batches.into_iter().map(|(batch, runs)| AppendingBatch { batch, runs, result: None });
        let appending = Appending {
            runs: taken.runs,
            batches: batches.collect(),
            is_unconfirmed: taken.is_unconfirmed,
            order: 0,
            cost: taken.cost,
            failure: None,
            messages: taken.messages,
            since,
        };
        Some((request, appending))
    }
}

impl Draft {
    /// Adds a batch for each log, all with the same bytes.
    fn finish(self, now: RecordTime, batches: &mut Vec<(AppendBatch, Vec<Run>)>) -> Result<(), BatchError> {
        let records = self.builder.record_count();
        let bytes = self.builder.finish(Compression::None)?;
        let marks = if self.is_marked { self.marks } else { Vec::new() };
        batches.extend(self.logs.into_iter().map(|log| {
            let batch = AppendBatch {
                log,
                records,
                last_offset_delta: records - 1,
                max_timestamp: now,
                producer: None,
                marks: marks.clone(),
                bytes: bytes.clone(),
            };
            (batch, self.runs.clone())
        }));
        Ok(())
    }
}

impl Appending {
    /// Takes the shard's answer about the batches that were left. Returns what there is no room in, if some still are.
    pub(crate) fn answer(&mut self, reply: Reply) -> Option<Lack> {
        match reply {
            Reply::Appended(results) => {
                for (batch, result) in self.batches.iter_mut().filter(|batch| batch.is_left()).zip(results) {
                    batch.result = match result {
                        Err(ErrorKind::Overloaded) => None,
                        result => Some(result.map(drop)),
                    };
                }
                self.batches.iter().any(AppendingBatch::is_left).then_some(Lack::Memory)
            }
            Reply::Refused(ErrorKind::StorageFull) => Some(Lack::Disk),
            Reply::Refused(kind) => self.fail(kind),
            _ => self.fail(ErrorKind::Indeterminate),
        }
    }

    /// Nothing of what is left was appended.
    fn fail(&mut self, kind: ErrorKind) -> Option<Lack> {
        for batch in self.batches.iter_mut().filter(|batch| batch.is_left()) {
            batch.result = Some(Err(kind));
        }
        self.failure = Some(kind);
        None
    }

    /// The streams of what is left are all gone.
    pub(crate) fn vanish(&mut self) {
        for batch in self.batches.iter_mut().filter(|batch| batch.is_left()) {
            batch.result = Some(Ok(()));
        }
    }

    /// What has become of it, for the publishers. What is left is refused.
    pub(crate) fn outcome(self) -> Outcome {
        let mut refused: Vec<Run> = Vec::new();
        let mut failure = self.failure;
        for AppendingBatch { runs, result, .. } in self.batches {
            match result {
                Some(Ok(())) => {}
                // A queue that was deleted meanwhile has the message like one that nobody reads.
                Some(Err(ErrorKind::UnknownStream | ErrorKind::UnknownLog)) => {}
                None | Some(Err(ErrorKind::StreamFull)) => refused.extend(runs),
                Some(Err(kind)) => {
                    failure.get_or_insert(kind);
                    refused.extend(runs);
                }
            }
        }
        let mut news = Vec::new();
        for run in self.runs {
            split(run, &refused, &mut news);
        }
        Outcome { news, failure }
    }
}

/// A run in pieces that are refused as a whole or not at all.
fn split(run: Run, refused: &[Run], news: &mut Vec<(Run, bool)>) {
    let of_channel = |other: &&Run| (other.channel, other.serial) == (run.channel, run.serial);
    let mut from = run.from;
    while from < run.to {
        let covers = refused.iter().filter(of_channel).find(|other| (other.from..other.to).contains(&from));
        let to = match covers {
            Some(other) => other.to.min(run.to),
            None => {
                let next =
                    refused.iter().filter(of_channel).map(|other| other.from).filter(|next| *next > from);
                next.min().unwrap_or(run.to).min(run.to)
            }
        };
        news.push((Run { from, to, ..run }, covers.is_none()));
        from = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Properties;
    use millstream_core::catalog::StreamConfig;
    use millstream_core::log::Appended;
    use millstream_types::batch::{OpenLimits, records};
    use millstream_types::{EngineTime, Namespace, Offset, StreamId, StreamUid};

    fn run(from: u64, to: u64) -> Run {
        Run { channel: 1, serial: 1, from, to }
    }

    fn batch(runs: Vec<Run>) -> AppendingBatch {
        let batch = AppendBatch {
            log: LogId { stream: StreamId(1), index: 0 },
            records: 1,
            last_offset_delta: 0,
            max_timestamp: RecordTime(0),
            producer: None,
            marks: Vec::new(),
            bytes: bytes::Bytes::new(),
        };
        AppendingBatch { batch, runs, result: None }
    }

    fn appended() -> Result<Appended, ErrorKind> {
        Ok(Appended { base_offset: Offset(0), log_start: Offset(0), duplicate: false })
    }

    fn stream(id: u64, name: &str) -> StreamEntry {
        StreamEntry {
            id: StreamId(id),
            uid: StreamUid(0),
            namespace: Namespace::DEFAULT,
            name: name.into(),
            logs: 1,
            config: StreamConfig::default(),
            created: EngineTime(0),
        }
    }

    fn publish(publishing: &mut Publishing, entries: &[&StreamEntry], body: &[u8], priority: u8) {
        let mark = RecordMark { priority, ..RecordMark::default() };
        let targets: Vec<_> = entries.iter().map(|entry| Target { entry, index: 0, mark }).collect();
        let properties = Properties::default();
        let body = [bytes::Bytes::copy_from_slice(body)];
        let message = Message { exchange: "", routing_key: "a", properties: &properties, body: &body };
        publishing.push(RecordTime(1), &targets, &message, None).unwrap();
    }

    /// The values of each log in their order.
    type Values = BTreeMap<u64, Vec<Vec<u8>>>;

    /// What was published; and of every batch its log, and whether it has the bytes of the one before.
    fn taken(mut publishing: Publishing) -> (Values, Vec<(u64, bool)>) {
        let (batches, _) = publishing.take_batches(RecordTime(1));
        let mut values = Values::new();
        let mut shared = Vec::new();
        for (at, batch) in batches.iter().enumerate() {
            let log = batch.log.stream.0;
            let same = at > 0 && batches[at - 1].bytes.as_ptr() == batch.bytes.as_ptr();
            shared.push((log, same));
            for record in records(&batch.bytes, OpenLimits::default()).unwrap() {
                values.entry(log).or_default().push(record.unwrap().value.unwrap().to_vec());
            }
        }
        (values, shared)
    }

    #[test]
    fn logs_share_a_batch_until_a_message_is_not_for_all_of_them() {
        let (b, c, d) = (stream(2, "b"), stream(3, "c"), stream(4, "d"));
        let mut publishing = Publishing::default();
        publish(&mut publishing, &[&b, &c, &d], b"1", 0);
        publish(&mut publishing, &[&b, &c, &d], b"2", 0);
        publish(&mut publishing, &[&c], b"3", 0);
        publish(&mut publishing, &[&b, &c, &d], b"4", 0);
        let (values, shared) = taken(publishing);
        assert_eq!(shared, [(2, false), (4, true), (3, false)]);
        assert_eq!(values[&2], [b"1", b"2", b"4"]);
        assert_eq!(values[&3], [b"1", b"2", b"3", b"4"]);
        assert_eq!(values[&4], values[&2]);
    }

    #[test]
    fn a_record_is_shared_only_where_it_says_the_same() {
        let (a, b, c) = (stream(1, "a"), stream(2, "b"), stream(3, "c"));
        let mut publishing = Publishing::default();
        // The one that is called like the key does not say where it was published.
        publish(&mut publishing, &[&a, &b, &c], b"1", 0);
        let (values, shared) = taken(publishing);
        assert_eq!(shared, [(1, false), (2, false), (3, true)]);
        assert_eq!(values.len(), 3);
        let mut publishing = Publishing::default();
        publish(&mut publishing, &[&b], b"1", 3);
        publish(&mut publishing, &[&c], b"1", 0);
        publish(&mut publishing, &[&b, &c], b"2", 0);
        let (values, shared) = taken(publishing);
        assert_eq!(shared, [(2, false), (3, false)], "they had other messages before");
        assert_eq!(values[&2], [b"1", b"2"]);
    }

    #[test]
    fn a_batch_that_is_closed_early_comes_before_the_next_of_its_logs() {
        let (b, c) = (stream(2, "b"), stream(3, "c"));
        let mut publishing = Publishing::default();
        let large = vec![7; BATCH_BYTES_CLOSED];
        publish(&mut publishing, &[&b, &c], b"1", 0);
        publish(&mut publishing, &[&b, &c], &large, 0);
        publish(&mut publishing, &[&c, &b], b"3", 0);
        let (values, shared) = taken(publishing);
        assert_eq!(shared, [(2, false), (3, true), (3, false), (2, true)]);
        for values in values.values() {
            assert_eq!(values, &[b"1".to_vec(), large.clone(), b"3".to_vec()]);
        }
    }

    #[test]
    fn messages_are_confirmed_unless_one_of_their_queues_refused_them() {
        let appending = Appending {
            runs: vec![run(1, 10)],
            batches: [vec![run(1, 10)], vec![run(3, 5), run(8, 9)], vec![run(6, 7)]].map(batch).into(),
            is_unconfirmed: false,
            order: 0,
            cost: 0,
            messages: 0,
            since: 0,
            failure: None,
        };
        let results = vec![appended(), Err(ErrorKind::StreamFull), Err(ErrorKind::UnknownStream)];
        let mut appending = appending;
        assert_eq!(appending.answer(Reply::Appended(results)), None);
        let Outcome { news, failure } = appending.outcome();
        assert_eq!(failure, None);
        assert_eq!(
            news,
            [
                (run(1, 3), true),
                (run(3, 5), false),
                (run(5, 8), true),
                (run(8, 9), false),
                (run(9, 10), true)
            ]
        );
    }

    #[test]
    fn an_append_that_failed_refuses_all_its_messages() {
        let appending = Appending {
            runs: vec![run(4, 6)],
            batches: vec![batch(vec![run(4, 6)])],
            is_unconfirmed: true,
            order: 0,
            cost: 0,
            messages: 0,
            since: 0,
            failure: None,
        };
        let mut appending = appending;
        assert_eq!(
            appending.answer(Reply::Refused(ErrorKind::StorageFull)),
            Some(Lack::Disk),
            "it is tried again"
        );
        assert_eq!(appending.answer(Reply::Refused(ErrorKind::ShuttingDown)), None);
        assert_eq!(
            appending.outcome(),
            Outcome { news: vec![(run(4, 6), false)], failure: Some(ErrorKind::ShuttingDown) }
        );
    }

    #[test]
    fn what_there_was_no_memory_for_is_left_and_nothing_else() {
        let mut appending = Appending {
            runs: vec![run(1, 3)],
            batches: vec![batch(vec![run(1, 2)]), batch(vec![run(1, 3)]), batch(vec![run(2, 3)])],
            is_unconfirmed: false,
            order: 0,
            cost: 0,
            messages: 0,
            since: 0,
            failure: None,
        };
        let results = vec![appended(), Err(ErrorKind::Overloaded), Err(ErrorKind::StreamFull)];
        assert_eq!(appending.answer(Reply::Appended(results)), Some(Lack::Memory));
        let left: Vec<bool> = appending.batches.iter().map(AppendingBatch::is_left).collect();
        assert_eq!(left, [false, true, false]);
        assert_eq!(appending.answer(Reply::Appended(vec![appended()])), None);
        let news = vec![(run(1, 2), true), (run(2, 3), false)];
        assert_eq!(appending.outcome(), Outcome { news, failure: None });
    }

    #[test]
    fn numbers_that_follow_each_other_are_one_run() {
        let mut runs = Vec::new();
        for n in [1, 2, 3, 5, 6] {
            add_to(&mut runs, run(n, n + 1));
        }
        assert_eq!(runs, [run(1, 4), run(5, 7)]);
        add_to(&mut runs, Run { channel: 2, ..run(7, 8) });
        assert_eq!(runs.len(), 3);
    }
}
