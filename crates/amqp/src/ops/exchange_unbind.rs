//! exchange.unbind (40/40): takes a binding between exchanges back. One that is not there is as good.

use super::routes::{BindingArguments, check_default, find, unbind};
use super::{misplaced, operation};
use crate::codec::Method;
use crate::errors::Fault;
use crate::session::Connection;
use crate::step::Step;
use crate::translate::cleaned;
use millstream_core::route::Destination;
use millstream_front::registry::Operation;
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation("exchange.unbind", 40, 40, "");

pub(crate) fn start(cx: &mut Connection, number: u16, method: &Method<'_>) -> Result<Step, Fault> {
    let Method::ExchangeUnbind { destination, source, routing_key, nowait, arguments, .. } = *method else {
        return Err(misplaced());
    };
    let (source, destination): (Arc<str>, Arc<str>) = (cleaned(source).into(), cleaned(destination).into());
    check_default(&source)?;
    check_default(&destination)?;
    let binding = BindingArguments::new(&destination, routing_key, arguments);
    let (Some(source), Some(destination)) = (find(cx, &source), find(cx, &destination)) else {
        // What is not there leads nowhere.
        done(cx, number, nowait);
        return Ok(Step::Done);
    };
    let to = Destination::Route(destination.id);
    unbind(cx, &source, to, binding, move |cx| done(cx, number, nowait))
}

fn done(cx: &mut Connection, number: u16, nowait: bool) {
    if !nowait {
        cx.send(number, &Method::ExchangeUnbindOk {});
    }
}
