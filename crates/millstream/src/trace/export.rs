//! Spans on their way to a collector: OTLP over HTTP, in its JSON form.
//!
//! Apart because a collector is somebody else's server. What it does not take is left out: a trace with a gap is better than a broker
//! that waits.

use super::{Kind, Span};
use crate::outbound::{Client, Target};
use serde_json::{Value, json};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Spans in one request.
const TOGETHER_MAX: usize = 512;
/// How long the first of them waits for others.
const GATHER: Duration = Duration::from_millis(500);

/// Sends spans until nobody makes any more.
pub(super) fn run(client: &Client, endpoint: &Target, spans: &Receiver<Span>) {
    let mut is_told = false;
    while let Ok(first) = spans.recv() {
        let mut together = vec![first];
        while together.len() < TOGETHER_MAX {
            match spans.recv_timeout(GATHER) {
                Ok(span) => together.push(span),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        let body = serde_json::to_vec(&document(&together)).expect("texts and numbers");
        match send(client, endpoint, &body) {
            Ok(()) => is_told = false,
            // Once, until it goes well again.
            Err(why) if !is_told => {
                is_told = true;
                tracing::warn!(why, "the collector of traces does not take them");
            }
            Err(_) => {}
        }
    }
}

/// Sends a document. The collector is where the configuration says, which is on this machine as a rule.
fn send(client: &Client, endpoint: &Target, body: &[u8]) -> Result<(), String> {
    let addresses = endpoint.any_addresses()?;
    match client.post(endpoint, &addresses, "", body)? {
        200..=299 => Ok(()),
        status => Err(format!("it answers with status {status}")),
    }
}

fn document(spans: &[Span]) -> Value {
    let spans: Vec<Value> = spans.iter().map(span).collect();
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    json!({"resourceSpans": [{
        "resource": {"attributes": [text("service.name", "millstream"), text("service.version", env!("CARGO_PKG_VERSION"))]},
        "scopeSpans": [{"scope": {"name": "millstream"}, "spans": spans}],
    }]})
}

fn span(span: &Span) -> Value {
    let Span { parent, id, kind, stream, started, ended, reason } = span;
    // OTLP's numbers for internal, producer and consumer.
    let (word, number) = match kind {
        Kind::Append => ("append", 4),
        Kind::Deliver => ("deliver", 5),
        Kind::DeadLetter => ("dead-letter", 1),
    };
    let nanos = |ms: i64| format!("{}000000", ms.max(0));
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let mut attributes =
        vec![text("messaging.system", "millstream"), text("messaging.destination.name", stream)];
    attributes.extend(reason.map(|reason| text("messaging.millstream.dead_letter.reason", reason)));
    json!({
        "traceId": hex(&parent.trace),
        "spanId": hex(id),
        "parentSpanId": hex(&parent.span),
        "name": format!("{word} {stream}"),
        "kind": number,
        "startTimeUnixNano": nanos(started.0),
        "endTimeUnixNano": nanos(ended.0),
        "attributes": attributes,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Parent;
    use super::*;
    use millstream_types::EngineTime;

    #[test]
    fn a_span_is_a_child_of_the_one_in_the_record() {
        let one = Span {
            parent: Parent { trace: [0xab; 16], span: [1; 8] },
            id: [2; 8],
            kind: Kind::DeadLetter,
            stream: "orders".to_owned(),
            started: EngineTime(1_700_000_000_000),
            ended: EngineTime(1_700_000_000_001),
            reason: Some("limit"),
        };
        let shown = document(&[one]);
        let span = &shown["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(span["traceId"], "ab".repeat(16));
        assert_eq!(
            (&span["spanId"], &span["parentSpanId"]),
            (&json!("02".repeat(8)), &json!("01".repeat(8)))
        );
        assert_eq!((&span["name"], &span["kind"]), (&json!("dead-letter orders"), &json!(1)));
        assert_eq!(span["endTimeUnixNano"], "1700000000001000000");
        assert_eq!(span["attributes"][2]["value"]["stringValue"], "limit");
    }
}
