//! The broker looks at itself: a thread that gathers what metrics, alarms and pages show, and tells people what is wrong.
//!
//! Apart because it is the only part that takes its time: a look at very many streams may take a second, and a notice waits for
//! whoever it is sent to. It rests at least twenty times as long as it has worked, so that it never takes more than a twentieth
//! of one processor. It has an ordinary priority: what it asks of the shard it may have to decide itself.

mod notices;
mod process;
mod webhook;

pub(crate) use notices::Ways;
pub(crate) use process::{Facts, Listening};
pub(crate) use webhook::{Secret, WebhookOptions};

use crate::wiring::errand;
use millstream_console::metrics::Telemetry;
use millstream_console::observe::{Sampler, World};
use millstream_core::catalog::DEFAULT_NAME;
use millstream_core::{Reply, Request};
use millstream_front::{Action, Authorized, Authorizer, Backend, Principal, Resource};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// The least time between two looks.
const PAUSE: Duration = Duration::from_secs(5);
/// And the most: whoever scrapes wants to see something new now and then.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How long the end of a look is waited for when the broker stops.
const END: Duration = Duration::from_secs(2);
/// How many times as long as a look the pause behind it is.
const REST: u32 = 20;

/// A broker that is being watched. Ends with [`Watch::end`].
pub(crate) struct Watch {
    telemetry: Arc<Telemetry>,
    thread: JoinHandle<()>,
    /// Disconnected when the thread has ended.
    ended: Receiver<()>,
}

/// How a look asks the broker.
struct Asker(Arc<dyn Backend>);

impl World for Asker {
    fn backend(&self) -> &Arc<dyn Backend> {
        &self.0
    }

    fn ask(&mut self, requests: Vec<Authorized<Request>>) -> Vec<Reply> {
        errand::ask(&self.0, requests)
    }
}

impl Watch {
    /// Begins to look.
    ///
    /// # Errors
    /// When the machine has no thread for it.
    pub(crate) fn begin(
        telemetry: Arc<Telemetry>,
        backend: Arc<dyn Backend>,
        authorizer: Arc<Authorizer>,
        ways: Arc<Ways>,
    ) -> std::io::Result<Watch> {
        let watcher = Watcher { telemetry: telemetry.clone(), world: Asker(backend), authorizer, ways };
        let (running, ended) = channel();
        let run = move || {
            let _running: Sender<()> = running;
            watcher.run();
        };
        let thread = std::thread::Builder::new().name("watch".into()).spawn(run)?;
        Ok(Watch { telemetry, thread, ended })
    }

    /// Ends the thread. Blocks for as long as a look takes, and not much longer: one that waits for a disk that does not answer
    /// must not keep the process.
    pub(crate) fn end(self) {
        self.telemetry.end();
        if self.ended.recv_timeout(END) == Err(RecvTimeoutError::Timeout) {
            tracing::debug!("the broker is being looked at still");
        } else if self.thread.join().is_err() {
            tracing::error!(
                "the thread that looks at the broker had panicked: its metrics and alarms stood still"
            );
        }
    }
}

struct Watcher {
    telemetry: Arc<Telemetry>,
    world: Asker,
    authorizer: Arc<Authorizer>,
    ways: Arc<Ways>,
}

impl Watcher {
    fn run(mut self) {
        let mut sampler = Sampler::default();
        loop {
            let observation = sampler.look(&mut self.world, &self.authorizer);
            let took = Duration::from_micros(observation.took_micros);
            let notices = self.telemetry.observe(observation);
            self.save();
            self.ways.send(&self.world.0, &self.authorizer, notices);
            let mut left = (took * REST).clamp(PAUSE, PAUSE_MAX);
            while !left.is_zero() {
                let before = self.world.0.moment().micros;
                let Some(asked) = self.telemetry.wait(left) else { return };
                if asked.is_empty() {
                    break;
                }
                self.ways.send(&self.world.0, &self.authorizer, asked);
                left = left.saturating_sub(Duration::from_micros(self.world.0.moment().micros - before));
            }
        }
    }

    /// Writes down what of the alarms is to survive a restart.
    fn save(&mut self) {
        let Some(namespace) = self.world.0.namespace_entry(DEFAULT_NAME) else { return };
        let changes = self.telemetry.unsaved(&namespace.annotations);
        if changes.is_empty() {
            return;
        }
        let resource = Resource::Namespace(DEFAULT_NAME);
        let Ok(grant) = self.authorizer.authorize(&Principal::local(), Action::Alter, resource) else {
            return;
        };
        let request = Request::AlterNamespace { namespace: namespace.number, changes };
        if let Some(Reply::Refused(why)) = self.world.ask(vec![grant.request(request)]).pop() {
            // On a full disk, or while it stops, the next look tries again.
            tracing::debug!(?why, "which alarms are raised could not be written down");
        }
    }
}
