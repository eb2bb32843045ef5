//! Asking where partitions begin and end, all the time.
//!
//! Apart because a watermark that goes back shows only to somebody who keeps asking.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Context as _;
use millstream_kafka::codec::generated::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic,
};
use millstream_testkit::history::{Event, Op, Phase};

use super::{FAST, Hand, SHARED, TRIMMED, World};

const VERSION: i16 = 5;
/// Kafka's words for "the earliest" and "the end".
const EARLIEST: i64 = -2;
const LATEST: i64 = -1;
const PAUSE: Duration = Duration::from_millis(15);

/// A partition.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The topic's name.
    pub topic: &'a str,
    /// The partition's index.
    pub partition: u32,
}

/// Asks until the run is over.
///
/// # Errors
/// When an answer makes no sense, or the history cannot be written.
pub fn run(world: &World) -> anyhow::Result<()> {
    let mut hand = world.hand("lean-watermarks")?;
    let places: Vec<_> = [FAST, SHARED, TRIMMED]
        .iter()
        .flat_map(|topic| (0..topic.partitions).map(|partition| Place { topic: topic.name, partition }))
        .collect();
    let mut turn = 0;
    while hand.ready() {
        watermark(&mut hand, places[turn / 2 % places.len()], turn % 2 == 0)?;
        turn += 1;
        sleep(PAUSE);
    }
    hand.history.finish()?;
    Ok(())
}

/// Asks once for the start or the end of a partition.
///
/// # Errors
/// When an answer makes no sense, or the history cannot be written.
pub fn watermark(hand: &mut Hand, place: Place<'_>, start: bool) -> anyhow::Result<Option<i64>> {
    let event = Event {
        op: Op::Bounds,
        topic: place.topic.to_owned(),
        partition: place.partition,
        ..Event::default()
    };
    let event = hand.history.invoke(event)?;
    match ask(hand, place, if start { EARLIEST } else { LATEST }) {
        Ok(Ok(offset)) => {
            let (low, high) = if start { (Some(offset), None) } else { (None, Some(offset)) };
            hand.history.done(Phase::Ok, Event { low, high, ..event })?;
            Ok(Some(offset))
        }
        Ok(Err(code)) => {
            hand.history.done(Phase::Fail, Event { note: format!("error {code}"), ..event })?;
            Ok(None)
        }
        Err(error) => {
            hand.unknown(event, &error)?;
            Ok(None)
        }
    }
}

/// Start and end of a partition, from a broker that is up.
///
/// # Errors
/// When the broker does not say.
pub fn bounds(hand: &mut Hand, place: Place<'_>) -> anyhow::Result<(i64, i64)> {
    let mut one = |timestamp| match ask(hand, place, timestamp)? {
        Ok(offset) => Ok(offset),
        Err(code) => anyhow::bail!("ListOffsets of {place:?} was answered with error {code}"),
    };
    Ok((one(EARLIEST)?, one(LATEST)?))
}

fn ask(hand: &mut Hand, place: Place<'_>, timestamp: i64) -> anyhow::Result<Result<i64, i16>> {
    let partition_index = i32::try_from(place.partition)?;
    let partition = ListOffsetsPartition { partition_index, timestamp, ..Default::default() };
    let ask = ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic { name: place.topic.into(), partitions: vec![partition] }],
        ..Default::default()
    };
    let answer = hand.link.call(VERSION, &ask)?;
    let answer = answer.topics.into_iter().flat_map(|topic| topic.partitions).next();
    let answer = answer.context("a ListOffsets response without partitions")?;
    Ok(if answer.error_code == 0 { Ok(answer.offset) } else { Err(answer.error_code) })
}
