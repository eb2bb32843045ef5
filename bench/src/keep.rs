//! What storage costs that lasts: producing while space is given back, while everything is kept, while it is packed, and
//! reading what was packed.
//!
//! Apart from [`crate::run`] because these works go on until the background has done its part: write amplification is only
//! known when nothing waits to be packed any more.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use rustix::fs::{Advice, fadvise};
use serde_json::{Value, json};

use crate::broker::{Broker, millstream};
use crate::clock;
use crate::machine::Machine;
use crate::measure::{Place, measure};
use crate::memory;
use crate::plan::Class;
use crate::report::{Metric, Report, Sample};
use crate::wire::{Admin, ProduceFrame, Sweep, Topic, batch, connect};
use crate::work::{Consume, Latency, Moved, Produce, Until, consume, latency, produce};

/// Options of `storage`.
#[derive(Args)]
pub(crate) struct Options {
    /// Seconds of producing under short retention
    #[arg(long, default_value_t = 600)]
    seconds: u32,
    /// GiB to keep
    #[arg(long, default_value_t = 20)]
    gib: u64,
    /// GiB to keep in many logs, packed and read again
    #[arg(long, default_value_t = 4)]
    packed_gib: u64,
    /// What to run
    #[arg(long, value_enum, value_delimiter = ',', default_value = "short,kept,some,many,beside")]
    only: Vec<Part>,
    /// The millstream binary
    #[arg(long, value_name = "PATH")]
    millstream: PathBuf,
    /// Where the broker's data goes: on the disk to be measured
    #[arg(long, value_name = "DIR", default_value = "target/bench-data")]
    data: PathBuf,
    /// Also write every single figure to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What can be run by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Part {
    /// Producing under short retention
    Short,
    /// Producing while everything is kept
    Kept,
    /// 64 logs: packed, read again
    Some,
    /// 10,000 logs: packed, read again
    Many,
    /// An appender beside the packer and alone, in turn
    Beside,
}

/// Batches of 100 from four connections.
const BATCHES: Produce = Produce { connections: 4, in_flight: 5, batch_records: 100 };
/// How long the figure to compare with is taken.
const BASE: Duration = Duration::from_secs(10);
/// Kept of each of the four logs under short retention.
const SHORT: &[(&str, &str)] = &[("retention.bytes", "268435456")];
/// Few enough logs that each gets objects of its own, and many enough that their runs in WAL files are short.
const SOME_LOGS: usize = 64;
const MANY_LOGS: usize = 10_000;
/// Records of a batch to many logs, and requests in flight.
const SPREAD_RECORDS: u32 = 10;
const SPREAD_IN_FLIGHT: u64 = 200;
/// Latency beside the packer, for how long, of which the first second does not count. The rates leave most of two cores
/// free: what is felt then is the packer's work, and not that there is more work than processors.
const WATCHED: Duration = Duration::from_secs(8);
const WARM_UP: Duration = Duration::from_secs(1);
const LOADS: [(&str, Latency); 3] = [
    ("one by one", Latency { rate: 2_000, batch_records: 1, duration: WATCHED, warm_up: WARM_UP }),
    ("in batches of 100", Latency { rate: 20_000, batch_records: 100, duration: WATCHED, warm_up: WARM_UP }),
    ("one by one", Latency { rate: 10_000, batch_records: 1, duration: WATCHED, warm_up: WARM_UP }),
];
/// How often an appender is measured with the packer and without it, and what is to be packed each time.
const BESIDE_ROUNDS: u32 = 4;
const BESIDE_BYTES: u64 = 5 << 28;
/// Packing is over when nothing has changed for so long (what is left waits for more to go with it); it is waited for at
/// most so long.
const QUIET: Duration = Duration::from_secs(12);
const QUIET_MAX: Duration = Duration::from_secs(600);
/// Files are prepared when their number has not changed for so long; it is waited for at most so long.
const PREPARED_QUIET: Duration = Duration::from_millis(1500);
const PREPARED_MAX: Duration = Duration::from_secs(10);
/// Where the number stands in the document of the storage.
const PREPARED_FILES: &str = "/wal/prepared_files";
/// WAL files that wait for use in the broker of the short retention.
const POOL_FILES: u32 = 16;

/// Runs everything and prints the tables.
///
/// # Errors
/// When a broker does not start, refuses a request or dies.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    fs::create_dir_all(&options.data).with_context(|| format!("creating {}", options.data.display()))?;
    let machine = Machine::look()?;
    let mut keep = Keep { options, report: Report::default() };
    let logs = || format!("what the broker said is in {}/*.log", options.data.display());
    for part in [Part::Short, Part::Kept, Part::Some, Part::Many, Part::Beside] {
        if options.only.contains(&part) {
            keep.part(part).with_context(logs)?;
        }
    }
    println!("{}", machine.line());
    print!("{}", keep.report.tables(&[millstream::NAME]));
    if let Some(path) = &options.json {
        let samples = keep.report.samples();
        fs::write(path, serde_json::to_vec_pretty(&json!({ "machine": machine, "samples": samples }))?)?;
    }
    Ok(())
}

