//! Why a request is refused, in RabbitMQ's JSON: `{"error": …, "reason": …}`.
//!
//! Apart because tools look at status and reason, and because a new kind of error of the core must stop this front from
//! compiling until it is answered here as well (style rule 20).

use crate::errors::{Code, Fault};
use bytes::Bytes;
use millstream_front::http::{Refusal, Response};
use millstream_types::ErrorKind;
use serde_json::json;

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    /// One word or two.
    pub(crate) error: &'static str,
    /// A sentence.
    pub(crate) reason: String,
}

impl Problem {
    pub(crate) fn bad_request(reason: impl Into<String>) -> Problem {
        Problem { status: 400, error: "bad_request", reason: reason.into() }
    }

    /// A policy, a parameter or a name that cannot be.
    pub(crate) fn invalid(reason: impl AsRef<str>) -> Problem {
        Problem::bad_request(format!("Validation failed\n\n{}", reason.as_ref()))
    }

    pub(crate) fn not_found() -> Problem {
        Problem { status: 404, error: "Object Not Found", reason: "Not Found".to_owned() }
    }

    pub(crate) fn no_vhost() -> Problem {
        Problem { status: 404, error: "not_found", reason: "vhost_not_found".to_owned() }
    }

    pub(crate) fn not_authorised() -> Problem {
        Problem { status: 401, error: "not_authorised", reason: "Login failed".to_owned() }
    }

    pub(crate) fn method_not_allowed() -> Problem {
        Problem { status: 405, error: "Method Not Allowed", reason: "Method Not Allowed".to_owned() }
    }

    /// What users and permissions will be.
    pub(crate) fn no_users() -> Problem {
        let reason = "this broker keeps no users yet: who reaches it may do everything";
        Problem { status: 501, error: "not_implemented", reason: reason.to_owned() }
    }

    pub(crate) fn unexpected() -> Problem {
        ErrorKind::Indeterminate.into()
    }

    pub(crate) fn response(&self) -> Response {
        let body = json!({"error": self.error, "reason": self.reason}).to_string();
        let mut headers =
            vec![("content-type", "application/json".into()), ("cache-control", "no-cache".into())];
        if self.status == 401 {
            headers.push(("www-authenticate", "Basic realm=\"RabbitMQ Management\"".into()));
        }
        if self.status == 503 {
            headers.push(("retry-after", "1".into()));
        }
        Response { status: self.status, headers, body: Bytes::from(body) }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Problem {
        match fault.code {
            Code::NOT_FOUND => Problem { status: 404, error: "not_found", reason: fault.text },
            Code::ACCESS_REFUSED => Problem { reason: fault.reply_text(), ..Problem::not_authorised() },
            Code::RESOURCE_ERROR | Code::CONNECTION_FORCED => {
                Problem { status: 503, error: "unavailable", reason: fault.text }
            }
            Code::INTERNAL_ERROR => Problem { status: 500, error: "internal_error", reason: fault.text },
            _ => Problem::bad_request(fault.text),
        }
    }
}

impl From<ErrorKind> for Problem {
    fn from(kind: ErrorKind) -> Problem {
        // In the words of methods, but for what only addresses have.
        match kind {
            ErrorKind::UnknownNamespace => Problem::no_vhost(),
            kind => Fault::from(kind).into(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let (status, error) = match refusal {
            Refusal::TooLong => (413, "too_long"),
            Refusal::Malformed(_) => (400, "bad_request"),
            Refusal::NoMemory => (503, "unavailable"),
        };
        Problem { status, error, reason: refusal.sentence().to_owned() }
    }
}
