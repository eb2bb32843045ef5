//! The broker's process: started on one port and one directory, watched, signalled, killed, started again.
//!
//! Apart because nothing else knows its command line, how it says that it is ready and how it says why it ends.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::clock;

/// A broker that is not ready by then has failed to recover.
const START_MAX: Duration = Duration::from_secs(60);
/// Between two looks at a process that is to end.
const LOOK: Duration = Duration::from_millis(2);

/// How to start the broker, and the one that runs.
#[derive(Debug)]
pub struct Broker {
    binary: PathBuf,
    dir: PathBuf,
    log: PathBuf,
    address: SocketAddr,
    /// Where it listens for SQS clients, if it does.
    aws: Option<SocketAddr>,
    /// Where it listens for AMQP clients, if it does.
    amqp: Option<SocketAddr>,
    /// A program and its arguments that start the broker in its stead.
    starter: Vec<OsString>,
    arguments: Vec<OsString>,
    running: Option<Running>,
    /// Length of the log when the broker was started last.
    said_before: u64,
}

#[derive(Debug)]
struct Running {
    child: Child,
    lines: Receiver<String>,
    since_ns: u64,
}

impl Broker {
    /// A broker that is not started yet, on a free port.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn new(binary: &Path, dir: PathBuf, log: PathBuf) -> anyhow::Result<Broker> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        Ok(Broker {
            binary: binary.to_path_buf(),
            dir,
            log,
            address,
            aws: None,
            amqp: None,
            starter: Vec::new(),
            arguments: Vec::new(),
            running: None,
            said_before: 0,
        })
    }

    /// Lets the next starts listen for SQS clients, too: here.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn serve_aws(&mut self) -> anyhow::Result<SocketAddr> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        self.aws = Some(address);
        Ok(address)
    }

    /// Lets the next starts listen for AMQP clients, too: here.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn serve_amqp(&mut self) -> anyhow::Result<SocketAddr> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        self.amqp = Some(address);
        Ok(address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The data directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Lets the next starts be made by a program that ends up as the broker, such as `strace -D` or `prlimit`.
    pub fn set_starter<A: Into<OsString>>(&mut self, starter: impl IntoIterator<Item = A>) {
        self.starter = starter.into_iter().map(Into::into).collect();
    }

    /// Gives the next starts further arguments.
    pub fn set_arguments<A: Into<OsString>>(&mut self, arguments: impl IntoIterator<Item = A>) {
        self.arguments = arguments.into_iter().map(Into::into).collect();
    }

    /// Starts the process; it is not ready yet.
    ///
    /// # Errors
    /// When it cannot be started at all.
    pub fn spawn(&mut self) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        self.said_before = log.metadata()?.len();
        let since_ns = clock::now_ns();
        let mut words = self.starter.iter().cloned().chain([self.binary.clone().into()]);
        let program = words.next().expect("the binary is the last word");
        let listen = |at: Option<SocketAddr>| at.map_or("off".to_owned(), |address| address.to_string());
        let mut child = Command::new(&program)
            .args(words)
            .args(["serve", "--json", "--kafka-auto-create=false"])
            .args(["--listen-http", "off", "--listen-amqp-management", "off"])
            .args(["--listen-aws", &listen(self.aws), "--listen-amqp", &listen(self.amqp)])
            .args(["--listen-kafka", &self.address.to_string(), "--data-dir"])
            .arg(&self.dir)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
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
    ///
    /// # Errors
    /// When it ends or says nothing in time.
    pub fn ready(&mut self) -> anyhow::Result<Duration> {
        let log = self.log.display();
        let running = self.running.as_ref().context("the broker is not started")?;
        let Ok(line) = running.lines.recv_timeout(START_MAX) else {
            bail!("the broker did not become ready, see {log}");
        };
        ensure!(line.contains(r#""ready":true"#), "the broker said {line:?}, see {log}");
        Ok(Duration::from_nanos(clock::now_ns() - running.since_ns))
    }

    /// Whether it runs, as far as is known without looking.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// The process's id.
    ///
    /// # Errors
    /// When it is not started.
    pub fn pid(&self) -> anyhow::Result<u32> {
        Ok(self.running.as_ref().context("the broker is not started")?.child.id())
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.pid()?)?).context("a process without an id")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Waits until it has ended by itself; `None` when it runs on after that time.
    ///
    /// # Errors
    /// When it is not started.
    pub fn ended(&mut self, patience: Duration) -> anyhow::Result<Option<ExitStatus>> {
        let running = self.running.as_mut().context("the broker is not started")?;
        let deadline = clock::now_ns() + u64::try_from(patience.as_nanos())?;
        loop {
            if let Some(status) = running.child.try_wait()? {
                self.running = None;
                return Ok(Some(status));
            }
            if clock::now_ns() >= deadline {
                return Ok(None);
            }
            sleep(LOOK);
        }
    }

    /// What it has written to its log since it was started last.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn said(&self) -> anyhow::Result<String> {
        let mut log = File::open(&self.log)?;
        log.seek(SeekFrom::Start(self.said_before))?;
        let mut said = Vec::new();
        log.read_to_end(&mut said)?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }

    /// Kills it with SIGKILL.
    ///
    /// # Errors
    /// When it had ended by itself.
    pub fn kill(&mut self) -> anyhow::Result<()> {
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
