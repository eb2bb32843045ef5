//! One client program: a process that takes commands on its standard input and answers on its standard output.
//!
//! Apart from the scenarios because it alone knows the pipes, the threads that read them and the patience.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use crate::clock;

/// No command of a client takes longer than this; the clients' own patience is shorter and names the reason.
const PATIENCE: Duration = Duration::from_secs(150);
const START: Duration = Duration::from_secs(60);
const CLOSE: Duration = Duration::from_secs(60);

/// How a client program is started.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// The client's name: its folder in `compat/`.
    pub name: &'static str,
    /// Program and arguments; the bootstrap address is appended.
    pub command: Vec<PathBuf>,
    /// Variables of its environment beside the harness's own.
    pub environment: Vec<(&'static str, String)>,
}

/// What came from a process.
#[derive(Debug)]
pub(crate) enum Message {
    /// One line, a JSON object.
    Line(Value),
    /// A line that is no JSON.
    Noise(String),
    /// The process closed its standard output.
    Ended,
}

/// A running client program; dropping it kills it.
pub(crate) struct Process {
    child: Child,
    input: Option<ChildStdin>,
}

impl Process {
    /// Starts the program. Its lines go to `sink` under `tag`, its standard error to the file `log`.
    pub(crate) fn start(
        program: &Program,
        bootstrap: &str,
        log: &Path,
        tag: usize,
        sink: Sender<(usize, Message)>,
    ) -> anyhow::Result<Self> {
        let errors = File::options().create(true).append(true).open(log)?;
        let mut child = Command::new(&program.command[0])
            .args(&program.command[1..])
            .arg(bootstrap)
            .envs(program.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .with_context(|| format!("starting the client {}: {:?}", program.name, program.command))?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("the client has no standard output")?;
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let message = serde_json::from_str(&line).map_or(Message::Noise(line), Message::Line);
                if sink.send((tag, message)).is_err() {
                    return;
                }
            }
            // The receiver may be gone: then nobody waits for the end.
            let _nobody_waits = sink.send((tag, Message::Ended));
        });
        Ok(Self { child, input })
    }

    /// Writes one command.
    pub(crate) fn send(&mut self, command: &Value) -> anyhow::Result<()> {
        let input = self.input.as_mut().context("the client's input is closed")?;
        writeln!(input, "{command}")
            .and_then(|()| input.flush())
            .context("the client does not read its commands")
    }

    /// Closes the client's input, which asks it to leave, and waits for a clean exit.
    pub(crate) fn close(mut self) -> anyhow::Result<()> {
        drop(self.input.take());
        let deadline = clock::now() + CLOSE;
        while clock::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the client ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the client did not end within {} s of its input closing", CLOSE.as_secs())
    }

    /// Kills the process as a crash would (SIGKILL).
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing is left behind.
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
    }
}

/// What a client says of itself when it is ready.
#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct Abilities {
    /// Name and version of the library.
    pub version: String,
    /// Compressions it can write and read.
    #[serde(default)]
    pub codecs: Vec<String>,
    /// Group protocols it speaks: `classic`, `consumer`.
    #[serde(default)]
    pub protocols: Vec<String>,
    /// Whether it can write a header that has no value.
    #[serde(default = "yes")]
    pub writes_null_headers: bool,
    /// Whether it brings Kafka Streams along.
    #[serde(default)]
    pub counts_words: bool,
    /// Whether it tells the types of numbers apart, when it writes headers and when it reads them.
    #[serde(default)]
    pub types: bool,
    /// Whether it brings a framework along that works on a queue's messages by itself.
    #[serde(default)]
    pub works: bool,
}

fn yes() -> bool {
    true
}

/// One client that answers commands one after the other.
pub(crate) struct Client {
    process: Process,
    messages: Receiver<(usize, Message)>,
    /// What it can do.
    pub(crate) abilities: Abilities,
}

impl Client {
    /// Starts a client and waits until it is ready.
    pub(crate) fn start(program: &Program, bootstrap: &str, log: &Path) -> anyhow::Result<Self> {
        let (sink, messages) = channel();
        let process = Process::start(program, bootstrap, log, 0, sink)?;
        let ready = next(&messages, START).context("waiting for the client to be ready")?;
        let abilities = serde_json::from_value(ready).context("the client's first line")?;
        Ok(Self { process, messages, abilities })
    }

    /// Gives a command and waits for its result.
    pub(crate) fn call(&mut self, command: &Value) -> anyhow::Result<Value> {
        self.call_with(command, |_| Ok(()))
    }

    /// Gives a command, hands every event to `on_event`, and waits for the result.
    pub(crate) fn call_with(
        &mut self,
        command: &Value,
        mut on_event: impl FnMut(&Value) -> anyhow::Result<()>,
    ) -> anyhow::Result<Value> {
        self.process.send(command)?;
        let name = command["do"].as_str().unwrap_or_default();
        loop {
            let mut message =
                next(&self.messages, PATIENCE).with_context(|| format!("waiting for `{name}`"))?;
            if let Some(error) = message.get("error") {
                bail!("`{name}` failed in the client: {error}");
            }
            match message.get_mut("done") {
                Some(done) => return Ok(done.take()),
                None => on_event(&message)?,
            }
        }
    }

    /// Creates a topic.
    pub(crate) fn create(&mut self, topic: &str, partitions: u32) -> anyhow::Result<()> {
        self.call(&json!({"do": "create", "topic": topic, "partitions": partitions})).map(drop)
    }

    /// Kills the client as a crash would.
    pub(crate) fn kill(self) -> anyhow::Result<()> {
        self.process.kill()
    }

    /// Ends the client.
    pub(crate) fn close(self) -> anyhow::Result<()> {
        self.process.close()
    }
}

fn next(messages: &Receiver<(usize, Message)>, patience: Duration) -> anyhow::Result<Value> {
    match messages.recv_timeout(patience) {
        Ok((_, Message::Line(line))) => Ok(line),
        Ok((_, Message::Noise(line))) => bail!("the client wrote a line that is no JSON: {line}"),
        Ok((_, Message::Ended)) | Err(RecvTimeoutError::Disconnected) => bail!("the client ended"),
        Err(RecvTimeoutError::Timeout) => bail!("nothing came from the client for {} s", patience.as_secs()),
    }
}
