//! `DELETE /api/v1/streams/{name}`: delete a stream and everything in it, at once, whichever protocol created it.

use super::Endpoint;
use crate::call::Call;
use crate::context::{Context, Step, stream_reply, submit};
use crate::endpoint;
use crate::errors::Problem;
use crate::respond::nothing;
use millstream_core::Request;
use millstream_front::Action;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "delete_stream",
    method: "DELETE",
    path: "/api/v1/streams/{name}",
    answers: &[endpoint::DONE],
    doc: "Delete a stream and everything in it, for every protocol.",
    ..Endpoint::PLAIN
};

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (entry, grant) = cx.stream(call.name(), Action::Delete)?;
    let request = grant.request(Request::DeleteStream { stream: entry.id });
    Ok(submit(request, |_, reply| stream_reply(reply).map(|_| nothing())))
}
