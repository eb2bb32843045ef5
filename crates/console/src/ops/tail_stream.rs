//! `GET /api/v1/streams/{name}/live`: the records of a stream as they come, as server-sent events.
//!
//! From now on, or from an offset. Events are named `record`; `gap` says that records went away before they were shown, `error` that
//! it is over. Whoever comes back with `Last-Event-ID` goes on where it was. Nobody's position and nobody's lease is touched.

use super::list_records::partition;
use super::{Endpoint, VIEW};
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint;
use crate::errors::Problem;
use crate::live::{self, Tail};
use crate::scan::Filter;
use crate::translate::{ShownRecord, View};
use millstream_front::Action;
use millstream_types::Offset;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "tail_stream",
    path: "/api/v1/streams/{name}/live",
    query: &[
        endpoint::number("partition", 0, u32::MAX as u64, "only this partition"),
        endpoint::number(
            "offset",
            0,
            i64::MAX as u64,
            "begin at this offset of the partition, not at its end",
        ),
        endpoint::text("key", "only records with this key"),
        endpoint::text("contains", "only records whose value has this text in it"),
        VIEW,
    ],
    headers: &[endpoint::text("last-event-id", "the `id` of the last event that was seen")],
    answers: &[endpoint::events::<ShownRecord>()],
    doc: "Show records as they come, as server-sent events without an end.",
    ..Endpoint::PLAIN
};

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (entry, grant) = cx.stream(call.name(), Action::Read)?;
    let only = partition(&entry, call.query.number("partition", 0..=u64::from(u32::MAX))?)?;
    let mut places = live::ends(cx, &entry, only);
    if let Some(offset) = call.query.number("offset", 0..=i64::MAX as u64)? {
        let [(_, at)] = &mut places[..] else {
            return Err(Problem::parameter("partition", "must be given with offset: there are several"));
        };
        *at = Offset(offset);
    }
    let places = live::resumed(&call.request, places)?;
    let filter = Filter::of(&call.query);
    let view = View::of(&call.query)?;
    Ok(Tail::new(cx, entry, grant, places)?.showing(filter, view).begin())
}
