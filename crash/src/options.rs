//! What a run can be told.
//!
//! Apart because the task that starts it passes the same words on.

use std::path::PathBuf;

/// Kills a broker under load and judges what its clients saw.
#[derive(clap::Parser, Clone, Debug)]
#[command(name = "millstream-crash")]
pub(crate) struct Options {
    /// Times the broker is killed
    #[arg(long, default_value_t = 15)]
    pub(crate) cycles: u32,
    /// Decides when and how it is killed; without it the clock does
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// How long the broker lives between kills, on average
    #[arg(long, default_value_t = 1.0)]
    pub(crate) seconds_per_cycle: f64,
    /// Keep the data directory and the history of a good run
    #[arg(long)]
    pub(crate) keep: bool,
    /// Cut acknowledged records off the log before the last start: the run succeeds when that is found
    #[arg(long)]
    pub(crate) plant_loss: bool,
    /// Only judge the history in this folder, as a run that was kept left it
    #[arg(long)]
    pub(crate) judge: Option<PathBuf>,
    /// The broker's binary
    #[arg(long)]
    pub(crate) broker: PathBuf,
    /// A Python that has confluent-kafka and aiokafka
    #[arg(long)]
    pub(crate) python: PathBuf,
    /// The installed kcat
    #[arg(long)]
    pub(crate) kcat: PathBuf,
    /// The folder of the clients' programs
    #[arg(long)]
    pub(crate) programs: PathBuf,
    /// Where a folder named after the seed is made
    #[arg(long)]
    pub(crate) target: PathBuf,
}
