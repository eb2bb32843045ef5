//! The waker that hyper is polled with: it wakes the connection's task, but not for what hyper has to tell itself.
//!
//! Apart because of one thing: whoever takes a piece of a body wakes the part of hyper that sends pieces, also when there are
//! none left to send. That part is polled by the same task, which would run once more for nothing after each request with a
//! body: a third of all its turns. So what takes a piece decides itself whether that has to be heard ([`taking`]).

use parking_lot::Mutex;
use std::cell::Cell;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

thread_local! {
    /// What happens on this thread: nothing is taken, or something is, and whether anybody was woken by that.
    static TAKING: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Wakes one connection's task.
struct Rouser {
    /// Seldom anything but what it was: a task keeps its waker.
    task: Mutex<Waker>,
}

impl Wake for Rouser {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if TAKING.get().is_some() {
            TAKING.set(Some(true));
        } else {
            self.task.lock().wake_by_ref();
        }
    }
}

/// What one connection's hyper is polled with.
pub(super) struct Rousing {
    rouser: Arc<Rouser>,
    waker: Waker,
}

impl Rousing {
    pub(super) fn new() -> Rousing {
        let rouser = Arc::new(Rouser { task: Mutex::new(Waker::noop().clone()) });
        Rousing { waker: Waker::from(rouser.clone()), rouser }
    }

    /// The waker of whoever polls with `cx`.
    pub(super) fn of(&self, cx: &Context<'_>) -> &Waker {
        let mut task = self.rouser.task.lock();
        if !task.will_wake(cx.waker()) {
            *task = cx.waker().clone();
        }
        &self.waker
    }
}

/// Takes something from hyper. Returns also whether hyper is to be polled again for it: whoever wants that wakes the task.
pub(super) fn taking<T>(take: impl FnOnce() -> T) -> (T, bool) {
    /// Ends it, also when it panics: the thread goes on with other connections.
    struct End;

    impl Drop for End {
        fn drop(&mut self) {
            TAKING.set(None);
        }
    }

    TAKING.set(Some(false));
    let _end = End;
    let taken = take();
    (taken, TAKING.get() == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_task_is_woken_except_by_what_it_takes_itself() {
        let count = Arc::new(Count::default());
        let task = Waker::from(count.clone());
        let rousing = Rousing::new();
        let waker = rousing.of(&Context::from_waker(&task)).clone();
        let woken = || count.0.load(Ordering::Relaxed);
        waker.wake_by_ref();
        assert_eq!(woken(), 1);
        assert_eq!(taking(|| waker.wake_by_ref()), ((), true));
        assert_eq!(taking(|| 7), (7, false));
        assert_eq!(woken(), 1, "whoever took it decides");
        // Another thread's wake is never taken for one's own.
        let ((), heard) = taking(|| {
            std::thread::scope(|scope| {
                scope.spawn(|| waker.wake_by_ref());
            })
        });
        assert_eq!((heard, woken()), (false, 2));
        let broken = std::panic::catch_unwind(|| taking::<()>(|| panic!("hyper is wrong")));
        assert!(broken.is_err());
        waker.wake_by_ref();
        assert_eq!(woken(), 3, "nothing is taken any more");
    }

    #[test]
    fn a_task_that_moves_on_to_another_waker_is_woken_by_that() {
        let (before, after) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let rousing = Rousing::new();
        let waker = rousing.of(&Context::from_waker(&Waker::from(before.clone()))).clone();
        assert!(rousing.of(&Context::from_waker(&Waker::from(after.clone()))).will_wake(&waker));
        waker.wake();
        assert_eq!((before.0.load(Ordering::Relaxed), after.0.load(Ordering::Relaxed)), (0, 1));
    }
}
