//! `cargo xtask compat`: unmodified Kafka, AMQP and SQS clients against the real binary.
//!
//! Apart from the workspace's own tests because it needs other languages' tools; `compat/README.md` tells what runs.

mod amqp;
mod api;
pub(crate) mod broker;
mod client;
mod console;
mod kcat;
mod offers;
mod prepare;
mod record;
mod report;
mod scenarios;
mod sqs;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::clock;
pub(crate) use broker::Amqp;
use broker::{Broker, Kind};
use client::Client;
use kcat::Kcat;
pub(crate) use report::Report;
use scenarios::Bench;

/// What runs against what.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run only this Kafka client; may be given several times
    #[arg(long = "client", value_enum)]
    clients: Vec<prepare::Name>,
    /// Run only this AMQP client; may be given several times
    #[arg(long = "amqp-client", value_enum)]
    amqp_clients: Vec<amqp::Name>,
    /// Run the AMQP clients against the broker at this address, such as 127.0.0.1:5672, and nothing else: are the checks right?
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["clients", "server", "binary"])]
    amqp_peer: Option<String>,
    /// Run the test suites that AMQP client libraries bring along, and nothing else; port 5672 must be free
    #[arg(long, conflicts_with_all = ["clients", "server"])]
    amqp_suites: bool,
    /// A checkout of pika, whose packages have no tests
    #[arg(long, value_name = "DIRECTORY", requires = "amqp_suites")]
    pika_checkout: Option<PathBuf>,
    /// Run only this SQS client; may be given several times
    #[arg(long = "sqs-client", value_enum)]
    sqs_clients: Vec<sqs::Name>,
    /// Run the SQS clients against this endpoint, such as http://127.0.0.1:9324, and nothing else: are the checks right?
    #[arg(long, value_name = "URL", conflicts_with_all = ["clients", "server", "binary"])]
    sqs_endpoint: Option<String>,
    /// Run only the console's test in a browser
    #[arg(long, conflicts_with_all = ["clients", "amqp_clients", "sqs_clients", "server"])]
    console: bool,
    /// Run only the test of the HTTP API by its description
    #[arg(long, conflicts_with_all = ["clients", "amqp_clients", "sqs_clients", "server", "console"])]
    api: bool,
    /// The broker under test
    #[arg(long, value_enum, default_value_t = Server::Millstream)]
    server: Server,
    /// A Millstream binary that is built already
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// A broker that the clients can run against.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Server {
    /// This workspace's binary
    Millstream,
    /// Apache Kafka, to see that the checks themselves are right
    Kafka,
}

