//! `GET /api/v1/streams/{name}/records/{partition}/{offset}`: one record, whole, wherever it is for those who work the stream.
//!
//! With `view` its value is decoded as well: JSON as JSON, or as text with what is no UTF-8 replaced, or in hexadecimal digits.

use super::Endpoint;
use super::list_records::{Browsed, partition, states};
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint;
use crate::errors::{Code, Problem};
use crate::respond::document;
use crate::scan::Scan;
use crate::translate::View;
use millstream_front::Action;
use millstream_types::{ErrorKind, Offset};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "get_record",
    path: "/api/v1/streams/{name}/records/{partition}/{offset}",
    query: &[super::VIEW],
    answers: &[endpoint::ok::<Browsed>()],
    doc: "Show one record.",
    ..Endpoint::PLAIN
};

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (entry, grant) = cx.stream(call.name(), Action::Read)?;
    let view = View::of(&call.query)?;
    let missing = || Problem::new(Code::UnknownRecord, format!("{:?} has no record there.", entry.name));
    let index = number(&call.path[1]).ok_or_else(missing)?;
    let index = partition(&entry, Some(index))?.ok_or_else(missing)?;
    let offset = number(&call.path[2]).filter(|offset| *offset <= i64::MAX as u64).ok_or_else(missing)?;
    let at = (index, Offset(offset));
    let scan = Scan::new(entry.clone(), grant, at, index + 1, 1).viewed(view);
    Ok(scan.run(cx, move |cx, (records, _)| {
        let found = records.into_iter().find(|record| record.place() == at);
        let Some(found) = found else {
            return Err(match cx.abandoned {
                true => ErrorKind::ShuttingDown.into(),
                false => Problem::new(Code::UnknownRecord, format!("{:?} has no record there.", entry.name)),
            });
        };
        states(cx, entry, vec![found], |browsed| {
            Ok(document(200, &browsed.into_iter().next().ok_or_else(Problem::unexpected)?))
        })
    }))
}

/// A number in an address.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}
