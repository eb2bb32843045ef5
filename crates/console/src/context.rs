//! What an operation sees of its request, and how it asks the shard.
//!
//! Apart so that an operation is only what it does: who asks, what time it is, and what becomes of an answer that was
//! not expected is the same for all.

use crate::auth::{Kind, Pending, Who};
use crate::errors::{Code, Problem};
use crate::metrics::Telemetry;
use crate::options::ConsoleOptions;
use crate::system::System;
use crate::ui::samples::Samples;
use millstream_core::catalog::StreamEntry;
use millstream_core::cursor::GroupReply;
use millstream_core::lease::{LeaseGroupId, LeaseReply, LeaseRequest};
use millstream_core::route::{RouteEntry, RouteReply};
use millstream_core::{Reply, Request};
use millstream_front::http::Response;
use millstream_front::steps::{self, Caller};
use millstream_front::{
    Action, Authorized, Authorizer, Backend, Grant, OperationMeters, Principal, Resource,
};
use millstream_types::{EngineTime, ErrorKind, Namespace};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// A step of an operation of this front.
pub(crate) type Step = steps::Step<Context>;

/// What an operation sees of its request, beside its parameters.
pub(crate) struct Context {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) authorizer: Arc<Authorizer>,
    pub(crate) principal: Principal,
    /// Where the names of the request live.
    pub(crate) namespace: Namespace,
    pub(crate) version: &'static str,
    pub(crate) options: Arc<ConsoleOptions>,
    /// Rates over time, for pages.
    pub(crate) samples: Arc<Samples>,
    /// How it is known who asks.
    pub(crate) kind: Kind,
    /// What is written into the audit log when the request is answered.
    pub(crate) audit: Option<Pending>,
    /// The process around the broker.
    pub(crate) system: Arc<dyn System>,
    /// Views that are live, of all clients together.
    pub(crate) live: Arc<AtomicUsize>,
    /// What is seen of the broker, where somebody looks.
    pub(crate) telemetry: Option<Arc<Telemetry>>,
    /// Where the request is counted, and when it was taken, in microseconds of the monotonic clock.
    pub(crate) meter: Option<Meter>,
    /// Engine time of the event that is being handled.
    pub(crate) now: EngineTime,
    /// The client has gone away: what it was to get has to be given back.
    pub(crate) abandoned: bool,
    /// What to ask the shard if the client goes away now.
    pub(crate) on_abandon: Option<Authorized<Request>>,
}

/// Where a request is counted.
pub(crate) struct Meter {
    meters: Arc<OperationMeters>,
    row: usize,
    since: u64,
}

impl Caller for Context {
    type Answer = Response;

    fn respond(self, response: Response) -> Response {
        if let Some(Meter { meters, row, since }) = self.meter {
            meters.answered(row, self.backend.moment().micros.saturating_sub(since));
            if response.status >= 400 {
                meters.failed(row);
            }
        }
        if let Some(pending) = self.audit {
            self.options.gate.note(pending.done(self.now, response.status));
        }
        response
    }

    fn tell_time(&mut self, now: EngineTime) {
        self.now = now;
    }

    fn abandon(&mut self) -> Option<Authorized<Request>> {
        self.abandoned = true;
        self.on_abandon.take()
    }
}

impl Context {
    /// From now on everything is done in the name of whoever asks.
    pub(crate) fn act_for(&mut self, who: Who) {
        self.namespace = who.principal.namespace();
        self.principal = who.principal;
        self.kind = who.kind;
    }

    /// Has the request counted as one of this operation.
    pub(crate) fn count(&mut self, meters: &Arc<OperationMeters>, operation: &str) {
        let since = self.backend.moment().micros;
        let row = meters.row(operation);
        self.meter = row.map(|row| Meter { meters: meters.clone(), row, since });
    }

