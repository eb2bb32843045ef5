//! The broker under test: a process that scenarios may kill and start again at the same address.
//!
//! Apart because two brokers have the same life here: Millstream, and Apache Kafka as the oracle of the checks.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::clock;

const START: Duration = Duration::from_secs(60);
/// A free port.
const ANYWHERE: &str = "127.0.0.1:0";

/// Which broker runs.
pub(crate) enum Kind {
    /// The binary of this workspace.
    Millstream(PathBuf),
    /// Apache Kafka: its class path and `server.properties`.
    Kafka {
        /// `lib/*`
        class_path: PathBuf,
        /// The properties that do not depend on the run.
        properties: PathBuf,
    },
}

/// A running broker; dropping it kills it.
pub(crate) struct Broker {
    kind: Kind,
    dir: PathBuf,
    log: PathBuf,
    child: Child,
    address: String,
    aws: Option<String>,
    amqp: Option<String>,
    management: Option<String>,
    http: Option<String>,
}

/// Where a broker listens, as it says itself.
struct Listening {
    kafka: String,
    aws: Option<String>,
    amqp: Option<String>,
    management: Option<String>,
    http: Option<String>,
}

impl Broker {
    /// Starts a broker in a directory that is emptied first, on a free port.
    pub(crate) fn start(kind: Kind, dir: &Path, log: &Path) -> anyhow::Result<Self> {
        Self::start_at(kind, dir, log, ANYWHERE)
    }

    /// The same, with an address for AMQP clients.
    pub(crate) fn start_at(kind: Kind, dir: &Path, log: &Path, amqp: &str) -> anyhow::Result<Self> {
        if dir.exists() {
            std::fs::remove_dir_all(dir)?;
        }
        std::fs::create_dir_all(dir)?;
        let (dir, log) = (dir.to_path_buf(), log.to_path_buf());
        let (child, listening) = match &kind {
            Kind::Millstream(binary) => start_millstream(binary, &dir, &log, ANYWHERE, amqp)?,
            Kind::Kafka { class_path, properties } => {
                let address = format_kafka(class_path, properties, &dir, &log)?;
                let child = start_kafka(class_path, &dir, &log, &address)?;
                (child, Listening { kafka: address, aws: None, amqp: None, management: None, http: None })
            }
        };
        let Listening { kafka: address, aws, amqp, management, http } = listening;
        Ok(Self { kind, dir, log, child, address, aws, amqp, management, http })
    }

    /// Host and port for AMQP clients, of a broker that has them.
    pub(crate) fn amqp(&self) -> Option<&str> {
        self.amqp.as_deref()
    }

    /// Host and port of RabbitMQ's management API, of a broker that has it.
    pub(crate) fn management(&self) -> Option<&str> {
        self.management.as_deref()
    }

    /// Host and port for AWS clients, of a broker that has them.
    pub(crate) fn aws(&self) -> Option<&str> {
        self.aws.as_deref()
    }

    /// Host and port of the admin API, of a broker that has one.
    pub(crate) fn http(&self) -> Option<&str> {
        self.http.as_deref()
    }

    /// The binary, of a broker that is this workspace's.
    pub(crate) fn binary(&self) -> Option<&Path> {
        match &self.kind {
            Kind::Millstream(binary) => Some(binary),
            Kind::Kafka { .. } => None,
        }
    }

    /// Host and port for clients.
    pub(crate) fn bootstrap(&self) -> &str {
        &self.address
    }

    /// Kills the broker with SIGKILL and starts it again with the same directory at the same addresses for Kafka and AMQP.
    pub(crate) fn crash_and_restart(&mut self) -> anyhow::Result<()> {
        ensure!(
            self.child.try_wait()?.is_none(),
            "the broker had ended by itself, see {}",
            self.log.display()
        );
        self.child.kill()?;
        self.child.wait()?;
        self.child = match &self.kind {
            Kind::Millstream(binary) => {
                let amqp = self.amqp.as_deref().unwrap_or(ANYWHERE);
                let (child, listening) = start_millstream(binary, &self.dir, &self.log, &self.address, amqp)?;
                // AWS clients come later, so that nobody misses the old address.
                self.aws = listening.aws;
                self.management = listening.management;
                self.http = listening.http;
                child
            }
            Kind::Kafka { class_path, .. } => start_kafka(class_path, &self.dir, &self.log, &self.address)?,
        };
        Ok(())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing is left behind.
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
    }
}

