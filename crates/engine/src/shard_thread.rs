//! The shard's thread: sleeps until something is due that nobody submits, and runs turns.
//!
//! Apart from the seat because only this part waits.

use crate::gate::let_go;
use crate::seat::Left;
use crate::shared::Shared;
use crate::turns::Pause;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often a checkpoint's walk goes on when nothing else happens.
const WALK_PAUSE: Duration = Duration::from_millis(1);
/// Whoever makes room rings the bell; the second look costs nothing if that should ever be missed.
const ROOM_PAUSE: Duration = Duration::from_millis(100);

/// Runs until the queue has ended, or storage fails.
pub(crate) fn run(shared: &Arc<Shared>) {
    loop {
        let left = shared.run();
        if shared.has_failed() {
            // Left over only now: these were never decided.
            let undecided: Vec<_> = shared.seat.lock().take_undecided().collect();
            return let_go(undecided);
        }
        if shared.queue.has_ended() && !shared.held.load(Ordering::SeqCst) {
            return;
        }
        let timeout = sleep(shared, &left);
        if timeout != Some(Duration::ZERO) {
            shared.bell.wait(timeout);
        }
    }
}

/// How long to sleep, and the note for callers about it.
fn sleep(shared: &Shared, left: &Left) -> Option<Duration> {
    let now = shared.clock.now();
    let until = left.due.map_or(i64::MAX, |due| due.0);
    shared.shard_sleeps_until.store(until.max(now.0), Ordering::SeqCst);
    match left.pause {
        Pause::Enough => Some(Duration::ZERO),
        // Whoever found the seat taken has left its requests to us.
        Pause::Drained if !shared.queue.is_empty() => Some(Duration::ZERO),
        Pause::NoRoom => Some(ROOM_PAUSE),
        Pause::Drained => left.due.map(|due| match due.since_ms(now) {
            0 => WALK_PAUSE,
            ms => Duration::from_millis(ms),
        }),
    }
}
