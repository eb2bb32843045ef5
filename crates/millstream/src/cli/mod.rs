//! The command line: one file per command.
//!
//! Apart so that a command can be added without touching another. Flags that set a knob come from the knobs' table
//! (`config::knobs`); only what is not a knob is declared here.

mod alarm;
mod amqp;
mod api;
mod config;
mod dlq;
mod knob_args;
mod man;
mod migrate;
mod moment;
mod output;
mod process;
mod queue;
mod remote;
mod route;
mod serve;
mod storage;
mod stream;
#[cfg(test)]
mod tests;
mod verify;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use std::io::{self, Write};
use std::path::PathBuf;

/// One broker, one durable log, many protocols.
#[derive(Parser)]
#[command(name = "millstream", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the broker.
    Serve(serve::ServeArgs),
    /// Print the configuration in effect: every knob, its value, where that comes from, what it costs.
    Config(config::ConfigArgs),
    /// Check the data directory of a stopped broker: every checksum and every cross-reference. Nothing is changed.
    Verify(verify::VerifyArgs),
    /// Show what the storage of a running broker holds and does.
    Storage(storage::StorageArgs),
    #[command(flatten)]
    Remote(remote::CliCommand),
    /// List, describe, create, change, feed, work, purge and replay queues.
    Queue(Box<queue::QueueArgs>),
    /// Look at dead letters, bring them back, or be done with them.
    Dlq(Box<dlq::DlqArgs>),
    /// List and delete streams, look at their records, publish to them, see who reads them.
    Stream(Box<stream::StreamArgs>),
    /// List, create, bind and delete routes, and ask where a record would go.
    Route(Box<route::RouteArgs>),
    /// List the connections of all protocols, or end some.
    Connection(Box<process::ConnectionArgs>),
    /// List the broker's long work, redrives, purges and verifications, begin a verification, or end some.
    Job(Box<process::JobArgs>),
    /// See what is wrong with the broker and what is in it, and silence what is known.
    Alarm(Box<alarm::AlarmArgs>),
    /// Exchanges, queues, bindings, policies and connections of AMQP clients.
    Amqp(Box<amqp::AmqpArgs>),
    /// Take over what another broker has: what is declared, and messages.
    Migrate(Box<migrate::MigrateArgs>),
    /// Print the version.
    Version,
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages of all commands into a directory.
    Man {
        /// The directory; it is made if it is missing.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

/// Parses the arguments and runs the command.
///
/// # Errors
/// What the command failed at, as a sentence.
pub(crate) fn run() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Serve(args) => serve::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Storage(args) => storage::run(&args),
        Command::Remote(command) => remote::run(command),
        Command::Queue(args) => queue::run(*args),
        Command::Dlq(args) => dlq::run(*args),
        Command::Stream(args) => stream::run(*args),
        Command::Route(args) => route::run(*args),
        Command::Connection(args) => process::connection(*args),
        Command::Job(args) => process::job(*args),
        Command::Alarm(args) => alarm::run(*args),
        Command::Amqp(args) => amqp::run(*args),
        Command::Migrate(args) => migrate::run(*args),
        Command::Version => print(&format!("millstream {}\n", env!("CARGO_PKG_VERSION"))),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "millstream", &mut script);
            print(&String::from_utf8(script)?)
        }
        Command::Man { directory } => man::write(&directory),
    }
}

/// Prints to standard output; a reader that has seen enough (`| head`) is no failure.
fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}
