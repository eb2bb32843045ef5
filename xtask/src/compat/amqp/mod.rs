//! Unmodified AMQP 0-9-1 clients against this workspace's binary, or against a peer to see that the checks are right.
//!
//! Apart from the other clients because each has a broker of its own here: they run side by side, and the broker of one
//! may be killed without the others' noticing.

mod calls;
mod celery;
mod cross;
mod prepare;
mod scenarios;
mod spring;
mod suites;

use std::path::Path;
use std::sync::Mutex;

use anyhow::Context as _;

use super::broker::{Broker, Kind};
use super::client::{Client, Program};
use super::report::Report;
use crate::clock;
pub(crate) use prepare::Name;
use scenarios::Bench;
pub(crate) use suites::run as suites;

/// So many clients at once: most of their time they wait, or are being installed.
const BESIDE: usize = 3;

/// What the clients run against.
#[derive(Clone, Copy)]
pub(super) enum Against<'a> {
    /// A broker of this workspace, one for each client.
    Binary(&'a Path),
    /// A peer's address; nobody kills it.
    Peer(&'a str),
}

/// Runs clients side by side, each with all that it is to show.
pub(super) fn run(
    against: Against<'_>,
    clients: &[Name],
    root: &Path,
    report: &mut Report,
) -> anyhow::Result<()> {
    if let [only] = clients {
        let outcome = one(against, *only, root, report);
        report.check(format!("{only:?} runs to its end"), outcome);
        return Ok(());
    }
    let waiting = Mutex::new(clients.iter().rev().copied().collect::<Vec<_>>());
    let reports = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..BESIDE.min(clients.len()) {
            scope.spawn(|| {
                loop {
                    let Some(name) = waiting.lock().expect("no thread fails with it").pop() else { return };
                    let mut report = Report::held();
                    let outcome = one(against, name, root, &mut report);
                    report.check(format!("{name:?} runs to its end"), outcome);
                    reports.lock().expect("no thread fails with it").push((name, report));
                }
            });
        }
    });
    let mut reports = reports.into_inner().expect("no thread failed with it");
    reports.sort_by_key(|(name, _)| *name as usize);
    reports.into_iter().for_each(|(_, held)| report.add(held));
    Ok(())
}

/// Runs one client.
fn one(against: Against<'_>, name: Name, root: &Path, report: &mut Report) -> anyhow::Result<()> {
    let since = clock::now();
    let mut program = prepare::client(name, root)?;
    report.scope(program.name);
    report.note(&format!("installed in {:.1} s", (clock::now() - since).as_secs_f64()));
    let logs = root.join("target/compat/logs");
    std::fs::create_dir_all(&logs)?;
    let log = super::fresh(&logs, program.name)?;
    let mut broker = match against {
        Against::Binary(binary) => {
            let data = root.join("target/compat").join(format!("data-{}", program.name));
            let log = super::fresh(&logs, &format!("broker-{}", program.name))?;
            Some(Broker::start(Kind::Millstream(binary.to_path_buf()), &data, &log)?)
        }
        Against::Peer(_) => None,
    };
    let address = match (&broker, against) {
        (Some(broker), _) => broker.amqp().context("the broker serves no AMQP")?.to_owned(),
        (None, Against::Peer(address)) => address.to_owned(),
        (None, Against::Binary(_)) => anyhow::bail!("a broker was started"),
    };
    if let Some(management) = broker.as_ref().and_then(Broker::management) {
        program.environment.push(("COMPAT_MANAGEMENT", format!("http://guest:guest@{management}/api/")));
    }
    let start = |program: &Program| {
        Client::start(program, &address, &log)
            .with_context(|| format!("starting {}; its errors are in {}", program.name, log.display()))
    };
    match name {
        Name::Celery => return celery::run(start(&program)?, broker.as_mut(), report),
        Name::Spring => return spring::run(start(&program)?, report),
        Name::Lapin | Name::Java | Name::Go | Name::Amqplib | Name::Pika | Name::PyAmqp => {}
    }
    let (client, other) = (start(&program)?, start(&program)?);
    report.scope(&client.abilities.version);
    // Names of their own in every run: a peer may be older than the run.
    let tag = format!("{:x}", clock::wall_ms()?);
    scenarios::run(Bench {
        tag: &tag,
        client,
        other,
        start: &|| start(&program),
        broker: broker.as_mut(),
        report,
    })?;
    if let (Name::Java, Some(broker)) = (name, &broker) {
        cross::run(broker, start(&program)?, root, report)?;
    }
    Ok(())
}
