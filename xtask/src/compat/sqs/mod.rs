//! Unmodified SQS clients against an endpoint: this workspace's binary, or a peer to see that the checks are right.
//!
//! Apart from the Kafka clients because nothing is shared but the way in which a client's program is commanded.

pub(super) mod calls;
pub(super) mod cross;
mod prepare;
mod scenarios;

use std::path::Path;

use anyhow::Context as _;

use super::client::{Client, Program};
use super::report::Report;
use crate::clock;
pub(crate) use prepare::Name;
pub(super) use prepare::client;
use scenarios::Bench;

/// Runs clients against an endpoint, which must be a URL.
pub(super) fn run(endpoint: &str, clients: &[Name], root: &Path, report: &mut Report) -> anyhow::Result<()> {
    let logs = root.join("target/compat/logs");
    std::fs::create_dir_all(&logs)?;
    // Queues of their own in every run: an endpoint may be older than the run, and a name rests after its deletion.
    let tag = format!("{:x}", clock::wall_ms()?);
    for name in clients {
        let since = clock::now();
        let program = client(*name, root, endpoint)?;
        println!("\n{}: installed in {:.1} s", program.name, (clock::now() - since).as_secs_f64());
        let log = logs.join(format!("{}.log", program.name));
        std::fs::write(&log, "")?;
        let start = |program: &Program| {
            Client::start(program, endpoint, &log)
                .with_context(|| format!("starting {}; its errors are in {}", program.name, log.display()))
        };
        let client = start(&program)?;
        report.scope(&client.abilities.version);
        if *name == Name::Celery {
            scenarios::celery(client, &tag, report);
            continue;
        }
        let other = start(&program)?;
        let outcome = scenarios::run(Bench { name: program.name, tag: &tag, client, other, report });
        report.check("the clients end in peace".to_owned(), outcome);
    }
    Ok(())
}
