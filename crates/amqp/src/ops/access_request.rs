//! access.request (30/10): an old way to ask for permissions, which old clients still do; the ticket means nothing.

use super::operation;
use crate::codec::Method;
use crate::errors::Fault;
use crate::session::Connection;
use crate::step::Step;
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation = operation("access.request", 30, 10, "Every ticket is 1.");

pub(crate) fn start(cx: &mut Connection, number: u16) -> Result<Step, Fault> {
    cx.send(number, &Method::AccessRequestOk { ticket: 1 });
    Ok(Step::Done)
}
