//! The SQS protocol: Millstream with everything on the disk beside peers that keep everything in memory.
//!
//! Apart from [`crate::run`] because the protocol, the client and the peers are others; brokers, disk, clocks and tables
//! are the same.

mod cycle;
mod fair;
mod http;
mod idle;
mod options;
mod queue;

pub(crate) use cycle::Cycles;
pub(crate) use options::Options;
pub(crate) use queue::{Admin, MESSAGE_BYTES};

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use millstream_types::RecordTime;
use millstream_types::batch::{BatchBuilder, Compression};
use serde_json::json;

use crate::broker::{Broker, elasticmq, millstream, moto};
use crate::clock;
use crate::machine::Machine;
use crate::measure::{Place, measure};
use crate::report::{Metric, Report, Sample};
use crate::wire::{Pipeline, ProduceFrame, connect};
use cycle::{Load, Until, cycle};
use fair::{Scene, fair};
use idle::idle;
use options::{Peer, Work};

/// What stands above the tables.
const TITLE: &str = "millstream with fsync before the answer, peers in memory";
/// Messages that Millstream is driven with before anything is measured: six write-ahead files of them. From the fourth file on
/// it has files to use again; until then it prepares new ones, which takes a tenth of its processor time and is over for good after
/// some seconds of a load like this.
const WARM_UP_MESSAGES: u64 = 1_500_000;
/// moto does some hundred messages a second: it is driven by fewer connections, and for no longer than that takes.
const MOTO_CONNECTIONS: usize = 8;
/// Records of one batch that fills the deep queue: as many as a client sends together.
const FILL_RECORDS: u32 = 10;
/// Requests that fill it in flight.
const FILL_IN_FLIGHT: usize = 300;

/// A broker that serves SQS clients.
struct Served {
    broker: Broker,
    endpoint: SocketAddr,
}

/// Runs everything that `options` ask for and prints the tables.
///
/// # Errors
/// When a broker does not start, refuses a request or dies.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    fs::create_dir_all(&options.data).with_context(|| format!("creating {}", options.data.display()))?;
    let machine = Machine::look()?;
    eprintln!("{}", machine.line());
    let mut bench = Bench { options, report: Report::titled(TITLE), queues: 0 };
    let logs = || format!("what the brokers said is in {}/*.log", options.data.display());
    bench.all().with_context(logs)?;
    println!("{}", machine.line());
    let names = [millstream::NAME, elasticmq::NAME, moto::NAME];
    print!("{}", bench.report.tables(&names));
    if let Some(path) = &options.json {
        let samples = bench.report.samples();
        fs::write(path, serde_json::to_vec_pretty(&json!({ "machine": machine, "samples": samples }))?)?;
    }
    for name in names {
        let log = options.data.join(name).with_extension("log");
        if log.exists() {
            fs::remove_file(log)?;
        }
    }
    Ok(())
}

struct Bench<'o> {
    options: &'o Options,
    report: Report,
    /// Queues made so far; each gets a name of its own.
    queues: u32,
}

