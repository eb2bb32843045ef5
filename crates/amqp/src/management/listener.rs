//! The listener: judges a request, finds its operation and starts it.
//!
//! Apart because it is all that the binary sees of this API. Every request has to name a user, as in RabbitMQ, also while there
//! are none and any is taken (R20): a browser does not do that for another site's page.

use super::call::{self, Call};
use super::context::{Context, step};
use super::errors::Problem;
use super::ops::{self, Row};
use crate::listener::Listener;
use crate::shared::Shared;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use core::net::SocketAddr;
use millstream_front::http::{Commands, Outcome, Refusal, Request, Response, Service};
use millstream_front::{Authorizer, Backend, Principal, site, steps};
use millstream_types::EngineTime;
use std::sync::Arc;

/// Bytes of a request's body: definitions of many thousand queues.
const BODY_BYTES_MAX: usize = 32 << 20;

/// What the binary decides for this API.
#[derive(Debug, Clone)]
pub struct ManagementOptions {
    /// The broker's own version.
    pub version: &'static str,
    /// It listens on a loopback address: then only names of this machine may stand in `Host`.
    pub is_loopback: bool,
    /// What is listened on, by RabbitMQ's names for protocols (`amqp`, `http`).
    pub listeners: Vec<(&'static str, SocketAddr)>,
}

/// The management API's listener.
#[derive(Debug)]
pub struct Management {
    is_loopback: bool,
    version: &'static str,
    listeners: Arc<[(&'static str, SocketAddr)]>,
    authorizer: Arc<Authorizer>,
    shared: Arc<Shared>,
}

impl Management {
    /// The API beside an AMQP listener, whose connections it shows.
    #[must_use]
    pub fn new(options: ManagementOptions, of: &Listener, authorizer: Arc<Authorizer>) -> Management {
        Management {
            is_loopback: options.is_loopback,
            version: options.version,
            listeners: options.listeners.into(),
            authorizer,
            shared: of.shared(),
        }
    }

    fn begin<'a>(&self, request: &Request<'a>) -> Result<(Box<str>, &'static Row, Call<'a>), Problem> {
        site::check(request, self.is_loopback).map_err(|foreign| Problem {
            status: 403,
            error: "forbidden",
            reason: foreign.sentence().into(),
        })?;
        let parts = call::parts(request.path).ok_or_else(Problem::not_found)?;
        let user = user(request).ok_or_else(Problem::no_credential)?;
        let mut is_known = false;
        for row in ops::TABLE {
            let Some(path) = call::take(row.path, &parts) else { continue };
            is_known = true;
            if row.method == request.method || row.method == "GET" && request.method == "HEAD" {
                return Ok((user, row, Call::new(request, path)));
            }
        }
        Err(if is_known { Problem::method_not_allowed() } else { Problem::not_found() })
    }
}

/// The user that a request names.
fn user(request: &Request<'_>) -> Option<Box<str>> {
    let credential = request.header("authorization")?;
    let (scheme, rest) = credential.split_once(' ')?;
    let decoded = BASE64.decode(rest.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let (user, _password) = core::str::from_utf8(&decoded).ok()?.split_once(':')?;
    (!user.is_empty() && user.len() <= 255).then(|| user.into())
}

impl Service for Management {
    fn name(&self) -> &'static str {
        "amqp_management"
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
        let (user, row, call) = match self.begin(request) {
            Ok(begun) => begun,
            Err(problem) => return Outcome::Respond(problem.response()),
        };
        let mut cx = Context {
            backend: backend.clone(),
            authorizer: self.authorizer.clone(),
            shared: self.shared.clone(),
            principal: Principal::local(),
            user,
            version: self.version,
            listeners: self.listeners.clone(),
            now,
        };
        let begun = (row.start)(&mut cx, &call).map_err(|problem| problem.for_method(row.method));
        steps::start(cx, step(begun), commands)
    }

    fn refuse(&self, _: &Arc<dyn Backend>, _: &Request<'_>, refusal: Refusal) -> Response {
        Problem::from(refusal).response()
    }
}
