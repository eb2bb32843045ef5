//! Errors as clients see them: problem details (RFC 9457) with a code, and the one total match from the core's kinds.
//!
//! Apart because a new kind of error in the core must stop this front from compiling until it is answered (style rule 20),
//! and because codes are promises: programs tell errors apart by them, sentences are for people.

use crate::auth::Refused;
use crate::respond::{no_sniff, no_store};
use bytes::Bytes;
use millstream_front::http::{Refusal, Response};
use millstream_types::ErrorKind;
use schemars::JsonSchema;
use serde::Serialize;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident: $status:literal $code:literal $title:literal;)*) => {
        /// What kind of problem it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// Every code, in the order of their statuses.
            pub const ALL: &[Code] = &[$(Code::$name),*];

            /// The code's word.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Code::$name => $code),* }
            }

            /// Status code of the response.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Code::$name => $status),* }
            }

            /// What it means, the same for all of this code.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Code::$name => $title),* }
            }
        }
    };
}

codes! {
    InvalidParameter: 400 "invalid_parameter" "A parameter is unknown, missing, given twice, or its value cannot be.";
    InvalidBody: 400 "invalid_body" "The body is not the JSON that is expected here.";
    MalformedRequest: 400 "malformed_request" "The request is not HTTP as it is understood here.";
    InvalidName: 400 "invalid_name" "No stream can have this name.";
    InvalidSetting: 400 "invalid_setting" "A setting is unknown, or its value cannot be.";
    InvalidPartitions: 400 "invalid_partitions" "The number of partitions is zero, too large, or smaller than it was.";
    OffsetOutOfRange: 400 "offset_out_of_range" "The offset is before the first record or after the end.";
    InvalidRecord: 400 "invalid_record" "The stream does not take this record.";
    Unauthenticated: 401 "unauthenticated" "The request does not prove who asks, or what it proves it by is wrong.";
    CsrfMissing: 403 "csrf_missing" "A session's request that changes something must carry the session's word in X-CSRF-Token.";
    Denied: 403 "denied" "You may not do this.";
    HostNotAllowed: 403 "host_not_allowed" "The request came by a name that is not this machine's.";
    OriginNotAllowed: 403 "origin_not_allowed" "The request came from a page of another site.";
    UnknownResource: 404 "unknown_resource" "There is no such resource.";
    UnknownNamespace: 404 "unknown_namespace" "There is no such namespace.";
    UnknownStream: 404 "unknown_stream" "There is no such stream.";
    UnknownPartition: 404 "unknown_partition" "The stream has no such partition.";
    UnknownGroup: 404 "unknown_group" "There is no such group, or the stream is not worked as a queue.";
    UnknownRoute: 404 "unknown_route" "There is no such route.";
    UnknownConnection: 404 "unknown_connection" "There is no such connection.";
    UnknownRecord: 404 "unknown_record" "There is no such record.";
    UnknownJob: 404 "unknown_job" "There is no such job.";
    MethodNotAllowed: 405 "method_not_allowed" "The resource does not know this method.";
    StreamExists: 409 "stream_exists" "There is another stream of this name.";
    RouteExists: 409 "route_exists" "There is another route of this name.";
    RouteInUse: 409 "route_in_use" "Bindings lead on from the route.";
    GroupInUse: 409 "group_in_use" "The group has members; stop them first.";
    AlreadyUnderWay: 409 "already_under_way" "The same is under way already.";
    TooManyLeased: 409 "too_many_leased" "As many records are leased as may be.";
    BodyTooLong: 413 "body_too_long" "The body is longer than 16 MiB.";
    RecordTooLarge: 413 "record_too_large" "The record is larger than the stream or the broker takes.";
    UnsupportedMediaType: 415 "unsupported_media_type" "The body is not of a type that is taken here.";
    LimitExceeded: 422 "limit_exceeded" "A limit of the broker would be passed.";
    TooManyAttempts: 429 "too_many_attempts" "There were too many wrong credentials from this address; wait.";
    Internal: 500 "internal" "The storage failed; whether the request took effect is not known.";
    CorruptStorage: 500 "corrupt_storage" "Stored bytes are damaged; nothing is served from there.";
    Overloaded: 503 "overloaded" "The broker has too much to do; ask again later.";
    StreamFull: 503 "stream_full" "The stream is as long as it may be; ask again later.";
    StorageFull: 503 "storage_full" "The disk is full; ask again when there is room.";
    ShuttingDown: 503 "shutting_down" "The broker is stopping.";
}

