//! Verifying everything that is stored while the broker runs, because somebody asked for it: the thread that does it.
//!
//! Apart from the upkeep's scrubbing, which goes round by itself and slowly: this one begins when it is told to, says how far it is,
//! and can be ended. It writes down how far it is now and then, so that a restart goes on at the file at hand. Sealed files and
//! packed objects are read; the file that is being written is read by every start.

use crate::wiring::errand;
use millstream_console::{VERIFICATION, Verification, VerificationPlace, VerificationState};
use millstream_core::catalog::DEFAULT_NAME;
use millstream_core::{Reply, Request};
use millstream_engine::Handle;
use millstream_front::{Action, Authorizer, Backend, Principal, Resource};
use millstream_storage::{ScrubPlace, ScrubProgress, Scrubber};
use millstream_types::ObjectNumber;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Bytes between two looks at whether it is to end.
const STEP_BYTES: u64 = 256 << 10;
/// Bytes after which it is written down how far it is.
const NOTED_BYTES: u64 = 256 << 20;

/// What the thread and those who ask it have in common.
#[derive(Debug, Default)]
pub(crate) struct Verifying {
    state: Mutex<State>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Verification>,
    /// Counts what was begun, so that the thread notices another one.
    begun: u64,
    is_over: bool,
}

impl Verifying {
    /// The verification that is under way, or was the last.
    pub(crate) fn last(&self) -> Option<Verification> {
        self.state.lock().last
    }

    /// Begins one, or goes on with it.
    pub(crate) fn begin(&self, verification: Verification) {
        let mut state = self.state.lock();
        state.last = Some(verification);
        state.begun += 1;
        self.rung.notify_all();
    }

    /// Ends the one of this number, if it is under way.
    pub(crate) fn end(&self, number: u64) -> Option<Verification> {
        let mut state = self.state.lock();
        let running = state.last.as_mut().filter(|last| last.number == number && is_running(last))?;
        running.state = VerificationState::Cancelled;
        let ended = *running;
        self.rung.notify_all();
        Some(ended)
    }

    /// Changes the verification that was begun like this; `false`: it is no more the one.
    fn change(&self, begun: u64, change: impl FnOnce(&mut Verification)) -> bool {
        let mut state = self.state.lock();
        let is_it = state.begun == begun && !state.is_over;
        let Some(last) = state.last.as_mut().filter(|last| is_it && is_running(last)) else { return false };
        change(last);
        true
    }

    /// Waits for one that is under way; `None`: it is over.
    fn next(&self) -> Option<(u64, Verification)> {
        let mut state = self.state.lock();
        loop {
            if state.is_over {
                return None;
            }
            if let Some(last) = state.last.filter(is_running) {
                return Some((state.begun, last));
            }
            self.rung.wait(&mut state);
        }
    }

    /// Waits so long, or until something is asked.
    fn pause(&self, begun: u64, pause: Duration) {
        let mut state = self.state.lock();
        if state.begun == begun && !state.is_over && state.last.as_ref().is_some_and(is_running) {
            self.rung.wait_for(&mut state, pause);
        }
    }
}

fn is_running(verification: &Verification) -> bool {
    verification.state == VerificationState::Running
}

/// The thread. Ends with [`Verifier::stop`].
pub(crate) struct Verifier {
    verifying: Arc<Verifying>,
    thread: JoinHandle<()>,
}

impl Verifier {
    /// Goes on with what the last process has left, and waits for what is asked.
    ///
    /// # Errors
    /// When the machine has no thread for it.
    pub(super) fn start(
        handle: Handle,
        backend: Arc<dyn Backend>,
        bytes_per_second: u64,
    ) -> std::io::Result<Verifier> {
        let verifying = Arc::<Verifying>::default();
        let left = backend.namespace_entry(DEFAULT_NAME).and_then(|namespace| {
            let text = namespace.annotations.get(VERIFICATION)?;
            Verification::parse(text)
        });
        verifying.state.lock().last = left;
        let worker = Worker { verifying: verifying.clone(), handle, backend, bytes_per_second };
        let thread = std::thread::Builder::new().name("verify".to_owned()).spawn(move || worker.run())?;
        Ok(Verifier { verifying, thread })
    }

