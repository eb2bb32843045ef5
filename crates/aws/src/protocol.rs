//! Which service, which action, in which of the two protocols: told from each request by itself.
//!
//! Apart because clients of both protocols share one port and may share one connection. A request with `x-amz-target`
//! is AWS JSON; all others are Query, whose parameters are in the address, in the body, or in both.

use crate::form::{Form, FormError};
use millstream_front::http::Request;
use std::borrow::Cow;

/// What the types of AWS JSON's bodies begin with, whatever their version.
const JSON_TYPES: &str = "application/x-amz-json";

/// How a request is spelled, and its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// AWS JSON 1.0: the action in a header, parameters as a JSON object.
    Json,
    /// AWS Query: a form, answered in XML.
    Query,
}

impl Protocol {
    /// The type of the protocol's bodies.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Protocol::Json => "application/x-amz-json-1.0",
            Protocol::Query => "text/xml",
        }
    }

    /// The protocol of a request.
    #[must_use]
    pub fn of(request: &Request<'_>) -> Protocol {
        if request.header("x-amz-target").is_some() { Protocol::Json } else { Protocol::Query }
    }

    /// The protocol that the sender of a request reads which is not looked at any further: what its body says that it is
    /// counts as well.
    #[must_use]
    pub fn of_refused(request: &Request<'_>) -> Protocol {
        let is_json = request.header("content-type").is_some_and(|kind| kind.starts_with(JSON_TYPES));
        if is_json { Protocol::Json } else { Protocol::of(request) }
    }
}

/// What a request asks for, not yet read as what its action expects.
#[derive(Debug)]
pub enum Call<'a> {
    /// In AWS JSON.
    Json {
        /// The service's name for clients, `AmazonSQS` say.
        target: &'a str,
        /// The action.
        action: &'a str,
        /// The parameters, a JSON object.
        body: &'a [u8],
    },
    /// In Query.
    Query {
        /// The action; `None` when the request names none.
        action: Option<Cow<'a, str>>,
        /// All parameters.
        form: Form<'a>,
    },
}

/// A Query body that is not text, or a form that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(pub String);

impl From<FormError> for Malformed {
    fn from(error: FormError) -> Malformed {
        Malformed(error.to_string())
    }
}

impl<'a> Call<'a> {
    /// Reads what a request asks for.
    ///
    /// # Errors
    /// [`Malformed`] when a Query request's parameters cannot be taken apart.
    pub fn of(request: &Request<'a>) -> Result<Call<'a>, Malformed> {
        if let Some(target) = request.header("x-amz-target") {
            let (target, action) = target.rsplit_once('.').unwrap_or(("", target));
            return Ok(Call::Json { target, action, body: request.body });
        }
        // Whoever asks with GET has nothing in the body that counts.
        let body = if request.method == "POST" { request.body } else { &[] };
        let body = std::str::from_utf8(body).map_err(|_| Malformed("the body is not UTF-8".to_owned()))?;
        let form = Form::parse(&[request.query, body.trim_end_matches(['\r', '\n'])])?;
        Ok(Call::Query { action: form.get("Action")?, form })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(
        method: &'a str,
        query: &'a str,
        headers: &'a [(&str, &[u8])],
        body: &'a [u8],
    ) -> Request<'a> {
        Request { method, path: "/", query, headers, body, is_tls: false, peer: None }
    }

    #[test]
    fn a_target_makes_it_json() {
        let headers: [(&str, &[u8]); 1] = [("x-amz-target", b"AmazonSQS.SendMessage")];
        let request = request("POST", "", &headers, b"{}");
        assert_eq!(Protocol::of(&request), Protocol::Json);
        let Ok(Call::Json { target, action, body }) = Call::of(&request) else { panic!("JSON") };
        assert_eq!((target, action, body), ("AmazonSQS", "SendMessage", &b"{}"[..]));
    }

    #[test]
    fn a_refused_request_is_answered_as_its_body_is_spelled() {
        let json: [(&str, &[u8]); 1] = [("content-type", b"application/x-amz-json-1.1; charset=utf-8")];
        assert_eq!(Protocol::of_refused(&request("POST", "", &json, b"")), Protocol::Json);
        let target: [(&str, &[u8]); 1] = [("x-amz-target", b"AmazonSQS.SendMessage")];
        assert_eq!(Protocol::of_refused(&request("POST", "", &target, b"")), Protocol::Json);
        let form: [(&str, &[u8]); 1] = [("content-type", b"application/x-www-form-urlencoded")];
        assert_eq!(Protocol::of_refused(&request("POST", "", &form, b"")), Protocol::Query);
        assert_eq!(Protocol::of_refused(&request("POST", "", &[], b"")), Protocol::Query);
    }

    #[test]
    fn everything_else_is_query_in_address_and_body() {
        let headers: [(&str, &[u8]); 1] = [("content-type", b"application/x-www-form-urlencoded")];
        let post = request("POST", "Version=2012-11-05", &headers, b"Action=ListQueues&X=1\r\n");
        assert_eq!(Protocol::of(&post), Protocol::Query);
        let Ok(Call::Query { action, form }) = Call::of(&post) else { panic!("Query") };
        assert_eq!(action.as_deref(), Some("ListQueues"));
        assert_eq!(form.get("Version").unwrap().as_deref(), Some("2012-11-05"));
        assert_eq!(form.get("X").unwrap().as_deref(), Some("1"));
        let get = request("GET", "Action=ListQueues", &[], b"Action=Other");
        let Ok(Call::Query { action, .. }) = Call::of(&get) else { panic!("Query") };
        assert_eq!(action.as_deref(), Some("ListQueues"));
        let Ok(Call::Query { action: None, .. }) = Call::of(&request("GET", "", &[], b"")) else {
            panic!("no action")
        };
    }

    #[test]
    fn bodies_that_are_no_text_are_malformed() {
        assert!(Call::of(&request("POST", "", &[], &[0xff])).is_err());
        assert!(Call::of(&request("POST", "%zz", &[], b"")).is_err());
    }
}