    /// Asks for permission.
    pub(crate) fn allow(&self, action: Action, resource: Resource<'_>) -> Result<Grant, Problem> {
        let granted = self.authorizer.authorize(&self.principal, action, resource);
        granted.map_err(|_| ErrorKind::Denied.into())
    }

    /// Goes to another namespace than the principal's own.
    pub(crate) fn enter(&mut self, name: &str) -> Result<(), Problem> {
        self.allow(Action::Describe, Resource::Namespace(name))?;
        let unknown = || Problem::new(Code::UnknownNamespace, format!("There is no namespace {name:?}."));
        self.namespace = self.backend.namespace(name).ok_or_else(unknown)?;
        Ok(())
    }

    /// A stream, and the permission to do this to it.
    pub(crate) fn stream(&self, name: &str, action: Action) -> Result<(Arc<StreamEntry>, Grant), Problem> {
        let grant = self.allow(action, Resource::Stream(name))?;
        let entry = self.backend.stream(self.namespace, name);
        Ok((entry.ok_or_else(|| Problem::unknown_stream(name))?, grant))
    }

    /// A route, and the permission to do this to it.
    pub(crate) fn route(&self, name: &str, action: Action) -> Result<(Arc<RouteEntry>, Grant), Problem> {
        let grant = self.allow(action, Resource::Route(name))?;
        let entry = self.backend.route(self.namespace, name);
        let unknown = || Problem::new(Code::UnknownRoute, format!("There is no route {name:?}."));
        Ok((entry.ok_or_else(unknown)?, grant))
    }

    /// A stream that is worked as a queue, its group, and the permission to do this to it.
    pub(crate) fn queue(&self, name: &str, action: Action) -> Result<Queue, Problem> {
        let (entry, grant) = self.stream(name, action)?;
        if !entry.config.lease().enabled() {
            return Err(Problem::not_leased(name));
        }
        Ok(Queue { group: LeaseGroupId::default_of(entry.id), entry, grant })
    }
}

/// A stream that is worked as a queue.
pub(crate) struct Queue {
    pub(crate) entry: Arc<StreamEntry>,
    pub(crate) group: LeaseGroupId,
    pub(crate) grant: Grant,
}

impl Queue {
    /// A permitted request about its leases.
    pub(crate) fn ask(&self, request: LeaseRequest) -> Authorized<Request> {
        self.grant.allow(Request::Lease(Box::new(request)))
    }
}

/// An operation's outcome as a step.
pub(crate) fn step(outcome: Result<Step, Problem>) -> Step {
    outcome.unwrap_or_else(|problem| Step::Respond(problem.response()))
}

/// Asks the shard one thing.
pub(crate) fn submit(
    request: Authorized<Request>,
    then: impl FnOnce(&mut Context, Reply) -> Result<Step, Problem> + Send + 'static,
) -> Step {
    let then = move |cx: &mut Context, mut replies: Vec<Reply>| {
        let reply = replies.pop().unwrap_or(Reply::Refused(ErrorKind::Indeterminate));
        step(then(cx, reply))
    };
    Step::Submit(vec![request], Box::new(then))
}

/// The entry that a change of the catalog left.
pub(crate) fn stream_reply(reply: Reply) -> Result<Arc<StreamEntry>, Problem> {
    match reply {
        Reply::Stream(entry) => Ok(entry),
        Reply::Refused(kind) => Err(kind.into()),
        _ => Err(Problem::unexpected()),
    }
}

/// An answer about cursor groups.
pub(crate) fn group_reply(reply: Reply) -> Result<GroupReply, Problem> {
    match reply {
        Reply::Group(reply) => Ok(*reply),
        Reply::Refused(kind) => Err(kind.into()),
        _ => Err(Problem::unexpected()),
    }
}

/// An answer about routes.
pub(crate) fn route_reply(reply: Reply) -> Result<RouteReply, Problem> {
    match reply {
        Reply::Route(reply) => Ok(*reply),
        Reply::Refused(kind) => Err(kind.into()),
        _ => Err(Problem::unexpected()),
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
