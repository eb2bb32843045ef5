//! `GET /api/v1`: what answers here.
//!
//! So that a tool can tell a broker from whatever else listens on a port.

use super::Endpoint;
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint;
use crate::errors::Problem;
use crate::respond::document;
use schemars::JsonSchema;
use serde::Serialize;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "get_api",
    method: "GET",
    path: "/api/v1",
    answers: &[endpoint::ok::<Api>()],
    doc: "Say that this is Millstream, in which version.",
    ..Endpoint::PLAIN
};

#[derive(Serialize, JsonSchema)]
struct Api {
    product: &'static str,
    version: &'static str,
}

pub(super) fn start(cx: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    Ok(document(200, &Api { product: "millstream", version: cx.version }))
}