struct Keep<'o> {
    options: &'o Options,
    report: Report,
}

/// What was written since the start when nothing more was packed, in bytes.
struct Rest {
    appended: f64,
    packed: f64,
}

impl Keep<'_> {
    fn part(&mut self, part: Part) -> anyhow::Result<()> {
        match part {
            Part::Short => self.short_retention(),
            Part::Kept => self.everything(),
            Part::Some => self.spread(SOME_LOGS),
            Part::Many => self.spread(MANY_LOGS),
            Part::Beside => self.beside(),
        }
    }

    fn start(&self, pool_files: u32) -> anyhow::Result<Broker> {
        millstream::start(&self.options.millstream, &self.options.data, Class::Fsync, pool_files)
    }

    fn place(&self) -> Place<'_> {
        Place { data: &self.options.data, class: Some(Class::Fsync), round: 1 }
    }

    /// Producing while retention gives the space back, beside the same without any retention for a short while.
    fn short_retention(&mut self) -> anyhow::Result<()> {
        let broker = self.start(POOL_FILES)?;
        let mut admin = Admin::connect(broker.address)?;
        let warm = admin.create("warm", BATCHES.connections, &[])?;
        produce(broker.address, &warm, BATCHES, Until::Records(u64::from(POOL_FILES) * 250_000))?;
        admin.delete(&warm)?;
        thread::sleep(Duration::from_secs(3));
        let base = admin.create("base", BATCHES.connections, &[])?;
        let work = "produce 4 × 5, batches of 100, nothing else".to_owned();
        let run = || produce(broker.address, &base, BATCHES, Until::Elapsed(BASE));
        let sample = measure(&self.place(), work, &broker, run)?;
        self.report.add(sample);
        admin.delete(&base)?;
        thread::sleep(Duration::from_secs(3));
        let short = admin.create("short", BATCHES.connections, SHORT)?;
        let seconds = self.options.seconds;
        let work = format!("produce 4 × 5, batches of 100, 256 MiB kept of each log, {seconds} s");
        let until = Until::Elapsed(Duration::from_secs(seconds.into()));
        let sample =
            measure(&self.place(), work, &broker, || produce(broker.address, &short, BATCHES, until))?;
        self.report.add(sample);
        self.amplification(&broker, "short retention").map(drop)
    }

    /// Producing to four logs while everything is kept.
    fn everything(&mut self) -> anyhow::Result<()> {
        let broker = self.start(4)?;
        let mut admin = Admin::connect(broker.address)?;
        let topic = admin.create("kept", BATCHES.connections, &[])?;
        let touched = memory::touch(self.options.gib << 30)?;
        let records = (self.options.gib << 30) / 1060;
        let work = format!("produce 4 × 5, batches of 100, all of {} GiB kept", self.options.gib);
        let mut sample = measure(&self.place(), work, &broker, || {
            produce(broker.address, &topic, BATCHES, Until::Records(records))
        })?;
        sample.metrics.push(Metric { name: "first touch of memory, s per GiB", value: touched });
        self.report.add(sample);
        self.amplification(&broker, "4 logs, all kept").map(drop)
    }

    /// Many logs in turn: packed, and read again.
    fn spread(&mut self, logs: usize) -> anyhow::Result<()> {
        let broker = self.start(4)?;
        let spread = Spread::create(&broker, logs)?;
        memory::touch(self.options.packed_gib << 31)?;
        let gib = self.options.packed_gib;
        let fill = || spread.fill(&broker, gib << 30);
        let work = format!("produce to {logs} logs in turn, batches of 10, {gib} GiB");
        let sample = measure(&self.place(), work, &broker, fill)?;
        self.report.add(sample);
        let first = self.amplification(&broker, &format!("{logs} logs, all kept"))?;
        let work = format!("produce to {logs} logs in turn, another {gib} GiB");
        let sample = measure(&self.place(), work, &broker, fill)?;
        self.report.add(sample);
        let second = self.amplification(&broker, &format!("{logs} logs, all kept, twice as much"))?;
        // As much waits for more to go with it now as did then: between the two every byte was packed.
        let value = 1.0 + (second.packed - first.packed) / (second.appended - first.appended);
        let metrics = vec![Metric { name: "written per byte appended", value }];
        let work = format!("from the one rest to the other ({logs} logs)");
        let class = Some(Class::Fsync);
        self.report.add(Sample { class, work, broker: broker.name, round: 1, metrics });
        self.read_objects(&broker, spread.first, logs)
    }

    /// An appender at a rate while the packer works, and on a broker in the same state whose packer hardly does, in turn:
    /// machines change their mind in less time than one of them takes.
    fn beside(&mut self) -> anyhow::Result<()> {
        let idle = self.options.data.join("idle");
        fs::create_dir_all(&idle).with_context(|| format!("creating {}", idle.display()))?;
        let brokers = [
            ("beside the packer", self.start(4)?),
            ("alone", millstream::start_idle(&self.options.millstream, &idle, 4)?),
        ];
        let mut spreads = Vec::new();
        for (_, broker) in &brokers {
            spreads.push(Spread::create(broker, SOME_LOGS)?);
        }
        memory::touch((2 * u64::from(BESIDE_ROUNDS) + 1) * BESIDE_BYTES)?;
        for round in 1..=BESIDE_ROUNDS {
            for ((how, broker), spread) in brokers.iter().zip(&spreads) {
                let mut admin = Admin::connect(broker.address)?;
                spread.fill(broker, BESIDE_BYTES)?;
                for (kind, load) in LOADS {
                    let probe = admin.create("probe", 10, &[])?;
                    prepared(broker)?;
                    let before = number(&status(broker)?, "/packer/bytes_written")?;
                    let work = format!("end to end, {} records/s {kind}, {how}", load.rate);
                    let place = Place { round, ..self.place() };
                    let mut sample = measure(&place, work, broker, || latency(broker.address, &probe, load))?;
                    let packed = number(&status(broker)?, "/packer/bytes_written")? - before;
                    sample.metrics.push(Metric { name: "MB packed meanwhile", value: packed / 1e6 });
                    self.report.add(sample);
                    admin.delete(&probe)?;
                }
                at_rest(&brokers[0].1)?;
            }
        }
        Ok(())
    }

    /// Reads what is in objects: as the page cache has it, then without it.
    fn read_objects(&mut self, broker: &Broker, topic: Topic, logs: usize) -> anyhow::Result<()> {
        for (how, cold) in [("once", false), ("from the page cache", false), ("cold", true)] {
            // Short enough that nothing is read a second time.
            let (duration, disk_bytes_per_s) = if cold {
                (Duration::from_secs(1), Some(forget_and_probe(broker)?))
            } else {
                (Duration::from_secs(4), None)
            };
            let load = Consume { connections: 4, bytes_max: 1 << 20, duration };
            let work = format!("consume from objects, 4 connections, {how} ({logs} logs)");
            let mut sample = measure(&self.place(), work, broker, || consume(broker.address, &topic, load))?;
            if let Some(bytes) = disk_bytes_per_s {
                sample.metrics.push(Metric { name: "disk read in turn, MB/s", value: bytes / 1e6 });
            }
            self.report.add(sample);
        }
        Ok(())
    }

    /// Waits until nothing more is packed, then says what was written for each byte appended.
    fn amplification(&mut self, broker: &Broker, what: &str) -> anyhow::Result<Rest> {
        let start = clock::now();
        let status = at_rest(broker)?;
        let names = [
            ("appended MB", "/wal/appended_bytes"),
            ("packed MB", "/packer/bytes_written"),
            ("backlog MB", "/packer_backlog_bytes"),
            ("sealed WAL MB", "/wal/sealed_bytes"),
            ("objects MB", "/objects/bytes"),
        ];
        let mut metrics = Vec::new();
        for (name, place) in names {
            metrics.push(Metric { name, value: number(&status, place)? / 1e6 });
        }
        metrics.push(Metric { name: "objects", value: number(&status, "/objects/count")? });
        metrics.push(Metric { name: "write amplification", value: number(&status, "/write_amplification")? });
        let waited = start.elapsed().saturating_sub(QUIET).as_secs_f64();
        metrics.push(Metric { name: "seconds until packed", value: waited });
        let on_disk = broker.disk_bytes()? as f64 / f64::from(1 << 30);
        metrics.push(Metric { name: "GiB on the disk", value: on_disk });
        let (work, class) = (format!("afterwards: {what}"), Some(Class::Fsync));
        self.report.add(Sample { class, work, broker: broker.name, round: 1, metrics });
        let appended = number(&status, "/wal/appended_bytes")?;
        Ok(Rest { appended, packed: number(&status, "/packer/bytes_written")? })
    }
}

