//! `cargo xtask ops`: what a monitoring system is given is what it understands.
//!
//! Apart because the judge is Prometheus' own tool: it reads the alert rules, plays series to them, and reads what a running
//! broker says at `/metrics`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::compat::broker::{Broker, Kind};
use crate::{clock, project};

/// A scrape of a broker that does nothing takes milliseconds; a machine that is busy with other things gets its time.
const SCRAPE: Duration = Duration::from_secs(60);

/// Runs every check.
pub(crate) fn run() -> anyhow::Result<()> {
    let root = project::root();
    let promtool = project::tool("promtool", Some("prometheus"))?;
    let ops = root.join("ops");
    project::run_in(&ops, &promtool, &["check", "rules", "alerts.yml"])?;
    project::run_in(&ops, &promtool, &["check", "config", "prometheus.yml"])?;
    project::run_in(&ops, &promtool, &["test", "rules", "alerts_test.yml"])?;
    let binary = project::build_binary(&root)?;
    let dir = project::target_dir(&root).join("ops");
    let broker = Broker::start(Kind::Millstream(binary), &dir.join("data"), &dir.join("broker.log"))?;
    let address = broker.http().context("the broker has no console")?;
    let scrape = wait_for_streams(address)?;
    check_metrics(&promtool, &scrape)?;
    println!("promtool understands {} lines of /metrics", scrape.lines().count());
    Ok(())
}

/// What the broker says once it has looked at its streams.
fn wait_for_streams(address: &str) -> anyhow::Result<String> {
    let until = clock::now() + SCRAPE;
    loop {
        let scrape = get(address, "/metrics")?;
        if scrape.contains("\nmillstream_streams ") {
            return Ok(scrape);
        }
        ensure!(clock::now() < until, "the broker has not looked at its streams:\n{scrape}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The body of an answer that must be 200.
fn get(address: &str, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SCRAPE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "{path} answers {head}");
    Ok(body.to_owned())
}

/// Has promtool read a scrape.
fn check_metrics(promtool: &Path, scrape: &str) -> anyhow::Result<()> {
    let mut child = Command::new(promtool).args(["check", "metrics"]).stdin(Stdio::piped()).spawn()?;
    child.stdin.take().context("promtool has no input")?.write_all(scrape.as_bytes())?;
    let status = child.wait()?;
    ensure!(status.success(), "promtool does not like /metrics: {status}");
    Ok(())
}
