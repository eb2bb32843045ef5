//! The broker's process: started on one port and one directory, killed, started again.
//!
//! Apart because nothing else knows its command line and how it says that it is ready.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use crate::clock;

/// A broker that is not ready by then has failed to recover.
const START_MAX: Duration = Duration::from_secs(60);

/// How to start the broker, and the one that runs.
#[derive(Debug)]
pub(crate) struct Broker {
    binary: PathBuf,
    dir: PathBuf,
    log: PathBuf,
    address: SocketAddr,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    lines: Receiver<String>,
    since_ns: u64,
}

impl Broker {
    /// A broker that is not started yet, on a free port.
    pub(crate) fn new(binary: &Path, dir: PathBuf, log: PathBuf) -> anyhow::Result<Broker> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        Ok(Broker { binary: binary.to_path_buf(), dir, log, address, running: None })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The data directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Starts the process; it is not ready yet.
    pub(crate) fn spawn(&mut self) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let since_ns = clock::now_ns();
        let mut child = Command::new(&self.binary)
            .args(["serve", "--json", "--kafka-auto-create=false"])
            .args(["--listen-kafka", &self.address.to_string(), "--data-dir"])
            .arg(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", self.binary.display()))?;
        let output = child.stdout.take().context("the broker has no standard output")?;
        let (sink, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // A broker that is killed before it is ready has nobody waiting for its line.
                let _nobody_waits = sink.send(line);
            }
        });
        self.running = Some(Running { child, lines, since_ns });
        Ok(())
    }

    /// Waits until it says that it is ready; how long that took since it was spawned.
    pub(crate) fn ready(&mut self) -> anyhow::Result<Duration> {
        let log = self.log.display();
        let running = self.running.as_ref().context("the broker is not started")?;
        let Ok(line) = running.lines.recv_timeout(START_MAX) else {
            bail!("the broker did not become ready after a kill, see {log}");
        };
        ensure!(line.contains(r#""ready":true"#), "the broker said {line:?}, see {log}");
        Ok(Duration::from_nanos(clock::now_ns() - running.since_ns))
    }

    /// Whether it runs, as far as is known without looking.
    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Kills it with SIGKILL. An error when it had ended by itself.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        let mut running = self.running.take().context("the broker is not started")?;
        let ended = running.child.try_wait()?;
        running.child.kill()?;
        running.child.wait()?;
        match ended {
            None => Ok(()),
            Some(status) => bail!("the broker had ended by itself with {status}, see {}", self.log.display()),
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            // It may have ended by itself; either way nothing is left behind.
            let _ended_already = running.child.kill();
            let _status = running.child.wait();
        }
    }
}
