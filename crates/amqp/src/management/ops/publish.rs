//! `POST /api/exchanges/{vhost}/{name}/publish`: a message goes the way of one that a client publishes, and the answer
//! says whether any queue gets it, once it is stored.

use super::super::call::Call;
use super::super::context::{Context, Step, document, submit};
use super::super::errors::Problem;
use super::super::json::{object_of, to_properties, to_table};
use super::super::show::DEFAULT_EXCHANGE;
use crate::codec::{ContentHeader, Method};
use crate::errors::{Code, Fault};
use crate::ops::basic_publish;
use crate::session::{Channel, Connection, Content};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Bytes, BytesMut};
use millstream_core::Reply;
use millstream_types::RecordTime;
use serde_json::json;

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let vhost = cx.vhost(call.name(0))?;
    let object = call.object_with(&["routing_key", "properties", "payload", "payload_encoding"])?;
    let text = |name: &str| {
        object[name].as_str().ok_or_else(|| Problem::bad_request(format!("{name} must be a string")))
    };
    let payload = text("payload")?;
    let body = match text("payload_encoding")? {
        "string" => Bytes::copy_from_slice(payload.as_bytes()),
        "base64" => {
            let decoded = BASE64.decode(payload);
            Bytes::from(decoded.map_err(|_| Problem::bad_request(json!(["not_base64", payload])))?)
        }
        other => return Err(Problem::bad_request(json!(["unsupported_encoding", other]))),
    };
    let routing_key = text("routing_key")?;
    if routing_key.len() > 255 {
        return Err(Problem::bad_request("routing_key is longer than 255 bytes"));
    }
    let properties = object_of(object.get("properties"))?;
    let headers = match properties.get("headers") {
        None => None,
        some => Some(to_table(&object_of(some)?)?),
    };
    let properties = to_properties(&properties, headers.as_ref())?;
    let exchange = if call.name(1) == DEFAULT_EXCHANGE { "" } else { call.name(1) };
    let publish =
        Method::BasicPublish { ticket: 0, exchange, routing_key, mandatory: true, immediate: false };
    let (mut method, mut header) = (BytesMut::new(), BytesMut::new());
    publish.put(&mut method);
    ContentHeader { body_bytes: body.len() as u64, properties }.put(&mut header);
    let content =
        Content { method: method.freeze(), header: header.freeze(), parts: vec![body], missing: 0, cost: 0 };
    let mut connection = Connection::within(cx, &vhost);
    connection.channels.insert(1, Channel::new(1));
    let refused = |fault: Fault| match fault.code {
        Code::NOT_FOUND => Problem::missing("exchange_not_found"),
        _ => fault.into(),
    };
    basic_publish::finish(&mut connection, 1, content).map_err(refused)?;
    // A message that nobody gets is sent back, which here is nobody's.
    let is_routed = connection.out.is_empty();
    let Some((request, _)) = connection.publishing.take(RecordTime(cx.now.0), connection.micros) else {
        return Ok(document(&json!({"routed": is_routed})));
    };
    Ok(submit(request, move |_, reply| {
        let results = match reply {
            Reply::Appended(results) => results,
            Reply::Refused(kind) => return Err(kind.into()),
            _ => return Err(Problem::unexpected()),
        };
        match results.into_iter().find_map(Result::err) {
            Some(kind) => Err(kind.into()),
            None => Ok(document(&json!({"routed": is_routed}))),
        }
    }))
}
