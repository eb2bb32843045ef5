//! When the machine stood still: what no program that runs on it can do anything about.
//!
//! Apart because it explains figures that are not the broker's. A host that gives its guest no more than so much
//! processor time stops it for tens of milliseconds whenever that is used up, and every percentile above the median
//! then shows the host. A thread that sleeps for a millisecond and goes before all others sees it, one on each processor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};

use crate::clock;

/// How long a watcher sleeps.
const SLEEP: Duration = Duration::from_millis(1);
/// What it is late by when the machine stood still: more than what waking up costs where everybody else goes later.
const PAUSE_MIN: Duration = Duration::from_millis(2);
/// The niceness of those who go first.
const FIRST: i32 = -20;

/// Watchers on all processors.
pub(crate) struct Watch {
    is_over: Arc<AtomicBool>,
    watchers: Vec<JoinHandle<Vec<Pause>>>,
}

/// From when to when a processor stood still.
type Pause = (Instant, Instant);

/// What watchers saw.
#[derive(Default)]
pub(crate) struct Pauses {
    /// Of each processor, in the order of time.
    seen: Vec<Vec<Pause>>,
}

impl Watch {
    /// Begins to watch; nobody watches where this process may not go first, since waiting for others would be taken for a
    /// pause then.
    pub(crate) fn begin() -> Watch {
        let is_over = Arc::new(AtomicBool::new(false));
        let processors = if may_go_first() { sched_getaffinity(None).ok() } else { None };
        let watchers = (0..CpuSet::MAX_CPU)
            .filter(|processor| processors.is_some_and(|set| set.is_set(*processor)))
            .map(|processor| {
                let is_over = Arc::clone(&is_over);
                thread::spawn(move || watch(processor, &is_over))
            })
            .collect();
        Watch { is_over, watchers }
    }

    /// Ends the watch.
    pub(crate) fn end(self) -> Pauses {
        self.is_over.store(true, Ordering::Relaxed);
        let join = |watcher: JoinHandle<_>| watcher.join().expect("a watcher only sleeps");
        Pauses { seen: self.watchers.into_iter().map(join).collect() }
    }
}

impl Pauses {
    /// Whether anybody watched.
    pub(crate) fn are_known(&self) -> bool {
        !self.seen.is_empty()
    }

    /// How long the processor that stood still longest did.
    pub(crate) fn longest_sum(&self) -> Duration {
        self.seen
            .iter()
            .map(|pauses| pauses.iter().map(|(from, to)| *to - *from).sum())
            .max()
            .unwrap_or_default()
    }

    /// Whether a processor stood still at some time of the span, or had as long as it stood still to serve what had piled
    /// up meanwhile.
    pub(crate) fn touch(&self, from: Instant, to: Instant) -> bool {
        self.seen.iter().any(|pauses| {
            let before = pauses.partition_point(|(start, _)| *start <= to);
            // A long one may reach further than one that began later.
            pauses[before.saturating_sub(NEIGHBOURS)..before]
                .iter()
                .any(|(start, end)| *end + (*end - *start) >= from)
        })
    }
}

/// Pauses before a moment that may reach to it.
const NEIGHBOURS: usize = 8;

/// Whether threads of this process may go first, as a thread of its own finds out.
fn may_go_first() -> bool {
    thread::spawn(go_first).join().expect("a thread that only asks")
}

fn go_first() -> bool {
    rustix::process::setpriority_process(Some(gettid()), FIRST).is_ok()
}

fn watch(processor: usize, is_over: &AtomicBool) -> Vec<Pause> {
    let mut here = CpuSet::new();
    here.set(processor);
    let mut pauses = Vec::new();
    if sched_setaffinity(None, &here).is_err() || !go_first() {
        return pauses;
    }
    while !is_over.load(Ordering::Relaxed) {
        let before = clock::now();
        thread::sleep(SLEEP);
        let after = clock::now();
        if after - before >= SLEEP + PAUSE_MIN {
            pauses.push((before + SLEEP, after));
        }
    }
    pauses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pause_touches() {
        let start = clock::now();
        let at = |ms| start + Duration::from_millis(ms);
        let pauses = Pauses { seen: vec![vec![(at(10), at(30)), (at(100), at(102))], Vec::new()] };
        for (from, to, is_touched) in [
            (0, 9, false),
            (5, 11, true),
            (20, 21, true),
            (45, 46, true),
            (51, 99, false),
            (51, 100, true),
            (105, 200, false),
        ] {
            assert_eq!(pauses.touch(at(from), at(to)), is_touched, "{from}..{to}");
        }
        assert_eq!(pauses.longest_sum(), Duration::from_millis(22));
    }
}
