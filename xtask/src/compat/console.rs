//! The console in a real browser: Debian's Chromium, driven by the program in `compat/console`.
//!
//! Apart from the clients because it is no client of a protocol: the program has a broker of its own, and counts its own checks,
//! a line of JSON each. A machine without the browser installs it; where that fails the test fails.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::prepare;
use super::report::Report;
use crate::project::tool;

/// Runs the console's test against a binary.
pub(super) fn run(binary: &Path, root: &Path, report: &mut Report) {
    report.scope("the console in a browser");
    let outcome = checks(binary, root, report);
    report.check("the console's test ends in peace".to_owned(), outcome);
}

fn checks(binary: &Path, root: &Path, report: &mut Report) -> anyhow::Result<()> {
    let program = prepare::node(&root.join("compat/console"))?;
    let browser = tool("chromium", Some("chromium"))?;
    let (shots, logs) = (root.join("target/compat/console"), root.join("target/compat/logs"));
    std::fs::create_dir_all(&logs)?;
    let (node, script) = program.split_first().context("a program has a name")?;
    let mut child = Command::new(node)
        .args(script)
        .arg(std::path::absolute(binary)?)
        .arg(browser)
        .arg(&shots)
        .arg(logs.join("console.log"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting the console's test")?;
    let output = child.stdout.take().context("the test has no standard output")?;
    let mut is_done = false;
    for line in BufReader::new(output).lines() {
        let line: Value = serde_json::from_str(&line?).context("a line of the test is no JSON")?;
        if let Some(version) = line["version"].as_str() {
            report.scope(&format!("the console in {version}"));
        }
        if let Some(name) = line["check"].as_str() {
            let error = line["error"].as_str().map(str::to_owned);
            report.check(name.to_owned(), error.map_or(Ok(()), |error| Err(anyhow::anyhow!(error))));
        }
        is_done |= line["done"] == true;
    }
    let status = child.wait()?;
    ensure!(is_done && status.success(), "the console's test ended with {status} before its end");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        keep(&shots, &root.join("docs/images"))?;
    }
    Ok(())
}

/// Puts the screenshots into the documentation.
fn keep(shots: &Path, images: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(images)?;
    for shot in std::fs::read_dir(shots)? {
        let shot = shot?;
        std::fs::copy(shot.path(), images.join(shot.file_name()))?;
    }
    Ok(())
}
