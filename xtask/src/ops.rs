//! `cargo xtask ops`: what a monitoring system is given is what it understands.
//!
//! Apart because the judges are the tools of others: Prometheus' own reads the alert rules, plays series to them, and reads what a
//! running broker says at `/metrics`; systemd's reads the unit, and says how well it shuts the broker in.

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
    check_links(&binary)?;
    check_service(&ops, &binary, &dir)?;
    let broker = Broker::start(Kind::Millstream(binary), &dir.join("data"), &dir.join("broker.log"))?;
    let address = broker.http().context("the broker has no console")?;
    let scrape = wait_for_streams(address)?;
    check_metrics(&promtool, &scrape)?;
    println!("promtool understands {} lines of /metrics", scrape.lines().count());
    Ok(())
}

/// Libraries that the binary may want of a system: those of the C compiler.
const LINKED: [&str; 5] = ["linux-vdso.", "libc.", "libm.", "libgcc_s.", "ld-linux-"];

/// Looks that the binary needs nothing that a system may not have.
fn check_links(binary: &Path) -> anyhow::Result<()> {
    let output = Command::new(project::tool("ldd", Some("libc-bin"))?).arg(binary).output()?;
    ensure!(output.status.success(), "ldd cannot read {}", binary.display());
    let text = String::from_utf8(output.stdout)?;
    for line in text.lines().map(str::trim) {
        let name = line.split(' ').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        ensure!(LINKED.iter().any(|known| name.starts_with(known)), "the binary wants {line}");
    }
    println!("the binary wants {} libraries, all of the C compiler", text.lines().count());
    Ok(())
}

/// Where the unit expects the binary.
const INSTALLED: &str = "/usr/local/bin/millstream";
/// How exposed the unit may be, in tenths of what systemd calls an exposure level. What is left is that it serves a network.
const EXPOSURE_MAX: &str = "--threshold=16";

/// Has systemd judge the unit, with the binary that was built in the place of the installed one.
fn check_service(ops: &Path, binary: &Path, dir: &Path) -> anyhow::Result<()> {
    let analyze = project::tool("systemd-analyze", Some("systemd"))?;
    let unit = std::fs::read_to_string(ops.join("systemd/millstream.service"))?;
    ensure!(unit.contains(INSTALLED), "the unit does not start {INSTALLED}");
    let dir = dir.join("systemd");
    std::fs::create_dir_all(&dir)?;
    let path = dir.join("millstream.service").display().to_string();
    std::fs::write(&path, unit.replace(INSTALLED, &binary.display().to_string()))?;
    let judge = |arguments: &[&str]| {
        let output = Command::new(&analyze).args(arguments).arg(&path).output()?;
        let said = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
        ensure!(output.status.success(), "systemd-analyze {}: {said}", arguments.join(" "));
        anyhow::Ok(said)
    };
    let complaints = judge(&["verify", "--man=no"])?;
    ensure!(complaints.trim().is_empty(), "systemd does not like the unit:\n{complaints}");
    let exposure = judge(&["security", "--offline=yes", "--no-pager", EXPOSURE_MAX])?;
    println!("systemd says of the unit: {}", exposure.lines().last().unwrap_or_default());
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
