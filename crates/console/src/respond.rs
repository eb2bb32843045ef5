//! Responses that say yes.
//!
//! Apart because all of them have the same headers: what is shown here is of this moment and is for nobody else.

use crate::context::Step;
use bytes::Bytes;
use millstream_front::http::{Header, Response};
use serde::Serialize;

/// No cache keeps it.
pub(crate) fn no_store() -> Header {
    ("cache-control", "no-store".into())
}

/// No browser takes it for something else than it says it is.
pub(crate) fn no_sniff() -> Header {
    ("x-content-type-options", "nosniff".into())
}

/// Answers with a document.
pub(crate) fn document(status: u16, document: &impl Serialize) -> Step {
    let body = serde_json::to_vec(document).expect("what is shown is made of texts, numbers and lists");
    json(status, Bytes::from(body))
}

/// Answers with what is JSON already.
pub(crate) fn json(status: u16, body: Bytes) -> Step {
    let headers = vec![("content-type", "application/json".into()), no_store(), no_sniff()];
    Step::Respond(Response { status, headers, body })
}

/// Answers that it is done.
pub(crate) fn nothing() -> Step {
    Step::Respond(Response { status: 204, headers: vec![no_store()], body: Bytes::new() })
}
