//! The bench from start to end: brokers up, rounds in alternation, tables out.
//!
//! Apart because the order is what makes the figures comparable: within a round each work is run on one broker and
//! at once on the other, and the next round begins with the other one, so that a disk or a neighbour that
//! changes its mind hits both.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;

use crate::broker::{Broker, apache, free_address, millstream, own_cpu_s};
use crate::clock;
use crate::disk;
use crate::machine::Machine;
use crate::measure::{Place, measure};
use crate::memory;
use crate::null;
use crate::plan::{Class, Options, Work};
use crate::report::{Metric, Report, Sample};
use crate::wire::{Admin, Topic};
use crate::work::{Consume, Latency, Moved, Produce, Until, consume, latency, produce};

/// Batches of 100: connections of the runs, each with five requests in flight as Kafka's producer has.
const PRODUCE_CONNECTIONS: [usize; 3] = [1, 4, 16];
/// Batches of 100 where the number of connections is not what is measured.
const BATCHES: Produce = Produce { connections: 4, in_flight: 5, batch_records: 100 };
/// One record per request: ten connections with fifty in flight.
const SINGLE: Produce = Produce { connections: 10, in_flight: 50, batch_records: 1 };
/// Connections of the consuming runs.
const CONSUME_CONNECTIONS: [usize; 2] = [1, 4];
/// Partitions of the topics that are consumed, and their records in all.
const CONSUME_PARTITIONS: usize = 4;
const CONSUME_RECORDS: u64 = 800_000;
const CONSUME_RECORDS_SINGLE: u64 = 160_000;
/// Bytes of a fetch.
const FETCH_BYTES: i32 = 1 << 20;
/// More than growing files take in a second.
const GROWN_PER_SECOND_BYTES: u64 = 1 << 30;
/// What a broker gets to remove a deleted topic's files before the next run.
const SETTLE: Duration = Duration::from_millis(1300);
/// How long an idle broker is watched.
const IDLE: Duration = Duration::from_secs(3);
/// A broker that used no processor time for so long is done with starting; it gets so many chances.
const QUIET: Duration = Duration::from_secs(1);
const QUIET_TRIES: u32 = 8;
/// Starts of Millstream that are timed.
const STARTS: u32 = 3;

/// Runs everything that `options` ask for and prints the tables.
///
/// # Errors
/// When a broker does not start, refuses a request or dies.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    fs::create_dir_all(&options.data).with_context(|| format!("creating {}", options.data.display()))?;
    let machine = Machine::look()?;
    eprintln!("{}", machine.line());
    let mut bench = Bench { options, report: Report::default(), topics: 0 };
    if options.wants(Work::Ceiling) {
        bench.ceiling()?;
    }
    let peer = if options.no_peer { None } else { Some(bench.start_peer()?) };
    for &class in options.classes() {
        let logs = || format!("what the brokers said is in {}/*.log", options.data.display());
        bench.class(class, peer.as_ref()).with_context(logs)?;
    }
    drop(peer);
    for name in [millstream::NAME, apache::NAME] {
        let log = options.data.join(name).with_extension("log");
        if log.exists() {
            fs::remove_file(log)?;
        }
    }
    fs::remove_dir(&options.data)
        .with_context(|| format!("removing {}, which should be empty", options.data.display()))?;
    println!("{}", machine.line());
    print!("{}", bench.report.tables(&[millstream::NAME, apache::NAME]));
    if let Some(path) = &options.json {
        let samples = bench.report.samples();
        fs::write(path, serde_json::to_vec_pretty(&json!({ "machine": machine, "samples": samples }))?)?;
    }
    Ok(())
}

struct Bench<'o> {
    options: &'o Options,
    report: Report,
    /// Topics made so far; each gets a name of its own.
    topics: u32,
}

/// What is consumed on one broker.
struct ToConsume<'b> {
    broker: &'b Broker,
    batches: Topic,
    singles: Topic,
}