/// Runs the command; an error if a check failed.
pub(crate) fn run(options: Options) -> anyhow::Result<()> {
    let root = crate::project::root();
    let named =
        !options.clients.is_empty() || !options.amqp_clients.is_empty() || !options.sqs_clients.is_empty();
    let amqp_clients =
        if options.amqp_clients.is_empty() && !named { amqp::Name::all() } else { options.amqp_clients };
    let sqs_clients = if named { options.sqs_clients } else { sqs::Name::all() };
    if let Some(endpoint) = options.sqs_endpoint {
        let clients = if sqs_clients.is_empty() { sqs::Name::all() } else { sqs_clients };
        let mut report = Report::default();
        sqs::run(&endpoint, &clients, &root, &mut report)?;
        anyhow::ensure!(report.close(), "some clients do not work as they should");
        return Ok(());
    }
    if let Some(address) = options.amqp_peer {
        let clients = if amqp_clients.is_empty() { amqp::Name::all() } else { amqp_clients };
        let mut report = Report::default();
        amqp::run(amqp::Against::Peer(&address), &clients, &root, &mut report)?;
        anyhow::ensure!(report.close(), "some clients do not work as they should");
        return Ok(());
    }
    let kind = match options.server {
        Server::Kafka => prepare::kafka(&root)?,
        Server::Millstream => Kind::Millstream(match options.binary {
            Some(binary) => binary,
            None => crate::project::build_binary(&root)?,
        }),
    };
    if options.amqp_suites {
        let Kind::Millstream(binary) = kind else {
            anyhow::bail!("the suites of AMQP run against Millstream")
        };
        return amqp::suites(&binary, options.pika_checkout.as_deref(), &root);
    }
    if options.console {
        let Kind::Millstream(binary) = kind else { anyhow::bail!("the console is Millstream's") };
        let mut report = Report::default();
        console::run(&binary, &root, &mut report);
        anyhow::ensure!(report.close(), "the console does not work as it should");
        return Ok(());
    }
    if options.api {
        let Kind::Millstream(binary) = kind else { anyhow::bail!("the API is Millstream's") };
        let mut report = Report::default();
        api::run(&binary, &root, &mut report);
        anyhow::ensure!(report.close(), "the API is not as it is described");
        return Ok(());
    }
    let clients = if named { options.clients } else { prepare::Name::all() };
    let mut report = Report::default();
    if let Kind::Millstream(binary) = &kind {
        if !named {
            console::run(binary, &root, &mut report);
            api::run(binary, &root, &mut report);
        }
        amqp::run(amqp::Against::Binary(binary), &amqp_clients, &root, &mut report)?;
    }
    if !clients.is_empty() || !sqs_clients.is_empty() {
        report.add(against(kind, &clients, &sqs_clients)?);
    }
    anyhow::ensure!(report.close(), "some clients do not work as they should");
    Ok(())
}

/// Runs all clients against this workspace's binary.
pub(crate) fn all(binary: &Path) -> anyhow::Result<Report> {
    let mut report =
        against(Kind::Millstream(binary.to_path_buf()), &prepare::Name::all(), &sqs::Name::all())?;
    let root = crate::project::root();
    amqp::run(amqp::Against::Binary(binary), &amqp::Name::all(), &root, &mut report)?;
    console::run(binary, &root, &mut report);
    api::run(binary, &root, &mut report);
    Ok(report)
}

fn against(kind: Kind, clients: &[prepare::Name], sqs_clients: &[sqs::Name]) -> anyhow::Result<Report> {
    let root = crate::project::root();
    let work = root.join("target/compat");
    let logs = work.join("logs");
    std::fs::create_dir_all(&logs)?;
    let kcat = Kcat(prepare::kcat()?);
    let programs =
        clients.iter().map(|name| prepare::client(*name, &root)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut broker = Broker::start(kind, &work.join("data"), &fresh(&logs, "broker")?)?;
    let protocols = offers::group_protocols(broker.bootstrap())?;
    let start_ms = clock::wall_ms()? - 3_600_000;
    let mut report = Report::default();
    let mut written = Vec::new();
    for program in &programs {
        let log = fresh(&logs, program.name)?;
        let client = Client::start(program, broker.bootstrap(), &log)
            .with_context(|| format!("starting {}; its errors are in {}", program.name, log.display()))?;
        report.scope(&client.abilities.version);
        let bench = Bench {
            broker: &mut broker,
            program,
            client,
            kcat: &kcat,
            log,
            written: &mut written,
            start_ms,
            protocols: &protocols,
            report: &mut report,
        };
        let outcome = scenarios::run(bench);
        report.check("the client ends in peace".to_owned(), outcome);
    }
    if let Some(address) = broker.aws() {
        sqs::run(&format!("http://{address}"), sqs_clients, &root, &mut report)?;
    }
    let all = (broker.aws(), broker.http(), broker.binary());
    if let (Some(aws), Some(http), Some(binary)) = all
        && sqs_clients.contains(&sqs::Name::Boto3)
    {
        let at = sqs::cross::Addresses { kafka: broker.bootstrap(), aws, http };
        sqs::cross::run(&at, binary, &kcat, &root, &mut report)?;
    }
    Ok(report)
}

/// An empty log file.
fn fresh(logs: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let path = logs.join(format!("{name}.log"));
    std::fs::write(&path, "")?;
    Ok(path)
}
