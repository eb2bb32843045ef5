//! What the commands that speak to the admin API share: where it is, a client of it, how its values are typed.
//!
//! Apart from the Kafka client because these commands are about what every protocol has made of a stream, which only the
//! broker itself can say.

mod client;
mod error;
mod record;
mod socket;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

pub(super) use client::{Api, address, address_below};
pub(super) use error::ApiError;
pub(super) use record::{Record, cell_of, moment};

/// The environment's variable that may hold the token.
const TOKEN_VARIABLE: &str = "MILLSTREAM_TOKEN";

/// Where the broker's admin API is and how to answer; the same for all commands that speak to it.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerArgs {
    /// The broker's admin API.
    #[arg(
        long,
        short = 's',
        global = true,
        env = "MILLSTREAM_SERVER",
        value_name = "URL",
        default_value = "http://127.0.0.1:8080"
    )]
    pub(crate) server: String,
    /// The namespace that the names are in.
    #[arg(long, global = true, env = "MILLSTREAM_NAMESPACE", value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// File with the admin token, which a broker writes into its data directory; in the environment MILLSTREAM_TOKEN may hold the
    /// token itself. A broker on this machine wants none while it has no users.
    #[arg(long, global = true, env = "MILLSTREAM_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Seconds to wait for a connection or an answer.
    #[arg(
        long = "timeout",
        global = true,
        value_name = "SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(1..=3600)
    )]
    pub(crate) timeout_s: u32,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl ServerArgs {
    /// A client of the API; nothing is asked yet.
    pub(super) fn api(&self) -> Result<Api, ApiError> {
        let patience = Duration::from_secs(self.timeout_s.into());
        Ok(Api::new(&self.server, self.namespace.clone(), patience)?.with_token(self.token()?))
    }

    /// The token to send, if there is one. Never a flag: other users of the machine see those.
    fn token(&self) -> Result<Option<String>, ApiError> {
        let Some(file) = &self.token_file else {
            return Ok(std::env::var(TOKEN_VARIABLE).ok().filter(|token| !token.is_empty()));
        };
        let read = std::fs::read_to_string(file);
        let text = read.map_err(|why| ApiError::TokenFile { file: file.clone(), why })?;
        Ok(Some(text.trim().to_owned()))
    }
}

/// Runs a command that waits for a broker.
pub(super) fn run(command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(command) {
        // Whoever reads our output has seen enough (`| head`).
        Err(error)
            if super::output::has_broken_pipe(&error) && error.downcast_ref::<ApiError>().is_none() =>
        {
            Ok(())
        }
        outcome => outcome,
    }
}