impl Bench<'_> {
    fn duration(&self) -> Duration {
        Duration::from_secs(self.options.seconds.into())
    }

    /// Everything of one durability class.
    fn class(&mut self, class: Class, peer: Option<&Broker>) -> anyhow::Result<()> {
        eprintln!("{}", class.name());
        if self.options.wants(Work::Start) {
            for round in 1..=STARTS {
                let broker = self.start_millstream(class)?;
                if round == STARTS {
                    self.idle(class, &broker)?;
                } else {
                    self.add_start(class, &broker, round, Vec::new());
                }
            }
        }
        if self.options.wants(Work::Growing) {
            self.growing(class)?;
        }
        let ours = self.start_millstream(class)?;
        eprintln!("  {} is process {}: perf record -g -p {}", ours.name, ours.pid(), ours.pid());
        self.warm_pool(&ours, class)?;
        let brokers: Vec<&Broker> = [Some(&ours), peer].into_iter().flatten().collect();
        for round in 1..=self.options.rounds() {
            let mut order = brokers.clone();
            if round % 2 == 0 {
                order.reverse();
            }
            self.produce_round(class, round, &order)?;
        }
        // Consuming does not depend on durability: once is enough.
        if self.options.wants(Work::Consume) && self.options.classes().last() == Some(&class) {
            let filled = brokers.iter().map(|broker| self.fill(class, broker));
            let mut filled = filled.collect::<anyhow::Result<Vec<_>>>()?;
            for round in 1..=self.options.rounds() {
                self.consume_round(class, round, &filled)?;
                filled.reverse();
            }
            for topics in filled {
                let mut admin = Admin::connect(topics.broker.address)?;
                admin.delete(&topics.batches)?;
                admin.delete(&topics.singles)?;
            }
        }
        Ok(())
    }

    fn produce_round(&mut self, class: Class, round: u32, order: &[&Broker]) -> anyhow::Result<()> {
        let duration = self.duration();
        let options = self.options;
        if options.wants(Work::Produce) {
            for connections in PRODUCE_CONNECTIONS {
                let load = Produce { connections, in_flight: 5, batch_records: 100 };
                let work = format!("produce, batches of 100, {connections} × 5 in flight");
                for broker in order {
                    self.on_fresh_topic(class, round, broker, connections, &work, |address, topic| {
                        produce(address, topic, load, Until::Elapsed(duration)).map(Into::into)
                    })?;
                }
            }
        }
        if options.wants(Work::Single) {
            for broker in order {
                let work = "produce, single records, 10 × 50 in flight";
                self.on_fresh_topic(class, round, broker, SINGLE.connections, work, |address, topic| {
                    produce(address, topic, SINGLE, Until::Elapsed(duration)).map(Into::into)
                })?;
            }
        }
        if options.wants(Work::Latency) {
            let load = Latency {
                rate: options.rate,
                batch_records: 1,
                duration: duration + Duration::from_secs(1),
                warm_up: Duration::from_secs(1),
            };
            let work = format!("end to end, {} records/s one by one", options.rate);
            for broker in order {
                self.on_fresh_topic(class, round, broker, SINGLE.connections, &work, |address, topic| {
                    latency(address, topic, load).map(Into::into)
                })?;
            }
        }
        Ok(())
    }

    fn consume_round(&mut self, class: Class, round: u32, filled: &[ToConsume<'_>]) -> anyhow::Result<()> {
        let duration = self.duration();
        let data = self.options.data.clone();
        for connections in CONSUME_CONNECTIONS {
            let load = Consume { connections, bytes_max: FETCH_BYTES, duration };
            for (kind, single) in [("batches of 100", false), ("single-record batches", true)] {
                for ToConsume { broker, batches, singles } in filled {
                    let topic = if single { singles } else { batches };
                    let work = format!("consume, {kind}, 1 MiB fetches, {connections} connections");
                    let place = Place { data: &data, class: Some(class), round };
                    let sample = measure(&place, work, broker, || consume(broker.address, topic, load))?;
                    self.report.add(sample);
                }
            }
        }
        Ok(())
    }

    /// Measures a work on a topic made for it and deleted after it.
    fn on_fresh_topic(
        &mut self,
        class: Class,
        round: u32,
        broker: &Broker,
        partitions: usize,
        work: &str,
        run: impl FnOnce(SocketAddr, &Topic) -> anyhow::Result<crate::measure::Outcome>,
    ) -> anyhow::Result<()> {
        let mut admin = Admin::connect(broker.address)?;
        let topic = self.topic(&mut admin, class, broker, partitions)?;
        let data = self.options.data.clone();
        let place = Place { data: &data, class: Some(class), round };
        let sample = measure(&place, work.to_owned(), broker, || run(broker.address, &topic))
            .with_context(|| format!("{work} on {}", broker.name))?;
        self.report.add(sample);
        admin.delete(&topic)?;
        thread::sleep(SETTLE);
        Ok(())
    }

    fn topic(
        &mut self,
        admin: &mut Admin,
        class: Class,
        broker: &Broker,
        partitions: usize,
    ) -> anyhow::Result<Topic> {
        self.topics += 1;
        let configs = if broker.name == apache::NAME && class == Class::Fsync { apache::FSYNC } else { &[] };
        admin.create(&format!("bench-{}", self.topics), partitions, configs)
    }

    /// Writes what the consuming runs read.
    fn fill<'b>(&mut self, class: Class, broker: &'b Broker) -> anyhow::Result<ToConsume<'b>> {
        let mut admin = Admin::connect(broker.address)?;
        let batches = self.topic(&mut admin, class, broker, CONSUME_PARTITIONS)?;
        produce(broker.address, &batches, BATCHES, Until::Records(CONSUME_RECORDS))?;
        let singles = self.topic(&mut admin, class, broker, CONSUME_PARTITIONS)?;
        produce(broker.address, &singles, SINGLE, Until::Records(CONSUME_RECORDS_SINGLE))?;
        Ok(ToConsume { broker, batches, singles })
    }

    fn start_millstream(&self, class: Class) -> anyhow::Result<Broker> {
        let Options { millstream, data, pool_files, .. } = self.options;
        millstream::start(millstream, data, class, *pool_files)
    }

    /// Measures producing into files that grow, on a broker that has none to recycle: as the machine is, and with its
    /// free memory touched before.
    fn growing(&mut self, class: Class) -> anyhow::Result<()> {
        let load = BATCHES;
        let duration = self.duration();
        for (how, is_touched) in [("as the machine is", false), ("memory touched before", true)] {
            let broker = self.start_millstream(class)?;
            if is_touched {
                let touched = memory::touch(u64::from(self.options.seconds + 1) * GROWN_PER_SECOND_BYTES)?;
                let metrics = vec![Metric { name: "first touch of memory, s per GiB", value: touched }];
                let work = "the machine".to_owned();
                self.report.add(Sample { class: Some(class), work, broker: broker.name, round: 1, metrics });
            }
            let work = format!("produce, batches of 100, 4 × 5, files that grow, {how}");
            self.on_fresh_topic(class, 1, &broker, load.connections, &work, |address, topic| {
                produce(address, topic, load, Until::Elapsed(duration)).map(Into::into)
            })?;
        }
        Ok(())
    }

    /// Produces until the pool of WAL files is full, so that later runs overwrite.
    fn warm_pool(&mut self, broker: &Broker, class: Class) -> anyhow::Result<()> {
        let produces = [Work::Produce, Work::Single, Work::Latency];
        if produces.into_iter().any(|work| self.options.wants(work)) {
            // A file of 256 MiB holds a quarter of a million records of 1 KiB.
            let records = u64::from(self.options.pool_files) * 250_000;
            let mut admin = Admin::connect(broker.address)?;
            let topic = self.topic(&mut admin, class, broker, BATCHES.connections)?;
            produce(broker.address, &topic, BATCHES, Until::Records(records))?;
            admin.delete(&topic)?;
            thread::sleep(2 * SETTLE);
        }
        Ok(())
    }

    /// Starts Kafka, watches it idle and drives it until its compiler has seen every work.
    fn start_peer(&mut self) -> anyhow::Result<Broker> {
        let lib = self.options.peer_lib.as_deref().context("--peer-lib or --no-peer is needed")?;
        let broker = apache::start(lib, &self.options.data)?;
        eprintln!("  {} is process {}", broker.name, broker.pid());
        if self.options.wants(Work::Start) {
            for &class in self.options.classes() {
                self.idle(class, &broker)?;
            }
        }
        let limit = Duration::from_secs(self.options.warm_up_seconds.into());
        eprintln!("  warming {} for {} s", broker.name, limit.as_secs());
        let start = clock::now();
        let each = Duration::from_secs(2);
        while start.elapsed() < limit {
            for &class in self.options.classes() {
                let mut admin = Admin::connect(broker.address)?;
                let topic = self.topic(&mut admin, class, &broker, SINGLE.connections)?;
                produce(broker.address, &topic, BATCHES, Until::Elapsed(each))?;
                produce(broker.address, &topic, SINGLE, Until::Elapsed(each))?;
                let load = Consume { connections: 4, bytes_max: FETCH_BYTES, duration: each };
                consume(broker.address, &topic, load)?;
                admin.delete(&topic)?;
            }
        }
        thread::sleep(2 * SETTLE);
        Ok(broker)
    }

    /// Watches a broker that nobody uses.
    fn idle(&mut self, class: Class, broker: &Broker) -> anyhow::Result<()> {
        // What a start leaves to be done in the background (files prepared ahead, a compiler's queue) is not idling.
        for _ in 0..QUIET_TRIES {
            let before = broker.cpu_s()?;
            thread::sleep(QUIET);
            if broker.cpu_s()? == before {
                break;
            }
        }
        let before = broker.cpu_s()?;
        thread::sleep(IDLE);
        let cores = (broker.cpu_s()? - before) / IDLE.as_secs_f64();
        let resident = broker.resident_bytes()? as f64 / 1e6;
        let idle = vec![
            Metric { name: "idle cores", value: cores },
            Metric { name: "idle resident MB", value: resident },
        ];
        self.add_start(class, broker, STARTS, idle);
        Ok(())
    }

    fn add_start(&mut self, class: Class, broker: &Broker, round: u32, idle: Vec<Metric>) {
        let ready = Metric { name: "ready after ms", value: broker.ready_after.as_secs_f64() * 1e3 };
        let metrics = [ready].into_iter().chain(idle).collect();
        let work = "start on an empty directory, idle".to_owned();
        self.report.add(Sample { class: Some(class), work, broker: broker.name, round, metrics });
    }

    /// The client against a server that does nothing.
    fn ceiling(&mut self) -> anyhow::Result<()> {
        eprintln!("the client alone");
        let probe = disk::probe(&self.options.data)?;
        let (p50, p99) = (probe.percentile_ms(50.0), probe.percentile_ms(99.0));
        eprintln!("  disk: {} × 4 KiB, fdatasync p50 {p50:.3} ms, p99 {p99:.3} ms", probe.count());
        let address = free_address()?;
        let server = NullServer::start(address)?;
        let second = Duration::from_secs(1);
        let topic = Topic { name: null::TOPIC.to_owned(), partitions: 1, start: vec![0] };
        let batches = Produce { connections: 4, in_flight: 5, batch_records: 100 };
        let load = Consume { connections: 1, bytes_max: FETCH_BYTES, duration: second };
        self.ceiling_of("produce, batches of 100, 4 × 5", || {
            produce(address, &topic, batches, Until::Elapsed(second))
        })?;
        self.ceiling_of("produce, single records, 10 × 50", || {
            produce(address, &topic, SINGLE, Until::Elapsed(second))
        })?;
        self.ceiling_of("consume, 1 MiB fetches, 1 connection", || consume(address, &topic, load))?;
        drop(server);
        Ok(())
    }

    fn ceiling_of(&mut self, work: &str, run: impl FnOnce() -> anyhow::Result<Moved>) -> anyhow::Result<()> {
        let before = own_cpu_s()?;
        let moved = run()?;
        let cpu = own_cpu_s()? - before;
        let metrics = vec![
            Metric { name: "records/s", value: moved.records as f64 / moved.elapsed.as_secs_f64() },
            Metric { name: "client CPU s per million", value: cpu / (moved.records as f64 / 1e6) },
        ];
        let work = format!("ceiling of the client: {work}");
        self.report.add(Sample { class: None, work, broker: "null", round: 1, metrics });
        Ok(())
    }
}

/// This program, serving as nothing.
struct NullServer(Child);

impl NullServer {
    fn start(address: SocketAddr) -> anyhow::Result<NullServer> {
        assert_eq!(address.ip(), Ipv4Addr::LOCALHOST);
        let program = std::env::current_exe()?;
        let server = NullServer(Command::new(program).arg("null").arg(address.to_string()).spawn()?);
        let start = clock::now();
        while let Err(error) = Admin::connect(address) {
            if start.elapsed() > Duration::from_secs(5) {
                return Err(error).context("the null server does not answer");
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
    }
}

impl Drop for NullServer {
    fn drop(&mut self) {
        if let Err(error) = self.0.kill().and_then(|()| self.0.wait()) {
            eprintln!("ending the null server: {error}");
        }
    }
}
