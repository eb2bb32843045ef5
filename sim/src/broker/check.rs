//! After a restart: everything that the broker shows, against everything that clients know.
//!
//! Apart because it is the promise in words that a client understands. What is seen here is durable, so that it turns
//! what may be into what is.

use std::collections::BTreeSet;

use anyhow::{Context, Result, anyhow, bail, ensure};
use millstream_engine::steps::Steps;
use millstream_storage::{LogView, ReadError, ReadMode, ReadOutcome, StoredBatch};
use millstream_types::{EngineTime, Namespace, Offset};

use crate::broker::batch;
use crate::broker::known::{Existence, Fate, Known, KnownLog};
use crate::broker::rules::{self, Explained};

/// Bytes that one read asks for.
const READ_BYTES: u32 = 16 << 10;

/// Whether files were damaged behind the broker's back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Damage {
    /// Every read must succeed.
    None,
    /// A read may be refused because of it, and then what comes after in that log is not looked at. What is served must
    /// be right all the same.
    Done,
}

/// What was found beside what must be there.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Found {
    /// Batches that nobody knew the fate of, and they are there.
    pub(crate) in_doubt_there: u64,
    /// Batches that nobody knew the fate of, and they are not.
    pub(crate) in_doubt_lost: u64,
    /// Logs of which a read was refused because of damage.
    pub(crate) refused: u64,
    /// Records that are gone by themselves.
    pub(crate) explained: Explained,
}

/// Looks at every stream and every record.
pub(crate) fn everything(known: &mut Known, steps: &Steps, damage: Damage, now: EngineTime) -> Result<Found> {
    let mut found = Found::default();
    streams(known, steps)?;
    for entry in steps.catalog().streams(Namespace::DEFAULT) {
        for log in entry.log_ids() {
            let view = steps.views().get(log).with_context(|| format!("{log} has no view"))?;
            let producers = &known.producers;
            let doubtful: BTreeSet<u64> = producers
                .iter()
                .filter(|((_, of), _)| *of == log)
                .flat_map(|(_, producer)| producer.doubtful.iter().chain(&producer.last).copied())
                .collect();
            let reading = Reading { view: &view, damage, now };
            check_log(known.log(log), &doubtful, &reading, &mut found)
                .with_context(|| format!("log {log}"))?;
        }
    }
    Ok(found)
}

/// What a client reads while the broker runs: some of one log, from any offset. What `stands` must be there from now on.
/// Returns the number of batches read.
pub(crate) fn some(
    known: &mut KnownLog,
    view: &LogView,
    from: u64,
    stands: bool,
) -> Result<usize, ReadFailure> {
    let batches = match view.read(Offset(from), READ_BYTES, ReadMode::MayBlock)? {
        ReadOutcome::Batches(batches) => batches,
        ReadOutcome::AtEnd => return Ok(0),
        ReadOutcome::WouldBlock => return Err(anyhow!("a read that may block asks to wait").into()),
    };
    let mut from = from;
    for stored in &batches {
        let Seen { number, base, .. } = check_batch(known, stored, from)?;
        if stands && let Some(sent) = known.sent.get_mut(&number) {
            sent.fate = Fate::Stored(base);
        }
        from = stored.last_offset.0 + 1;
    }
    Ok(batches.len())
}

/// Why a client's read gave nothing.
#[derive(Debug)]
pub(crate) enum ReadFailure {
    /// The broker refused it.
    Refused(ReadError),
    /// What it served is wrong.
    Wrong(anyhow::Error),
}

impl From<ReadError> for ReadFailure {
    fn from(error: ReadError) -> ReadFailure {
        ReadFailure::Refused(error)
    }
}

impl From<anyhow::Error> for ReadFailure {
    fn from(error: anyhow::Error) -> ReadFailure {
        ReadFailure::Wrong(error)
    }
}

/// A batch that was read.
struct Seen {
    number: u64,
    base: u64,
    /// Which of its records, as bits.
    there: u32,
}

/// Which batch stored bytes are; all of it as it was sent, at a place where it may be. Of a compacted log records and whole
/// batches may be gone, but not those that were there before and never come back.
fn check_batch(known: &KnownLog, stored: &StoredBatch, from: u64) -> Result<Seen> {
    let compacts = known.rules.compacts;
    let (base, next) = (stored.base_offset.0, stored.last_offset.0 + 1);
    ensure!((base <= from || compacts) && from < next, "{base}..{next} does not follow {from}");
    let bytes = stored.to_contiguous();
    let number = batch::number_of(&bytes, compacts);
    let number = number.with_context(|| format!("bytes at {base} that are no batch"))?;
    let sent = known.sent.get(&number);
    let sent = sent.with_context(|| format!("batch {number} at {base} was not sent here"))?;
    ensure!(
        sent.fate == Fate::Open || sent.fate == Fate::Stored(base),
        "batch {number} is at {base}, but {:?}",
        sent.fate
    );
    ensure!(sent.records() == next - base, "batch {number} at {base} has another length");
    let there = batch::check(&bytes, number, base, &sent.shape)?;
    ensure!(
        there & sent.gone == 0,
        "records {:b} of batch {number} at {base} were gone and are back",
        there & sent.gone
    );
    Ok(Seen { number, base, there })
}

