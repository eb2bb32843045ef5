//! What every SQS client must be able to do; one subject, one file.
//!
//! The scenarios live here and not in the clients' programs, so that all clients are judged by the same words.

mod dead_letters;
mod fifo;
mod leases;
mod messages;
mod queues;

use serde_json::{Value, json};

use super::calls::{call, create, list};
use crate::compat::client::Client;
use crate::compat::report::Report;

/// All that a scenario works with.
pub(super) struct Bench<'a> {
    /// The client's name, part of its queues' names.
    pub name: &'static str,
    /// The run's part of the queues' names.
    pub tag: &'a str,
    /// The client.
    pub client: Client,
    /// A second process of it, for what happens at the same time.
    pub other: Client,
    /// Where the checks are counted.
    pub report: &'a mut Report,
}

impl Bench<'_> {
    /// A queue's name, which tells the client and the scenario.
    fn queue(&self, scenario: &str) -> String {
        format!("{}-{}-{scenario}", self.name, self.tag)
    }

    /// Creates a scenario's queue and returns its URL.
    fn create(&mut self, scenario: &str, attributes: &Value) -> anyhow::Result<String> {
        let name = self.queue(scenario);
        create(&mut self.client, &name, attributes)
    }

    fn check(&mut self, name: &str, scenario: fn(&mut Self) -> anyhow::Result<()>) {
        let outcome = scenario(self);
        self.report.check(name.to_owned(), outcome);
    }
}

/// Runs every scenario; a failure of one does not keep the next from running.
pub(super) fn run(mut bench: Bench<'_>) -> anyhow::Result<()> {
    messages::run(&mut bench);
    queues::run(&mut bench);
    leases::run(&mut bench);
    fifo::run(&mut bench);
    dead_letters::run(&mut bench);
    // Queues of a run would slow a peer's listing down for the next client.
    let prefix = bench.queue("");
    let mut found = call(&mut bench.client, "ListQueues", &json!({"QueueNamePrefix": prefix}))?;
    for queue in list(&mut found, "QueueUrls")? {
        call(&mut bench.client, "DeleteQueue", &json!({"QueueUrl": queue}))?;
    }
    bench.other.close()?;
    bench.client.close()
}

/// Celery has a worker run a task that fails twice before it succeeds.
pub(super) fn celery(mut client: Client, tag: &str, report: &mut Report) {
    let done = client.call(&json!({"do": "run", "queue": format!("sqs-celery-{tag}")}));
    let outcome = done.and_then(|done| {
        let wanted = json!({"attempts": [0, 1, 2], "left": 0});
        anyhow::ensure!(done == wanted, "it did {done}, not {wanted}");
        Ok(())
    });
    report.check("a task that fails twice is retried, succeeds and leaves nothing".to_owned(), outcome);
    let outcome = client.close();
    report.check("the client ends in peace".to_owned(), outcome);
}
