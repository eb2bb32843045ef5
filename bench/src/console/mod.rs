//! The console and the metrics of a broker with very many streams and connections: how long they take, how large they are,
//! and what a scrape costs those who work.
//!
//! Apart because nothing is compared with a peer: one broker is filled with streams, connections are opened to two of its fronts,
//! and then its pages are read as a browser and a monitoring system read them.

mod web;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

use crate::amqp;
use crate::broker::{Broker, millstream};
use crate::clock;
use crate::histogram::Latencies;
use crate::machine::Machine;
use crate::plan::Class;
use crate::report::{Metric, Report, Sample};
use crate::wire::{Admin, ProduceFrame, Sweep, batch, connect};
use web::Web;

/// Connections that make streams at once: their syncs are shared.
const MAKERS: usize = 16;
/// Of so many streams one is a queue.
const QUEUE_EVERY: usize = 10;
/// Connections from one address of this machine: a broker may let an address have only so many.
const PER_ADDRESS: usize = 2_000;
/// How long the broker may take until it has looked at all of its streams.
const SEEN_MAX: Duration = Duration::from_secs(300);
/// Requests in flight while the cost of a scrape is measured, and the records of each.
const IN_FLIGHT: u64 = 200;
const BATCH_RECORDS: u32 = 10;
/// Streams that are written to meanwhile.
const BUSY_STREAMS: usize = 100;

/// Options of `console`.
#[derive(Args)]
pub(crate) struct Options {
    /// Streams; every tenth is a queue
    #[arg(long, default_value_t = 100_000)]
    streams: usize,
    /// Connections, half of Kafka clients, half of AMQP clients
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
    /// How often each page is read
    #[arg(long, default_value_t = 50)]
    reads: u32,
    /// Seconds of each turn of writing, with scrapes and without
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Turns of each
    #[arg(long, default_value_t = 3)]
    turns: u32,
    /// Seconds between two scrapes while records are written
    #[arg(long, default_value_t = 1)]
    scrape_seconds: u64,
    /// The millstream binary
    #[arg(long, value_name = "PATH")]
    millstream: PathBuf,
    /// Where the broker's data goes
    #[arg(long, value_name = "DIR", default_value = "target/bench-data")]
    data: PathBuf,
    /// Also write every single figure to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Runs it and prints the table.
///
/// # Errors
/// When the broker does not start, refuses a request or does not answer.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    fs::create_dir_all(&options.data).with_context(|| format!("creating {}", options.data.display()))?;
    // The usual limit is for programs that open few files.
    let files = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files })?;
    let machine = Machine::look()?;
    let (broker, fronts) = millstream::start_with_console(&options.millstream, &options.data)?;
    let mut report = Report::default();
    let mut add = |work: &str, metrics: Vec<Metric>| {
        let work = work.to_owned();
        report.add(Sample { class: Some(Class::Fsync), work, broker: millstream::NAME, round: 1, metrics });
    };
    let mut visitor = Web::connect(fronts.http)?;
    visitor.log_in(&fronts.console_url)?;
    add("filling", fill(options, &broker, &visitor)?);
    let _open = open(options, &broker, fronts.amqp)?;
    add("at rest", at_rest(options, &broker, &mut visitor)?);
    for (work, address) in [
        ("overview, page", "/"),
        ("overview, API", "/api/v1/overview"),
        ("streams, page", "/streams"),
        ("streams, second page of the API", "/api/v1/streams?limit=100&prefix=s-05"),
        ("groups, page", "/groups"),
        ("dead letters, page", "/dead-letters"),
        ("connections, page", "/connections"),
        ("alarms, page", "/alarms"),
        ("/metrics", "/metrics"),
    ] {
        add(work, read(options, &broker, &mut visitor, address)?);
    }
    add("first view: a connection, a page, its files", first_view(options, &visitor)?);
    add("writing while /metrics is read", scraped(options, &broker, &visitor)?);
    println!("{}", machine.line());
    print!("{}", report.tables(&[millstream::NAME]));
    if let Some(path) = &options.json {
        let samples = report.samples();
        fs::write(path, serde_json::to_vec_pretty(&json!({ "machine": machine, "samples": samples }))?)?;
    }
    Ok(())
}

