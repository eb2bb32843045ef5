//! What the process is told from outside: to stop, or to read its settings again.
//!
//! Apart because signals belong to the whole process, also to the part of its life in which nothing is served yet.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What tells the process something.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

/// What it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// `SIGTERM`, `SIGINT`.
    Stop,
    /// `SIGHUP`. One that came before anybody listened is not lost.
    Reload,
}

impl Signals {
    /// Takes the signals over.
    ///
    /// # Errors
    /// When they cannot be watched.
    pub(crate) fn new() -> anyhow::Result<Signals> {
        let watch = |kind| signal(kind).context("signals cannot be watched");
        // A write beyond the limit of a file's length is to be an error that storage answers. The signal that comes with it
        // would end the process; once handled it stays handled, whoever listens.
        let _handled = watch(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?;
        Ok(Signals {
            interrupt: watch(SignalKind::interrupt())?,
            terminate: watch(SignalKind::terminate())?,
            hangup: watch(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.terminate.recv() => Told::Stop,
            _ = self.hangup.recv() => Told::Reload,
        }
    }

    /// Waits for the next that says to stop.
    pub(crate) async fn stop(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
