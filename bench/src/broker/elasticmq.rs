//! Starting ElasticMQ: in memory, which is all that it does by default.
//!
//! Apart because its configuration is known here and nowhere else.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Broker, answers_sqs, free_address, fresh};

/// What it is called in the tables.
pub(crate) const NAME: &str = "elasticmq";

/// Starts ElasticMQ with the jars in `lib`; it keeps nothing below `parent` but its configuration.
///
/// # Errors
/// When there is no Java, or it does not come up.
pub(crate) fn start(lib: &Path, parent: &Path) -> anyhow::Result<Broker> {
    let directory = fresh(parent, NAME)?;
    let address = free_address()?;
    let (host, port) = (address.ip(), address.port());
    let configuration = directory.join("elasticmq.conf");
    let lines = format!(
        "include classpath(\"application.conf\")\n\
         node-address {{ protocol = http, host = \"{host}\", port = {port}, context-path = \"\" }}\n\
         rest-sqs {{ enabled = true, bind-port = {port}, bind-hostname = \"{host}\", sqs-limits = strict }}\n\
         rest-stats {{ enabled = false }}\n"
    );
    fs::write(&configuration, lines)?;
    let mut command = Command::new("java");
    command.arg(format!("-Dconfig.file={}", fs::canonicalize(&configuration)?.display()));
    command.arg("-cp").arg(lib.join("*")).arg("org.elasticmq.server.Main");
    Broker::start(NAME, command, address, directory, answers_sqs)
}
