//! confirm.select (85/10): from now on each message of the channel is confirmed, once it is in the log for good.

use super::{misplaced, operation};
use crate::codec::Method;
use crate::errors::Fault;
use crate::session::{Connection, Mode};
use crate::step::Step;
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation =
    operation("confirm.select", 85, 10, "Transient messages are confirmed as late as persistent ones.");

pub(crate) fn start(cx: &mut Connection, number: u16, method: &Method<'_>) -> Result<Step, Fault> {
    let Method::ConfirmSelect { nowait } = *method else { return Err(misplaced()) };
    let channel = cx.channel(number);
    match channel.mode {
        Mode::Plain => channel.mode = Mode::Confirm(Default::default()),
        Mode::Confirm(_) => {}
        Mode::Tx(_) => return Err(Fault::precondition("cannot switch from tx to confirm mode")),
    }
    cx.show_channel(number);
    if !nowait {
        cx.send(number, &Method::ConfirmSelectOk {});
    }
    Ok(Step::Done)
}
