//! Messages on their way into the log: what one read brought for one stream becomes one batch, and one append.
//!
//! Apart because this is what makes publishing cheap: clients send messages one by one, and pipeline them. All targets
//! of a message are in one request, so that it is in all of them or in none.

use crate::limits::{BATCH_BYTES_CLOSED, BATCH_RECORDS_CLOSED};
use crate::translate::{Message, push_record};
use millstream_core::Request;
use millstream_core::catalog::StreamEntry;
use millstream_core::lease::RecordMark;
use millstream_core::log::{AppendBatch, Appended};
use millstream_front::{Authorized, Grant};
use millstream_types::batch::{BatchBuilder, BatchError, Compression};
use millstream_types::{ErrorKind, LogId, RecordTime};
use std::collections::BTreeMap;

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

/// A batch being made.
#[derive(Debug, Default)]
struct Draft {
    builder: BatchBuilder,
    marks: Vec<RecordMark>,
    is_marked: bool,
    runs: Vec<Run>,
}

/// Messages that were taken and not handed to the shard.
#[derive(Debug, Default)]
pub(crate) struct Publishing {
    drafts: BTreeMap<LogId, Draft>,
    grants: Vec<Grant>,
    batches: Vec<(AppendBatch, Vec<Run>)>,
    runs: Vec<Run>,
    /// Messages were published whose publisher does not hear what becomes of them.
    is_unconfirmed: bool,
    /// Bytes of their frames.
    cost: usize,
    bytes: usize,
}

/// An append under way.
#[derive(Debug)]
pub(crate) struct Appending {
    /// All its messages that are confirmed.
    runs: Vec<Run>,
    /// Those of each batch.
    batches: Vec<Vec<Run>>,
    pub(crate) is_unconfirmed: bool,
    /// What its frames cost the memory budget.
    pub(crate) cost: usize,
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

    /// Adds a message to a stream's batch.
    ///
    /// # Errors
    /// When it is too large for one.
    pub(crate) fn push(
        &mut self,
        now: RecordTime,
        entry: &StreamEntry,
        index: u32,
        message: &Message<'_>,
        mark: RecordMark,
        run: Option<Run>,
    ) -> Result<(), BatchError> {
        let log = LogId { stream: entry.id, index };
        let draft = self.drafts.entry(log).or_default();
        let before = draft.builder.bytes();
        push_record(&mut draft.builder, now, &entry.name, message)?;
        self.bytes += draft.builder.bytes() - before;
        draft.is_marked |= mark != RecordMark::default();
        draft.marks.push(mark);
        if let Some(run) = run {
            add_to(&mut draft.runs, run);
        }
        if draft.builder.bytes() >= BATCH_BYTES_CLOSED || draft.builder.record_count() >= BATCH_RECORDS_CLOSED
        {
            let draft = std::mem::take(draft);
            self.batches.push(draft.finish(log, now)?);
        }
        Ok(())
    }

    /// Counts a message that went to some streams, with the permission for them.
    pub(crate) fn count(&mut self, run: Option<Run>, cost: usize, grants: Vec<Grant>) {
        self.cost += cost;
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
        for (log, draft) in std::mem::take(&mut self.drafts) {
            if draft.builder.record_count() > 0 {
                let batch = draft.finish(log, now).expect("an uncompressed batch is as long as its builder");
                self.batches.push(batch);
            }
        }
    }

    /// One append of everything; `None` when there is nothing.
    pub(crate) fn take(&mut self, now: RecordTime) -> Option<(Authorized<Request>, Appending)> {
        let mut taken = std::mem::take(self);
        taken.close(now);
        let (batches, runs): (Vec<_>, Vec<_>) = taken.batches.into_iter().unzip();
        let request = Grant::request_all(taken.grants, Request::Append(batches))?;
        let appending = Appending {
            runs: taken.runs,
            batches: runs,
            is_unconfirmed: taken.is_unconfirmed,
            cost: taken.cost,
        };
        Some((request, appending))
    }
}

impl Draft {
    fn finish(self, log: LogId, now: RecordTime) -> Result<(AppendBatch, Vec<Run>), BatchError> {
        let records = self.builder.record_count();
        let batch = AppendBatch {
            log,
            records,
            last_offset_delta: records - 1,
            max_timestamp: now,
            producer: None,
            marks: if self.is_marked { self.marks } else { Vec::new() },
            bytes: self.builder.finish(Compression::None)?,
        };
        Ok((batch, self.runs))
    }
}

impl Appending {
    /// What the shard's answer means for the publishers.
    pub(crate) fn outcome(self, results: Result<Vec<Result<Appended, ErrorKind>>, ErrorKind>) -> Outcome {
        let results = match results {
            Ok(results) => results,
            Err(kind) => {
                let news = self.runs.into_iter().map(|run| (run, false)).collect();
                return Outcome { news, failure: Some(kind) };
            }
        };
        let mut refused: Vec<Run> = Vec::new();
        let mut failure = None;
        for (runs, result) in self.batches.into_iter().zip(results) {
            match result {
                Ok(_) => {}
                // A queue that was deleted meanwhile has the message like one that nobody reads.
                Err(ErrorKind::UnknownStream | ErrorKind::UnknownLog) => {}
                Err(ErrorKind::StreamFull) => refused.extend(runs),
                Err(kind) => {
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
    use millstream_types::Offset;

    fn run(from: u64, to: u64) -> Run {
        Run { channel: 1, serial: 1, from, to }
    }

    fn appended() -> Result<Appended, ErrorKind> {
        Ok(Appended { base_offset: Offset(0), log_start: Offset(0), duplicate: false })
    }

    #[test]
    fn messages_are_confirmed_unless_one_of_their_queues_refused_them() {
        let appending = Appending {
            runs: vec![run(1, 10)],
            batches: vec![vec![run(1, 10)], vec![run(3, 5), run(8, 9)], vec![run(6, 7)]],
            is_unconfirmed: false,
            cost: 0,
        };
        let results = vec![appended(), Err(ErrorKind::StreamFull), Err(ErrorKind::UnknownStream)];
        let Outcome { news, failure } = appending.outcome(Ok(results));
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
            batches: vec![vec![run(4, 6)]],
            is_unconfirmed: true,
            cost: 0,
        };
        let outcome = appending.outcome(Err(ErrorKind::StorageFull));
        assert_eq!(
            outcome,
            Outcome { news: vec![(run(4, 6), false)], failure: Some(ErrorKind::StorageFull) }
        );
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
