//! Carrying out policies: every queue and exchange of a namespace is looked at, and set up anew where policies say so.
//!
//! Apart because it is long work in short steps: some hundreds are looked at and some tens changed between two answers of
//! the broker (R13). What was changed is looked at once more with the policies of then, so of two who change policies at the
//! same time the later one wins everywhere. A process that ends in the middle goes on at its next start, which looks at
//! everything anyway.

use super::Policies;
use crate::management::{Context, Problem, Step, step};
use crate::translate::{is_own, predeclared, predeclared_names, set_up_exchange, set_up_queue};
use millstream_core::lease::LeaseRequest;
use millstream_core::route::{CreateRoute, RouteRequest};
use millstream_core::{Reply, Request};
use millstream_front::{Action, Authorized, Resource};
use millstream_types::{ErrorKind, Namespace, RouteId, StreamId};
use std::collections::VecDeque;
use std::sync::Arc;

/// Queues and exchanges that are looked at in one step.
const LOOKED_PER_STEP: usize = 512;
/// Queues and exchanges that are changed in one step.
const CHANGED_PER_STEP: usize = 32;
/// How often one of them is changed because its policies have changed meanwhile.
const ROUNDS_MAX: u8 = 16;

/// What is looked at.
#[derive(Debug, Clone)]
enum Target {
    Queue(StreamId),
    Exchange(RouteId),
    /// An exchange that is always there and no route yet.
    Predeclared(&'static str),
}

/// How it goes on.
type Then = Box<dyn FnOnce(&mut Context) -> Result<Step, Problem> + Send>;

struct Work {
    /// The namespace's name.
    name: Arc<str>,
    namespace: Namespace,
    left: VecDeque<(Target, u8)>,
    then: Then,
}

/// Carries the policies of a namespace out, then goes on.
pub(crate) fn carry_out(
    cx: &mut Context,
    name: Arc<str>,
    namespace: Namespace,
    then: impl FnOnce(&mut Context) -> Result<Step, Problem> + Send + 'static,
) -> Result<Step, Problem> {
    let queues = cx.backend.streams(namespace).into_iter().filter(|entry| is_own(&entry.config));
    let mut left: VecDeque<(Target, u8)> = queues.map(|entry| (Target::Queue(entry.id), 0)).collect();
    left.extend(cx.backend.routes(namespace).iter().map(|entry| (Target::Exchange(entry.id), 0)));
    left.extend(predeclared_names().map(|name| (Target::Predeclared(name), 0)));
    go_on(cx, Work { name, namespace, left, then: Box::new(then) })
}

fn go_on(cx: &mut Context, mut work: Work) -> Result<Step, Problem> {
    let policies = cx.policies(&work.name);
    let mut requests: Vec<Authorized<Request>> = Vec::new();
    let mut changed: Vec<(Target, u8)> = Vec::new();
    for _ in 0..LOOKED_PER_STEP {
        if requests.len() == CHANGED_PER_STEP {
            break;
        }
        let Some((target, rounds)) = work.left.pop_front() else { break };
        if rounds < ROUNDS_MAX
            && let Some(request) = change(cx, work.namespace, &target, &policies)?
        {
            requests.push(request);
            changed.push((target, rounds + 1));
        }
    }
    if requests.is_empty() {
        if work.left.is_empty() {
            return (work.then)(cx);
        }
        // Others get their turn meanwhile.
        let breath = Request::Lease(Box::new(LeaseRequest::Describe { groups: Vec::new() }));
        requests.push(cx.allow(Action::Describe, Resource::Cluster)?.request(breath));
    }
    let then = move |cx: &mut Context, replies: Vec<Reply>| {
        let refused = replies.iter().find_map(|reply| match reply {
            // Gone is gone.
            Reply::Refused(
                ErrorKind::UnknownStream | ErrorKind::UnknownRoute | ErrorKind::UnknownNamespace,
            ) => None,
            Reply::Refused(kind) => Some(*kind),
            _ => None,
        });
        work.left.extend(changed);
        step(match refused {
            Some(kind) => Err(kind.into()),
            None => go_on(cx, work),
        })
    };
    Ok(Step::Submit(requests, Box::new(then)))
}

/// What has to be asked for to have a target as the policies say.
fn change(
    cx: &Context,
    namespace: Namespace,
    target: &Target,
    policies: &Policies,
) -> Result<Option<Authorized<Request>>, Problem> {
    match target {
        Target::Queue(id) => {
            let Some(entry) = cx.backend.stream_by_id(*id) else { return Ok(None) };
            let changes = set_up_queue(&entry.name, &entry.config, policies);
            if changes.is_empty() {
                return Ok(None);
            }
            let grant = cx.allow(Action::Alter, Resource::Stream(&entry.name))?;
            Ok(Some(grant.request(Request::AlterStream { stream: entry.id, changes })))
        }
        Target::Exchange(id) => {
            let Some(entry) = cx.backend.route_by_id(*id) else { return Ok(None) };
            let Some(config) = set_up_exchange(&entry.name, &entry.config, policies) else { return Ok(None) };
            let alter = RouteRequest::Alter {
                route: entry.id,
                alternate: config.alternate,
                annotations: config.annotations,
            };
            let grant = cx.allow(Action::Alter, Resource::Route(&entry.name))?;
            Ok(Some(grant.request(Request::Route(Box::new(alter)))))
        }
        Target::Predeclared(name) => {
            let is_route = cx.backend.route(namespace, name).is_some();
            let declared = predeclared(name).filter(|_| !is_route);
            let Some(config) = declared.and_then(|config| set_up_exchange(name, &config, policies)) else {
                return Ok(None);
            };
            let create = CreateRoute { namespace, name: (*name).into(), config };
            let grant = cx.allow(Action::Create, Resource::Route(name))?;
            Ok(Some(grant.request(Request::Route(Box::new(RouteRequest::Create(Box::new(create)))))))
        }
    }
}