impl Bench<'_> {
    fn all(&mut self) -> anyhow::Result<()> {
        let options = self.options;
        if options.wants(Work::Idle) {
            self.idle()?;
        }
        if options.wants(Work::Fair) {
            self.fair()?;
        }
        if !options.wants_empty() && !options.wants(Work::Deep) {
            return Ok(());
        }
        let (broker, endpoint) =
            millstream::start_with_sqs(&options.millstream, &options.data, options.pool_files)?;
        let ours = Served { broker, endpoint };
        eprintln!("  {} is process {}", ours.broker.name, ours.broker.pid());
        self.warm(&ours, 10, Until::Cycled(WARM_UP_MESSAGES))?;
        let peers = self.start_peers()?;
        let mut order: Vec<&Served> = [&ours].into_iter().chain(&peers).collect();
        if options.wants_empty() {
            for round in 1..=options.rounds {
                for batch in options.batches() {
                    for &connections in &options.connections {
                        for served in &order {
                            self.empty_queue(served, Load { connections, batch }, round)?;
                        }
                    }
                }
                order.reverse();
            }
        }
        if options.wants(Work::Deep) {
            self.deep_queue(&ours, options.deep_million)?;
            for peer in peers.iter().filter(|peer| peer.broker.name == elasticmq::NAME) {
                self.deep_queue(peer, options.peer_deep_million)?;
            }
        }
        Ok(())
    }

    fn idle(&mut self) -> anyhow::Result<()> {
        let broker = millstream::start_sqs_alone(&self.options.millstream, &self.options.data)?;
        let served = Served { endpoint: broker.address, broker };
        let (url, _) = self.queue(&served)?;
        let metrics = idle(&served.broker, served.endpoint, &url, self.options.receivers)?;
        let work = "receivers that wait for nothing".to_owned();
        self.report.add(Sample { class: None, work, broker: served.broker.name, round: 1, metrics });
        Ok(())
    }

    /// Quiet tenants alone, beside a burst on a queue that knows tenants, and on one that does not.
    fn fair(&mut self) -> anyhow::Result<()> {
        let broker = millstream::start_sqs_alone(&self.options.millstream, &self.options.data)?;
        let served = Served { endpoint: broker.address, broker };
        for (work, has_burst, names_tenants) in [
            ("quiet tenants alone", false, true),
            ("quiet tenants beside a burst", true, true),
            ("the same, tenants not named", true, false),
        ] {
            for round in 1..=self.options.rounds {
                let (url, mut admin) = self.queue(&served)?;
                let metrics = fair(served.endpoint, &url, Scene { has_burst, names_tenants })?;
                admin.delete(&url)?;
                let (work, broker) = (work.to_owned(), served.broker.name);
                self.report.add(Sample { class: None, work, broker, round, metrics });
            }
        }
        Ok(())
    }

    fn start_peers(&mut self) -> anyhow::Result<Vec<Served>> {
        let Options { peers, elasticmq_lib, moto_server, data, warm_up_seconds, .. } = self.options;
        let mut started = Vec::new();
        if peers.contains(&Peer::Elasticmq) {
            let lib = elasticmq_lib.as_deref().context("--elasticmq-lib or --peers none is needed")?;
            let broker = elasticmq::start(lib, data)?;
            started.push(Served { endpoint: broker.address, broker });
        }
        if peers.contains(&Peer::Moto) {
            let program = moto_server.as_deref().context("--moto-server or --peers none is needed")?;
            let broker = moto::start(program, data)?;
            started.push(Served { endpoint: broker.address, broker });
        }
        for served in started.iter().filter(|served| served.broker.name == elasticmq::NAME) {
            eprintln!("  warming {} for {warm_up_seconds} s", served.broker.name);
            let half = Duration::from_secs((*warm_up_seconds).into()) / 2;
            self.warm(served, 1, Until::Elapsed(half))?;
            self.warm(served, 10, Until::Elapsed(half))?;
        }
        Ok(started)
    }

    fn warm(&mut self, served: &Served, batch: usize, until: Until) -> anyhow::Result<()> {
        let (url, mut admin) = self.queue(served)?;
        cycle(served.endpoint, &url, Load { connections: 64, batch }, until)?;
        admin.delete(&url)
    }

    fn queue(&mut self, served: &Served) -> anyhow::Result<(String, Admin)> {
        self.queues += 1;
        let mut admin = Admin::connect(served.endpoint)?;
        let url = admin.create(&name(self.queues))?;
        Ok((url, admin))
    }

    fn empty_queue(&mut self, served: &Served, mut load: Load, round: u32) -> anyhow::Result<()> {
        let is_moto = served.broker.name == moto::NAME;
        if is_moto {
            if Some(&load.connections) != self.options.connections.first() {
                return Ok(());
            }
            load.connections = MOTO_CONNECTIONS;
        }
        let (url, mut admin) = self.queue(served)?;
        let work = format!("{}, {} connections", kind(load.batch), load.connections);
        let sample = self.measure(served, &url, load, round, work)?;
        self.report.add(sample);
        admin.delete(&url)
    }

    /// Measures one load on a queue.
    fn measure(
        &self,
        served: &Served,
        url: &str,
        load: Load,
        round: u32,
        work: String,
    ) -> anyhow::Result<Sample> {
        let data = self.options.data.clone();
        let place = Place { data: &data, class: None, round };
        let until = Until::Elapsed(Duration::from_secs(self.options.seconds.into()));
        measure(&place, work.clone(), &served.broker, || cycle(served.endpoint, url, load, until))
            .with_context(|| format!("{work} on {}", served.broker.name))
    }

    /// The loads again while many messages wait, each right after the same at an empty queue.
    fn deep_queue(&mut self, served: &Served, million: f64) -> anyhow::Result<()> {
        let messages = (million * 1e6) as u64;
        let (url, mut admin) = self.queue(served)?;
        let start = clock::now();
        if served.broker.name == millstream::NAME {
            fill(served.broker.address, &name(self.queues), messages)?;
        } else {
            let load = Load { connections: 64, batch: 10 };
            cycle(served.endpoint, &url, load, Until::Sent(messages))?;
        }
        let waiting = admin.waiting(&url)?;
        ensure!(waiting >= messages, "{waiting} messages wait instead of {messages}");
        let took = start.elapsed().as_secs_f64();
        eprintln!("  {waiting} messages wait at {} after {took:.0} s", served.broker.name);
        let connections = self.options.connections.first().copied().unwrap_or(64);
        for round in 1..=self.options.rounds {
            for batch in self.options.batches() {
                let load = Load { connections, batch };
                let (empty, mut other) = self.queue(served)?;
                let work = format!("{}, {connections} connections", kind(batch));
                let without = self.measure(served, &empty, load, round, work.clone())?;
                other.delete(&empty)?;
                let work = format!("{work}, {million} M waiting");
                let mut sample = self.measure(served, &url, load, round, work)?;
                let share = rate(&sample) / rate(&without);
                sample
                    .metrics
                    .push(Metric { name: "of the rate at an empty queue just before", value: share });
                self.report.add(sample);
            }
        }
        let left = admin.waiting(&url)?;
        ensure!(left >= messages, "the queue was not deep any more: {left} messages");
        admin.delete(&url)
    }
}

