//! Finding queues: what nearly every operation begins with.
//!
//! Apart because a queue that does not exist, one that is a stream of another kind, and one that the principal may not
//! touch must look the same from every operation.

use crate::sqs::attributes::QueueSettings;
use crate::sqs::call::Call;
use crate::sqs::errors::SqsError;
use crate::sqs::queue::QueueRef;
use crate::sqs::translate::{Stored, is_queue};
use crate::step::{Context, Step};
use crate::value::Text;
use millstream_core::catalog::{ConfigChange, StreamEntry};
use millstream_core::lease::{LeaseGroupId, LeaseReply, LeaseRequest};
use millstream_core::{Reply, Request};
use millstream_front::{Action, Authorized, Grant, Resource};
use millstream_types::ErrorKind;
use std::sync::Arc;

/// A queue that exists.
pub(super) struct Queue {
    pub(super) at: QueueRef,
    pub(super) entry: Arc<StreamEntry>,
}

impl Queue {
    /// The queue that a call is about.
    pub(super) fn of(cx: &Context, call: &Call<'_>, url: Option<&Text<'_>>) -> Result<Queue, SqsError> {
        Queue::at(cx, call.queue(cx, url)?)
    }

    /// The queue of a name.
    pub(super) fn at(cx: &Context, at: QueueRef) -> Result<Queue, SqsError> {
        let namespace = cx.namespace(&at.scope);
        let entry = namespace.and_then(|namespace| cx.backend.stream(namespace, &at.name));
        let entry = entry.filter(|entry| is_queue(entry));
        let entry = entry.ok_or(SqsError::QueueDoesNotExist)?;
        Ok(Queue { at, entry })
    }

    pub(super) fn stored(&self) -> Stored<'_> {
        Stored { config: &self.entry.config }
    }

    pub(super) fn settings(&self) -> QueueSettings {
        self.stored().settings(&self.at)
    }

    /// The lease group that all receivers share.
    pub(super) fn group(&self) -> LeaseGroupId {
        LeaseGroupId::default_of(self.entry.id)
    }

    /// Asks for permission.
    pub(super) fn allow(&self, cx: &Context, action: Action) -> Result<Grant, SqsError> {
        cx.allow(action, Resource::Stream(&self.entry.name))
    }

    /// A permitted change of its configuration.
    pub(super) fn alter(
        &self,
        cx: &Context,
        changes: Vec<ConfigChange>,
    ) -> Result<Authorized<Request>, SqsError> {
        let grant = self.allow(cx, Action::Alter)?;
        Ok(grant.request(Request::AlterStream { stream: self.entry.id, changes }))
    }
}

/// Every queue of the caller's scope, in the order of names.
pub(super) fn all(cx: &Context) -> impl Iterator<Item = Queue> {
    let scope = cx.caller.clone();
    let streams = cx.namespace(&scope).map(|namespace| cx.backend.streams(namespace));
    let streams = streams.into_iter().flatten().filter(|entry| is_queue(entry));
    streams.map(move |entry| {
        let at = QueueRef { scope: scope.clone(), name: entry.name.to_string() };
        Queue { at, entry }
    })
}

/// Asks the shard one thing.
pub(super) fn submit(
    request: Authorized<Request>,
    then: impl FnOnce(&mut Context, Reply) -> Result<Step, SqsError> + Send + 'static,
) -> Step {
    let then = move |cx: &mut Context, mut replies: Vec<Reply>| {
        let reply = replies.pop().unwrap_or(Reply::Refused(ErrorKind::Indeterminate));
        then(cx, reply).into()
    };
    Step::Submit(vec![request], Box::new(then))
}

/// A request about leases.
pub(super) fn lease(grant: Grant, request: LeaseRequest) -> Authorized<Request> {
    grant.request(Request::Lease(Box::new(request)))
}

/// The entry that a change of the catalog left.
pub(super) fn stream_reply(reply: Reply) -> Result<Arc<StreamEntry>, SqsError> {
    match reply {
        Reply::Stream(entry) => Ok(entry),
        Reply::Refused(kind) => Err(kind.into()),
        _ => Err(SqsError::Internal),
    }
}

/// An answer about leases.
pub(super) fn lease_reply(reply: Reply) -> Result<LeaseReply, SqsError> {
    match reply {
        Reply::Lease(reply) => Ok(*reply),
        Reply::Refused(kind) => Err(kind.into()),
        _ => Err(SqsError::Internal),
    }
}
