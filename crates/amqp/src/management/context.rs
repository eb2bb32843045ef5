//! What an operation sees of its request all the while: who asks, the broker, and what the sessions of the front share.
//!
//! Apart because every step gets it and nothing else.

use super::call::Call;
use super::errors::Problem;
use crate::policy::Policies;
use crate::shared::Shared;
use crate::translate::{namespace_name, vhost_name};
use bytes::Bytes;
use millstream_core::catalog::NamespaceEntry;
use millstream_core::lease::LeaseReply;
use millstream_core::{Reply, Request};
use millstream_front::http::Response;
use millstream_front::steps::{self, Caller};
use millstream_front::{Action, Authorized, Authorizer, Backend, Grant, Principal, Resource};
use millstream_types::{EngineTime, ErrorKind, Namespace};
use serde_json::Value;
use std::sync::Arc;

pub(crate) type Step = steps::Step<Context>;

/// See the module's documentation.
pub(crate) struct Context {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) authorizer: Arc<Authorizer>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) principal: Principal,
    /// The name that was given with the credential.
    pub(crate) user: Box<str>,
    pub(crate) version: &'static str,
    /// Where AMQP itself is listened on.
    pub(crate) listeners: Arc<[(&'static str, core::net::SocketAddr)]>,
    pub(crate) now: EngineTime,
}

impl Caller for Context {
    type Answer = Response;

    fn respond(self, response: Response) -> Response {
        response
    }

    fn tell_time(&mut self, now: EngineTime) {
        self.now = now;
    }

    fn abandon(&mut self) -> Option<Authorized<Request>> {
        // What was begun is finished: nothing here waits for anything but the broker.
        None
    }
}

/// A virtual host.
#[derive(Debug, Clone)]
pub(crate) struct Vhost {
    /// As clients call it.
    pub(crate) name: Arc<str>,
    pub(crate) entry: Arc<NamespaceEntry>,
}

impl Vhost {
    pub(crate) fn of(entry: Arc<NamespaceEntry>) -> Vhost {
        Vhost { name: vhost_name(&entry.name).into(), entry }
    }

    pub(crate) fn number(&self) -> Namespace {
        self.entry.number
    }
}

impl Context {
    pub(crate) fn allow(&self, action: Action, resource: Resource<'_>) -> Result<Grant, Problem> {
        let granted = self.authorizer.authorize(&self.principal, action, resource);
        granted.map_err(|_| ErrorKind::Denied.into())
    }

    /// The virtual host of a name.
    pub(crate) fn vhost(&self, name: &str) -> Result<Vhost, Problem> {
        let namespace = namespace_name(name);
        self.allow(Action::Describe, Resource::Namespace(namespace))?;
        self.backend.namespace_entry(namespace).map(Vhost::of).ok_or_else(Problem::no_vhost)
    }

    /// The virtual hosts that a request is about: the one that it names first, or all.
    pub(crate) fn vhosts(&self, call: &Call<'_>) -> Result<Vec<Vhost>, Problem> {
        match call.path.first() {
            Some(name) => Ok(vec![self.vhost(name)?]),
            None => {
                self.allow(Action::Describe, Resource::Cluster)?;
                Ok(self.backend.namespaces().into_iter().map(Vhost::of).collect())
            }
        }
    }

    /// The policies of a namespace, by its name.
    pub(crate) fn policies(&self, namespace: &str) -> Arc<Policies> {
        self.shared.policies(&*self.backend, vhost_name(namespace))
    }

    /// What the node calls itself.
    pub(crate) fn node(&self) -> String {
        format!("millstream@{:x}", self.backend.cluster_id())
    }
}

/// An outcome as a step.
pub(crate) fn step(outcome: Result<Step, Problem>) -> Step {
    outcome.unwrap_or_else(|problem| Step::Respond(problem.response()))
}

/// Asks the shard one thing.
pub(crate) fn submit(
    request: Authorized<Request>,
    then: impl FnOnce(&mut Context, Reply) -> Result<Step, Problem> + Send + 'static,
) -> Step {
    submit_all(vec![request], move |cx, mut replies| {
        then(cx, replies.pop().unwrap_or(Reply::Refused(ErrorKind::Indeterminate)))
    })
}

/// Asks the shard several things.
pub(crate) fn submit_all(
    requests: Vec<Authorized<Request>>,
    then: impl FnOnce(&mut Context, Vec<Reply>) -> Result<Step, Problem> + Send + 'static,
) -> Step {
    Step::Submit(requests, Box::new(move |cx: &mut Context, replies| step(then(cx, replies))))
}

/// An answer that only says that it was done.
pub(crate) fn done(reply: Reply) -> Result<(), Problem> {
    match reply {
        Reply::Refused(kind) => Err(kind.into()),
        _ => Ok(()),
    }
}

/// An answer about leases.
pub(crate) fn lease_reply(reply: Reply) -> Result<LeaseReply, Problem> {
    match reply {
        Reply::Lease(reply) => Ok(*reply),
        Reply::Refused(kind) => Err(kind.into()),
        _ => Err(Problem::unexpected()),
    }
}

/// Answers with a document.
pub(crate) fn document(value: &Value) -> Step {
    let headers = vec![("content-type", "application/json".into()), ("cache-control", "no-cache".into())];
    Step::Respond(Response { status: 200, headers, body: Bytes::from(value.to_string()) })
}

/// Answers that something was made, or was there and is as it was asked for.
pub(crate) fn made(is_new: bool) -> Step {
    let status = if is_new { 201 } else { 204 };
    Step::Respond(Response { status, headers: Vec::new(), body: Bytes::new() })
}

/// Answers that it was done.
pub(crate) fn nothing() -> Step {
    Step::Respond(Response { status: 204, headers: Vec::new(), body: Bytes::new() })
}
