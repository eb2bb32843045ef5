//! Beginning and ending a verification: one of the [jobs](super::jobs).
//!
//! Apart because it is no entity of the core: it is written down as an annotation, and done by a thread of the process. It is
//! answered once it is written down, so that it goes on whatever happens.

use super::jobs::Shown;
use crate::context::{Context, Step, submit};
use crate::errors::{Code, Problem};
use crate::respond::document;
use crate::verification::{VERIFICATION, Verification, VerificationState};
use millstream_core::catalog::DEFAULT_NAME;
use millstream_core::{Reply, Request};
use millstream_front::{Action, Resource};

pub(super) fn start(cx: &mut Context) -> Result<Step, Problem> {
    cx.allow(Action::Alter, Resource::Cluster)?;
    let last = cx.system.verification();
    if last.is_some_and(|last| last.state == VerificationState::Running) {
        return Err(Problem::new(Code::AlreadyUnderWay, "A verification is under way already."));
    }
    let verification = Verification::begin(last.map_or(0, |last| last.number) + 1, cx.now);
    write_down(cx, verification, move |cx| {
        cx.system.verify(verification);
        document(202, &Shown::of(&verification))
    })
}

/// Ends the verification of a number; it stays as it is when it is over.
pub(super) fn cancel(cx: &mut Context, number: u64) -> Result<Step, Problem> {
    let last = cx.system.verification().filter(|last| last.number == number);
    let last = last.ok_or_else(|| Problem::new(Code::UnknownJob, "There is no such verification."))?;
    match cx.system.end_verification(number) {
        None => Ok(document(200, &Shown::of(&last))),
        Some(ended) => write_down(cx, ended, move |_| document(200, &Shown::of(&ended))),
    }
}

/// Writes a verification down, and goes on when that is durable.
fn write_down(
    cx: &mut Context,
    verification: Verification,
    then: impl FnOnce(&mut Context) -> Step + Send + 'static,
) -> Result<Step, Problem> {
    let grant = cx.allow(Action::Alter, Resource::Namespace(DEFAULT_NAME))?;
    let namespace = cx.backend.namespace(DEFAULT_NAME).ok_or_else(Problem::unexpected)?;
    let changes = vec![(VERIFICATION.into(), Some(verification.to_string().into()))];
    let request = Request::AlterNamespace { namespace, changes };
    Ok(submit(grant.request(request), move |cx, reply| match reply {
        Reply::Namespace { .. } => Ok(then(cx)),
        Reply::Refused(kind) => Err(kind.into()),
        _ => Err(Problem::unexpected()),
    }))
}
