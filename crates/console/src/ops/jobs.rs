//! `/api/v1/jobs`: the broker's long work, whatever it is: redrives, purges that take a while, and the verification of everything.
//!
//! One file because an id leads from the list to the rest. A job goes on by itself, in slices, also after a restart. What can be done in
//! one change however much it is about (letting a group go on elsewhere, deleting a stream) is none. Redrives and purges are the core's;
//! a verification ([`verify`](super::verify)) belongs to the process and is shown in every namespace.

use super::{CURSOR, Endpoint, LIMIT, verify};
use crate::call::Call;
use crate::context::{Context, Step, lease_reply, submit};
use crate::endpoint;
use crate::errors::{Code, Problem};
use crate::limits::JOB_LOOKS_MAX;
use crate::page::{Page, Wanted};
use crate::respond::document;
use crate::translate::redrive_word;
use crate::verification::Verification;
use millstream_core::Request;
use millstream_core::lease::{GroupJobs, LeaseGroupId, LeaseReply, LeaseRequest, RedriveState};
use millstream_front::{Action, Grant, Resource};
use millstream_types::StreamId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

pub(super) const LIST: Endpoint = Endpoint {
    name: "list_jobs",
    path: "/api/v1/jobs",
    query: &[
        endpoint::word("state", &["running", "completed", "cancelled", "failed"], "only jobs that are there"),
        LIMIT,
        CURSOR,
    ],
    answers: &[endpoint::ok::<Page<Shown>>()],
    doc: "List long work of all streams of the namespace: what is under way, the newest ten redrives of each, and the last verification.",
    ..Endpoint::PLAIN
};

pub(super) const START: Endpoint = Endpoint {
    name: "start_job",
    method: "POST",
    path: "/api/v1/jobs",
    body: endpoint::json::<Wish>(),
    answers: &[endpoint::status::<Shown>(202)],
    doc: "Begin a job that is about no stream: `kind` `verify` reads and checks everything that is stored.",
    ..Endpoint::PLAIN
};

pub(super) const GET: Endpoint = Endpoint {
    name: "get_job",
    path: "/api/v1/jobs/{name}",
    answers: &[endpoint::ok::<Shown>()],
    doc: "Say how far a job is; `name` is its `id`.",
    ..Endpoint::PLAIN
};

pub(super) const CANCEL: Endpoint = Endpoint {
    name: "cancel_job",
    method: "DELETE",
    path: "/api/v1/jobs/{name}",
    answers: &[endpoint::ok::<Shown>()],
    doc: "End a job; what it has done stays done.",
    ..Endpoint::PLAIN
};

/// A job.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(rename = "Job")]
pub(super) struct Shown {
    id: String,
    /// `redrive`, `purge` or `verify`.
    kind: &'static str,
    /// `null`: it is about no single one.
    stream: Option<String>,
    /// `running`, `completed`, `cancelled` or `failed`; a purge is not remembered when it is over.
    state: &'static str,
    /// `records` or `bytes`: what is counted.
    unit: &'static str,
    /// What it is done with.
    done: u64,
    /// What there is for it; of a purge, at most.
    total: u64,
    /// Places that a verification found damaged; the broker's log says which.
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<u64>,
    /// `null`: not known.
    started_ms: Option<i64>,
}

const RECORDS: &str = "records";
const BYTES: &str = "bytes";

/// What is asked for.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "JobWish")]
#[serde(deny_unknown_fields)]
struct Wish {
    kind: WishKind,
}

/// The jobs that are about no stream.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum WishKind {
    Verify,
}

impl Shown {
    /// A verification as a job.
    pub(super) fn of(verification: &Verification) -> Shown {
        Shown {
            id: JobId::Verify(verification.number).to_string(),
            kind: "verify",
            stream: None,
            state: verification.state.word(),
            unit: BYTES,
            done: verification.done_bytes,
            // Files that were written or merged since it began do not make it look endless.
            total: verification.total_bytes.max(verification.done_bytes),
            findings: Some(verification.findings),
            started_ms: Some(verification.started.0),
        }
    }
}

/// Names a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JobId {
    Redrive(LeaseGroupId, u64),
    Purge(LeaseGroupId),
    Verify(u64),
}

impl JobId {
    /// The group that it is about, if it is about one.
    fn group(self) -> Option<LeaseGroupId> {
        match self {
            JobId::Redrive(group, _) | JobId::Purge(group) => Some(group),
            JobId::Verify(_) => None,
        }
    }

