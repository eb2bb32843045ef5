//! Many logs and much data: what they cost in memory, at creation and at a restart.
//!
//! Apart from [`crate::run`] because nothing is compared here: for each number of logs one broker is filled, watched,
//! stopped cleanly, started, killed under load and started again.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::json;

use crate::broker::{Broker, End, millstream};
use crate::clock;
use crate::disk;
use crate::machine::Machine;
use crate::plan::Class;
use crate::report::{Metric, Report, Sample};
use crate::wire::{Admin, Fetcher, ProduceFrame, Sweep, batch, connect};

/// Logs that one request creates.
const LOGS_PER_REQUEST: usize = 1000;
/// Requests in flight while logs are filled.
const IN_FLIGHT: u64 = 200;
/// How long the rate to one log is measured.
const ONE_LOG: Duration = Duration::from_secs(3);
/// How long an idle broker is watched.
const IDLE: Duration = Duration::from_secs(5);
/// A broker that used no processor time for so long is done with what it had left; it gets so many chances.
const QUIET: Duration = Duration::from_secs(2);
const QUIET_TRIES: u32 = 300;
/// How long the broker is driven before it is killed.
const BEFORE_KILL: Duration = Duration::from_secs(3);

/// Options of `restart`.
#[derive(Args)]
pub(crate) struct Options {
    /// Numbers of logs; each gets a broker of its own, one after the other
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000")]
    logs: Vec<usize>,
    /// GiB of records to write to them in turn
    #[arg(long, default_value_t = 10.0)]
    gib: f64,
    /// Records of 1 KiB in a batch
    #[arg(long, default_value_t = 10)]
    batch_records: u32,
    /// The millstream binary
    #[arg(long, value_name = "PATH")]
    millstream: PathBuf,
    /// Where the brokers' data goes: on the disk to be measured
    #[arg(long, value_name = "DIR", default_value = "target/bench-data")]
    data: PathBuf,
    /// Also write every single figure to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Runs everything that `options` ask for and prints the table.
///
/// # Errors
/// When a broker does not start, refuses a request or dies at the wrong time.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    fs::create_dir_all(&options.data).with_context(|| format!("creating {}", options.data.display()))?;
    let machine = Machine::look()?;
    let mut report = Report::default();
    for &logs in &options.logs {
        let metrics = fill_and_restart(options, logs)
            .with_context(|| format!("what the broker said is in {}/*.log", options.data.display()))?;
        let work = format!("{logs} logs, {} GiB in batches of {}", options.gib, options.batch_records);
        report.add(Sample { class: Some(Class::Fsync), work, broker: millstream::NAME, round: 1, metrics });
    }
    println!("{}", machine.line());
    print!("{}", report.tables(&[millstream::NAME]));
    if let Some(path) = &options.json {
        let samples = report.samples();
        fs::write(path, serde_json::to_vec_pretty(&json!({ "machine": machine, "samples": samples }))?)?;
    }
    Ok(())
}

