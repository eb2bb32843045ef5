//! exchange.declare (40/10): an exchange is there afterwards, as it was asked for. Passively it is only looked for.

use super::routes::{check_default, create, find};
use super::{misplaced, operation};
use crate::codec::Method;
use crate::errors::Fault;
use crate::session::Connection;
use crate::step::Step;
use crate::translate::{Declaration, check_not_reserved, cleaned, predeclared};
use millstream_front::registry::Operation;
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation(
    "exchange.declare",
    40,
    10,
    "One that is not durable is in memory, with its bindings, and goes with the process. An unknown type is answered with 406, as in RabbitMQ 4.",
);

pub(crate) fn start(cx: &mut Connection, number: u16, method: &Method<'_>) -> Result<Step, Fault> {
    let Method::ExchangeDeclare {
        exchange,
        exchange_type,
        passive,
        durable,
        auto_delete,
        internal,
        nowait,
        arguments,
        ..
    } = *method
    else {
        return Err(misplaced());
    };
    let name: Arc<str> = cleaned(exchange).into();
    check_default(&name)?;
    if passive {
        if find(cx, &name).is_none() && predeclared(&name).is_none() {
            return Err(Fault::no_exchange(&name, &cx.vhost));
        }
        return Ok(done(cx, number, nowait));
    }
    let declaration = Declaration { exchange_type, durable, auto_delete, internal, arguments };
    declaration.check_alternate(&name, &cx.vhost)?;
    let config = declaration.config()?;
    let current = find(cx, &name).map(|entry| entry.config.clone());
    if let Some(current) = current.or_else(|| predeclared(&name).map(Arc::new)) {
        declaration.check_equal(&name, &cx.vhost, &current)?;
        return Ok(done(cx, number, nowait));
    }
    check_not_reserved(&name)?;
    create(cx, name, config, move |cx, _| Ok(done(cx, number, nowait)))
}

fn done(cx: &mut Connection, number: u16, nowait: bool) -> Step {
    if !nowait {
        cx.send(number, &Method::ExchangeDeclareOk {});
    }
    Step::Done
}
