//! Starting Millstream.
//!
//! Apart because its command line is known here and nowhere else in the bench.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{Broker, End, answers_kafka, answers_sqs, free_address, fresh};
use crate::amqp;
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
    let mut command = command(binary, &directory, address, class, pool_files_max);
    command.arg("--listen-aws").arg("off");
    Broker::start(NAME, command, address, directory, answers_kafka)
}

/// Starts `binary` as [`start`] does, with fsync before the answer, to pack so slowly that nobody can feel it.
///
/// # Errors
/// When it does not come up.
pub(crate) fn start_idle(binary: &Path, parent: &Path, pool_files_max: u32) -> anyhow::Result<Broker> {
    let directory = fresh(parent, NAME)?;
    let address = free_address()?;
    let mut command = command(binary, &directory, address, Class::Fsync, pool_files_max);
    command.args(["--listen-aws", "off", "--upkeep-bytes-per-second", "1MiB"]);
    Broker::start(NAME, command, address, directory, answers_kafka)
}

/// Starts `binary` as [`start`] does, with fsync before the answer, to serve SQS clients as well; returns where it does.
///
/// # Errors
/// When it does not come up.
pub(crate) fn start_with_sqs(
    binary: &Path,
    parent: &Path,
    pool_files_max: u32,
) -> anyhow::Result<(Broker, SocketAddr)> {
    let directory = fresh(parent, NAME)?;
    let (address, sqs) = (free_address()?, free_address()?);
    let mut command = command(binary, &directory, address, Class::Fsync, pool_files_max);
    command.arg("--listen-aws").arg(sqs.to_string());
    let broker = Broker::start(NAME, command, address, directory, answers_kafka)?;
    // Its listeners open one after the other.
    while !answers_sqs(sqs) {
        anyhow::ensure!(answers_kafka(address), "{NAME} went before it served SQS clients");
    }
    Ok((broker, sqs))
}

/// Starts `binary` for SQS clients alone: listeners share the open files that the system allows.
///
/// # Errors
/// When it does not come up.
pub(crate) fn start_sqs_alone(binary: &Path, parent: &Path) -> anyhow::Result<Broker> {
    let directory = fresh(parent, NAME)?;
    let address = free_address()?;
    let mut command = Command::new(binary);
    command.arg("serve").arg("--data-dir").arg(directory.join("data"));
    command
        .args(["--listen-kafka", "off", "--listen-http", "off", "--listen-amqp", "off", "--listen-aws"])
        .arg(address.to_string());
    Broker::start(NAME, command, address, directory, answers_sqs)
}

/// Starts `binary` with fsync before the answer, for AMQP clients alone.
///
/// # Errors
/// When it does not come up.
pub(crate) fn start_with_amqp(binary: &Path, parent: &Path, pool_files_max: u32) -> anyhow::Result<Broker> {
    let directory = fresh(parent, NAME)?;
    let address = free_address()?;
    let mut command = Command::new(binary);
    command.arg("serve").arg("--data-dir").arg(directory.join("data"));
    command.args(["--listen-kafka", "off", "--listen-http", "off", "--listen-aws", "off"]);
    command.args(["--listen-amqp-management", "off", "--listen-amqp"]);
    command.arg(address.to_string()).arg("--wal-pool-files-max").arg(pool_files_max.to_string());
    Broker::start(NAME, command, address, directory, amqp::answers)
}

/// Where a broker with a console listens.
pub(crate) struct Fronts {
    /// The console's.
    pub(crate) http: SocketAddr,
    /// That of AMQP clients.
    pub(crate) amqp: SocketAddr,
    /// What logs in once.
    pub(crate) console_url: String,
}

/// Starts `binary` with fsync before the answer, to serve Kafka and AMQP clients and the console.
///
/// # Errors
/// When it does not come up.
pub(crate) fn start_with_console(binary: &Path, parent: &Path) -> anyhow::Result<(Broker, Fronts)> {
    let directory = fresh(parent, NAME)?;
    let (address, http, amqp) = (free_address()?, free_address()?, free_address()?);
    let mut command = Command::new(binary);
    command.args(["serve", "--json", "--data-dir"]).arg(directory.join("data"));
    command.args(["--listen-aws", "off", "--listen-amqp-management", "off"]);
    command.arg("--listen-kafka").arg(address.to_string());
    command.arg("--listen-amqp").arg(amqp.to_string()).arg("--listen-http").arg(http.to_string());
    let log = directory.with_extension("log");
    let broker = Broker::start(NAME, command, address, directory, answers_kafka)?;
    // It says that it is ready once all listeners are open.
    for _ in 0..READY_TRIES {
        let said = std::fs::read_to_string(&log)?;
        if let Some(console_url) = said.lines().find_map(console_url) {
            return Ok((broker, Fronts { http, amqp, console_url }));
        }
        std::thread::sleep(READY_POLL);
    }
    anyhow::bail!("{NAME} did not say that it is ready")
}

/// How often, and after which pauses, it is looked whether a broker has said that it is ready.
const READY_TRIES: u32 = 600;
const READY_POLL: Duration = Duration::from_millis(100);

/// What a line says that tells where the console is.
fn console_url(line: &str) -> Option<String> {
    let ready: serde_json::Value = serde_json::from_str(line).ok()?;
    Some(ready["console_url"].as_str()?.to_owned())
}

/// Ends a broker of this module and starts it again on the same directory; returns how long the end took.
///
/// # Errors
/// When it does not end well, or does not come up.
pub(crate) fn restart(
    broker: &mut Broker,
    binary: &Path,
    class: Class,
    pool_files_max: u32,
    end: End,
) -> anyhow::Result<Duration> {
    let mut command = command(binary, &broker.directory, broker.address, class, pool_files_max);
    command.arg("--listen-aws").arg("off");
    broker.restart(command, end)
}

fn command(
    binary: &Path,
    directory: &Path,
    address: SocketAddr,
    class: Class,
    pool_files_max: u32,
) -> Command {
    let mut command = Command::new(binary);
    command.arg("serve").arg("--data-dir").arg(directory.join("data"));
    command.args(["--listen-http", "off", "--listen-amqp", "off"]);
    command.arg("--listen-kafka").arg(address.to_string());
    command.arg("--durability").arg(match class {
        Class::Fsync => "fsync",
        Class::Cache => "interval",
    });
    command.arg("--wal-pool-files-max").arg(pool_files_max.to_string());
    command
}
