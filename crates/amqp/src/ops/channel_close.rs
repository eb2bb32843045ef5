//! channel.close (20/40) and channel.close-ok (20/41): the end of a channel, asked for by the client or by the broker.
//!
//! What was delivered and not settled goes back to its queues. After the broker's own `channel.close` everything is ignored
//! until the client agrees; one that closes at the same moment is answered, and has to agree all the same.

use super::operation;
use crate::codec::Method;
use crate::errors::Fault;
use crate::session::Connection;
use crate::step::Step;
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation = operation("channel.close", 20, 40, "");

pub(crate) fn start(cx: &mut Connection, number: u16) -> Result<Step, Fault> {
    if !cx.channel(number).is_closing {
        cx.end_channel(number);
        cx.channels.remove(&number);
    }
    cx.show_channel(number);
    cx.send(number, &Method::ChannelCloseOk {});
    Ok(Step::Done)
}

/// The client agrees to the end.
pub(crate) fn agreed(cx: &mut Connection, number: u16) -> Result<Step, Fault> {
    cx.channels.remove(&number);
    Ok(Step::Done)
}
