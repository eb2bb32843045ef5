//! Being told to stop: Ctrl-C or SIGTERM.
//!
//! Apart because a command that stores or commits must finish what it holds before it ends; the second signal ends
//! it at once.

use std::process;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// What a shell reports for a program that Ctrl-C ended.
const EXIT_INTERRUPTED: i32 = 130;

/// Whether and when to stop.
#[derive(Clone, Debug)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Starts to listen for signals, which no longer end the process by themselves.
    pub(super) fn on_signals() -> anyhow::Result<Self> {
        let (tell, told) = watch::channel(false);
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::spawn(async move {
            for _ in 0..2 {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if tell.send_replace(true) {
                    process::exit(EXIT_INTERRUPTED);
                }
            }
        });
        Ok(Self(told))
    }

    /// Whether it was said.
    pub(super) fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it is said.
    pub(super) async fn wait(&mut self) {
        self.0.wait_for(|told| *told).await.expect("the listening task ends with the process");
    }
}