/// A problem: why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind it is.
    pub code: Code,
    /// A sentence about this one.
    pub detail: String,
    /// The methods that the resource knows, if that was the problem.
    allow: Option<String>,
    /// When to ask again, in seconds, where that is known.
    retry_after_s: Option<u32>,
}

/// A problem as it is written.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
}

/// When to ask again, in seconds, where that helps.
const RETRY_AFTER_SECONDS: u32 = 1;

impl Problem {
    /// A problem with a sentence of its own.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Problem {
        Problem { code, detail: detail.into(), allow: None, retry_after_s: None }
    }

    /// A parameter's value cannot be.
    pub(crate) fn parameter(name: &str, reason: &str) -> Problem {
        Problem::new(Code::InvalidParameter, format!("The parameter {name:?} {reason}."))
    }

    /// A field of the body cannot be.
    pub(crate) fn field(name: &str, reason: &str) -> Problem {
        Problem::new(Code::InvalidBody, format!("The field {name:?} {reason}."))
    }

    /// The resource knows only these methods.
    pub(crate) fn method(allowed: &[&str]) -> Problem {
        let allow = allowed.join(", ");
        let detail = format!("The resource knows {allow}.");
        Problem { allow: Some(allow), ..Problem::new(Code::MethodNotAllowed, detail) }
    }

    /// There is no stream of this name.
    pub(crate) fn unknown_stream(name: &str) -> Problem {
        Problem::new(Code::UnknownStream, format!("There is no stream {name:?}."))
    }

    /// A stream is not worked as a queue.
    pub(crate) fn not_leased(name: &str) -> Problem {
        Problem::new(
            Code::UnknownGroup,
            format!("The stream {name:?} is not worked as a queue: its setting \"leased\" is false."),
        )
    }

    /// The answer was none that this request can have.
    pub(crate) fn unexpected() -> Problem {
        ErrorKind::Indeterminate.into()
    }

    /// It as it is written.
    pub(crate) fn document(&self) -> Document<'_> {
        Document {
            r#type: format!("urn:millstream:problem:{}", self.code.word()),
            title: self.code.title(),
            status: self.code.status(),
            code: self.code.word(),
            detail: &self.detail,
        }
    }

    /// The response.
    #[must_use]
    pub fn response(&self) -> Response {
        let body = serde_json::to_vec(&self.document()).expect("texts and a number");
        let mut headers = vec![("content-type", "application/problem+json".into()), no_store(), no_sniff()];
        let retry_after_s = self.retry_after_s.or((self.code.status() == 503).then_some(RETRY_AFTER_SECONDS));
        if let Some(seconds) = retry_after_s {
            headers.push(("retry-after", seconds.to_string().into()));
        }
        if self.code == Code::Unauthenticated {
            headers.push(("www-authenticate", "Bearer".into()));
        }
        if let Some(allow) = &self.allow {
            headers.push(("allow", allow.clone().into()));
        }
        Response { status: self.code.status(), headers, body: Bytes::from(body) }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Problem {
        let detail = match refused {
            Refused::Missing => {
                "A browser needs a session, and so does whoever is on another machine: log in, or send the admin token."
            }
            Refused::Wrong => "The credential is wrong.",
            Refused::Slowed(seconds) => {
                let detail = format!("There were too many wrong credentials; wait {seconds} seconds.");
                let problem = Problem::new(Code::TooManyAttempts, detail);
                return Problem { retry_after_s: Some(seconds), ..problem };
            }
        };
        Problem::new(Code::Unauthenticated, detail)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let code = match refusal {
            Refusal::TooLong => Code::BodyTooLong,
            Refusal::Malformed(_) => Code::MalformedRequest,
            Refusal::NoMemory => Code::Overloaded,
        };
        Problem::new(code, refusal.sentence())
    }
}

