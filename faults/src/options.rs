//! What a run can be told.
//!
//! Apart because the task that starts it passes the same words on.

use std::path::PathBuf;

/// Does to a broker under load what disks and machines do, and judges what its clients saw.
#[derive(clap::Parser, Clone, Debug)]
#[command(name = "millstream-faults")]
pub(crate) struct Options {
    /// Only these rows; may be given several times
    #[arg(long)]
    pub(crate) only: Vec<String>,
    /// Decides what is decided by chance; without it the clock does
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Times that each row does its harm, instead of its own count
    #[arg(long)]
    pub(crate) cycles: Option<u32>,
    /// Only the rows that need no mounts and take seconds, a few times each
    #[arg(long)]
    pub(crate) short: bool,
    /// Keep the data directories and histories of good rows
    #[arg(long)]
    pub(crate) keep: bool,
    /// List the rows and end
    #[arg(long)]
    pub(crate) list: bool,
    /// The broker's binary
    #[arg(long)]
    pub(crate) broker: PathBuf,
    /// Where a folder named after the seed is made
    #[arg(long)]
    pub(crate) target: PathBuf,
}
