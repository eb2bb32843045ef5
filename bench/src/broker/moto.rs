//! Starting moto's server: in memory, made for tests, and measured to show what that means.
//!
//! Apart because its command line is known here and nowhere else.

use std::path::Path;
use std::process::Command;

use super::{Broker, answers_sqs, free_address, fresh};

/// What it is called in the tables.
pub(crate) const NAME: &str = "moto";

/// Starts the program `moto_server`.
///
/// # Errors
/// When it does not come up.
pub(crate) fn start(program: &Path, parent: &Path) -> anyhow::Result<Broker> {
    let directory = fresh(parent, NAME)?;
    let address = free_address()?;
    let mut command = Command::new(program);
    command.arg("-H").arg(address.ip().to_string()).arg("-p").arg(address.port().to_string());
    Broker::start(NAME, command, address, directory, answers_sqs)
}
