//! `GET /api/v1/openapi.json`: the description of all this for programs.

use super::Endpoint;
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint;
use crate::errors::Problem;
use crate::openapi;
use crate::respond::json;
use bytes::Bytes;
use std::sync::OnceLock;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "get_openapi",
    path: "/api/v1/openapi.json",
    answers: &[endpoint::ok::<serde_json::Map<String, serde_json::Value>>()],
    doc: "Describe the API as an OpenAPI 3.1 document.",
    ..Endpoint::PLAIN
};

/// It is the same for as long as the process runs, and takes some milliseconds to make.
static DOCUMENT: OnceLock<Bytes> = OnceLock::new();

pub(super) fn start(cx: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    let made = DOCUMENT.get_or_init(|| {
        let document = openapi::document(cx.version);
        serde_json::to_vec(&document).expect("a document is JSON").into()
    });
    Ok(json(200, made.clone()))
}