/// The name of a stream.
fn name(number: usize) -> String {
    format!("s-{number:06}")
}

/// Makes the streams.
fn fill(options: &Options, broker: &Broker, visitor: &Web) -> anyhow::Result<Vec<Metric>> {
    let start = clock::now();
    let make = |maker: usize| -> anyhow::Result<()> {
        let mut admin = Admin::connect(broker.address)?;
        let mut web = visitor.again()?;
        web.forget();
        for number in (maker..options.streams).step_by(MAKERS) {
            match number % QUEUE_EVERY {
                0 => {
                    web.put(&format!("/api/v1/streams/{}", name(number)), r#"{"settings":{"leased":true}}"#)?
                }
                _ => admin.declare(&name(number), 1)?,
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let makers: Vec<_> = (0..MAKERS).map(|maker| scope.spawn(move || make(maker))).collect();
        makers.into_iter().try_for_each(|maker| maker.join().expect("a maker of streams does not panic"))
    })?;
    Ok(vec![
        Metric { name: "streams", value: options.streams as f64 },
        Metric { name: "made/s", value: options.streams as f64 / start.elapsed().as_secs_f64() },
        Metric { name: "resident MB", value: broker.resident_bytes()? as f64 / 1e6 },
    ])
}

/// Opens the connections; they stay open while what is returned is there.
fn open(
    options: &Options,
    broker: &Broker,
    amqp: SocketAddr,
) -> anyhow::Result<(Vec<TcpStream>, Vec<amqp::Connection>)> {
    let mut kafka = Vec::new();
    let mut amqps = Vec::new();
    for index in 0..options.connections / 2 {
        let from = Ipv4Addr::new(127, 0, 0, 2 + u8::try_from(index / PER_ADDRESS)?);
        kafka.push(amqp::connect(broker.address, from)?);
        amqps.push(amqp::Connection::open(amqp, from)?);
    }
    Ok((kafka, amqps))
}

/// Waits until the broker has seen all its streams, and watches what it does when nobody asks.
fn at_rest(options: &Options, broker: &Broker, visitor: &mut Web) -> anyhow::Result<Vec<Metric>> {
    let start = clock::now();
    while sample(&visitor.get("/metrics")?, "millstream_streams ")? < options.streams as f64 {
        ensure!(start.elapsed() < SEEN_MAX, "the broker does not see its streams");
        thread::sleep(Duration::from_secs(1));
    }
    // The look after the one that has found them all.
    thread::sleep(Duration::from_secs(options.seconds));
    let text = visitor.get("/metrics")?;
    let (cpu, watched) = (broker.cpu_s()?, clock::now());
    thread::sleep(Duration::from_secs(3 * options.seconds));
    let cores = (broker.cpu_s()? - cpu) / watched.elapsed().as_secs_f64();
    let overview: Value = serde_json::from_slice(&visitor.get("/api/v1/overview")?)?;
    let listeners = overview["listeners"].as_array().context("there are listeners")?;
    let open: u64 = listeners.iter().filter_map(|one| one["connections"].as_u64()).sum();
    Ok(vec![
        Metric { name: "connections", value: open as f64 },
        Metric { name: "resident MB", value: broker.resident_bytes()? as f64 / 1e6 },
        Metric {
            name: "a look at everything ms",
            value: sample(&text, "millstream_observation_duration_seconds ")? * 1e3,
        },
        Metric { name: "broker cores", value: cores },
    ])
}

/// The value of a metric without labels.
fn sample(text: &[u8], name: &str) -> anyhow::Result<f64> {
    let text = std::str::from_utf8(text)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    // In its first moments a broker has not looked yet.
    line.map_or(Ok(0.0), |value| Ok(value.trim().parse()?))
}

/// Reads an address again and again.
fn read(options: &Options, broker: &Broker, visitor: &mut Web, address: &str) -> anyhow::Result<Vec<Metric>> {
    let mut latencies = Latencies::new();
    let mut bytes = 0;
    visitor.get(address)?;
    let cpu = broker.cpu_s()?;
    for _ in 0..options.reads {
        let start = clock::now();
        bytes = visitor.get(address)?.len();
        latencies.record(start.elapsed());
    }
    let cpu = broker.cpu_s()? - cpu;
    Ok(vec![
        Metric { name: "p50 ms", value: latencies.percentile_ms(50.0) },
        Metric { name: "p99 ms", value: latencies.percentile_ms(99.0) },
        Metric { name: "broker CPU ms each", value: cpu * 1e3 / f64::from(options.reads) },
        Metric { name: "KB", value: bytes as f64 / 1e3 },
    ])
}

/// What somebody waits for who opens the console: a new connection, the page, its style and its script.
fn first_view(options: &Options, visitor: &Web) -> anyhow::Result<Vec<Metric>> {
    let mut latencies = Latencies::new();
    let mut bytes = 0;
    for _ in 0..options.reads {
        let start = clock::now();
        let mut web = visitor.again()?;
        let page = String::from_utf8(web.get("/")?)?;
        bytes = page.len();
        for attribute in ["href=\"/assets/", "src=\"/assets/"] {
            for (at, _) in page.match_indices(attribute) {
                let address = &page[at..].split('"').nth(1).context("an address ends")?;
                bytes += web.get(address)?.len();
            }
        }
        latencies.record(start.elapsed());
    }
    Ok(vec![
        Metric { name: "p50 ms", value: latencies.percentile_ms(50.0) },
        Metric { name: "p99 ms", value: latencies.percentile_ms(99.0) },
        Metric { name: "KB", value: bytes as f64 / 1e3 },
    ])
}

/// Writes for a while, in turns with scrapes and without.
fn scraped(options: &Options, broker: &Broker, visitor: &Web) -> anyhow::Result<Vec<Metric>> {
    let batch = batch(BATCH_RECORDS)?;
    let busy = (0..options.streams).filter(|number| number % QUEUE_EVERY != 0).take(BUSY_STREAMS);
    let frames = busy.map(|number| ProduceFrame::new(&name(number), 0, batch.clone()));
    let frames = frames.collect::<anyhow::Result<Vec<_>>>()?;
    let turn = Duration::from_secs(options.seconds);
    let write = || -> anyhow::Result<f64> {
        let mut sweep = Sweep::new(connect(broker.address)?, &frames);
        let (start, mut answered) = (clock::now(), 0);
        sweep.send(IN_FLIGHT)?;
        while sweep.in_flight() > 0 {
            answered += sweep.receive()?;
            if sweep.in_flight() <= IN_FLIGHT / 2 && start.elapsed() < turn {
                sweep.send(IN_FLIGHT / 2)?;
            }
        }
        Ok((answered * u64::from(BATCH_RECORDS)) as f64 / start.elapsed().as_secs_f64())
    };
    write()?;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..options.turns {
        alone.push(write()?);
        let is_over = AtomicBool::new(false);
        let pause = Duration::from_secs(options.scrape_seconds);
        let rate = thread::scope(|scope| {
            let scraper = scope.spawn(|| -> anyhow::Result<()> {
                let mut web = visitor.again()?;
                while !is_over.load(Ordering::Relaxed) {
                    web.get("/metrics")?;
                    thread::sleep(pause);
                }
                Ok(())
            });
            let rate = write();
            is_over.store(true, Ordering::Relaxed);
            scraper.join().expect("who scrapes does not panic")?;
            rate
        })?;
        beside.push(rate);
    }
    let median = |rates: &mut Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    };
    let (alone, beside) = (median(&mut alone), median(&mut beside));
    Ok(vec![
        Metric { name: "records/s without scrapes", value: alone },
        Metric { name: "records/s with scrapes", value: beside },
        Metric { name: "of it is left, percent", value: 100.0 * beside / alone },
    ])
}
