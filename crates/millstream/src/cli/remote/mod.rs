//! The commands that talk to a running broker, as any Kafka client would.
//!
//! Apart because nothing here knows this broker's inside: what these commands can do, every client can, and they
//! work against other brokers of the protocol too.

mod args;
mod client;
mod consume;
mod group;
mod line;
mod moment;
mod output;
mod place;
mod produce;
mod stop;
mod topic;

use std::time::{Duration, SystemTime};

pub(crate) use args::CliCommand;
use args::ConnectArgs;
use client::{Client, ClientOptions};

/// Runs a command to its end.
///
/// # Errors
/// One sentence on what was not done and why.
pub(crate) fn run(command: CliCommand) -> anyhow::Result<()> {
    // One thread is enough for one person; reading standard input has a thread of its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        match command {
            CliCommand::Topic(args) => topic::run(args).await,
            CliCommand::Produce(args) => produce::run(*args).await,
            CliCommand::Consume(args) => consume::run(*args).await,
            CliCommand::Group(args) => group::run(args).await,
        }
    });
    match outcome {
        // Whoever reads our output has seen enough (`| head`).
        Err(error) if output::is_broken_pipe(&error) => Ok(()),
        outcome => outcome,
    }
}

/// Connects as the arguments say.
async fn connect(args: &ConnectArgs) -> anyhow::Result<Client> {
    let options = ClientOptions {
        bootstrap: args.bootstrap.clone(),
        patience: Duration::from_secs(args.timeout_s.into()),
    };
    Ok(Client::connect(options).await?)
}

/// Milliseconds since 1970, by the machine's clock.
#[allow(
    clippy::disallowed_methods,
    reason = "a command is the outermost caller: it hands time on as a value"
)]
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
