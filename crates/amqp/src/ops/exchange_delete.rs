//! exchange.delete (40/20): an exchange is gone afterwards, with its bindings. One that was not there is gone as well.

use super::routes::{check_default, find, permit, route_reply};
use super::{misplaced, operation};
use crate::codec::Method;
use crate::errors::{Code, Fault};
use crate::session::Connection;
use crate::step::{Step, submit};
use crate::translate::{cleaned, predeclared};
use millstream_core::Reply;
use millstream_core::route::RouteRequest;
use millstream_front::Action;
use millstream_front::registry::Operation;
use millstream_types::ErrorKind;
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation("exchange.delete", 40, 20, "");

pub(crate) fn start(cx: &mut Connection, number: u16, method: &Method<'_>) -> Result<Step, Fault> {
    let Method::ExchangeDelete { exchange, if_unused, nowait, .. } = *method else { return Err(misplaced()) };
    let name: Arc<str> = cleaned(exchange).into();
    check_default(&name)?;
    if predeclared(&name).is_some() {
        let text = format!("deletion of system exchange '{name}' in vhost '{}' not allowed", cx.vhost);
        return Err(Fault::new(Code::ACCESS_REFUSED, text));
    }
    let Some(entry) = find(cx, &name) else { return Ok(done(cx, number, nowait)) };
    let request = permit(cx, Action::Delete, &name, RouteRequest::Delete { route: entry.id, if_unused })?;
    Ok(submit(request, move |cx, reply| match reply {
        Reply::Refused(ErrorKind::UnknownRoute) => Ok(done(cx, number, nowait)),
        Reply::Refused(ErrorKind::RouteInUse) => {
            Err(Fault::precondition(format!("exchange '{name}' in vhost '{}' in use", cx.vhost)))
        }
        reply => {
            route_reply(reply)?;
            Ok(done(cx, number, nowait))
        }
    }))
}

fn done(cx: &mut Connection, number: u16, nowait: bool) -> Step {
    if !nowait {
        cx.send(number, &Method::ExchangeDeleteOk {});
    }
    Step::Done
}
