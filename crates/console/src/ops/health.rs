//! `/healthz` and `/readyz`: for whoever starts, stops and replaces processes.
//!
//! One file because they differ in one thing: who answers at all is alive, and is ready unless something keeps it from storing
//! what it is sent. What that is stands in the answer. A broker listens only after its recovery, and stops itself when its
//! storage has failed.

use super::Endpoint;
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint::{self, Answer};
use crate::errors::Problem;
use crate::metrics::Health;
use crate::respond::document;
use schemars::JsonSchema;
use serde::Serialize;

pub(super) const HEALTH: Endpoint = Endpoint {
    name: "get_health",
    path: "/healthz",
    answers: &[endpoint::ok::<Alive>()],
    doc: "Say that the process answers.",
    ..Endpoint::PLAIN
};

pub(super) const READY: Endpoint = Endpoint {
    name: "get_readiness",
    path: "/readyz",
    answers: &[endpoint::ok::<Readiness>(), NOT_READY],
    doc: "Say whether records would be stored, and what is missing if not: then with status 503.",
    ..Endpoint::PLAIN
};

const NOT_READY: Answer = endpoint::status::<Readiness>(503);

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Health")]
struct Alive {
    status: &'static str,
}

#[derive(Serialize, JsonSchema)]
struct Readiness {
    ready: bool,
    /// What is missing, in sentences.
    missing: Vec<&'static str>,
}

pub(super) fn health(_: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    Ok(document(200, &Alive { status: "ok" }))
}

pub(super) fn readiness(cx: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    let health = match &cx.telemetry {
        Some(telemetry) => telemetry.process().health,
        None => Health { is_disk_full: cx.backend.is_disk_full(), ..Health::default() },
    };
    let missing = health.missing();
    let ready = missing.is_empty();
    Ok(document(if ready { 200 } else { 503 }, &Readiness { ready, missing }))
}
