//! What an operation is made of: the steps it takes, and what it sees of its connection.
//!
//! Apart from the session, which carries the steps out, so that an operation knows nothing of order, slots or tags.

use crate::codec::frame::write_response;
use crate::codec::{EncodeError, Message, Writer};
use crate::errors::ErrorCode;
use crate::ops::fetch::FetchSessions;
use crate::options::KafkaOptions;
use core::net::SocketAddr;
use millstream_core::{Reply, Request};
use millstream_front::{
    Action, Authorized, Authorizer, Backend, Grant, Principal, ReadError, ReadSlice, Resource,
};
use millstream_types::{EngineTime, LogId, Offset};
use std::sync::Arc;

/// What an operation wants next. A chain of these is an operation's whole life.
pub(crate) enum Step {
    /// The answer.
    Respond(Box<dyn Answer>),
    /// There is no answer (Produce with acks=0).
    Silent,
    /// There is no answer, and the connection ends: the reason, for the log.
    Close(String),
    /// Ask the shard; go on with one reply per request.
    Submit(Vec<Authorized<Request>>, Then<Vec<Reply>>),
    /// Read from logs; go on with one result per read.
    Read(Vec<Authorized<(LogId, Offset, u32)>>, Then<Vec<ReadResult>>),
    /// Wait until one of the logs has another high watermark than the given one, or the time has come.
    Watch(Vec<(LogId, Offset)>, EngineTime, Then<()>),
}

/// How an operation goes on.
pub(crate) type Then<T> = Box<dyn FnOnce(&mut Context, T) -> Step + Send>;

/// What one read gave.
pub(crate) type ReadResult = Result<ReadSlice, ReadError>;

/// A response body of any API.
pub(crate) trait Answer: Send {
    fn write(&self, w: &mut Writer, version: i16, correlation_id: i32) -> Result<(), EncodeError>;
}

impl<M: Message + Send> Answer for M {
    fn write(&self, w: &mut Writer, version: i16, correlation_id: i32) -> Result<(), EncodeError> {
        write_response(w, version, correlation_id, self)
    }
}

impl Step {
    pub(crate) fn respond(answer: impl Answer + 'static) -> Step {
        Step::Respond(Box::new(answer))
    }
}

/// What operations see of their connection.
pub(crate) struct Context {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) options: Arc<KafkaOptions>,
    pub(crate) principal: Principal,
    pub(crate) authorizer: Arc<Authorizer>,
    /// Engine time of the event that is being handled.
    pub(crate) now: EngineTime,
    /// The peer's address, as group members are shown by it.
    pub(crate) peer: SocketAddr,
    /// What the client called itself in the request at hand.
    pub(crate) client_id: Option<Arc<str>>,
    pub(crate) fetch_sessions: FetchSessions,
}

impl Context {
    /// Asks for permission; the error is what Kafka answers for that kind of resource.
    pub(crate) fn allow(&self, action: Action, resource: Resource<'_>) -> Result<Grant, ErrorCode> {
        self.authorizer.authorize(&self.principal, action, resource).map_err(|_| match resource {
            Resource::Stream(_) => ErrorCode::TOPIC_AUTHORIZATION_FAILED,
            Resource::Group(_) => ErrorCode::GROUP_AUTHORIZATION_FAILED,
            // No request of a client names a route or a namespace.
            Resource::Cluster | Resource::Route(_) | Resource::Namespace(_) => {
                ErrorCode::CLUSTER_AUTHORIZATION_FAILED
            }
        })
    }
}
