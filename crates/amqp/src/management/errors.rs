//! Why a request is refused, in RabbitMQ's JSON: `{"error": …, "reason": …}`.
//!
//! Apart because tools look at status and reason, and because a new kind of error of the core must stop this front from
//! compiling until it is answered here as well (style rule 20).

use crate::errors::{Code, Fault};
use bytes::Bytes;
use millstream_front::http::{Refusal, Response};
use millstream_types::ErrorKind;
use serde_json::{Value, json};

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    /// One word or two.
    pub(crate) error: &'static str,
    /// A sentence, or what RabbitMQ makes of its own terms; null: the status says it all.
    pub(crate) reason: Value,
}

impl Problem {
    pub(crate) fn bad_request(reason: impl Into<Value>) -> Problem {
        Problem { status: 400, error: "bad_request", reason: reason.into() }
    }

    /// A policy, a parameter or a name that cannot be.
    pub(crate) fn invalid(reason: impl AsRef<str>) -> Problem {
        Problem::bad_request(format!("Validation failed\n\n{}", reason.as_ref()))
    }

    pub(crate) fn not_found() -> Problem {
        Problem { status: 404, error: "Object Not Found", reason: "Not Found".into() }
    }

    pub(crate) fn no_vhost() -> Problem {
        Problem { status: 404, error: "not_found", reason: "vhost_not_found".into() }
    }

    /// Something that is asked for does not exist, by the name that RabbitMQ has for that.
    pub(crate) fn missing(what: &'static str) -> Problem {
        Problem { status: 404, error: "not_found", reason: what.into() }
    }

    /// Keys that an object has to have and does not.
    pub(crate) fn keys_missing<'a>(keys: impl Iterator<Item = &'a str>) -> Problem {
        let keys: Vec<String> = keys.map(|key| format!("{{key_missing,{key}}}")).collect();
        Problem::bad_request(format!("[{}]", keys.join(",")))
    }

    /// Nobody says who asks.
    pub(crate) fn no_credential() -> Problem {
        Problem { status: 401, error: "", reason: Value::Null }
    }

    /// Whoever asks may not do that.
    pub(crate) fn refused() -> Problem {
        Problem { status: 401, error: "not_authorised", reason: "Access refused.".into() }
    }

    pub(crate) fn method_not_allowed() -> Problem {
        Problem { status: 405, error: "", reason: Value::Null }
    }

    /// The same for who looks for something or takes it away: it is not there, whichever part of its address is wrong. Who makes
    /// something is told that it is the virtual host.
    #[must_use]
    pub(crate) fn for_method(self, method: &str) -> Problem {
        let looks = matches!(method, "GET" | "DELETE");
        if looks && self == Problem::no_vhost() { Problem::not_found() } else { self }
    }

    /// What users and permissions will be.
    pub(crate) fn no_users() -> Problem {
        let reason = "this broker keeps no users yet: who reaches it may do everything";
        Problem { status: 501, error: "not_implemented", reason: reason.into() }
    }

    pub(crate) fn unexpected() -> Problem {
        ErrorKind::Indeterminate.into()
    }

    pub(crate) fn response(&self) -> Response {
        let mut headers = vec![("cache-control", "no-cache".into())];
        let body = match &self.reason {
            Value::Null => String::new(),
            reason => {
                headers.push(("content-type", "application/json".into()));
                json!({"error": self.error, "reason": reason}).to_string()
            }
        };
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
            Code::NOT_FOUND => Problem { status: 404, error: "not_found", reason: fault.text.into() },
            Code::ACCESS_REFUSED => Problem::refused(),
            Code::RESOURCE_ERROR | Code::CONNECTION_FORCED => {
                Problem { status: 503, error: "unavailable", reason: fault.text.into() }
            }
            Code::INTERNAL_ERROR => {
                Problem { status: 500, error: "internal_error", reason: fault.text.into() }
            }
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
        Problem { status, error, reason: refusal.sentence().into() }
    }
}
