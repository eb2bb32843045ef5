//! What an operation is made of: the steps it takes, and what it sees of its request.
//!
//! Apart from the listener, which carries the steps out, so that an operation knows nothing of tags, protocols of the wire
//! or who waits how.

use crate::listener::Shared;
use crate::options::AwsOptions;
use crate::scope::Scope;
use crate::sqs::SqsError;
use crate::xml::Xml;
use millstream_core::{Reply, Request};
use millstream_front::{
    Action, Authorized, Authorizer, Backend, Grant, Principal, ReadError, ReadSlice, Resource,
};
use millstream_types::{EngineTime, LogId, Namespace, Offset};
use std::sync::Arc;

/// What an operation wants next. A chain of these is an operation's whole life.
pub(crate) enum Step {
    /// The reply.
    Respond(Box<dyn Output>),
    /// It is refused.
    Refuse(SqsError),
    /// Ask the shard; go on with one reply per request.
    Submit(Vec<Authorized<Request>>, Then<Vec<Reply>>),
    /// Read from logs; go on with one result per read.
    Read(Vec<Authorized<(LogId, Offset, u32)>>, Then<Vec<ReadResult>>),
}

/// How an operation goes on.
pub(crate) type Then<T> = Box<dyn FnOnce(&mut Context, T) -> Step + Send>;

/// What one read gave.
pub(crate) type ReadResult = Result<ReadSlice, ReadError>;

impl Step {
    pub(crate) fn respond(output: impl Output + 'static) -> Step {
        Step::Respond(Box::new(output))
    }
}

impl From<Result<Step, SqsError>> for Step {
    fn from(result: Result<Step, SqsError>) -> Step {
        result.unwrap_or_else(Step::Refuse)
    }
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
    pub(crate) options: Arc<AwsOptions>,
    pub(crate) authorizer: Arc<Authorizer>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) principal: Principal,
    /// Account and region of whoever asks.
    pub(crate) caller: Scope,
    /// What addresses begin with for this client: `http://127.0.0.1:4566`.
    pub(crate) origin: String,
    /// Engine time of the event that is being handled.
    pub(crate) now: EngineTime,
    /// The client has gone away: what it was to get has to be given back.
    pub(crate) abandoned: bool,
    /// What to ask the shard if the client goes away now.
    pub(crate) on_abandon: Option<Authorized<Request>>,
}

impl Context {
    /// The namespace of an account and a region; `None` while nothing was ever created there.
    pub(crate) fn namespace(&self, scope: &Scope) -> Option<Namespace> {
        self.backend.namespace(&scope.namespace())
    }

    /// Asks for permission.
    pub(crate) fn allow(&self, action: Action, resource: Resource<'_>) -> Result<Grant, SqsError> {
        self.authorizer.authorize(&self.principal, action, resource).map_err(|_| SqsError::AccessDenied)
    }
}