/// Streams are there exactly when they must be.
fn streams(known: &mut Known, steps: &Steps) -> Result<()> {
    let mut seen = BTreeSet::new();
    for entry in steps.catalog().streams(Namespace::DEFAULT) {
        let stream = known.streams.get_mut(&entry.uid.0);
        let stream = stream.with_context(|| format!("nobody asked for stream {}", entry.name))?;
        ensure!(stream.existence != Existence::Ended, "stream {} is back", entry.name);
        ensure!(
            *entry.name == *stream.name && stream.id.is_none_or(|id| id == entry.id),
            "stream {} is another one",
            entry.name
        );
        ensure!(
            (stream.logs_min..=stream.logs_max).contains(&entry.logs),
            "stream {} has {} logs",
            entry.name,
            entry.logs
        );
        (stream.existence, stream.id) = (Existence::Exists, Some(entry.id));
        (stream.logs_min, stream.logs_max) = (entry.logs, entry.logs);
        seen.insert(entry.uid.0);
    }
    let mut gone = Vec::new();
    for (uid, stream) in known.streams.iter().filter(|(uid, _)| !seen.contains(uid)) {
        ensure!(stream.existence != Existence::Exists, "stream {} is gone", stream.name);
        gone.push((*uid, stream.id));
    }
    for (uid, id) in gone {
        known.streams.remove(&uid);
        if let Some(id) = id {
            known.end_stream(id);
        }
    }
    Ok(())
}

/// How a log is read.
struct Reading<'a> {
    view: &'a LogView,
    damage: Damage,
    now: EngineTime,
}

fn check_log(
    known: &mut KnownLog,
    doubtful: &BTreeSet<u64>,
    reading: &Reading<'_>,
    found: &mut Found,
) -> Result<()> {
    let Reading { view, damage, now } = *reading;
    let (start, end) = (view.log_start().0, view.high_watermark().0);
    ensure!(known.start_min <= start, "it starts at {start}, before {}", known.start_min);
    if start > known.start_max {
        rules::explain_start(known, known.start_max, start, now, &mut found.explained)?;
    }
    (known.start_min, known.start_max) = (start, start);
    let mut seen = BTreeSet::new();
    let mut from = start;
    while from < end {
        let batches = match view.read(Offset(from), READ_BYTES, ReadMode::MayBlock) {
            Ok(ReadOutcome::Batches(batches)) => batches,
            Err(ReadError::Corrupt { .. }) if damage == Damage::Done => {
                found.refused += 1;
                break;
            }
            other => bail!("a read from {from} of {end} says {other:?}"),
        };
        ensure!(!batches.is_empty(), "a read gives at least one batch");
        for stored in batches {
            let Seen { number, base, there } = check_batch(known, &stored, from)?;
            ensure!(seen.insert(number), "batch {number} is stored twice, the second time at {base}");
            let sent = known.sent.get_mut(&number).expect("it was just looked at");
            found.in_doubt_there += u64::from(sent.fate == Fate::Open);
            sent.fate = Fate::Stored(base);
            sent.gone |= batch::all_of(sent.shape.records) & !there;
            from = stored.last_offset.0 + 1;
        }
    }
    let is_whole = from >= end;
    for (number, sent) in &mut known.sent {
        found.in_doubt_lost += u64::from(sent.fate == Fate::Open);
        let Some((base, batch_end)) = sent.offsets() else { continue };
        let is_out_of_sight = !is_whole && batch_end > from;
        if batch_end <= start || is_out_of_sight || seen.contains(number) {
            continue;
        }
        ensure!(known.rules.compacts, "batch {number} is lost; it was at {base}");
        sent.gone = batch::all_of(sent.shape.records);
    }
    if known.rules.compacts && is_whole {
        rules::explain_keys(known, start, now, &mut found.explained)?;
    }
    // What is not there now never comes, unless someone sends it again. What compaction took must not come back.
    let compacts = known.rules.compacts;
    known.sent.retain(|number, sent| {
        let is_compacted = compacts && sent.offsets().is_some_and(|(_, end)| end > start);
        is_compacted || seen.contains(number) || doubtful.contains(number)
    });
    Ok(())
}
