//! `cargo xtask bench sqs`: ElasticMQ from Maven Central, moto from the Python index, release builds, one run.
//!
//! Apart because the peers are those of SQS alone.

use super::options::Options;
use super::{built, peers, root, succeed};

/// The versions that are measured against.
const ELASTICMQ_VERSION: &str = "1.7.1";
const MOTO_VERSION: &str = "5.2.5";

/// Everything ElasticMQ needs to run.
const POM: &str = include_str!("sqs-pom.xml");

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let help = options.has("--help");
    let mut bench = built("sqs", help || options.has("--millstream"))?;
    // Whichever peers are named; all when none is.
    let names = options.values("--peers");
    let wants = |peer: &str| !help && (names.is_empty() || names.contains(&peer));
    if wants("elasticmq") && !options.has("--elasticmq-lib") {
        let pom = POM.replace("ELASTICMQ_VERSION", ELASTICMQ_VERSION);
        bench.arg("--elasticmq-lib").arg(peers::maven(
            root()?,
            &format!("elasticmq-{ELASTICMQ_VERSION}"),
            &pom,
        )?);
    }
    if wants("moto") && !options.has("--moto-server") {
        let name = format!("moto-{MOTO_VERSION}");
        let programs = peers::python(root()?, &name, &format!("moto[server]=={MOTO_VERSION}"))?;
        bench.arg("--moto-server").arg(programs.join("moto_server"));
    }
    succeed(bench.args(options.arguments()))
}
