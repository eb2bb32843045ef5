//! The AMQP protocol: Millstream beside RabbitMQ, both with every confirmed message on the disk.
//!
//! Apart from [`crate::run`] because the protocol, the client and the peer are others; brokers, disk, clocks and tables
//! are the same.

mod connection;
mod flow;
mod frames;
mod idle;
mod options;
mod rpc;

pub(crate) use connection::{Connection, connect};
pub(crate) use flow::Flow;
pub(crate) use options::Options;
pub(crate) use rpc::Exchanges;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::json;

use crate::broker::{Broker, millstream, rabbitmq};
use crate::machine::Machine;
use crate::measure::{Outcome, Place, measure};
use crate::report::{Metric, Report, Sample};
use flow::{Plan, Until, flow};
use frames::{CHANNEL, Message, Properties, Writer};
use options::Work;

/// What stands above the tables.
const TITLE: &str = "durable queues, persistent messages, confirms and acks";
/// Bytes of every message's body.
pub(crate) const MESSAGE_BYTES: usize = 1024;
/// Each broker is driven so long before anything is measured, so that it has files to use again and compiled code.
const WARM_UP: Duration = Duration::from_secs(8);
/// Queues that get each message of a fan-out.
const COPIES: usize = 10;
/// Requests under way, one work each.
const REQUESTS: [usize; 2] = [1, 32];

/// Runs everything that `options` ask for and prints the tables.
///
/// # Errors
/// When a broker does not start, refuses a request or dies.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    fs::create_dir_all(&options.data).with_context(|| format!("creating {}", options.data.display()))?;
    let machine = Machine::look()?;
    eprintln!("{}", machine.line());
    let mut bench = Bench { options, report: Report::titled(TITLE), names: 0 };
    bench.all().with_context(|| format!("what the broker said is in {}/*.log", options.data.display()))?;
    println!("{}", machine.line());
    print!("{}", bench.report.tables(&[millstream::NAME, rabbitmq::NAME]));
    if let Some(path) = &options.json {
        let samples = bench.report.samples();
        fs::write(path, serde_json::to_vec_pretty(&json!({ "machine": machine, "samples": samples }))?)?;
    }
    let log = options.data.join(millstream::NAME).with_extension("log");
    Ok(fs::remove_file(log)?)
}

struct Bench<'o> {
    options: &'o Options,
    report: Report,
    /// Names given so far.
    names: u32,
}

/// A queue or exchange of the bench's own, and a connection to take it away again.
struct Declared {
    queues: Vec<String>,
    exchange: String,
    admin: Connection,
}