    /// Reads what [`fmt::Display`] writes.
    fn parse(text: &str) -> Option<JobId> {
        let mut parts = text.split('-');
        let kind = parts.next()?;
        let mut number = || {
            let digits = parts.next()?;
            digits.parse::<u64>().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let mut group = || Some(LeaseGroupId { stream: StreamId(number()?), number: number()? });
        let id = match kind {
            "redrive" => JobId::Redrive(group()?, number()?),
            "purge" => JobId::Purge(group()?),
            "verify" => JobId::Verify(number()?),
            _ => return None,
        };
        parts.next().is_none().then_some(id)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobId::Redrive(LeaseGroupId { stream, number }, redrive) => {
                write!(f, "redrive-{}-{number}-{redrive}", stream.0)
            }
            JobId::Purge(LeaseGroupId { stream, number }) => write!(f, "purge-{}-{number}", stream.0),
            JobId::Verify(number) => write!(f, "verify-{number}"),
        }
    }
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let Wish { kind: WishKind::Verify } = call.read()?;
    verify::start(cx)
}

/// A page of jobs being made.
struct Listing {
    grant: Grant,
    state: Option<String>,
    limit: usize,
    looks_left: usize,
    found: Vec<Shown>,
}

pub(super) fn list(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let wanted = Wanted::of(&call.query)?;
    let after = match wanted.after.as_deref().map(JobId::parse) {
        None => None,
        Some(Some(JobId::Redrive(after, _) | JobId::Purge(after))) => Some(after),
        Some(Some(JobId::Verify(_)) | None) => {
            return Err(Problem::parameter("cursor", "is none that was given out here"));
        }
    };
    let state = match call.query.text("state") {
        Some(word @ ("running" | "completed" | "cancelled" | "failed")) => Some(word.to_owned()),
        Some(_) => return Err(Problem::parameter("state", "is none that a job can be in")),
        None => None,
    };
    let grant = cx.allow(Action::Describe, Resource::Cluster)?;
    let first = cx.system.verification().filter(|_| after.is_none()).map(|last| Shown::of(&last));
    let is_wanted = |job: &Shown| state.as_deref().is_none_or(|state| job.state == state);
    let found = first.into_iter().filter(is_wanted).collect();
    let listing = Listing { grant, state, limit: wanted.limit, looks_left: JOB_LOOKS_MAX, found };
    Ok(listing.look(after))
}

impl Listing {
    /// Asks for more. The jobs of one group stay together, so that a page may have a few more than asked for.
    fn look(mut self, after: Option<LeaseGroupId>) -> Step {
        self.looks_left -= 1;
        let request = self.grant.allow(Request::Lease(Box::new(LeaseRequest::Jobs { after })));
        submit(request, move |cx, reply| {
            let LeaseReply::Jobs { jobs, next } = lease_reply(reply)? else {
                return Err(Problem::unexpected());
            };
            let mut jobs = jobs.iter();
            while let Some(of_group) = jobs.next() {
                let wanted = shown(cx, of_group).into_iter();
                let is_wanted = |job: &Shown| self.state.as_deref().is_none_or(|state| job.state == state);
                self.found.extend(wanted.filter(is_wanted));
                if self.found.len() >= self.limit {
                    let has_more = jobs.len() > 0 || next.is_some();
                    return Ok(self.answer(has_more.then_some(of_group.group)));
                }
            }
            match next {
                Some(next) if self.looks_left > 0 && !cx.abandoned => Ok(self.look(Some(next))),
                next => Ok(self.answer(next)),
            }
        })
    }

    fn answer(self, next: Option<LeaseGroupId>) -> Step {
        let next = next.map(|group| JobId::Purge(group).to_string());
        document(200, &Page::new(self.found, next.as_deref()))
    }
}

/// The jobs of a group; none if it is of another namespace.
fn shown(cx: &Context, jobs: &GroupJobs) -> Vec<Shown> {
    let Some(entry) = cx.backend.stream_by_id(jobs.group.stream) else { return Vec::new() };
    if entry.namespace != cx.namespace {
        return Vec::new();
    }
    let stream = || Some(entry.name.to_string());
    let purge = jobs.purge.map(|purge| Shown {
        id: JobId::Purge(jobs.group).to_string(),
        kind: "purge",
        stream: stream(),
        state: redrive_word(RedriveState::Running),
        unit: RECORDS,
        done: purge.settled,
        total: purge.settled.saturating_add(purge.left_max),
        findings: None,
        started_ms: None,
    });
    let redrives = jobs.redrives.iter().map(|redrive| Shown {
        id: JobId::Redrive(jobs.group, redrive.number).to_string(),
        kind: "redrive",
        stream: stream(),
        state: redrive_word(redrive.state),
        unit: RECORDS,
        done: redrive.moved,
        total: redrive.total,
        findings: None,
        started_ms: Some(redrive.started.0),
    });
    purge.into_iter().chain(redrives).collect()
}

