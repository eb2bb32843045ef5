//! The HTTP API as it is described: schemathesis makes requests of the OpenAPI document, right ones and wrong ones, and judges
//! the answers by it.
//!
//! Apart from the clients because it is no client of a protocol: the document is all that it knows. The requests are the same in every
//! run. A first run is about names that nobody has, a second one about a stream, a queue and a route that are there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use super::broker::{Broker, Kind};
use super::report::Report;

/// Operations that wait or never end: their answers are looked at by the front's own tests.
const WAITS: [&str; 2] = ["tail_stream", "receive"];
/// More of them, where there is something to wait for; and what would take away what the second run is about.
const WAITS_OR_ENDS: [&str; 5] = ["read", "lease", "delete_stream", "delete_route", "delete_namespace"];
/// A request may wait as long as the API lets it, and a machine may be slow.
const TIMEOUT_S: &str = "120";
/// Lines of a run that are told when it fails.
const TOLD_LINES: usize = 60;

/// Runs both against a binary.
pub(super) fn run(binary: &Path, root: &Path, report: &mut Report) {
    report.scope("the HTTP API, by schemathesis");
    let made = Place::new(binary, root);
    let made = match made {
        Ok(place) => place,
        Err(error) => return report.check("the API is there".to_owned(), Err(error)),
    };
    let unknown =
        made.run("unknown", &["--phases", "examples,coverage,fuzzing", "--max-examples", "5"], &WAITS);
    report.check("every answer is as described, whatever is asked of what is not there".to_owned(), unknown);
    let config = root.join("compat/api/there.toml").display().to_string();
    let known = made.make().and_then(|()| {
        let arguments = ["--phases", "fuzzing", "--max-examples", "8"];
        made.run_with(Some(&config), "there", &arguments, &[&WAITS[..], &WAITS_OR_ENDS].concat())
    });
    report.check("every answer is as described, whatever is asked of what is there".to_owned(), known);
}

/// A broker, and schemathesis.
struct Place {
    broker: Broker,
    program: PathBuf,
    /// Where runs leave what they said.
    logs: PathBuf,
}

impl Place {
    fn new(binary: &Path, root: &Path) -> anyhow::Result<Place> {
        let work = root.join("target/compat");
        let logs = work.join("logs");
        std::fs::create_dir_all(&logs)?;
        let python = crate::project::python_environment(
            &work.join("api-python"),
            &root.join("compat/api/requirements.txt"),
        )?;
        let kind = Kind::Millstream(std::path::absolute(binary)?);
        let broker = Broker::start(kind, &work.join("api-data"), &super::fresh(&logs, "api-broker")?)?;
        Ok(Place { broker, program: python.with_file_name("schemathesis"), logs })
    }

    fn http(&self) -> anyhow::Result<String> {
        Ok(format!("http://{}", self.broker.http().context("the broker has no API")?))
    }

    /// A queue with records, and a route that leads to it, both called `orders`.
    fn make(&self) -> anyhow::Result<()> {
        let binary = self.broker.binary().context("only a binary of ours has the API")?;
        for arguments in [
            &["queue", "create", "orders"][..],
            &["stream", "publish", "orders", "--value", "1", "--key", "k"],
            &["stream", "publish", "orders", "--value", "2", "--key", "k"],
            &["route", "create", "orders", "--match", "exact"],
            &["route", "bind", "orders", "--to-stream", "orders", "--key", "k"],
        ] {
            let done = Command::new(binary).args(arguments).args(["--server", &self.http()?]).output()?;
            ensure!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        }
        Ok(())
    }

    fn run(&self, name: &str, arguments: &[&str], left_out: &[&str]) -> anyhow::Result<()> {
        self.run_with(None, name, arguments, left_out)
    }

    /// Has schemathesis make its requests; an error with what it said when an answer was wrong.
    fn run_with(
        &self,
        config: Option<&str>,
        name: &str,
        arguments: &[&str],
        left_out: &[&str],
    ) -> anyhow::Result<()> {
        let log = self.logs.join(format!("api-{name}.log"));
        let mut command = Command::new(&self.program);
        // It keeps what it has tried beside itself.
        command.current_dir(&self.logs);
        if let Some(config) = config {
            command.args(["--config-file", config]);
        }
        command.args(["run", &format!("{}/api/v1/openapi.json", self.http()?)]).args(arguments);
        for operation in left_out {
            command.args(["--exclude-operation-id", operation]);
        }
        // What fits the document may be refused all the same: a stream that is not there, a setting that does not go with another.
        command.args(["--exclude-checks", "positive_data_acceptance"]);
        command.args(["--generation-deterministic", "--continue-on-failure", "--workers", "1"]);
        command.args(["--suppress-health-check", "all", "--request-timeout", TIMEOUT_S]);
        let file = std::fs::File::create(&log)?;
        let errors = file.try_clone()?;
        let status = command
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .status()
            .context("starting schemathesis")?;
        let said = std::fs::read_to_string(&log)?;
        if !status.success() {
            let lines: Vec<&str> = said.lines().skip_while(|line| !line.contains("= FAILURES =")).collect();
            let lines = if lines.is_empty() { said.lines().collect() } else { lines };
            let told = lines.iter().take(TOLD_LINES).copied().collect::<Vec<_>>().join("\n");
            bail!("schemathesis ended with {status}; all of it is in {}\n{told}", log.display());
        }
        // One that finds nothing because it asks nothing has not passed.
        let passed = said.lines().find(|line| line.contains(" generated, ") && line.contains(" passed"));
        let passed = passed.with_context(|| format!("it has asked nothing, see {}", log.display()))?;
        println!("          {}", passed.trim());
        Ok(())
    }
}
