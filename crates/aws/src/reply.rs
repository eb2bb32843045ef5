//! How a reply is spelled: in the protocol that its request was made in.
//!
//! Apart because operations know nothing of it: each has one reply, or one error, and both protocols carry it.

use crate::fault::Fault;
use crate::hex::Ascii;
use crate::protocol::Protocol;
use crate::sqs::{self, SqsError};
use crate::step::Output;
use crate::xml::Xml;
use bytes::Bytes;
use millstream_front::http::Response;

/// What the spelling of a reply depends on.
#[derive(Debug)]
pub(crate) struct Spelling {
    pub(crate) protocol: Protocol,
    /// The action, once it is known.
    pub(crate) action: &'static str,
    pub(crate) request_id: Ascii<36>,
}

impl Spelling {
    /// The response that carries an error.
    pub(crate) fn refuse(self, error: &SqsError) -> Response {
        let fault: Fault = error.fault(self.protocol);
        fault.response(self.protocol, sqs::XML_NAMESPACE, &self.request_id)
    }

    /// The response that carries a reply.
    pub(crate) fn respond(self, output: &dyn Output) -> Response {
        let body = match self.protocol {
            Protocol::Json => output.json(),
            Protocol::Query => self.xml(output).into_bytes(),
        };
        let headers = vec![
            ("content-type", self.protocol.content_type().into()),
            ("x-amzn-requestid", self.request_id.to_string().into()),
        ];
        Response { status: 200, headers, body: Bytes::from(body) }
    }

    fn xml(&self, output: &dyn Output) -> String {
        let mut xml = Xml::document();
        let (response, result) = (format!("{}Response", self.action), format!("{}Result", self.action));
        xml.open_in(&response, sqs::XML_NAMESPACE);
        if output.has_result() {
            xml.open(&result);
            output.xml(&mut xml);
            xml.close(&result);
        }
        xml.open("ResponseMetadata");
        xml.element("RequestId", &self.request_id);
        xml.close("ResponseMetadata");
        xml.close(&response);
        xml.finish()
    }
}