fn fill_and_restart(options: &Options, logs: usize) -> anyhow::Result<Vec<Metric>> {
    let mut metrics = Vec::new();
    let mut add = |name, value| metrics.push(Metric { name, value });
    let probe = disk::probe(&options.data)?;
    add("disk before: fdatasync p50 ms", probe.percentile_ms(50.0));
    let mut broker = millstream::start(&options.millstream, &options.data, Class::Fsync, 4)?;
    let mb = |bytes: u64| bytes as f64 / 1e6;

    let mut admin = Admin::connect(broker.address)?;
    let one = admin.create("one", 1, &[])?;
    let mut names = Vec::new();
    let mut longest = Duration::ZERO;
    let mut left = logs;
    while left > 0 {
        let partitions = left.min(LOGS_PER_REQUEST);
        let name = format!("many-{}", names.len());
        let start = clock::now();
        admin.declare(&name, partitions)?;
        longest = longest.max(start.elapsed());
        names.push((name, partitions));
        left -= partitions;
    }
    add("creating 1,000 logs, longest request ms", longest.as_secs_f64() * 1e3);
    add("resident MB, logs empty", mb(broker.resident_bytes()?));

    let batch = batch(options.batch_records)?;
    let single = vec![ProduceFrame::new(&one.name, 0, batch.clone())?];
    let frames = names
        .iter()
        .flat_map(|(name, partitions)| (0..*partitions).map(move |partition| (name, partition)))
        .map(|(name, partition)| ProduceFrame::new(name, partition, batch.clone()))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let records = u64::from(options.batch_records);
    let start = clock::now();
    let requests = sweep(&broker, &single, || start.elapsed() < ONE_LOG)?;
    add("records/s to one log", (requests * records) as f64 / start.elapsed().as_secs_f64());
    let wanted = (options.gib * f64::from(1 << 30)) as u64 / batch.len() as u64;
    let start = clock::now();
    let mut sent = 0;
    let cpu = broker.cpu_s()?;
    let requests = sweep(&broker, &frames, || {
        sent += 1;
        sent * (IN_FLIGHT / 2) < wanted
    })?;
    add("records/s to all logs in turn", (requests * records) as f64 / start.elapsed().as_secs_f64());
    add("broker CPU s per million", (broker.cpu_s()? - cpu) / ((requests * records) as f64 / 1e6));
    add("resident MB, filled", mb(broker.resident_bytes()?));
    add("GiB written", (requests * batch.len() as u64) as f64 / f64::from(1 << 30));

    for _ in 0..QUIET_TRIES {
        let before = broker.cpu_s()?;
        thread::sleep(QUIET);
        if broker.cpu_s()? == before {
            break;
        }
    }
    let before = broker.cpu_s()?;
    thread::sleep(IDLE);
    add("idle cores", (broker.cpu_s()? - before) / IDLE.as_secs_f64());
    add("GiB on the disk", broker.disk_bytes()? as f64 / f64::from(1 << 30));

    let stopped = millstream::restart(&mut broker, &options.millstream, Class::Fsync, 4, End::Clean)?;
    add("clean stop ms", stopped.as_secs_f64() * 1e3);
    add("ready after a clean stop ms", broker.ready_after.as_secs_f64() * 1e3);
    serves(&broker, &names[names.len() - 1].0)?;
    add("resident MB, after a clean stop", mb(broker.resident_bytes()?));

    let killed = AtomicBool::new(false);
    let address = broker.address;
    thread::scope(|scope| {
        let load = scope.spawn(|| drive(address, &frames, || !killed.load(Ordering::Relaxed)));
        thread::sleep(BEFORE_KILL);
        killed.store(true, Ordering::Relaxed);
        let took = millstream::restart(&mut broker, &options.millstream, Class::Fsync, 4, End::Kill);
        // The load ends with the broker or because it was told to; either is what was wanted.
        drop(load.join().expect("a producing thread does not panic"));
        took
    })?;
    add("ready after kill -9 ms", broker.ready_after.as_secs_f64() * 1e3);
    serves(&broker, &names[names.len() - 1].0)?;
    add("resident MB, after kill -9", mb(broker.resident_bytes()?));
    Ok(metrics)
}

/// Goes round the frames while `more` says so; returns the answered requests.
fn sweep(broker: &Broker, frames: &[ProduceFrame], more: impl FnMut() -> bool) -> anyhow::Result<u64> {
    drive(broker.address, frames, more)
}

fn drive(
    address: SocketAddr,
    frames: &[ProduceFrame],
    mut more: impl FnMut() -> bool,
) -> anyhow::Result<u64> {
    let mut sweep = Sweep::new(connect(address)?, frames);
    let mut answered = 0;
    sweep.send(IN_FLIGHT)?;
    while sweep.in_flight() > 0 {
        answered += sweep.receive()?;
        if sweep.in_flight() <= IN_FLIGHT / 2 && more() {
            sweep.send(IN_FLIGHT / 2)?;
        }
    }
    Ok(answered)
}

/// The broker takes a record and gives it back.
fn serves(broker: &Broker, topic: &str) -> anyhow::Result<()> {
    let frames = vec![ProduceFrame::new(topic, 0, batch(1)?)?];
    let mut sweep = Sweep::new(connect(broker.address)?, &frames);
    sweep.send(1)?;
    sweep.receive()?;
    let mut fetcher = Fetcher::new(connect(broker.address)?, topic, &[(0, 0)], 1 << 20, 500)?;
    ensure!(fetcher.fetch(|_, _, _| {})? > 0, "{topic} should hold records and gave none");
    Ok(())
}
