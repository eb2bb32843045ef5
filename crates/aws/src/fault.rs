//! An error as clients see it, in either protocol.
//!
//! Apart because every service answers errors in the same two shapes; what stands in them is the service's own total match.
//! The header `x-amzn-query-error` carries the code that older clients know, and newer ones report it instead of the
//! type in the body.

use crate::protocol::Protocol;
use crate::xml::Xml;
use bytes::Bytes;
use millstream_front::http::{Header, Response};
use serde::Serialize;

/// Who is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// Whoever asked.
    Sender,
    /// The broker.
    Receiver,
}

impl Blame {
    fn name(self) -> &'static str {
        match self {
            Blame::Sender => "Sender",
            Blame::Receiver => "Receiver",
        }
    }
}

/// An error's looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Status code of the response.
    pub status: u16,
    /// Namespace of the type in AWS JSON: the service's own, or [`GENERIC`].
    pub namespace: &'static str,
    /// Name of the type in AWS JSON.
    pub shape: &'static str,
    /// The code in the Query protocol.
    pub code: &'static str,
    /// A sentence.
    pub message: String,
    /// Who is to blame.
    pub blame: Blame,
    /// When to ask again, in seconds.
    pub retry_after_seconds: Option<u32>,
}

/// The namespace of types that are no service's own.
pub const GENERIC: &str = "com.amazon.coral.service";

#[derive(Serialize)]
struct JsonFault<'a> {
    __type: String,
    message: &'a str,
}

impl Fault {
    /// The response. `xml_namespace` is the service's.
    #[must_use]
    pub fn response(&self, protocol: Protocol, xml_namespace: &str, request_id: &str) -> Response {
        let mut headers: Vec<Header> = vec![
            ("content-type", protocol.content_type().into()),
            ("x-amzn-requestid", request_id.to_owned().into()),
        ];
        if let Some(seconds) = self.retry_after_seconds {
            headers.push(("retry-after", seconds.to_string().into()));
        }
        let body = match protocol {
            Protocol::Json => {
                headers.push(("x-amzn-query-error", format!("{};{}", self.code, self.blame.name()).into()));
                let __type = format!("{}#{}", self.namespace, self.shape);
                serde_json::to_vec(&JsonFault { __type, message: &self.message }).expect("two texts")
            }
            Protocol::Query => self.xml(xml_namespace, request_id).into_bytes(),
        };
        Response { status: self.status, headers, body: Bytes::from(body) }
    }

    fn xml(&self, namespace: &str, request_id: &str) -> String {
        let mut xml = Xml::document();
        xml.open_in("ErrorResponse", namespace);
        xml.open("Error");
        xml.element("Type", self.blame.name());
        xml.element("Code", self.code);
        xml.element("Message", &self.message);
        xml.element("Detail", "");
        xml.close("Error");
        xml.element("RequestId", request_id);
        xml.close("ErrorResponse");
        xml.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault() -> Fault {
        Fault {
            status: 400,
            namespace: "com.amazonaws.sqs",
            shape: "QueueDoesNotExist",
            code: "AWS.SimpleQueueService.NonExistentQueue",
            message: "There is no \"orders\".".to_owned(),
            blame: Blame::Sender,
            retry_after_seconds: None,
        }
    }

    #[test]
    fn json_names_the_type_and_the_header_the_older_code() {
        let response = fault().response(Protocol::Json, "urn:x", "id-1");
        assert_eq!(response.status, 400);
        assert_eq!(
            &response.body[..],
            br#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"There is no \"orders\"."}"#
        );
        assert_eq!(
            response.header("x-amzn-query-error"),
            Some("AWS.SimpleQueueService.NonExistentQueue;Sender")
        );
        assert_eq!(response.header("x-amzn-requestid"), Some("id-1"));
        assert_eq!(response.header("content-type"), Some("application/x-amz-json-1.0"));
    }

    #[test]
    fn query_answers_in_xml() {
        let busy = Fault { retry_after_seconds: Some(1), blame: Blame::Receiver, status: 503, ..fault() };
        let response = busy.response(Protocol::Query, "urn:x", "id-2");
        assert_eq!(
            &response.body[..],
            b"<?xml version=\"1.0\"?><ErrorResponse xmlns=\"urn:x\"><Error><Type>Receiver</Type>\
              <Code>AWS.SimpleQueueService.NonExistentQueue</Code><Message>There is no &quot;orders&quot;.</Message>\
              <Detail></Detail></Error><RequestId>id-2</RequestId></ErrorResponse>"
        );
        assert_eq!(response.header("retry-after"), Some("1"));
        assert_eq!(response.header("x-amzn-query-error"), None);
        assert_eq!(response.header("content-type"), Some("text/xml"));
    }
}
