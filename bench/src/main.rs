//! The benches: the broker under a lean client, beside its peers on the same machine.
//!
//! Apart from the product, and run by `cargo xtask bench`, which builds what is measured and fetches the peers.
//! [`docs/performance.md`](../../docs/performance.md) says what the figures mean.

mod amqp;
mod broker;
mod clock;
mod console;
mod disk;
mod histogram;
mod keep;
mod machine;
mod measure;
mod memory;
mod null;

mod pauses;
mod plan;
mod report;
mod run;
mod scale;
mod sqs;
mod wire;
mod work;

use std::net::SocketAddr;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "millstream-bench", about = "Measures Millstream and its peers")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The Kafka protocol: Millstream beside Apache Kafka
    Kafka(plan::Options),
    /// Many logs and much data: memory, creation, restarts
    Restart(scale::Options),
    /// Storage that lasts: retention, packing, reading what was packed
    Storage(keep::Options),
    /// The SQS protocol: Millstream beside ElasticMQ and moto
    Sqs(sqs::Options),
    /// The AMQP protocol: Millstream beside RabbitMQ
    Amqp(amqp::Options),
    /// The console and the metrics with very many streams and connections
    Console(console::Options),
    /// Serve as the broker that does nothing
    Null {
        /// Where to listen
        address: SocketAddr,
    },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().what {
        What::Kafka(options) => run::run(&options),
        What::Restart(options) => scale::run(&options),
        What::Storage(options) => keep::run(&options),
        What::Sqs(options) => sqs::run(&options),
        What::Amqp(options) => amqp::run(&options),
        What::Console(options) => console::run(&options),
        What::Null { address } => null::serve(address),
    }
}
