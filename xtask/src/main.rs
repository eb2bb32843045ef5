//! Project tasks: `cargo xtask <task>`.
//!
//! Apart from the product because nothing here is shipped: what a task writes is committed, and the build needs
//! none of them.

mod kafka_codec;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "xtask", about = "Project tasks")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Write generated source files
    Codegen {
        #[command(subcommand)]
        what: Codegen,
    },
}

#[derive(Subcommand)]
enum Codegen {
    /// The Kafka wire codec, from Kafka's published message definitions
    Kafka(kafka_codec::Options),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Codegen { what: Codegen::Kafka(options) } => kafka_codec::run(&options),
    }
}
