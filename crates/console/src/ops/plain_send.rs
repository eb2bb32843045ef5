//! `POST /v1/streams/{name}/records`: append records with nothing but HTTP.
//!
//! What the body is says its type: `application/octet-stream` is the value of one record, whose key and headers are headers of the
//! request; `application/x-ndjson` is a record to a line, `application/json` one record or a list of them. With an `Idempotency-Key`
//! the request can be repeated. What a form can send without being asked is not taken: it may be another site's.

use super::Endpoint;
use super::send_records::{Sent, send};
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint;
use crate::errors::{Code, Problem};
use crate::limits::SEND_RECORDS_MAX;
use crate::translate::GivenRecord;
use millstream_front::Action;
use millstream_front::http::Request;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "append",
    method: "POST",
    path: "/v1/streams/{name}/records",
    query: &[
        endpoint::number("partition", 0, u32::MAX as u64, "append to this partition"),
        endpoint::text("key", "key of records that do not say theirs"),
    ],
    headers: &[
        endpoint::text("millstream-key", "key of a record that is given as bytes"),
        endpoint::text(
            "idempotency-key",
            "within the stream's `dedup_window_ms` the same records are stored once",
        ),
    ],
    body: endpoint::records::<GivenRecord>(),
    answers: &[endpoint::ok::<Sent>()],
    doc: "Append a record given as bytes (`application/octet-stream`; headers `millstream-header-NAME` become its own), or up to \
          1000 as lines (`application/x-ndjson`) or a list of JSON.",
};

/// What stands before the name of a record's header.
const HEADER: &str = "millstream-header-";

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let mut records = read(&call.request)?;
    let (entry, grant) = cx.stream(call.name(), Action::Write)?;
    let partition = call.query.number("partition", 0..=u64::from(u32::MAX))?;
    if let Some(key) = call.query.text("key") {
        records.iter_mut().for_each(|record| record.set_key(key));
    }
    if let Some(id) = call.request.header("idempotency-key") {
        let is_one = records.len() == 1;
        for (index, record) in records.iter_mut().enumerate() {
            let id = if is_one { id.to_owned() } else { format!("{id}/{index}") };
            record.dedup_id.get_or_insert(id);
        }
    }
    send(cx, &entry, grant, partition, records)
}

/// The records of a body.
fn read(request: &Request<'_>) -> Result<Vec<GivenRecord>, Problem> {
    let media_type = request.header("content-type").unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match &*media_type {
        "application/octet-stream" => bytes(request).map(|record| vec![record]),
        "application/x-ndjson" | "application/jsonl" => lines(request.body),
        "application/json" => match request.body.trim_ascii_start().first() {
            Some(b'[') => serde_json::from_slice(request.body).map_err(|error| wrong(&error)),
            _ => {
                serde_json::from_slice(request.body).map(|record| vec![record]).map_err(|error| wrong(&error))
            }
        },
        _ => Err(Problem::new(
            Code::UnsupportedMediaType,
            format!(
                "The body is said to be {media_type:?}; it must be application/octet-stream (the value of one record), \
                 application/x-ndjson or application/json."
            ),
        )),
    }
}

fn wrong(error: &serde_json::Error) -> Problem {
    Problem::new(Code::InvalidBody, format!("The body cannot be read: {error}."))
}

/// A record to a line; empty lines are passed over.
fn lines(body: &[u8]) -> Result<Vec<GivenRecord>, Problem> {
    let mut records = Vec::new();
    for (index, line) in body.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if records.len() == SEND_RECORDS_MAX {
            let detail = format!("The body holds more than {SEND_RECORDS_MAX} records.");
            return Err(Problem::new(Code::InvalidBody, detail));
        }
        let record = serde_json::from_slice(line).map_err(|error| {
            Problem::new(Code::InvalidBody, format!("Line {} cannot be read: {error}.", index + 1))
        })?;
        records.push(record);
    }
    Ok(records)
}

/// One record whose value is the body.
fn bytes(request: &Request<'_>) -> Result<GivenRecord, Problem> {
    let key = request.header("millstream-key");
    let headers =
        request.headers.iter().filter_map(|(name, value)| Some((name.strip_prefix(HEADER)?, *value)));
    if headers.clone().any(|(name, _)| name.is_empty()) {
        return Err(Problem::parameter(HEADER, "has no name behind it"));
    }
    Ok(GivenRecord::of_bytes(key, request.body, headers))
}
