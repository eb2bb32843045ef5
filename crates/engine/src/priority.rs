//! Lower priority for a thread whose work nobody waits for.
//!
//! Apart because it is the machine's business, and because it asks something of such a thread: it may be kept from running in
//! the middle of anything, so it never sits in the shard's seat and holds no lock for longer than a look takes. What it
//! wants of the shard it leaves in the queue.

/// The thread that calls this gets out of the way of the others where processors are short: it gets about a tenth of what
/// each of them gets, and they run at once when they wake up.
pub(crate) fn lower() {
    let thread = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(thread), NICE) {
        tracing::debug!(%error, "a thread in the background keeps its priority");
    }
}

/// Linux gives a thread of this niceness a weight of 110, where the usual one is 1,024. Any lower and a thread that was
/// interrupted with a lock in its hand would be waited for.
const NICE: i32 = 10;