impl Bench<'_> {
    fn all(&mut self) -> anyhow::Result<()> {
        let options = self.options;
        let ours = millstream::start_with_amqp(&options.millstream, &options.data, options.pool_files)?;
        eprintln!("  {} is process {}", ours.name, ours.pid());
        let mut brokers = vec![ours];
        if let (Some(address), Some(pid)) = (options.peer, options.peer_pid) {
            brokers.push(rabbitmq::attach(address, pid, &options.data));
        }
        if options.wants(Work::Idle) {
            let metrics = idle::idle(&brokers[0], options.idle)?;
            self.add(&brokers[0], "connections that do nothing".to_owned(), metrics);
        }
        for broker in &brokers {
            let declared = self.declare(broker, 1)?;
            flow(
                broker.address,
                Plan { until: Until::Elapsed(WARM_UP), ..self.plan(&declared, &message(&declared)) },
            )?;
            declared.delete()?;
        }
        for round in 1..=options.rounds {
            for broker in &brokers {
                self.round(broker, round).with_context(|| format!("round {round} on {}", broker.name))?;
            }
            brokers.reverse();
        }
        if options.wants(Work::Deep) {
            for broker in &brokers {
                self.deep(broker).with_context(|| format!("a deep queue on {}", broker.name))?;
            }
        }
        Ok(())
    }

    fn round(&mut self, broker: &Broker, round: u32) -> anyhow::Result<()> {
        let options = self.options;
        if options.wants(Work::Both) {
            let declared = self.declare(broker, 1)?;
            let message = message(&declared);
            self.flow(broker, "publish and consume", round, self.plan(&declared, &message))?;
            declared.delete()?;
        }
        if options.wants(Work::Apart) {
            self.apart(broker, round)?;
        }
        if options.wants(Work::Fanout) {
            let declared = self.declare(broker, COPIES)?;
            let message = message(&declared);
            let plan = Plan { copies: COPIES as u64, ..self.plan(&declared, &message) };
            self.flow(broker, "fan-out to ten queues, deliveries", round, plan)?;
            declared.delete()?;
        }
        if options.wants(Work::Topic) {
            self.topic(broker, round)?;
        }
        if options.wants(Work::Rate) {
            let declared = self.declare(broker, 1)?;
            let message = message(&declared);
            let plan = Plan { rate: Some(options.rate), ..self.plan(&declared, &message) };
            self.flow(broker, &format!("{} messages/s", options.rate), round, plan)?;
            declared.delete()?;
        }
        if options.wants(Work::Rpc) {
            self.rpc(broker, round)?;
        }
        Ok(())
    }

    fn apart(&mut self, broker: &Broker, round: u32) -> anyhow::Result<()> {
        let declared = self.declare(broker, 1)?;
        let message = message(&declared);
        let plan = self.plan(&declared, &message);
        let publish = Plan { consumers: &[], drains: false, ..plan };
        let published = self.flow(broker, "publish only", round, publish)?;
        let until = Until::Published(0);
        let consume = Plan { publishers: 0, waiting: published, until, ..plan };
        self.flow(broker, "consume only", round, consume)?;
        declared.delete()
    }

    fn topic(&mut self, broker: &Broker, round: u32) -> anyhow::Result<()> {
        let mut declared = self.declare(broker, 1)?;
        let queue = declared.queues[0].clone();
        declared.exchange = format!("{queue}-topic");
        declared.declare_exchange("topic")?;
        for n in 0..self.options.bindings {
            // One of them matches what is published.
            let key = if n == 0 { "bench.*.match".to_owned() } else { format!("bench.*.{n}.#") };
            declared.bind(&queue, &key)?;
        }
        let message = Message::new(&declared.exchange, "bench.any.match", PERSISTENT, &[b'm'; MESSAGE_BYTES]);
        let work = format!("topic exchange, {} bindings", self.options.bindings);
        self.flow(broker, &work, round, self.plan(&declared, &message))?;
        declared.delete()
    }

    fn rpc(&mut self, broker: &Broker, round: u32) -> anyhow::Result<()> {
        self.names += 1;
        let queue = format!("bench-{}", self.names);
        let limit = Duration::from_secs(self.options.seconds.into());
        for outstanding in REQUESTS {
            let work = format!("request and reply, {outstanding} under way");
            let place = Place { data: &self.options.data, class: None, round };
            let bare = rpc::bare(MESSAGE_BYTES, Duration::from_secs(2))?;
            let mut sample = measure(&place, work, broker, || {
                rpc::exchange(broker.address, &queue, MESSAGE_BYTES, outstanding, limit)
            })?;
            let value = bare.percentile_ms(50.0);
            sample.metrics.push(Metric { name: "without a broker: round trip p50 ms", value });
            self.report.add(sample);
        }
        Ok(())
    }

    /// The first work with many messages in front of those that it publishes, after the same without them.
    fn deep(&mut self, broker: &Broker) -> anyhow::Result<()> {
        let options = self.options;
        let is_ours = broker.name == millstream::NAME;
        let million = if is_ours { options.deep_million } else { options.peer_deep_million };
        let declared = self.declare(broker, 1)?;
        let message = message(&declared);
        let plan = self.plan(&declared, &message);
        let fill =
            Plan { consumers: &[], drains: false, until: Until::Published((million * 1e6) as u64), ..plan };
        let waiting = flow(broker.address, fill)?.confirmed;
        eprintln!("  {waiting} messages wait at {}", broker.name);
        for round in 1..=options.rounds {
            let empty = self.declare(broker, 1)?;
            let other = self::message(&empty);
            let work = "publish and consume, before the next".to_owned();
            let without = self.measured(broker, work, round, self.plan(&empty, &other))?;
            empty.delete()?;
            let work = format!("publish and consume, {million} M waiting");
            let plan = Plan { waiting, drains: false, ..plan };
            let mut sample = self.measured(broker, work, round, plan)?;
            let value = rate(&sample) / rate(&without);
            sample.metrics.push(Metric { name: "of the rate at an empty queue just before", value });
            self.report.add(sample);
        }
        declared.delete()
    }

    fn add(&mut self, broker: &Broker, work: String, metrics: Vec<Metric>) {
        self.report.add(Sample { class: None, work, broker: broker.name, round: 1, metrics });
    }

    /// Runs a plan as a work; returns how many messages were confirmed.
    fn flow(&mut self, broker: &Broker, work: &str, round: u32, plan: Plan<'_>) -> anyhow::Result<u64> {
        let mut confirmed = 0;
        let place = Place { data: &self.options.data, class: None, round };
        let sample = measure(&place, work.to_owned(), broker, || {
            let flow = flow(broker.address, plan)?;
            confirmed = flow.confirmed;
            anyhow::Ok(flow)
        })
        .with_context(|| work.to_owned())?;
        self.report.add(sample);
        Ok(confirmed)
    }

    fn measured(&self, broker: &Broker, work: String, round: u32, plan: Plan<'_>) -> anyhow::Result<Sample> {
        let place = Place { data: &self.options.data, class: None, round };
        measure(&place, work, broker, || flow(broker.address, plan))
    }

    /// Publishers and consumers, as the options say, of what was declared.
    fn plan<'a>(&self, declared: &'a Declared, message: &'a Message) -> Plan<'a> {
        let options = self.options;
        Plan {
            publishers: options.connections,
            outstanding: options.outstanding.into(),
            rate: None,
            consumers: &declared.queues,
            consumers_each: if declared.queues.len() == 1 { options.connections } else { 1 },
            prefetch: options.outstanding,
            copies: 1,
            until: Until::Elapsed(Duration::from_secs(options.seconds.into())),
            waiting: 0,
            drains: true,
            message,
        }
    }

    /// Declares queues with names of their own; several are bound to an exchange that copies to all of them.
    fn declare(&mut self, broker: &Broker, count: usize) -> anyhow::Result<Declared> {
        let mut admin = Connection::open(broker.address, Ipv4Addr::LOCALHOST)?;
        let arguments: &[u8] = match broker.name {
            // x-queue-type: quorum
            rabbitmq::NAME if self.options.quorum => b"\x0cx-queue-typeS\0\0\0\x06quorum",
            _ => b"",
        };
        let mut queues = Vec::new();
        for _ in 0..count {
            self.names += 1;
            let queue = format!("bench-{}", self.names);
            let declare = Writer::method(CHANNEL, (50, 10)).u16(0).short(&queue).u8(2).long(arguments);
            admin.call(declare, (50, 11))?;
            queues.push(queue);
        }
        let mut declared = Declared { queues, exchange: String::new(), admin };
        if count > 1 {
            declared.exchange = format!("{}-all", declared.queues[0]);
            declared.declare_exchange("fanout")?;
            for queue in declared.queues.clone() {
                declared.bind(&queue, "")?;
            }
        }
        ensure!(!declared.queues.is_empty(), "a work without a queue");
        Ok(declared)
    }
}

