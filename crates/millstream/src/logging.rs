//! Logs: to standard error, so that standard output stays for what a command answers.
//!
//! Apart because the subscriber is the one global thing that the process installs.

use crate::config::{LogFormat, Settings};
use anyhow::Context;
use std::io::{IsTerminal, stderr};
use tracing_subscriber::EnvFilter;

/// Installs the subscriber.
///
/// # Errors
/// When the log level cannot be understood.
pub(crate) fn start(settings: &Settings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.log_level).with_context(|| {
        format!("log_level {:?} is neither a level nor a list of filters", settings.log_level)
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match settings.log_format {
        LogFormat::Json => builder.json().init(),
        LogFormat::Text => builder.with_ansi(stderr().is_terminal()).init(),
    }
    Ok(())
}
