//! The end: every client reads everything from the start, in peace.
//!
//! Apart because this is what losses are measured against, and because no client's reader may be left out.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use millstream_testkit::history::{Event, Op, Phase, Run};

use crate::load::churn::{Kept, exists, look};
use crate::load::follow::{Fetched, fetch, seen};
use crate::load::watermarks::{Place, bounds};
use crate::load::{Hand, TOPICS, World};
use crate::options::Options;
use crate::programs::Program;
use crate::value;

/// Records of one poll event.
const RECORDS_PER_EVENT: usize = 10_000;
const CONNECT_TRIES: u32 = 1000;

/// The processes that must have read everything.
pub(crate) const READERS: [&str; 4] = ["lean-drain", "kcat-drain", "librdkafka-drain", "aiokafka-drain"];

/// Reads everything with every client.
pub(crate) fn run(options: &Options, world: &World, kept: &[Kept]) -> anyhow::Result<()> {
    let places: Vec<_> = TOPICS
        .iter()
        .flat_map(|topic| (0..topic.partitions).map(|partition| (topic.name, partition)))
        .collect();
    let list = serde_json::to_string(&places)?;
    let programs = ["librdkafka", "aiokafka"]
        .map(|library| Program::start(options, world, library, "drain", 0, &[&list]));
    let mut hand = connected(world, "lean-drain")?;
    for (topic, partition) in &places {
        lean(&mut hand, Place { topic, partition: *partition }, topic)?;
    }
    for topic in kept {
        let present = look(&mut hand, &topic.name)??.is_some();
        exists(&mut hand, &topic.life, present)?;
        if present {
            lean(&mut hand, Place { topic: &topic.name, partition: 0 }, &topic.life)?;
        }
    }
    hand.history.finish()?;
    let mut hand = connected(world, "kcat-drain")?;
    for (topic, partition) in places {
        kcat(&options.kcat, world, &mut hand, Place { topic, partition })?;
    }
    hand.history.finish()?;
    for program in programs {
        program?.end()?;
    }
    Ok(())
}

/// A connection to a broker that is up.
///
/// # Errors
/// When it cannot be reached.
pub fn connected(world: &World, process: &str) -> anyhow::Result<Hand> {
    let mut hand = world.hand(process)?;
    for _ in 0..CONNECT_TRIES {
        if hand.link.connect() {
            return Ok(hand);
        }
        sleep(Duration::from_millis(10));
    }
    bail!("the broker at {} cannot be reached", world.address)
}

/// Begins a reading: asks for the bounds, stands at the start.
fn begin(hand: &mut Hand, place: Place<'_>, life: &str) -> anyhow::Result<(Event, i64, i64)> {
    let topic = life.to_owned();
    let event = Event { op: Op::Drain, topic, partition: place.partition, ..Event::default() };
    let event = hand.history.invoke(event)?;
    let (low, high) = bounds(hand, place)?;
    hand.history.seen(Event { op: Op::Seek, id: 0, offset: Some(low), ..event.clone() })?;
    Ok((Event { low: Some(low), high: Some(high), ..event }, low, high))
}

/// Reads a partition to its end with the lean client and writes down what was there.
///
/// # Errors
/// When something that must be there cannot be read.
pub fn lean(hand: &mut Hand, place: Place<'_>, life: &str) -> anyhow::Result<()> {
    let (event, mut next, high) = begin(hand, place, life)?;
    while next < high {
        let (runs, end) = match fetch(hand, place, next)? {
            Fetched::Records(runs, end) => (runs, end),
            other => bail!("{place:?}: offset {next} of {high}: {other:?}"),
        };
        ensure!(end > next, "{place:?}: nothing comes at offset {next} of {high}");
        next = end;
        seen(hand, Place { topic: life, ..place }, runs)?;
    }
    hand.history.done(Phase::Ok, event)?;
    Ok(())
}

fn kcat(program: &Path, world: &World, hand: &mut Hand, place: Place<'_>) -> anyhow::Result<()> {
    let (event, _, high) = begin(hand, place, place.topic)?;
    let mut child = Command::new(program)
        .args(["-b", &world.address.to_string(), "-C", "-t", place.topic])
        .args(["-p", &place.partition.to_string(), "-o", "beginning", "-e", "-q"])
        .args(["-X", "check.crcs=true", "-f", "%o %s\n"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let output = child.stdout.take().context("kcat has no standard output")?;
    let (mut runs, mut records) = (Vec::new(), 0);
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let space = line.iter().position(|byte| *byte == b' ').context("a line of kcat without an offset")?;
        let offset: i64 = std::str::from_utf8(&line[..space])?.parse()?;
        let (client, n) = value::read(&line[space + 1..])?;
        // What is written after the bounds were asked for is nobody's business.
        if offset < high {
            Run::push(&mut runs, offset, client, n);
        }
        records += 1;
        if records == RECORDS_PER_EVENT {
            seen(hand, place, std::mem::take(&mut runs))?;
            records = 0;
        }
    }
    seen(hand, place, runs)?;
    let status = child.wait()?;
    ensure!(status.success(), "kcat ended with {status}");
    hand.history.done(Phase::Ok, event)?;
    Ok(())
}
