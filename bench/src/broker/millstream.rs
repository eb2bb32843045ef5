//! Starting Millstream.
//!
//! Apart because its command line is known here and nowhere else in the bench.

use std::path::Path;
use std::process::Command;

use super::{Broker, free_address, fresh};
use crate::plan::Class;

/// What it is called in the tables.
pub(crate) const NAME: &str = "millstream";

/// Starts `binary` on an empty directory below `parent`.
///
/// # Errors
/// When it does not come up.
pub(crate) fn start(
    binary: &Path,
    parent: &Path,
    class: Class,
    pool_files_max: u32,
) -> anyhow::Result<Broker> {
    let directory = fresh(parent, NAME)?;
    let address = free_address()?;
    let mut command = Command::new(binary);
    command.arg("serve").arg("--data-dir").arg(directory.join("data"));
    command.arg("--listen-kafka").arg(address.to_string());
    command.arg("--durability").arg(match class {
        Class::Fsync => "fsync",
        Class::Cache => "interval",
    });
    command.arg("--wal-pool-files-max").arg(pool_files_max.to_string());
    Broker::start(NAME, command, address, directory)
}
