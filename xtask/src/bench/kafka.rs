//! `cargo xtask bench kafka`: Apache Kafka from Maven Central, release builds, one run.
//!
//! Apart because the peer is Kafka's alone.

use super::options::Options;
use super::{built, peers, root, succeed};

/// The version that is measured against.
const KAFKA_VERSION: &str = "4.3.1";

/// Everything Kafka needs to run and to format a directory.
const POM: &str = include_str!("kafka-pom.xml");

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let help = options.has("--help");
    let mut bench = built("kafka", help || options.has("--millstream"))?;
    if !help && !options.has("--no-peer") && !options.has("--peer-lib") {
        let pom = POM.replace("KAFKA_VERSION", KAFKA_VERSION);
        bench.arg("--peer-lib").arg(peers::maven(root()?, &format!("kafka-{KAFKA_VERSION}"), &pom)?);
    }
    succeed(bench.args(options.arguments()))
}
