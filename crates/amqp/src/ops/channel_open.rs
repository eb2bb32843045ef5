//! channel.open (20/10): begins a channel.

use super::operation;
use crate::codec::{Long, Method};
use crate::errors::Fault;
use crate::session::{Channel, Connection};
use crate::step::Step;
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation = operation("channel.open", 20, 10, "");

pub(crate) fn start(cx: &mut Connection, number: u16) -> Result<Step, Fault> {
    let serial = cx.serial();
    cx.channels.insert(number, Channel::new(serial));
    cx.show_channel(number);
    cx.send(number, &Method::ChannelOpenOk { channel_id: Long(b"") });
    Ok(Step::Done)
}
