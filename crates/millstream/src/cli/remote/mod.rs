//! The commands that talk to a running broker, as any Kafka client would.
//!
//! Apart because nothing here knows this broker's inside: what these commands can do, every client can, and they
//! work against other brokers of the protocol too.

mod args;
mod client;
mod consume;
mod group;
mod line;
mod place;
mod produce;
mod stop;
mod topic;

use std::time::{Duration, SystemTime};

use super::{moment, output};
pub(crate) use args::CliCommand;
use args::ConnectArgs;
pub(super) use args::name_value;
use client::{Client, ClientError, ClientOptions};

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
        Err(error) if is_broken_pipe(&error) => Ok(()),
        outcome => outcome,
    }
}

/// Whether the reader of our output went away. A broker that hangs up is a failure of its own kind, even when the system
/// calls it by the same name.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    output::has_broken_pipe(error) && error.downcast_ref::<ClientError>().is_none()
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
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
