//! What an operation is made of: the steps it takes, and what it sees of its request.
//!
//! Apart from the listener, which begins requests, so that an operation knows nothing of protocols of the wire. The steps
//! are those of all HTTP fronts; what is this front's own is that an answer has two spellings.

use crate::listener::Shared;
use crate::reply::Spelling;
use crate::scope::Scope;
use crate::sqs::SqsError;
use crate::xml::Xml;
use millstream_core::Request;
use millstream_front::http::Response;
use millstream_front::steps::{self, Caller};
use millstream_front::{Action, Authorized, Backend, Grant, Principal, Resource};
use millstream_types::{EngineTime, Namespace};
use std::sync::Arc;

/// What an operation wants next. A chain of these is an operation's whole life.
pub(crate) type Step = steps::Step<Context>;

/// What an operation answers with.
pub(crate) enum Answer {
    /// The reply.
    Given(Box<dyn Output>),
    /// It is refused.
    Refused(SqsError),
}

impl From<SqsError> for Answer {
    fn from(error: SqsError) -> Answer {
        Answer::Refused(error)
    }
}

/// Answers with a reply.
pub(crate) fn respond(output: impl Output + 'static) -> Step {
    Step::Respond(Answer::Given(Box::new(output)))
}

/// A reply, in both protocols.
pub(crate) trait Output: Send {
    /// As a JSON object; nothing at all when the action has no result.
    fn json(&self) -> Vec<u8>;

    /// The elements of the result; none when the action has no result.
    fn xml(&self, xml: &mut Xml);

    /// Whether the action has a result.
    fn has_result(&self) -> bool {
        true
    }
}

/// The reply of an action without a result.
pub(crate) struct Nothing;

impl Output for Nothing {
    fn json(&self) -> Vec<u8> {
        Vec::new()
    }

    fn xml(&self, _: &mut Xml) {}

    fn has_result(&self) -> bool {
        false
    }
}

/// What operations see of their request, beside its parameters.
pub(crate) struct Context {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) principal: Principal,
    /// Account and region of whoever asks.
    pub(crate) caller: Scope,
    pub(crate) spelling: Spelling,
    /// When the request was taken, in microseconds of the monotonic clock.
    pub(crate) since: u64,
    /// Engine time of the event that is being handled.
    pub(crate) now: EngineTime,
    /// The client has gone away: what it was to get has to be given back.
    pub(crate) abandoned: bool,
    /// What to ask the shard if the client goes away now.
    pub(crate) on_abandon: Option<Authorized<Request>>,
}

impl Caller for Context {
    type Answer = Answer;

    fn respond(self, answer: Answer) -> Response {
        // Who asks for nothing that there is, or may not ask, has no operation to be counted under.
        if let Some(row) = self.shared.meters.row(self.spelling.action) {
            self.shared.meters.answered(row, self.backend.moment().micros.saturating_sub(self.since));
            if matches!(answer, Answer::Refused(_)) {
                self.shared.meters.failed(row);
            }
        }
        match answer {
            Answer::Given(output) => self.spelling.respond(&*output),
            Answer::Refused(error) => self.spelling.refuse(&error),
        }
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
    /// The namespace of an account and a region; `None` while nothing was ever created there.
    pub(crate) fn namespace(&self, scope: &Scope) -> Option<Namespace> {
        self.backend.namespace(&scope.namespace())
    }

    /// Asks for permission.
    pub(crate) fn allow(&self, action: Action, resource: Resource<'_>) -> Result<Grant, SqsError> {
        self.shared
            .authorizer
            .authorize(&self.principal, action, resource)
            .map_err(|_| SqsError::AccessDenied)
    }
}
