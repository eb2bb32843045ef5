//! Refusing what a page of another site may have sent, in this API's words.
//!
//! Apart because how such a request is told from others is the same for every HTTP front ([`millstream_front::site`]). Answers
//! are never given to other sites either: there are no CORS headers at all.

use crate::errors::{Code, Problem};
use millstream_front::http::Request;
use millstream_front::site::{self, Foreign};

/// Refuses what a page of another site may have sent.
pub(crate) fn check(request: &Request<'_>, is_loopback: bool) -> Result<(), Problem> {
    site::check(request, is_loopback).map_err(|foreign| {
        let code = match foreign {
            Foreign::Host(_) => Code::HostNotAllowed,
            Foreign::Origin(_) => Code::OriginNotAllowed,
        };
        Problem::new(code, foreign.sentence())
    })
}
