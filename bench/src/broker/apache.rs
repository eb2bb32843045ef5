//! Starting Apache Kafka: one node in KRaft mode, defaults except where a single node on loopback needs others.
//!
//! Apart because its properties and its JVM flags are known here and nowhere else.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use super::{Broker, answers_kafka, free_address, fresh};

/// What it is called in the tables.
pub(crate) const NAME: &str = "kafka";

/// Topic configuration for fsync before the answer: what `log.flush.interval.messages=1` is for a whole broker. Per
/// topic, one warm JVM can serve both durability classes.
pub(crate) const FSYNC: &[(&str, &str)] = &[("flush.messages", "1")];

/// A cluster id must be 16 bytes in base64, and it means nothing here.
const CLUSTER_ID: &str = "bWlsbHN0cmVhbS1iZW5jaA";

/// Heap and collector as Kafka's own start script sets them.
const JVM_FLAGS: [&str; 6] = [
    "-server",
    "-Xms1g",
    "-Xmx1g",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
];

/// Formats a directory below `parent` and starts Kafka with the jars in `lib`.
///
/// # Errors
/// When there is no Java, the format fails or it does not come up.
pub(crate) fn start(lib: &Path, parent: &Path) -> anyhow::Result<Broker> {
    let directory = fresh(parent, NAME)?;
    let address = free_address()?;
    let controller = free_address()?;
    let properties = directory.join("server.properties");
    let logs = directory.join("data");
    let lines = format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@{controller}\n\
         listeners=PLAINTEXT://{address},CONTROLLER://{controller}\n\
         advertised.listeners=PLAINTEXT://{address}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         log.dirs={}\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         share.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n\
         group.initial.rebalance.delay.ms=0\n\
         log.segment.delete.delay.ms=1000\n",
        logs.display()
    );
    fs::write(&properties, lines)?;
    let classes = lib.join("*");
    let format = Command::new("java")
        .arg("-cp")
        .arg(&classes)
        .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
        .arg(&properties)
        .output()
        .context("running java")?;
    ensure!(
        format.status.success(),
        "formatting Kafka's directory failed: {}",
        String::from_utf8_lossy(&format.stderr)
    );
    let mut command = Command::new("java");
    command.args(JVM_FLAGS).arg("-cp").arg(&classes).arg("kafka.Kafka").arg(&properties);
    Broker::start(NAME, command, address, directory, answers_kafka)
}
