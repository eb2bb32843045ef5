//! What an operation is made of: the steps it takes.
//!
//! Apart from the session, which carries the steps out, so that an operation knows nothing of tags.

use crate::errors::Fault;
use crate::session::Connection;
use millstream_core::{Reply, Request};
use millstream_front::{Authorized, ReadError, ReadSlice};
use millstream_types::{ErrorKind, LogId, Offset};

/// What an operation wants next. A chain of these is its whole life; the connection takes no further frame meanwhile.
pub(crate) enum Step {
    /// It is done, and has sent what there was to send.
    Done,
    /// Ask the shard; go on with one reply per request.
    Submit(Vec<Authorized<Request>>, Then<Vec<Reply>>),
    /// Read from a log; go on with the result.
    Read(Authorized<(LogId, Offset, u32)>, Then<ReadResult>),
    /// Wait until there is room again where it lacks.
    Room(Lack, Then<()>),
}

/// What there is no room in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lack {
    Disk,
    /// The memory of queues that are in memory only.
    Memory,
}

/// How an operation goes on.
pub(crate) type Then<T> = Box<dyn FnOnce(&mut Connection, T) -> Result<Step, Fault> + Send>;

/// What a read gave.
pub(crate) type ReadResult = Result<ReadSlice, ReadError>;

/// Asks the shard one thing.
pub(crate) fn submit(
    request: Authorized<Request>,
    then: impl FnOnce(&mut Connection, Reply) -> Result<Step, Fault> + Send + 'static,
) -> Step {
    let then = move |cx: &mut Connection, mut replies: Vec<Reply>| {
        then(cx, replies.pop().unwrap_or(Reply::Refused(ErrorKind::Indeterminate)))
    };
    Step::Submit(vec![request], Box::new(then))
}
