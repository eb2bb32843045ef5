//! `cargo xtask bench kafka`: Apache Kafka from Maven Central into `target/peers`, release builds, one run.
//!
//! Apart because the peer is Kafka's alone.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use super::{built, root, succeed};

/// The version that is measured against.
const KAFKA_VERSION: &str = "4.3.1";

/// Everything Kafka needs to run and to format a directory.
const POM: &str = include_str!("kafka-pom.xml");

#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Options {
    /// Options of the bench
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Options {
    fn has(&self, option: &str) -> bool {
        let with_value = format!("{option}=");
        self.arguments
            .iter()
            .filter_map(|argument| argument.to_str())
            .any(|argument| argument == option || argument.starts_with(&with_value))
    }
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let help = options.has("--help");
    let mut bench = built("kafka", help || options.has("--millstream"))?;
    if !help && !options.has("--no-peer") && !options.has("--peer-lib") {
        bench.arg("--peer-lib").arg(fetch(root()?)?);
    }
    succeed(bench.args(&options.arguments))
}

/// Has Maven put Kafka's jars into the target directory; returns where they are.
fn fetch(root: &Path) -> anyhow::Result<PathBuf> {
    let directory = root.join("target/peers").join(format!("kafka-{KAFKA_VERSION}"));
    let lib = directory.join("lib");
    let complete = directory.join("complete");
    if complete.exists() {
        return Ok(lib);
    }
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("pom.xml"), POM.replace("KAFKA_VERSION", KAFKA_VERSION))?;
    eprintln!("fetching Apache Kafka {KAFKA_VERSION} from Maven Central");
    let mut maven = Command::new("mvn");
    maven.current_dir(&directory).args([
        "-q",
        "-B",
        "dependency:copy-dependencies",
        "-DoutputDirectory=lib",
        "-DincludeScope=runtime",
    ]);
    succeed(&mut maven)?;
    fs::write(complete, KAFKA_VERSION)?;
    Ok(lib)
}
