//! Moments worth dying in: loads announce them, the killer waits for one.
//!
//! Apart because loads and the killer know nothing else of each other.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use crate::clock;

/// How long the killer sleeps between two looks.
const LOOK: Duration = Duration::from_micros(200);

/// Counts of what is about to happen, and what the killer wishes for.
#[derive(Debug, Default)]
pub struct Moments {
    /// A topic is about to be created.
    pub create: AtomicU64,
    /// A topic is about to be deleted.
    pub delete: AtomicU64,
    /// Records are about to be deleted.
    pub trim: AtomicU64,
    /// An offset is about to be committed.
    pub commit: AtomicU64,
    /// So much is to be written that a checkpoint begins.
    pub bulk_wanted: AtomicBool,
    /// The run is over: loads come to an end.
    pub over: AtomicBool,
}

impl Moments {
    /// Says that something is about to happen.
    pub fn announce(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::SeqCst);
    }

    /// Waits until the counter moves; whether it did in time.
    pub fn wait(counter: &AtomicU64, patience: Duration) -> bool {
        let before = counter.load(Ordering::SeqCst);
        wait_until(patience, || counter.load(Ordering::SeqCst) != before)
    }

    /// Whether loads come to an end.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }
}

/// Waits for a condition; whether it came in time.
pub fn wait_until(patience: Duration, mut there: impl FnMut() -> bool) -> bool {
    let deadline = clock::now_ns() + u64::try_from(patience.as_nanos()).expect("patience is short");
    loop {
        if there() {
            return true;
        }
        if clock::now_ns() > deadline {
            return false;
        }
        sleep(LOOK);
    }
}
