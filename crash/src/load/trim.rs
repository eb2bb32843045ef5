//! Deleting records from the front of a partition that is written meanwhile.
//!
//! Apart because it is the only load that moves a log start offset.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Context as _;
use millstream_kafka::ErrorCode;
use millstream_kafka::codec::generated::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};
use millstream_testkit::history::{Event, Op, Phase};

use super::watermarks::{Place, watermark};
use super::{Hand, TRIMMED, World, refusal};
use crate::chance::Chance;
use crate::moment::Moments;

const VERSION: i16 = 2;
const TIMEOUT_MS: i32 = 30_000;
const PAUSE_MS_MAX: u64 = 60;
/// The purpose of this load's chance.
const CHANCE: u64 = 2;

/// Deletes up to random offsets until the run is over.
///
/// # Errors
/// When an answer makes no sense, or the history cannot be written.
pub fn run(world: &World) -> anyhow::Result<()> {
    let mut hand = world.hand("lean-trim")?;
    let mut chance = Chance::new(world.seed, CHANCE);
    let mut low = 0;
    while hand.ready() {
        if let Some(high) = watermark(&mut hand, Place { topic: TRIMMED.name, partition: 0 }, false)?
            && high > low
        {
            let ahead = chance.below(u64::try_from(high - low).expect("it was compared") + 1);
            let offset = low + i64::try_from(ahead).expect("below an offset");
            low = trim(&mut hand, TRIMMED.name, offset)?.unwrap_or(low);
        }
        sleep(Duration::from_millis(chance.below(PAUSE_MS_MAX)));
    }
    hand.history.finish()?;
    Ok(())
}

/// Asks once; the log start offset if it was answered with one.
///
/// # Errors
/// When an answer makes no sense, or the history cannot be written.
pub fn trim(hand: &mut Hand, topic: &str, offset: i64) -> anyhow::Result<Option<i64>> {
    let partition = DeleteRecordsPartition { partition_index: 0, offset };
    let ask = DeleteRecordsRequest {
        topics: vec![DeleteRecordsTopic { name: topic.into(), partitions: vec![partition] }],
        timeout_ms: TIMEOUT_MS,
    };
    let event = Event { op: Op::Trim, topic: topic.to_owned(), offset: Some(offset), ..Event::default() };
    let event = hand.history.invoke(event)?;
    Moments::announce(&hand.moments.trim);
    let answer = match hand.link.call(VERSION, &ask) {
        Ok(answer) => answer,
        Err(error) => {
            hand.unknown(event, &error)?;
            return Ok(None);
        }
    };
    let answer = answer.topics.into_iter().flat_map(|topic| topic.partitions).next();
    let answer = answer.context("a DeleteRecords response without partitions")?;
    if answer.error_code != 0 {
        let note = format!("error {}", answer.error_code);
        let phase = refusal(ErrorCode(answer.error_code));
        hand.history.done(phase, Event { low: Some(answer.low_watermark), note, ..event })?;
        return Ok(None);
    }
    hand.history.done(Phase::Ok, Event { low: Some(answer.low_watermark), ..event })?;
    Ok(Some(answer.low_watermark))
}