pub(super) fn get(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let id = known(cx, call, Action::Describe)?;
    let grant = cx.allow(Action::Describe, Resource::Cluster)?;
    let Some(group) = id.group() else {
        let last = cx.system.verification().filter(|last| JobId::Verify(last.number) == id);
        return Ok(document(200, &Shown::of(&last.ok_or_else(|| unknown(call.name()))?)));
    };
    Ok(find(&grant, id, group, |_, found| Ok(document(200, &found))))
}

/// Finds a job.
fn find(
    grant: &Grant,
    id: JobId,
    group: LeaseGroupId,
    then: impl FnOnce(&mut Context, Shown) -> Result<Step, Problem> + Send + 'static,
) -> Step {
    // The group before it, of which there may be none: the look begins behind it.
    let LeaseGroupId { stream, number } = group;
    let after = match (number.checked_sub(1), stream.0.checked_sub(1)) {
        (Some(number), _) => Some(LeaseGroupId { stream, number }),
        (None, Some(stream)) => Some(LeaseGroupId { stream: StreamId(stream), number: u64::MAX }),
        (None, None) => None,
    };
    let request = grant.allow(Request::Lease(Box::new(LeaseRequest::Jobs { after })));
    submit(request, move |cx, reply| {
        let LeaseReply::Jobs { jobs, .. } = lease_reply(reply)? else { return Err(Problem::unexpected()) };
        let of_group = jobs.iter().find(|jobs| jobs.group == group);
        let text = id.to_string();
        let found = of_group.and_then(|jobs| shown(cx, jobs).into_iter().find(|job| job.id == text));
        then(cx, found.ok_or_else(|| unknown(&text))?)
    })
}

pub(super) fn cancel(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let id = known(cx, call, Action::Alter)?;
    let grant = cx.allow(Action::Alter, Resource::Cluster)?;
    let look = cx.allow(Action::Describe, Resource::Cluster)?;
    let (group, request) = match id {
        JobId::Redrive(group, number) => (group, LeaseRequest::CancelRedrive { group, number }),
        JobId::Purge(group) => (group, LeaseRequest::CancelPurge { group }),
        JobId::Verify(number) => return verify::cancel(cx, number),
    };
    Ok(find(&look, id, group, move |_, before| {
        let cancel = grant.request(Request::Lease(Box::new(request)));
        Ok(submit(cancel, move |_, reply| {
            let (state, done) = match lease_reply(reply)? {
                LeaseReply::Purged { settled } => (RedriveState::Cancelled, settled),
                LeaseReply::Redrives(redrives) => {
                    let is_it = |id: JobId, number: u64| matches!(id, JobId::Redrive(_, it) if it == number);
                    let redrive = redrives.into_iter().find(|redrive| is_it(id, redrive.number));
                    let redrive = redrive.ok_or_else(|| unknown(&before.id))?;
                    (redrive.state, redrive.moved)
                }
                _ => return Err(Problem::unexpected()),
            };
            Ok(document(200, &Shown { state: redrive_word(state), done, ..before }))
        }))
    }))
}

/// The job of an address, if its stream is one that whoever asks may do this to.
fn known(cx: &Context, call: &Call<'_>, action: Action) -> Result<JobId, Problem> {
    let id = JobId::parse(call.name()).ok_or_else(|| unknown(call.name()))?;
    let Some(group) = id.group() else { return Ok(id) };
    let entry = cx.backend.stream_by_id(group.stream);
    let entry = entry.filter(|entry| entry.namespace == cx.namespace).ok_or_else(|| unknown(call.name()))?;
    cx.stream(&entry.name, action)?;
    Ok(id)
}

fn unknown(id: &str) -> Problem {
    Problem::new(Code::UnknownJob, format!("There is no job {id:?}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written_and_nothing_else_is() {
        let group = LeaseGroupId { stream: StreamId(7), number: 2 };
        for id in [JobId::Redrive(group, 3), JobId::Purge(group), JobId::Verify(4)] {
            assert_eq!(JobId::parse(&id.to_string()), Some(id));
        }
        for wrong in [
            "",
            "purge",
            "purge-1",
            "purge-1-2-3",
            "redrive-1-2",
            "redrive-+1-2-3",
            "x-1-2",
            "purge-1-",
            "verify",
            "verify-1-2",
        ] {
            assert_eq!(JobId::parse(wrong), None, "{wrong}");
        }
    }
}