/// Many logs that are written to in turn.
struct Spread {
    /// The first topic of up to 1,000 partitions.
    first: Topic,
    frames: Vec<ProduceFrame>,
    batch_bytes: u64,
}

impl Spread {
    fn create(broker: &Broker, logs: usize) -> anyhow::Result<Spread> {
        let mut admin = Admin::connect(broker.address)?;
        let batch = batch(SPREAD_RECORDS)?;
        let names: Vec<_> =
            (0..logs.div_ceil(1000)).map(|n| (format!("spread-{n}"), logs.min(1000))).collect();
        for (name, partitions) in &names {
            admin.declare(name, *partitions)?;
        }
        let frames = names
            .iter()
            .flat_map(|(name, partitions)| (0..*partitions).map(move |partition| (name, partition)))
            .map(|(name, partition)| ProduceFrame::new(name, partition, batch.clone()))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let first = Topic { name: names[0].0.clone(), partitions: names[0].1, start: Vec::new() };
        Ok(Spread { first, frames, batch_bytes: batch.len() as u64 })
    }

    fn fill(&self, broker: &Broker, bytes: u64) -> anyhow::Result<Moved> {
        let start = clock::now();
        let answered = sweep(broker, &self.frames, bytes / self.batch_bytes)?;
        let records = answered * u64::from(SPREAD_RECORDS);
        Ok(Moved { records, bytes: answered * self.batch_bytes, elapsed: start.elapsed() })
    }
}

