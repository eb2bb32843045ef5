//! The machine's programs: strace, mount, and the rest, run to their end.
//!
//! Apart so that a program that is missing or refuses always becomes the same kind of sentence.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::{Context as _, ensure};

/// Runs a program to its end.
///
/// # Errors
/// With what it wrote, when it is missing or refuses.
pub(crate) fn run<A: AsRef<OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = A>,
) -> anyhow::Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("this machine does not allow it: `{program}` cannot be started"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{program}` ended with {}: {}", output.status, said.trim());
    Ok(())
}

/// The words that let strace start the broker and do something at chosen system calls. A tracer in the background, so
/// that the process that is started is the broker itself.
pub(crate) fn strace(calls: &str, inject: &str) -> Vec<String> {
    let mut words: Vec<String> = ["strace", "-f", "-D", "-qqq", "-o", "/dev/null"].map(str::to_owned).into();
    // Stops only at the chosen calls. Signals are not delivered that way, so for those every call is stopped at.
    if !inject.starts_with("signal=") {
        words.push("--seccomp-bpf".to_owned());
    }
    words.extend(["-e".to_owned(), format!("trace={calls}"), "-e".to_owned()]);
    words.push(format!("inject={calls}:{inject}"));
    words
}

/// An error when strace is missing or may not trace: then a row that needs it would show nothing.
pub(crate) fn need_strace() -> anyhow::Result<()> {
    run("strace", ["-f", "-qqq", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=fsync", "true"])
        .context("this row needs to trace system calls")
}
