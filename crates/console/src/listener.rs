//! The listener: judges a request, finds its operation and starts it.
//!
//! Apart because it is all that the binary sees of this front.

use crate::auth::Auth;
use crate::context::{Context, step};
use crate::errors::Problem;
use crate::limits::BODY_BYTES_MAX;
use crate::options::ConsoleOptions;
use crate::query::NAMESPACE;
use crate::{guard, route, ui};
use millstream_front::http::{Commands, Outcome, Refusal, Request, Response, Service};
use millstream_front::{Authorizer, Backend, Principal, steps};
use millstream_types::EngineTime;
use std::sync::Arc;

/// The console front's listener.
#[derive(Debug)]
pub struct Listener {
    options: ConsoleOptions,
    authorizer: Arc<Authorizer>,
    auth: Auth,
}

impl Listener {
    /// A listener with its options and the authorizer that all fronts share.
    #[must_use]
    pub fn new(options: ConsoleOptions, authorizer: Arc<Authorizer>) -> Listener {
        Listener { options, authorizer, auth: Auth::default() }
    }
}

impl Service for Listener {
    fn name(&self) -> &'static str {
        "http"
    }

    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }

    fn start(
        &self,
        now: EngineTime,
        backend: &Arc<dyn Backend>,
        request: &Request<'_>,
        commands: &mut Commands,
    ) -> Outcome {
        let principal = Principal::local();
        let mut cx = Context {
            backend: backend.clone(),
            authorizer: self.authorizer.clone(),
            namespace: principal.namespace(),
            principal,
            version: self.options.version,
            now,
            abandoned: false,
            on_abandon: None,
        };
        let begun = guard::check(request, self.options.is_loopback).and_then(|()| {
            let who = self.auth.check(now, request);
            if !route::is_api(request.path) {
                return ui::start(&mut cx, request, who);
            }
            cx.act_for(who?);
            let (row, call) = route::find(request)?;
            call.query.text(NAMESPACE).map_or(Ok(()), |name| cx.enter(name))?;
            (row.1)(&mut cx, &call)
        });
        steps::start(cx, step(begun), commands)
    }

    fn refuse(&self, _: &Arc<dyn Backend>, _: &Request<'_>, refusal: Refusal) -> Response {
        Problem::from(refusal).response()
    }
}
