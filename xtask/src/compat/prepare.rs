//! Gets each client ready from its lock file, into `target/compat`.
//!
//! Apart because only here registries and other languages' tools are named.

use std::path::{Path, PathBuf};

use super::broker::Kind;
use super::client::Program;
use crate::project::{run_in, tool};

/// A client that is tested; its folder in `compat/` has the same name.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Name {
    /// librdkafka, through confluent-kafka for Python
    Librdkafka,
    /// Apache Kafka's Java client
    Java,
    /// franz-go
    FranzGo,
    /// kafkajs
    Kafkajs,
    /// aiokafka
    Aiokafka,
}

impl Name {
    /// Every client, in the order in which they run: later ones also read what earlier ones wrote.
    pub(crate) fn all() -> Vec<Self> {
        <Self as clap::ValueEnum>::value_variants().to_vec()
    }
}

/// Installs what a client needs and tells how to start it.
pub(crate) fn client(name: Name, root: &Path) -> anyhow::Result<Program> {
    let (compat, target) = (root.join("compat"), root.join("target/compat"));
    Ok(match name {
        Name::Librdkafka | Name::Aiokafka => {
            let name = if name == Name::Librdkafka { "librdkafka" } else { "aiokafka" };
            let command = vec![python(&compat, &target)?, compat.join(name).join("client.py")];
            Program { name, command, environment: vec![] }
        }
        Name::Java => {
            let command = java(&compat.join("java"), &target.join("java"))?;
            Program { name: "java", command, environment: vec![] }
        }
        Name::FranzGo => {
            let command = go(&compat.join("franz-go"), target.join("franz-go"))?;
            Program { name: "franz-go", command, environment: vec![] }
        }
        Name::Kafkajs => {
            let environment = vec![("KAFKAJS_NO_PARTITIONER_WARNING", "1".to_owned())];
            Program { name: "kafkajs", command: node(&compat.join("kafkajs"))?, environment }
        }
    })
}

/// Compiles the Java program of a folder, with its libraries beside it, and tells how to run it.
pub(super) fn java(here: &Path, classes: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mvn = tool("mvn", Some("maven"))?;
    let place = format!("-Dcompat.target={}", classes.display());
    run_in(here, &mvn, &["-q", "-B", "-ntp", "compile", &place])?;
    let class_path = format!("{0}/classes:{0}/lib/*", classes.display());
    let command =
        ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"];
    let mut command: Vec<PathBuf> = command.map(PathBuf::from).into();
    command.insert(0, tool("java", Some("openjdk-17-jdk-headless"))?);
    command.extend([class_path.into(), "Client".into()]);
    Ok(command)
}

/// Builds the Go program of a folder.
pub(super) fn go(here: &Path, binary: PathBuf) -> anyhow::Result<Vec<PathBuf>> {
    let output = binary.display().to_string();
    run_in(here, &tool("go", None)?, &["build", "-o", &output, "."])?;
    Ok(vec![binary])
}

/// Installs what the JavaScript program of a folder needs.
pub(super) fn node(here: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (node, npm) = (tool("node", Some("nodejs"))?, tool("npm", Some("npm"))?);
    run_in(here, &npm, &["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])?;
    Ok(vec![node, here.join("client.mjs")])
}

/// The Python of an environment of our own that holds exactly what `requirements.txt` names.
fn python(compat: &Path, target: &Path) -> anyhow::Result<PathBuf> {
    crate::project::python_environment(&target.join("python"), &compat.join("requirements.txt"))
}

/// kcat, which Debian has as a package.
pub(crate) fn kcat() -> anyhow::Result<PathBuf> {
    tool("kcat", Some("kcat"))
}

/// Apache Kafka for `--server kafka`.
pub(crate) fn kafka(root: &Path) -> anyhow::Result<Kind> {
    let here = root.join("compat/oracle");
    let lib = root.join("target/compat/kafka");
    let output = format!("-DoutputDirectory={}", lib.display());
    run_in(
        &here,
        &tool("mvn", Some("maven"))?,
        &["-q", "-B", "-ntp", "dependency:copy-dependencies", &output, "-DincludeScope=runtime"],
    )?;
    Ok(Kind::Kafka { class_path: lib.join("*"), properties: here.join("server.properties") })
}
