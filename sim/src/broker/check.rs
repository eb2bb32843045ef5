//! After a restart: everything that the broker shows, against everything that clients know.
//!
//! Apart because it is the promise in words that a client understands. What is seen here is durable, so that it turns
//! what may be into what is.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use millstream_engine::steps::Steps;
use millstream_storage::{LogView, ReadMode, ReadOutcome};
use millstream_types::{LogId, Namespace, Offset};

use crate::broker::batch;
use crate::broker::known::{Existence, Fate, Known, KnownLog};

/// Bytes that one read asks for.
const READ_BYTES: u32 = 16 << 10;

/// Looks at every stream and every record.
pub(crate) fn everything(known: &mut Known, steps: &Steps) -> Result<()> {
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
            check_log(known.logs.entry(log).or_default(), &doubtful, log, &view)
                .with_context(|| format!("log {log}"))?;
        }
    }
    Ok(())
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

fn check_log(known: &mut KnownLog, doubtful: &BTreeSet<u64>, log: LogId, view: &LogView) -> Result<()> {
    let (start, end) = (view.log_start().0, view.high_watermark().0);
    ensure!(
        known.start_min <= start && start <= known.start_max.max(known.start_min),
        "it starts at {start}, not in {}..={}",
        known.start_min,
        known.start_max
    );
    (known.start_min, known.start_max) = (start, start);
    let mut seen = BTreeSet::new();
    let mut from = start;
    while from < end {
        let batches = match view.read(Offset(from), READ_BYTES, ReadMode::MayBlock)? {
            ReadOutcome::Batches(batches) => batches,
            other => bail!("a read from {from} of {end} says {other:?}"),
        };
        ensure!(!batches.is_empty(), "a read gives at least one batch");
        for stored in batches {
            let (base, next) = (stored.base_offset.0, stored.last_offset.0 + 1);
            ensure!(base <= from && from < next, "{base}..{next} does not follow {from}");
            let bytes = stored.to_contiguous();
            let number = batch::number_of(&bytes).context("bytes that are no batch")?;
            let sent = known.sent.get_mut(&number);
            let sent = sent.with_context(|| format!("batch {number} at {base} was not sent here"))?;
            ensure!(seen.insert(number), "batch {number} is stored twice, the second time at {base}");
            ensure!(
                sent.fate == Fate::Open || sent.fate == Fate::Stored(base),
                "batch {number} is at {base}, but {:?}",
                sent.fate
            );
            ensure!(
                sent.bytes == bytes.len() && u64::from(sent.records) == next - base,
                "batch {number} at {base} has another length"
            );
            ensure!(batch::is_stored(&bytes, number, base), "batch {number} at {base} has other bytes");
            sent.fate = Fate::Stored(base);
            from = next;
        }
    }
    for (number, sent) in &known.sent {
        if let Fate::Stored(base) = sent.fate {
            let ends_before = base + u64::from(sent.records) <= start;
            ensure!(
                ends_before || seen.contains(number),
                "batch {number} of {log} is lost; it was at {base}"
            );
        }
    }
    // What is not there now never comes, unless someone sends it again.
    known.sent.retain(|number, _| seen.contains(number) || doubtful.contains(number));
    Ok(())
}