impl From<ErrorKind> for Problem {
    fn from(kind: ErrorKind) -> Problem {
        let code = match kind {
            ErrorKind::UnknownNamespace => Code::UnknownNamespace,
            ErrorKind::UnknownStream => Code::UnknownStream,
            ErrorKind::UnknownLog => Code::UnknownPartition,
            ErrorKind::UnknownLeaseGroup | ErrorKind::UnknownGroup => Code::UnknownGroup,
            ErrorKind::StreamExists => Code::StreamExists,
            ErrorKind::InvalidName => Code::InvalidName,
            ErrorKind::InvalidLogCount => Code::InvalidPartitions,
            ErrorKind::InvalidConfig => Code::InvalidSetting,
            ErrorKind::OffsetOutOfRange => Code::OffsetOutOfRange,
            ErrorKind::RecordTooLarge => Code::RecordTooLarge,
            ErrorKind::InvalidRecord | ErrorKind::InvalidTimestamp => Code::InvalidRecord,
            ErrorKind::UnknownRoute => Code::UnknownRoute,
            ErrorKind::RouteDiffers => Code::RouteExists,
            ErrorKind::RouteInUse => Code::RouteInUse,
            ErrorKind::GroupNotEmpty | ErrorKind::GroupSubscribed => Code::GroupInUse,
            ErrorKind::TooManyLeased => Code::TooManyLeased,
            ErrorKind::Denied => Code::Denied,
            ErrorKind::LimitExceeded => Code::LimitExceeded,
            ErrorKind::Overloaded => Code::Overloaded,
            ErrorKind::StreamFull => Code::StreamFull,
            ErrorKind::StorageFull => Code::StorageFull,
            ErrorKind::ShuttingDown => Code::ShuttingDown,
            ErrorKind::CorruptStorage => Code::CorruptStorage,
            // None of these is about what the API asks: an answer that says so is a mistake of the broker.
            ErrorKind::CorruptBatch
            | ErrorKind::OutOfOrderSequence
            | ErrorKind::DuplicateSequence
            | ErrorKind::StaleProducerEpoch
            | ErrorKind::UnknownProducer
            | ErrorKind::UnknownMember
            | ErrorKind::MemberIdRequired
            | ErrorKind::FencedInstance
            | ErrorKind::StaleGeneration
            | ErrorKind::RebalanceInProgress
            | ErrorKind::InconsistentProtocol
            | ErrorKind::InvalidSessionTimeout
            | ErrorKind::GroupFull
            | ErrorKind::MetadataTooLarge
            | ErrorKind::InvalidObject
            | ErrorKind::HolderExcluded
            | ErrorKind::StreamInUse
            | ErrorKind::StreamNotEmpty
            | ErrorKind::Indeterminate => Code::Internal,
        };
        Problem::new(code, code.title())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_distinct_in_order_and_their_titles_are_sentences() {
        let words: BTreeSet<&str> = Code::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        assert!(Code::ALL.is_sorted_by_key(|code| code.status()));
        assert!(Code::ALL.iter().all(|code| code.title().ends_with('.') && !code.title().contains('|')));
    }

    #[test]
    fn a_problem_has_type_title_status_code_and_detail() {
        let response = Problem::unknown_stream("a\"b").response();
        assert_eq!(
            &response.body[..],
            br#"{"type":"urn:millstream:problem:unknown_stream","title":"There is no such stream.","status":404,"code":"unknown_stream","detail":"There is no stream \"a\\\"b\"."}"#
        );
        assert_eq!(response.header("content-type"), Some("application/problem+json"));
        assert_eq!(response.header("retry-after"), None);
        let busy = Problem::from(ErrorKind::Overloaded).response();
        assert_eq!((busy.status, busy.header("retry-after")), (503, Some("1")));
        let method = Problem::method(&["GET", "PUT"]).response();
        assert_eq!((method.status, method.header("allow")), (405, Some("GET, PUT")));
    }
}