impl Declared {
    fn declare_exchange(&mut self, kind: &str) -> anyhow::Result<()> {
        let declare =
            Writer::method(CHANNEL, (40, 10)).u16(0).short(&self.exchange).short(kind).u8(2).long(b"");
        self.admin.call(declare, (40, 11))
    }

    fn bind(&mut self, queue: &str, key: &str) -> anyhow::Result<()> {
        let bind = Writer::method(CHANNEL, (50, 20)).u16(0).short(queue).short(&self.exchange).short(key);
        self.admin.call(bind.u8(0).long(b""), (50, 21))
    }

    fn delete(mut self) -> anyhow::Result<()> {
        for queue in &self.queues {
            self.admin.call(Writer::method(CHANNEL, (50, 40)).u16(0).short(queue).u8(0), (50, 41))?;
        }
        if !self.exchange.is_empty() {
            let delete = Writer::method(CHANNEL, (40, 20)).u16(0).short(&self.exchange).u8(0);
            self.admin.call(delete, (40, 21))?;
        }
        Ok(())
    }
}

const PERSISTENT: Properties<'_> = Properties { persistent: true, reply_to: None };

/// A message for what was declared: to the exchange, if there is one, else to the queue.
fn message(declared: &Declared) -> Message {
    let key = if declared.exchange.is_empty() { declared.queues[0].as_str() } else { "" };
    Message::new(&declared.exchange, key, PERSISTENT, &[b'm'; MESSAGE_BYTES])
}

/// Messages a second.
fn rate(sample: &Sample) -> f64 {
    sample.metrics.first().map_or(0.0, |metric| metric.value)
}

/// Whether a broker answers AMQP clients.
pub(crate) fn answers(address: SocketAddr) -> bool {
    Connection::open(address, Ipv4Addr::LOCALHOST).is_ok()
}

impl From<Flow> for Outcome {
    fn from(flow: Flow) -> Outcome {
        let messages = if flow.consumed == 0 { flow.confirmed } else { flow.consumed };
        let own = [
            ("confirm p50 ms", &flow.confirm, 50.0),
            ("confirm p99 ms", &flow.confirm, 99.0),
            ("delivered p50 ms", &flow.end_to_end, 50.0),
            ("delivered p99 ms", &flow.end_to_end, 99.0),
        ];
        let own = own.into_iter().filter(|(_, latencies, _)| latencies.count() > 0);
        let own =
            own.map(|(name, latencies, percent)| Metric { name, value: latencies.percentile_ms(percent) });
        Outcome::new("messages/s", messages, MESSAGE_BYTES, flow.elapsed, own)
    }
}

impl From<Exchanges> for Outcome {
    fn from(exchanges: Exchanges) -> Outcome {
        let percentiles = [("round trip p50 ms", 50.0), ("round trip p99 ms", 99.0)];
        let own = percentiles
            .map(|(name, percent)| Metric { name, value: exchanges.round_trip.percentile_ms(percent) });
        Outcome::new("exchanges/s", exchanges.count, MESSAGE_BYTES, exchanges.elapsed, own)
    }
}
