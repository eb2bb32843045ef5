//! Test suites that client libraries bring along, run against this workspace's binary.
//!
//! Apart because nothing of them is ours: they are fetched when they are run, know only RabbitMQ's port, and take their own
//! tools along. They are no part of `cargo xtask test`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::compat::Report;
use crate::compat::broker::{Broker, Kind};
use crate::project::{python_environment, run_in};

/// The only address that the suites know.
const ADDRESS: &str = "127.0.0.1:5672";
/// The source package that has py-amqp's tests.
const PY_AMQP: &str = "amqp==5.4.2";

/// pika's tests that need a broker; not all have names that pytest finds by itself.
const PIKA: [&str; 5] = [
    "async_adapter_tests",
    "blocking_adapter_test",
    "thread_safe_bounded_queue_test",
    "thread_safe_connection_test",
    "twisted_adapter_tests",
];

/// Runs py-amqp's integration tests, and pika's acceptance tests if a checkout of it is at hand: its packages have none.
pub(crate) fn run(binary: &Path, pika: Option<&Path>, root: &Path) -> anyhow::Result<()> {
    let work = root.join("target/compat/amqp-suites");
    std::fs::create_dir_all(&work)?;
    let requirements = root.join("compat/amqp/suites-requirements.txt");
    let python = python_environment(&work.join("python"), &requirements)?;
    let data = work.join("data");
    let log = crate::compat::fresh(&work, "broker")?;
    let _broker = Broker::start_at(Kind::Millstream(binary.to_path_buf()), &data, &log, ADDRESS)?;
    let mut report = Report::default();
    report.scope(&format!("the integration tests of {PY_AMQP}"));
    let outcome = py_amqp(&python, &work).and_then(|source| {
        pytest(&python, &source, &["-k", "not tls", "-p", "no:rerunfailures", "t/integration"])
    });
    report.check("they pass, each at its first run".to_owned(), outcome);
    report.scope("pika's acceptance tests");
    match pika {
        Some(source) => {
            let tests = PIKA.map(|name| format!("tests/acceptance/{name}.py"));
            let tests: Vec<&str> = tests.iter().map(String::as_str).collect();
            report.check("they pass".to_owned(), pytest(&python, source, &tests));
        }
        None => report.note("not run: name a checkout of pika with --pika-checkout"),
    }
    ensure!(report.close(), "some suites do not pass");
    Ok(())
}

/// Downloads and unpacks py-amqp's source package.
fn py_amqp(python: &Path, work: &Path) -> anyhow::Result<PathBuf> {
    let source = work.join("py-amqp");
    if source.is_dir() {
        std::fs::remove_dir_all(&source)?;
    }
    std::fs::create_dir_all(&source)?;
    let download =
        ["-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--no-binary=:all:"];
    let into: Vec<&OsStr> = download
        .iter()
        .map(OsStr::new)
        .chain([OsStr::new("-d"), source.as_os_str(), OsStr::new(PY_AMQP)])
        .collect();
    run_in(work, python, &into)?;
    let entries = std::fs::read_dir(&source)?.collect::<Result<Vec<_>, _>>()?;
    let package = entries.first().context("nothing was downloaded")?.path();
    run_in(
        &source,
        python,
        &[OsStr::new("-m"), OsStr::new("tarfile"), OsStr::new("-e"), package.as_os_str()],
    )?;
    Ok(source.join(PY_AMQP.replace("==", "-")))
}

fn pytest(python: &Path, source: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let status = Command::new(python)
        .args(["-m", "pytest", "-q", "-W", "ignore", "--rootdir", "."])
        .args(arguments)
        .current_dir(source)
        .env("RABBITMQ_HOST", "127.0.0.1")
        .env("RABBITMQ_5672_TCP", "5672")
        .status()
        .context("running pytest")?;
    ensure!(status.success(), "pytest ended with {status}");
    Ok(())
}