/// Waits until nothing more is packed; returns what the broker says of its storage then.
fn at_rest(broker: &Broker) -> anyhow::Result<Value> {
    let start = clock::now();
    let mut moved = (f64::NAN, start);
    loop {
        let status = status(broker)?;
        let written = number(&status, "/packer/bytes_written")?;
        if written != moved.0 {
            moved = (written, clock::now());
        }
        if moved.1.elapsed() >= QUIET || start.elapsed() >= QUIET_MAX {
            return Ok(status);
        }
        thread::sleep(Duration::from_secs(1));
    }
}

/// Goes round the frames for so many requests; returns the answered ones.
fn sweep(broker: &Broker, frames: &[ProduceFrame], requests: u64) -> anyhow::Result<u64> {
    let mut sweep = Sweep::new(connect(broker.address)?, frames);
    let (mut sent, mut answered) = (SPREAD_IN_FLIGHT, 0);
    sweep.send(SPREAD_IN_FLIGHT)?;
    while sweep.in_flight() > 0 {
        answered += sweep.receive()?;
        if sweep.in_flight() <= SPREAD_IN_FLIGHT / 2 && sent < requests {
            sweep.send(SPREAD_IN_FLIGHT / 2)?;
            sent += SPREAD_IN_FLIGHT / 2;
        }
    }
    Ok(answered)
}

/// What the broker says of its storage: the document of `millstream storage --json`.
fn status(broker: &Broker) -> anyhow::Result<Value> {
    let path = broker.directory().join("data/status.sock");
    let mut stream = UnixStream::connect(&path).with_context(|| format!("asking {}", path.display()))?;
    let mut document = String::new();
    stream.read_to_string(&mut document)?;
    serde_json::from_str(&document).context("the document of the storage")
}

/// Waits until no write-ahead log files are being prepared: that is felt too, and is not the packer's doing.
fn prepared(broker: &Broker) -> anyhow::Result<()> {
    let deadline = clock::now() + PREPARED_MAX;
    let mut seen = (number(&status(broker)?, PREPARED_FILES)?, clock::now());
    while clock::now() < deadline && clock::now() - seen.1 < PREPARED_QUIET {
        thread::sleep(Duration::from_millis(100));
        let files = number(&status(broker)?, PREPARED_FILES)?;
        if files.total_cmp(&seen.0).is_ne() {
            seen = (files, clock::now());
        }
    }
    Ok(())
}

fn number(status: &Value, place: &str) -> anyhow::Result<f64> {
    status
        .pointer(place)
        .and_then(Value::as_f64)
        .with_context(|| format!("the storage says nothing of {place}"))
}

/// Drops the objects from the page cache, reads the first of them in turn as the disk gives it, and drops it again;
/// returns bytes per second.
fn forget_and_probe(broker: &Broker) -> anyhow::Result<f64> {
    rustix::fs::sync();
    let mut objects = BTreeMap::new();
    for entry in fs::read_dir(broker.directory().join("data/objects"))? {
        let path = entry?.path();
        objects.insert(path.clone(), File::open(path)?);
    }
    let forget = |file: &File| fadvise(file, 0, None, Advice::DontNeed);
    for file in objects.values() {
        forget(file)?;
    }
    let file = objects.values().next().context("there is no object")?;
    let mut buffer = vec![0; 1 << 20];
    let (mut at, start) = (0, clock::now());
    loop {
        let got = file.read_at(&mut buffer, at)?;
        if got == 0 {
            break;
        }
        at += got as u64;
    }
    let elapsed = start.elapsed();
    ensure!(at > 0, "an object is empty");
    forget(file)?;
    Ok(at as f64 / elapsed.as_secs_f64())
}
