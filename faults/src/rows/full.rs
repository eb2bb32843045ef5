//! A disk without room.
//!
//! Apart because here being refused is right, and what counts is the way out of it without a restart.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use millstream_crash::load::produce::Producer;
use millstream_crash::load::trim::trim;
use millstream_crash::load::{FAST, Hand, make_topics};
use millstream_crash::{clock, drain};
use millstream_kafka::ErrorCode;

use crate::image::Image;
use crate::reading::Reading;
use crate::runner::Field;
use crate::stage::Stage;

/// Room for the files that are prepared ahead, a reserve, and some records.
const IMAGE_BYTES: u64 = 1200 << 20;
const CLIENT: u32 = 20;
const WINDOW: usize = 4;
const RECORDS_PER_BATCH: u32 = 64;
const VALUE_BYTES: usize = 14 << 10;
/// A disk of this size is full by then.
const FILL_MAX: Duration = Duration::from_secs(240);
/// Writing resumes within this time after space was freed.
const RESUME_MAX: Duration = Duration::from_secs(30);
/// A broker whose disk is full lives on; it would have ended by then if it were to.
const STAYS: Duration = Duration::from_secs(2);
/// Kafka's word for "up to the end" in DeleteRecords.
const END: i64 = -1;

pub(crate) fn disk(field: &Field) -> anyhow::Result<String> {
    let image = Image::make(&field.dir, "ext4", IMAGE_BYTES)?;
    let mut stage = Stage::new(field, image.data(), false)?;
    stage.start()?;
    make_topics(&stage.world)?;
    let mut hand = drain::connected(&stage.world, "lean-fill")?;
    let mut producer = Producer::new(CLIENT, FAST.name, 0);
    let mut resumed_ms = Vec::new();
    for cycle in 0..field.cycles {
        let refusal = fill(&mut hand, &mut producer)?;
        ensure!(refusal == ErrorCode::KAFKA_STORAGE_ERROR, "a full disk is answered with {}", refusal.name());
        ensure!(stage.broker.ended(STAYS)?.is_none(), "the broker ended: {}", stage.broker.said()?);
        let reading = Reading::take(&stage.world, &format!("full-{cycle}"))?;
        ensure!(reading.is_whole() && reading.records() > 0, "what a full disk holds cannot be read");
        if cycle % 2 == 1 {
            stage.kill()?;
            stage.start().context("started again while the disk is full")?;
            hand = drain::connected(&stage.world, &format!("lean-fill-{cycle}"))?;
        }
        let since = clock::now_ns();
        trim(&mut hand, FAST.name, END)?.context("DeleteRecords was refused on a full disk")?;
        resume(&mut hand, &mut producer)?;
        resumed_ms.push((clock::now_ns() - since) / 1_000_000);
    }
    hand.history.finish()?;
    let judged = stage.judged()?;
    let slowest = resumed_ms.into_iter().max().unwrap_or_default();
    Ok(format!("writing resumed within {slowest} ms of DeleteRecords; {judged}"))
}

/// Writes until that is refused; with what.
fn fill(hand: &mut Hand, producer: &mut Producer) -> anyhow::Result<ErrorCode> {
    let deadline = clock::now_ns() + u64::try_from(FILL_MAX.as_nanos())?;
    while clock::now_ns() < deadline {
        producer.window(hand, WINDOW, RECORDS_PER_BATCH, VALUE_BYTES)?;
        if let Some(refusal) = producer.refusal() {
            return Ok(refusal);
        }
        ensure!(hand.link.connect(), "the connection broke and there is no broker any more");
    }
    bail!("the disk is not full after {} s", FILL_MAX.as_secs())
}

/// Writes until that is taken again.
fn resume(hand: &mut Hand, producer: &mut Producer) -> anyhow::Result<()> {
    let deadline = clock::now_ns() + u64::try_from(RESUME_MAX.as_nanos())?;
    while clock::now_ns() < deadline {
        producer.window(hand, 1, 1, VALUE_BYTES)?;
        if producer.refusal().is_none() {
            return Ok(());
        }
        sleep(Duration::from_millis(50));
    }
    bail!("writing is still refused {} s after everything was deleted", RESUME_MAX.as_secs())
}
