//! Project tasks: `cargo xtask <task>`.
//!
//! Apart from the product because nothing here is shipped: what a task writes is committed, and the build needs
//! none of them.

mod bench;
mod clock;
mod compare;
mod compat;
mod crash;
mod deny;
mod docs;
mod faults;
mod fuzz;
mod kafka_codec;
mod ops;
mod planted;
mod project;
mod purity;
mod sim;
mod test;

use clap::{CommandFactory as _, Parser, Subcommand};

#[derive(Parser)]
#[command(name = "xtask", about = "Project tasks")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run everything that must pass: the workspace's tests, unmodified clients, crashes, faults
    Test(test::Options),
    /// Check that the crates that are values hold no operating system, and the arrows between crates
    Purity,
    /// Check licences, bans and sources of the dependencies
    Deny,
    /// Run unmodified Kafka, AMQP and SQS clients against the broker
    Compat(compat::Options),
    /// Play the same scenes to the broker and to its peers, and compare what they answer
    Compare {
        #[command(subcommand)]
        what: compare::Compare,
    },
    /// Kill the broker again and again under real clients, and judge what they saw
    Crash(crash::Options),
    /// Do to the broker under load what disks and machines do, and judge what its clients saw
    Faults(faults::Options),
    /// Check that the pages of the documentation hold together, and make a site of them
    Docs,
    /// Check what systems around the broker are given: alert rules, what /metrics says, the unit of the service
    Ops,
    /// Cut the broker's power at random moments on a simulated disk
    Sim(sim::Options),
    /// Make every known mistake in turn, and see that the simulations find it
    Planted(planted::Options),
    /// Feed the parts that meet foreign bytes with what a fuzzer makes up
    Fuzz(fuzz::Options),
    /// Measure the broker beside its peers
    Bench {
        #[command(subcommand)]
        what: bench::Bench,
    },
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
        Task::Test(options) => {
            let tasks: Vec<_> =
                Arguments::command().get_subcommands().map(|task| task.get_name().to_owned()).collect();
            test::run(&options, &tasks)
        }
        Task::Purity => purity::run(),
        Task::Deny => deny::run(),
        Task::Compat(options) => compat::run(options),
        Task::Compare { what } => compare::run(&what),
        Task::Crash(options) => crash::run(&options),
        Task::Faults(options) => faults::run(&options),
        Task::Docs => docs::run(),
        Task::Ops => ops::run(),
        Task::Sim(options) => sim::run(&options),
        Task::Planted(options) => planted::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Bench { what } => bench::run(&what),
        Task::Codegen { what: Codegen::Kafka(options) } => kafka_codec::run(&options),
    }
}
