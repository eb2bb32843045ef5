//! Runs the binary in a directory of its own, without the environment of whoever runs the tests.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A directory that is removed at the end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("millstream-it-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Scratch(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// The binary with arguments, in a scratch directory.
pub(crate) fn millstream(scratch: &Scratch, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millstream"));
    command.args(args).current_dir(scratch.path()).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MILLSTREAM_")) {
        command.env_remove(name);
    }
    command
}

/// What a finished process wrote to standard output; it must have succeeded.
pub(crate) fn stdout(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The one line that a failed process wrote to standard error, logs aside; it must have failed with code 1.
pub(crate) fn complaint(command: &mut Command) -> String {
    let Output { status, stderr, .. } = command.output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{stderr}");
    let lines: Vec<_> = stderr.lines().filter(|line| line.starts_with("millstream: ")).collect();
    assert_eq!(lines.len(), 1, "{stderr}");
    lines[0].to_owned()
}

/// A broker that runs.
pub(crate) struct Broker {
    child: Child,
    /// What it said when it was ready.
    pub(crate) ready: serde_json::Value,
    pub(crate) kafka: String,
    pub(crate) http: String,
}

impl Broker {
    /// Starts `millstream serve --json` with free ports and waits until it is ready.
    pub(crate) fn start(scratch: &Scratch, args: &[&str]) -> Broker {
        let mut command =
            millstream(scratch, &["serve", "--json", "--listen-aws", "off", "--listen-amqp", "off"]);
        command.args(["--listen-kafka", "127.0.0.1:0", "--listen-http", "127.0.0.1:0"]);
        Broker::spawn(command.args(args))
    }

    pub(crate) fn spawn(command: &mut Command) -> Broker {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| {
            let mut stderr = String::new();
            child.stderr.as_mut().unwrap().read_to_string(&mut stderr).unwrap();
            panic!("it did not start: {stderr}")
        });
        let listens = |name: &str| ready["listen"][name].as_str().unwrap_or_default().to_owned();
        let (kafka, http) = (listens("kafka"), listens("http"));
        Broker { child, ready, kafka, http }
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args([format!("-{name}"), id]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end: the exit code and what it logged.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        for _ in 0..2000 {
            if let Some(status) = self.child.try_wait().unwrap() {
                let mut stderr = String::new();
                self.child.stderr.as_mut().unwrap().read_to_string(&mut stderr).unwrap();
                return (status.code(), stderr);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it did not end within 20 seconds");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Already ended in most tests; the child is ours, and a test that failed must not leave it running.
        if self.child.try_wait().unwrap().is_none() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}
