//! exchange.bind (40/30): what reaches one exchange and matches reaches another.

use super::routes::{BindingArguments, bind, check_default, with_exchange};
use super::{misplaced, operation};
use crate::codec::Method;
use crate::errors::Fault;
use crate::session::Connection;
use crate::step::Step;
use crate::translate::cleaned;
use millstream_core::route::Destination;
use millstream_front::registry::Operation;
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation("exchange.bind", 40, 30, "");

pub(crate) fn start(cx: &mut Connection, number: u16, method: &Method<'_>) -> Result<Step, Fault> {
    let Method::ExchangeBind { destination, source, routing_key, nowait, arguments, .. } = *method else {
        return Err(misplaced());
    };
    let (source, destination): (Arc<str>, Arc<str>) = (cleaned(source).into(), cleaned(destination).into());
    check_default(&source)?;
    check_default(&destination)?;
    let binding = BindingArguments::new(&destination, routing_key, arguments);
    with_exchange(cx, &source, move |cx, source| {
        with_exchange(cx, &destination, move |cx, destination| {
            let to = Destination::Route(destination.id);
            bind(cx, &source, to, binding, move |cx| done(cx, number, nowait))
        })
    })
}

fn done(cx: &mut Connection, number: u16, nowait: bool) {
    if !nowait {
        cx.send(number, &Method::ExchangeBindOk {});
    }
}