    /// What is asked of it, and how far it is.
    pub(crate) fn verifying(&self) -> Arc<Verifying> {
        self.verifying.clone()
    }

    /// Ends the thread; what is under way goes on with the next start. Blocks for a step.
    pub(crate) fn stop(self) {
        self.verifying.state.lock().is_over = true;
        self.verifying.rung.notify_all();
        if self.thread.join().is_err() {
            tracing::error!("the thread that verifies what is stored had panicked");
        }
    }
}

struct Worker {
    verifying: Arc<Verifying>,
    handle: Handle,
    backend: Arc<dyn Backend>,
    bytes_per_second: u64,
}

impl Worker {
    fn run(self) {
        while let Some((begun, verification)) = self.verifying.next() {
            self.verify(begun, verification);
            // Whatever has become of it; and when the process ends, how far it is.
            if let Some(last) = self.verifying.last() {
                self.note(&last);
            }
        }
    }

    /// Goes on with a verification until it is over, or is not wanted any more.
    fn verify(&self, begun: u64, verification: Verification) {
        let place = match verification.place {
            VerificationPlace::File(sequence) => ScrubPlace::File(sequence),
            VerificationPlace::Object(number) => ScrubPlace::Object(ObjectNumber(number)),
        };
        let mut scrubber = Scrubber::at(self.handle.files(), self.handle.objects(), place);
        let total_bytes = verification.done_bytes + self.left(place);
        let mut unnoted = 0;
        loop {
            let progress = scrubber.step(STEP_BYTES);
            let (bytes, is_done) = match progress {
                ScrubProgress::Working { bytes } => (bytes, false),
                ScrubProgress::RoundDone { bytes } => (bytes, true),
            };
            let (stats, at) = (scrubber.stats(), scrubber.place());
            let is_wanted = self.verifying.change(begun, |last| {
                last.total_bytes = total_bytes;
                last.done_bytes = verification.done_bytes + stats.bytes;
                last.findings = verification.findings + stats.findings;
                last.place = match at {
                    ScrubPlace::File(sequence) => VerificationPlace::File(sequence),
                    ScrubPlace::Object(number) => VerificationPlace::Object(number.0),
                };
                if is_done {
                    last.state = VerificationState::Completed;
                }
            });
            if !is_wanted || is_done {
                return;
            }
            unnoted += bytes;
            if unnoted >= NOTED_BYTES {
                unnoted = 0;
                if let Some(last) = self.verifying.last() {
                    self.note(&last);
                }
            }
            let us = u128::from(bytes) * 1_000_000 / u128::from(self.bytes_per_second.max(1));
            self.verifying.pause(begun, Duration::from_micros(u64::try_from(us).unwrap_or(u64::MAX)));
        }
    }

    /// Bytes that a round has to read from a place on.
    fn left(&self, place: ScrubPlace) -> u64 {
        let files = self.handle.files().sealed();
        let files =
            files.iter().filter(|file| ScrubPlace::File(file.sequence) >= place).map(|file| file.bytes);
        let objects = self.handle.objects().list();
        let objects = objects.iter().filter(|object| ScrubPlace::Object(object.number()) >= place);
        files.sum::<u64>() + objects.map(|object| object.entry().bytes).sum::<u64>()
    }

    /// Writes down how far it is.
    fn note(&self, verification: &Verification) {
        let resource = Resource::Namespace(DEFAULT_NAME);
        let granted = Authorizer::local_only().authorize(&Principal::local(), Action::Alter, resource);
        let (Ok(grant), Some(namespace)) = (granted, self.backend.namespace(DEFAULT_NAME)) else { return };
        let changes = vec![(VERIFICATION.into(), Some(verification.to_string().into()))];
        let request = grant.request(Request::AlterNamespace { namespace, changes });
        if let Some(Reply::Refused(why)) = errand::ask(&self.backend, vec![request]).pop() {
            // A restart goes on further back.
            tracing::debug!(?why, "how far the verification is could not be written down");
        }
    }
}

#[cfg(test)]
mod tests;
