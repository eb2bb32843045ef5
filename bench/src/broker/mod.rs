//! A broker as a process: started, watched from outside, ended.
//!
//! Apart because what is measured of a broker (processor time, memory, time to start) is the same for every one;
//! how each is started is in a file of its own.

pub(crate) mod apache;
pub(crate) mod elasticmq;
pub(crate) mod millstream;
pub(crate) mod moto;
pub(crate) mod rabbitmq;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::clock;
use crate::sqs;
use crate::wire::Admin;

/// A running broker. Dropping it ends the process and removes its data; its output stays beside the data, in
/// NAME.log, until a bench has ended well.
pub(crate) struct Broker {
    /// Its name in the tables.
    pub(crate) name: &'static str,
    /// Where it serves clients: Kafka's, where it serves them.
    pub(crate) address: SocketAddr,
    /// From the start of the process to the first answer.
    pub(crate) ready_after: Duration,
    /// Whether there is an answer at an address.
    answers: fn(SocketAddr) -> bool,
    process: Process,
    directory: PathBuf,
}

/// Where a broker runs.
enum Process {
    /// Started here; ends with the bench.
    Own(Child),
    /// Started by somebody else, who ends it; nothing of its directory is known.
    Others(u32),
}

/// How a process ends before it is started again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// SIGTERM, and it may do what it likes to do before it ends.
    Clean,
    /// SIGKILL.
    Kill,
}

/// How long a start may take.
const START_MAX: Duration = Duration::from_secs(60);
/// How often a broker that is starting is tried; also the precision of the time to start.
const START_POLL: Duration = Duration::from_millis(1);
/// The same for SQS, where the time to start is not measured.
const SQS_POLL: Duration = Duration::from_millis(50);

impl Broker {
    /// Runs `command` and waits until there is an answer at `address`.
    ///
    /// # Errors
    /// When it does not come up.
    fn start(
        name: &'static str,
        mut command: Command,
        address: SocketAddr,
        directory: PathBuf,
        answers: fn(SocketAddr) -> bool,
    ) -> anyhow::Result<Broker> {
        let log = fs::File::create(directory.with_extension("log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let start = clock::now();
        let child = command.spawn().with_context(|| format!("starting {name}: {command:?}"))?;
        let ready_after = Duration::ZERO;
        let process = Process::Own(child);
        let mut broker = Broker { name, address, ready_after, answers, process, directory };
        broker.wait_until_ready(start)?;
        Ok(broker)
    }

    fn wait_until_ready(&mut self, start: Instant) -> anyhow::Result<()> {
        while !(self.answers)(self.address) {
            if start.elapsed() > START_MAX || self.own()?.try_wait()?.is_some() {
                let log = fs::read_to_string(self.directory.with_extension("log"))?;
                let tail: Vec<_> = log.lines().rev().take(20).collect();
                let tail: Vec<_> = tail.into_iter().rev().collect();
                bail!("{} did not come up; the end of its output:\n{}", self.name, tail.join("\n"));
            }
            thread::sleep(START_POLL);
        }
        self.ready_after = start.elapsed();
        Ok(())
    }

    /// Ends the process and starts it again on the same directory with `command`; returns how long the end took.
    ///
    /// # Errors
    /// When it does not end well, or does not come up.
    fn restart(&mut self, mut command: Command, end: End) -> anyhow::Result<Duration> {
        let start = clock::now();
        let child = self.own()?;
        match end {
            End::Kill => child.kill()?,
            End::Clean => {
                let pid = rustix::process::Pid::from_child(child);
                rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
            }
        }
        let status = child.wait()?;
        let took = start.elapsed();
        if end == End::Clean && !status.success() {
            bail!("{} ended with {status}", self.name);
        }
        let log = fs::File::options().append(true).open(self.directory.with_extension("log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let start = clock::now();
        let child = command.spawn().with_context(|| format!("starting {}: {command:?}", self.name))?;
        self.process = Process::Own(child);
        self.wait_until_ready(start)?;
        Ok(took)
    }

    /// Bytes that its directory takes on the disk.
    ///
    /// # Errors
    /// When it cannot be walked.
    pub(crate) fn disk_bytes(&self) -> anyhow::Result<u64> {
        fn walk(directory: &Path) -> anyhow::Result<u64> {
            let mut bytes = 0;
            for entry in fs::read_dir(directory)? {
                let entry = entry?;
                let metadata = entry.metadata()?;
                bytes += if metadata.is_dir() { walk(&entry.path())? } else { metadata.blocks() * 512 };
            }
            Ok(bytes)
        }
        walk(&self.directory)
    }

    /// Where everything of it is.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        match &self.process {
            Process::Own(child) => child.id(),
            Process::Others(pid) => *pid,
        }
    }

    fn own(&mut self) -> anyhow::Result<&mut Child> {
        match &mut self.process {
            Process::Own(child) => Ok(child),
            Process::Others(_) => bail!("{} was started by somebody else", self.name),
        }
    }

    /// Processor time of the process so far, user and system, in seconds.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn cpu_s(&self) -> anyhow::Result<f64> {
        cpu_s(&self.pid().to_string())
    }

    /// Resident memory in bytes.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        self.status("VmRSS:")
    }

    /// The most resident memory since the start or the last [`Broker::forget_peak`], in bytes.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn resident_bytes_peak(&self) -> anyhow::Result<u64> {
        self.status("VmHWM:")
    }

    /// Makes the peak of the resident memory what it is now.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn forget_peak(&self) -> anyhow::Result<()> {
        fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").context("resetting the peak of memory")
    }

    fn status(&self, field: &str) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)).context("no such field")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let Process::Own(child) = &mut self.process else { return };
        // A process that has ended already cannot be killed, and data that cannot be removed is found by whoever
        // looks at the disk: neither changes what was measured.
        let ended = child.kill().and_then(|()| child.wait());
        if let Err(error) = ended {
            eprintln!("ending {}: {error}", self.name);
        }
        if let Err(error) = fs::remove_dir_all(&self.directory) {
            eprintln!("removing {}: {error}", self.directory.display());
        }
    }
}

/// Whether a broker answers Kafka clients.
fn answers_kafka(address: SocketAddr) -> bool {
    Admin::connect(address).is_ok()
}

/// Whether a broker answers SQS clients. It is asked seldom: each question takes a port for a moment, which may be the one
/// that a broker which starts slowly is about to listen on.
fn answers_sqs(address: SocketAddr) -> bool {
    let answers = sqs::Admin::connect(address).is_ok_and(|mut admin| admin.list().is_ok());
    if !answers {
        thread::sleep(SQS_POLL);
    }
    answers
}

/// Processor time of this process so far in seconds: what the client costs.
///
/// # Errors
/// When /proc cannot be read.
pub(crate) fn own_cpu_s() -> anyhow::Result<f64> {
    cpu_s("self")
}

/// User and system time of a process by its stat file.
fn cpu_s(process: &str) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))
        .with_context(|| format!("process {process} is gone"))?;
    // The name in parentheses may hold anything; fields are counted from behind it.
    let (_, fields) = stat.rsplit_once(')').context("a stat file without a name")?;
    let field = |n| fields.split_ascii_whitespace().nth(n).context("a short stat file");
    let ticks = field(11)?.parse::<u64>()? + field(12)?.parse::<u64>()?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// A free port on loopback. Someone else may take it before the broker does; its start then fails and says so.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// An empty directory of that name.
fn fresh(parent: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let directory = parent.join(name);
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
    Ok(directory)
}
