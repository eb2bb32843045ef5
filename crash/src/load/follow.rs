//! Reading partitions as they grow, without a group; and one fetch for whoever reads.
//!
//! Apart because a reader without a group shows what the broker serves, not what a client's buffers hold.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use millstream_kafka::ErrorCode;
use millstream_kafka::codec::generated::fetch::{FetchPartition, FetchRequest, FetchTopic};
use millstream_testkit::history::{Event, Op, Run};
use millstream_types::batch::{BatchHeader, OpenLimits, open, verify};

use super::watermarks::{Place, watermark};
use super::{Hand, SHARED, TRIMMED, World};
use crate::value;

const VERSION: i16 = 12;
const BYTES_MAX: i32 = 4 << 20;
const WAIT_MS: i32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// Reads until the run is over.
///
/// # Errors
/// When something is served that cannot be, or the history cannot be written.
pub fn run(world: &World) -> anyhow::Result<()> {
    let mut hand = world.hand("lean-follow")?;
    let places = [
        Place { topic: SHARED.name, partition: 0 },
        Place { topic: SHARED.name, partition: 1 },
        Place { topic: TRIMMED.name, partition: 0 },
    ];
    let mut next = [0; 3];
    'run: loop {
        for (place, next) in places.into_iter().zip(&mut next) {
            if !hand.ready() {
                break 'run;
            }
            match fetch(&mut hand, place, *next) {
                Ok(Fetched::Records(runs, end)) => {
                    *next = end;
                    seen(&mut hand, place, runs)?;
                }
                // What was to be read next has been deleted: go on at the start, as clients do.
                Ok(Fetched::Refused(ErrorCode::OFFSET_OUT_OF_RANGE)) => {
                    *next = watermark(&mut hand, place, true)?.unwrap_or(*next)
                }
                Ok(Fetched::Refused(_)) if world.disk_fails => {}
                Ok(Fetched::Refused(code)) => {
                    bail!("fetching {place:?} at {next} was answered with {}", code.name())
                }
                Err(error) if error.is::<Wrong>() => return Err(error),
                // The connection broke; nothing was seen.
                Err(_) => {}
            }
        }
        sleep(PAUSE);
    }
    hand.history.finish()?;
    Ok(())
}

/// Writes what was read.
///
/// # Errors
/// When the history cannot be written.
pub fn seen(hand: &mut Hand, place: Place<'_>, runs: Vec<Run>) -> std::io::Result<()> {
    if runs.is_empty() {
        return Ok(());
    }
    let topic = place.topic.to_owned();
    hand.history.seen(Event { op: Op::Poll, topic, partition: place.partition, runs, ..Event::default() })
}

/// What a fetch brought.
#[derive(Debug)]
pub enum Fetched {
    /// Records, and the offset after the last of them.
    Records(Vec<Run>, i64),
    /// The broker gives none, and says why.
    Refused(ErrorCode),
}

/// The broker served something that cannot be.
#[derive(Debug)]
struct Wrong(String);

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

/// Fetches once.
///
/// # Errors
/// When the connection breaks, or something is served that cannot be.
pub fn fetch(hand: &mut Hand, place: Place<'_>, offset: i64) -> anyhow::Result<Fetched> {
    let partition = FetchPartition {
        partition: i32::try_from(place.partition)?,
        fetch_offset: offset,
        partition_max_bytes: BYTES_MAX,
        ..Default::default()
    };
    let ask = FetchRequest {
        max_wait_ms: WAIT_MS,
        min_bytes: 1,
        max_bytes: BYTES_MAX,
        topics: vec![FetchTopic {
            topic: place.topic.into(),
            partitions: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    };
    let answer = hand.link.call(VERSION, &ask)?;
    let partition = answer.responses.into_iter().flat_map(|topic| topic.partitions).next();
    let partition = partition.context("a Fetch response without partitions")?;
    let code = ErrorCode(partition.error_code);
    if code != ErrorCode::NONE {
        return Ok(Fetched::Refused(code));
    }
    let bytes = partition.records.map(|records| records.to_bytes()).unwrap_or_default();
    read(bytes, offset).map_err(|error| Wrong(format!("{place:?} at {offset}: {error:#}")).into())
}

fn read(mut bytes: Bytes, from: i64) -> anyhow::Result<Fetched> {
    let (mut runs, mut next) = (Vec::new(), from);
    // The last batch may be cut off.
    while let Ok(header) = BatchHeader::parse(&bytes) {
        if header.total_bytes() > bytes.len() {
            break;
        }
        let batch = bytes.split_to(header.total_bytes());
        verify(&header, &batch).context("a batch that was served is damaged")?;
        let base = header.base_offset().context("a batch without an offset")?.0;
        let open = open(&batch, OpenLimits::default())?;
        for record in &open {
            let record = record?;
            let offset = i64::try_from(base + u64::from(record.offset_delta))?;
            if offset < from {
                continue;
            }
            let (client, n) = value::read(record.value.unwrap_or_default())?;
            Run::push(&mut runs, offset, client, n);
            next = offset + 1;
        }
    }
    Ok(Fetched::Records(runs, next))
}
