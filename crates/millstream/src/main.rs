//! The Millstream binary: arguments, configuration, wiring, signals.
//!
//! Thin, so that what a command does is found in `cli`, how it is configured in `config`, and what a running broker
//! consists of in `serve` and `wiring`.

mod cli;
mod config;
mod logging;
mod serve;
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
            eprintln!("millstream: {error:#}");
            ExitCode::FAILURE
        }
    }
}
