//! Carrying out, at the start, what policies say.
//!
//! Apart because nobody asks for it: a process may have ended between a policy's change and the last queue that it is about.

use super::context::{Context, Step, step};
use super::errors::Problem;
use crate::policy::carry_out;
use bytes::Bytes;
use millstream_core::catalog::NamespaceEntry;
use millstream_front::http::{Commands, Outcome, Response};
use millstream_front::{Authorizer, Backend, Principal, steps};
use std::collections::VecDeque;
use std::sync::Arc;

/// Has every queue and exchange as the policies of its virtual host say. The outcome is an exchange to be driven to its end;
/// its response has status 200 if nothing failed, else its body says what did.
#[must_use]
pub fn settle_policies(
    backend: &Arc<dyn Backend>,
    authorizer: &Arc<Authorizer>,
    commands: &mut Commands,
) -> Outcome {
    let mut cx = Context {
        backend: backend.clone(),
        authorizer: authorizer.clone(),
        shared: Arc::default(),
        principal: Principal::local(),
        user: "".into(),
        version: "",
        listeners: Arc::from([]),
        now: backend.now(),
    };
    let namespaces = backend.namespaces().into();
    let begun = next(&mut cx, namespaces);
    steps::start(cx, step(begun), commands)
}

fn next(cx: &mut Context, mut left: VecDeque<Arc<NamespaceEntry>>) -> Result<Step, Problem> {
    match left.pop_front() {
        Some(entry) => carry_out(cx, entry.name.clone(), entry.number, move |cx| next(cx, left)),
        None => Ok(Step::Respond(Response { status: 200, headers: Vec::new(), body: Bytes::new() })),
    }
}
