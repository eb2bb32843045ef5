//! The foreign clients: processes that live through every kill and write histories of their own.
//!
//! Apart because all that is known of them here is how they are started and asked to end.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use crate::clock;
use crate::load::World;
use crate::options::Options;

/// A client may take this long to send what it still has, or to read everything.
const END_MAX: Duration = Duration::from_secs(240);

/// A running program; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Program {
    process: String,
    child: Child,
}

impl Program {
    /// Starts `<programs>/<library>.py` in a role.
    pub(crate) fn start(
        options: &Options,
        world: &World,
        library: &str,
        role: &str,
        client: u32,
        arguments: &[&str],
    ) -> anyhow::Result<Program> {
        let process = format!("{library}-{role}");
        let log = log(&world.histories, &process)?;
        let child = Command::new(&options.python)
            .arg(options.programs.join(format!("{library}.py")))
            .args([role, &world.address.to_string()])
            .arg(&world.histories)
            .args([&process, &client.to_string()])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {process} with {}", options.python.display()))?;
        Ok(Program { process, child })
    }

    /// An error if it has ended by itself.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the client {} ended with {status}; see its log", self.process),
        }
    }

    /// Closes its input, which asks it to end.
    pub(crate) fn ask_to_end(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits until it has ended well.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        self.ask_to_end();
        let deadline = clock::now_ns() + u64::try_from(END_MAX.as_nanos())?;
        while clock::now_ns() < deadline {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the client {} ended with {status}; see its log", self.process);
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        bail!("the client {} did not end within {} s", self.process, END_MAX.as_secs())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing is left behind.
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
    }
}

fn log(histories: &Path, process: &str) -> std::io::Result<File> {
    File::create(histories.join(format!("{process}.log")))
}
