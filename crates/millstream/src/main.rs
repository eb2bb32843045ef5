//! The Millstream binary: arguments, configuration, wiring, signals.
//!
//! Thin, so that what a command does is found in `cli`, how it is configured in `config`, and what a running broker
//! consists of in `serve` and `wiring`.

mod admin_token;
mod cli;
mod config;
mod credentials;
mod descriptors;
mod logging;
mod memory;
mod notify;
mod outbound;
mod ready;
#[cfg(test)]
mod refusals;
mod reload;
mod serve;
mod signals;
mod trace;
mod watch;
mod wiring;

use std::process::ExitCode;

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One sentence with its causes, on one line.
            eprintln!("millstream: {}", sentence(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error and its causes, each once: some say their cause themselves.
fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if sentence.ends_with(&cause) {
            continue;
        }
        if !sentence.is_empty() {
            sentence.push_str(": ");
        }
        sentence.push_str(&cause);
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn a_cause_that_its_error_has_named_is_not_named_again() {
        let error = anyhow::anyhow!("no room").context("writing a file failed: no room").context("the disk");
        assert_eq!(sentence(&error), "the disk: writing a file failed: no room");
    }
}