/// A broker of this workspace that speaks AMQP; dropping it kills it.
pub(crate) struct Amqp(Broker);

impl Amqp {
    /// Starts it in a directory that is emptied first.
    pub(crate) fn start(binary: &Path, dir: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let broker = Broker::start(
            Kind::Millstream(binary.to_path_buf()),
            &dir.join("data"),
            &dir.join("broker.log"),
        )?;
        ensure!(broker.amqp.is_some(), "the broker does not say where it speaks AMQP");
        ensure!(broker.management.is_some(), "the broker does not say where it speaks the management API");
        Ok(Self(broker))
    }

    /// Host and port for clients.
    pub(crate) fn address(&self) -> &str {
        self.0.amqp.as_deref().expect("it was there when the broker started")
    }

    /// Host and port of the management API.
    pub(crate) fn management(&self) -> &str {
        self.0.management.as_deref().expect("it was there when the broker started")
    }
}

fn log_file(path: &Path) -> anyhow::Result<File> {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("opening {}", path.display()))
}

/// Starts the binary and waits for the line that says it is ready; returns its addresses.
fn start_millstream(
    binary: &Path,
    dir: &Path,
    log: &Path,
    kafka: &str,
    amqp: &str,
) -> anyhow::Result<(Child, Listening)> {
    let mut child = Command::new(binary)
        .args([
            "serve",
            "--json",
            "--listen-http",
            ANYWHERE,
            "--listen-aws",
            ANYWHERE,
            "--listen-amqp",
            amqp,
            // It would follow the port of AMQP, which a broker keeps over its restarts, to one that may be taken.
            "--listen-amqp-management",
            ANYWHERE,
            "--listen-kafka",
            kafka,
            "--data-dir",
        ])
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log_file(log)?)
        .spawn()
        .with_context(|| format!("starting {}", binary.display()))?;
    let output = child.stdout.take().context("the broker has no standard output")?;
    let (sink, lines) = channel();
    std::thread::spawn(move || {
        // Read on after the first line: a broker must not stop over a full pipe.
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _nobody_waits = sink.send(line);
        }
    });
    let ready = lines.recv_timeout(START);
    let listening = ready.ok().and_then(|line| {
        let line: Value = serde_json::from_str(&line).ok()?;
        let address = |front: &str| line["listen"][front].as_str().map(str::to_owned);
        let kafka = address("kafka")?;
        Some(Listening {
            kafka,
            aws: address("aws"),
            amqp: address("amqp"),
            management: address("amqp_management"),
            http: address("http"),
        })
    });
    let Some(listening) = listening else {
        child.kill()?;
        child.wait()?;
        bail!("the broker did not say that it is ready, see {}", log.display());
    };
    Ok((child, listening))
}

/// Writes Kafka's configuration and formats its directory; returns the address it will have.
fn format_kafka(class_path: &Path, properties: &Path, dir: &Path, log: &Path) -> anyhow::Result<String> {
    let (clients, controller) = (free_port()?, free_port()?);
    let address = format!("127.0.0.1:{clients}");
    let text = std::fs::read_to_string(properties)?;
    let text = format!(
        "{text}\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://{address},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://{address}\nlog.dirs={}\n",
        dir.join("data").display()
    );
    let file = dir.join("server.properties");
    std::fs::write(&file, text)?;
    let status = java(class_path)
        .args(["kafka.tools.StorageTool", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c"])
        .arg(&file)
        .stdout(log_file(log)?)
        .stderr(log_file(log)?)
        .status()?;
    ensure!(status.success(), "formatting Kafka's directory failed, see {}", log.display());
    Ok(address)
}

fn start_kafka(class_path: &Path, dir: &Path, log: &Path, address: &str) -> anyhow::Result<Child> {
    let mut child = java(class_path)
        .arg("kafka.Kafka")
        .arg(dir.join("server.properties"))
        .stdin(Stdio::null())
        .stdout(log_file(log)?)
        .stderr(log_file(log)?)
        .spawn()?;
    let deadline = clock::now() + START;
    while TcpStream::connect(address).is_err() {
        if clock::now() > deadline || child.try_wait()?.is_some() {
            child.kill()?;
            child.wait()?;
            bail!("Kafka did not start, see {}", log.display());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(child)
}

fn java(class_path: &Path) -> Command {
    let mut command = Command::new("java");
    command
        .args(["-Xms256m", "-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"])
        .arg(class_path);
    command
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
