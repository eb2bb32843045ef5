//! Logs: to standard error, so that standard output stays for what a command answers.
//!
//! Apart because the subscriber is the one global thing that the process installs. What is logged can be changed while it
//! runs; how it looks cannot.

use crate::config::{LogFormat, Settings};
use anyhow::Context;
use std::io::{IsTerminal, stderr};
use tracing_subscriber::EnvFilter;

/// Changes what is logged.
pub(crate) struct Logging(Box<dyn Fn(EnvFilter) -> anyhow::Result<()> + Send + Sync>);

impl Logging {
    /// From now on what `filter` says is logged.
    ///
    /// # Errors
    /// When the subscriber is gone.
    pub(crate) fn set(&self, filter: EnvFilter) -> anyhow::Result<()> {
        (self.0)(filter)
    }
}

/// Installs the subscriber.
///
/// # Errors
/// When the log level cannot be understood.
pub(crate) fn start(settings: &Settings) -> anyhow::Result<Logging> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(&settings.log_level)?)
        .with_writer(stderr)
        // Whoever closes standard error wants no logs; a complaint about that would go there as well, and panic.
        .log_internal_errors(false);
    Ok(match settings.log_format {
        LogFormat::Json => {
            let builder = builder.json().with_filter_reloading();
            let handle = builder.reload_handle();
            builder.init();
            Logging(Box::new(move |filter| Ok(handle.reload(filter)?)))
        }
        LogFormat::Text => {
            let builder = builder.with_ansi(stderr().is_terminal()).with_filter_reloading();
            let handle = builder.reload_handle();
            builder.init();
            Logging(Box::new(move |filter| Ok(handle.reload(filter)?)))
        }
    })
}

/// What a log level stands for.
///
/// # Errors
/// When it cannot be understood.
pub(crate) fn filter(level: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(level)
        .with_context(|| format!("log_level {level:?} is neither a level nor a list of filters"))
}
