//! What every AMQP client must be able to do; one subject, one file.
//!
//! The scenarios live here and not in the clients' programs, so that all clients are judged by the same words.

mod arguments;
mod consuming;
mod publishing;
mod recovery;
mod retries;
mod routing;
mod streams;

use crate::compat::broker::Broker;
use crate::compat::client::Client;
use crate::compat::report::Report;

/// All that a scenario works with.
pub(super) struct Bench<'a> {
    /// The run's part of the names of queues and exchanges.
    pub tag: &'a str,
    /// The client.
    pub client: Client,
    /// A second process of it, for what happens at the same time.
    pub other: Client,
    /// Starts another one.
    pub start: &'a dyn Fn() -> anyhow::Result<Client>,
    /// The broker, if it is ours to kill.
    pub broker: Option<&'a mut Broker>,
    /// Where the checks are counted.
    pub report: &'a mut Report,
}

impl Bench<'_> {
    /// A name of the run's own.
    fn name(&self, name: &str) -> String {
        format!("{name}-{}", self.tag)
    }

    fn check(&mut self, name: &str, scenario: fn(&mut Self) -> anyhow::Result<()>) {
        let outcome = scenario(self);
        self.report.check(name.to_owned(), outcome);
    }
}

/// Runs every scenario; a failure of one does not keep the next from running.
pub(super) fn run(mut bench: Bench<'_>) -> anyhow::Result<()> {
    routing::run(&mut bench);
    publishing::run(&mut bench);
    consuming::run(&mut bench);
    retries::run(&mut bench);
    arguments::run(&mut bench);
    streams::run(&mut bench);
    recovery::run(&mut bench);
    bench.other.close()?;
    bench.client.close()
}