fn name(number: u32) -> String {
    format!("bench-{number}")
}

fn kind(batch: usize) -> &'static str {
    if batch == 1 { "send, receive, delete, one by one" } else { "send, receive, delete, tens" }
}

/// Messages a second.
fn rate(sample: &Sample) -> f64 {
    sample.metrics.first().map_or(0.0, |metric| metric.value)
}

/// Fills a queue of Millstream as a producer of the other protocol, which is faster: batches as SQS clients make them, and
/// values as they send them.
fn fill(address: SocketAddr, name: &str, messages: u64) -> anyhow::Result<()> {
    let frame = ProduceFrame::new(name, 0, batch()?)?;
    let mut pipeline = Pipeline::new(connect(address)?, &frame, FILL_IN_FLIGHT);
    let mut left = messages.div_ceil(u64::from(FILL_RECORDS));
    while left > 0 || pipeline.in_flight() > 0 {
        let room = (FILL_IN_FLIGHT - pipeline.in_flight()) as u64;
        let now = left.min(room);
        pipeline.send(usize::try_from(now)?)?;
        left -= now;
        pipeline.receive()?;
    }
    Ok(())
}

/// A batch of messages.
fn batch() -> anyhow::Result<Bytes> {
    let time = RecordTime(clock::wall_ms());
    let mut builder = BatchBuilder::new();
    for record in 0..FILL_RECORDS {
        builder.push(time, None, Some(queue::message(record).as_bytes()), &[])?;
    }
    Ok(builder.finish(Compression::None)?)
}
