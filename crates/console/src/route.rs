//! From a method and an address to an operation.
//!
//! Apart because names stand in addresses: a stream may be called `a/b` or `ü`, so an address is cut at its slashes first and
//! its parts are decoded one by one.

use crate::call::Call;
use crate::endpoint::{Body, Endpoint, Kind, Param};
use crate::errors::{Code, Problem};
use crate::ops::{self, Row};
use crate::query::{NAMESPACE, Query};
use millstream_front::http::Request;
use percent_encoding::percent_decode_str;

/// Addresses of the API and of whoever watches over the broker; below all others are pages.
const API: [&str; 5] = ["/api", "/v1", "/healthz", "/readyz", "/metrics"];

/// Addresses that tell nothing but how the broker is.
const OPEN: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Whether whoever watches over this machine gets an answer at an address without saying who asks.
pub(crate) fn is_open(path: &str) -> bool {
    OPEN.contains(&path)
}

/// Whether an operation answers at an address, or says that there is none; otherwise a page does.
pub(crate) fn is_api(path: &str) -> bool {
    let is_below = |prefix: &&str| {
        path.strip_prefix(*prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    API.iter().any(is_below)
}

/// The operation that a request asks for, with what it says.
pub(crate) fn find<'a>(request: &Request<'a>) -> Result<(&'static Row, Call<'a>), Problem> {
    let parts = parts(request.path)?;
    let here: Vec<(&'static Row, Vec<String>)> =
        ops::TABLE.iter().filter_map(|row| Some((row, take(row.0.path, &parts)?))).collect();
    let allowed: Vec<&str> = here.iter().map(|(row, _)| row.0.method).collect();
    let Some((row, path)) = here.into_iter().find(|(row, _)| row.0.method == request.method) else {
        return Err(match allowed[..] {
            [] => Problem::new(Code::UnknownResource, format!("There is nothing at {:?}.", request.path)),
            _ => Problem::method(&allowed),
        });
    };
    let known: Vec<&str> = row.0.query.iter().map(|param| param.name).chain([NAMESPACE]).collect();
    let query = Query::parse(request.query, &known)?;
    // An empty text may be meant; an empty number, word or flag is a mistake.
    let is_empty = |param: &&Param| !matches!(param.kind, Kind::Text) && query.is_empty(param.name);
    if let Some(param) = row.0.query.iter().find(is_empty) {
        return Err(Problem::parameter(param.name, "has no value"));
    }
    check_body(&row.0, request)?;
    Ok((row, Call { path, query, request: *request }))
}

/// The parts of an address between its slashes.
pub(crate) fn parts(path: &str) -> Result<Vec<String>, Problem> {
    let decode = |part: &str| {
        let decoded = percent_decode_str(part).decode_utf8();
        let decoded =
            decoded.map_err(|_| Problem::new(Code::UnknownResource, "The address is not UTF-8."))?;
        Ok(decoded.into_owned())
    };
    path.strip_prefix('/').unwrap_or(path).split('/').map(decode).collect()
}

/// What stands for the parts in braces, if an address is of this form.
pub(crate) fn take(form: &str, parts: &[String]) -> Option<Vec<String>> {
    let form = form.strip_prefix('/').unwrap_or(form).split('/');
    let mut taken = Vec::new();
    let mut parts = parts.iter();
    for expected in form {
        let part = parts.next()?;
        match expected.starts_with('{') {
            true if part.is_empty() => return None,
            true => taken.push(part.clone()),
            false if expected != part => return None,
            false => {}
        }
    }
    parts.next().is_none().then_some(taken)
}

/// Refuses a body where there is to be none, and one that does not say that it is JSON: a form of another site's page
/// cannot say so without being asked first.
fn check_body(endpoint: &Endpoint, request: &Request<'_>) -> Result<(), Problem> {
    if request.body.is_empty() {
        return Ok(());
    }
    match endpoint.body {
        Body::None => return Err(Problem::new(Code::InvalidBody, "There is no body here.")),
        // Of any type: what a form says is taken as the bytes of a record.
        Body::Records(_) => return Ok(()),
        Body::Json(_) => {}
    }
    let media_type = request.header("content-type").unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        let detail = format!("The body is said to be {media_type:?}; it must be application/json.");
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(method: &'a str, path: &'a str) -> Request<'a> {
        Request { method, path, query: "", headers: &[], body: b"", is_tls: false, peer: None }
    }

    #[test]
    fn names_may_hold_everything_that_is_escaped() {
        let (row, call) = find(&request("GET", "/api/v1/streams/a%2Fb%20%C3%BC")).unwrap();
        assert_eq!((row.0.name, call.name()), ("get_stream", "a/b ü"));
        for (method, path, code) in [
            ("GET", "/", Code::UnknownResource),
            ("GET", "/api/v1/streams/", Code::UnknownResource),
            ("GET", "/api/v1/streams//records", Code::UnknownResource),
            ("GET", "/api/v1/streams/a/b", Code::UnknownResource),
            ("GET", "/api/v1/streams/%ff", Code::UnknownResource),
            ("POST", "/api/v1/streams", Code::MethodNotAllowed),
            ("get", "/api/v1/streams", Code::MethodNotAllowed),
            ("OPTIONS", "/api/v1/streams/x", Code::MethodNotAllowed),
        ] {
            let problem = find(&request(method, path)).map(|(row, _)| row.0.name).unwrap_err();
            assert_eq!(problem.code, code, "{method} {path}");
        }
    }

    #[test]
    fn what_is_no_address_of_the_api_is_a_page() {
        for path in ["/api", "/api/v1/streams", "/v1/streams/x/records", "/healthz", "/readyz", "/metrics"] {
            assert!(is_api(path), "{path}");
        }
        for path in ["/", "/streams", "/apis", "/v10", "/healthzz"] {
            assert!(!is_api(path), "{path}");
        }
    }

    #[test]
    fn a_number_or_a_flag_without_a_value_is_a_mistake_and_an_empty_text_is_none() {
        let with = |query: &'static str| {
            let request = Request { query, ..request("GET", "/api/v1/streams") };
            find(&request).map(|(row, _)| row.0.name).map_err(|problem| problem.code)
        };
        assert_eq!(with("prefix=&cursor=&namespace="), Ok("list_streams"));
        for wrong in ["limit=", "limit", "leased="] {
            assert_eq!(with(wrong), Err(Code::InvalidParameter), "{wrong}");
        }
    }

    #[test]
    fn bodies_stand_only_where_they_belong_and_say_that_they_are_json() {
        let with = |method: &'static str, headers: &[(&str, &[u8])]| {
            let request = Request { headers, body: b"{}", ..request(method, "/api/v1/streams/x") };
            find(&request).map(|(row, _)| row.0.name).map_err(|problem| problem.code)
        };
        assert_eq!(with("PUT", &[("content-type", b"application/json; charset=utf-8")]), Ok("create_stream"));
        assert_eq!(with("PUT", &[("content-type", b"text/plain")]), Err(Code::UnsupportedMediaType));
        assert_eq!(with("PUT", &[]), Err(Code::UnsupportedMediaType));
        assert_eq!(with("GET", &[("content-type", b"application/json")]), Err(Code::InvalidBody));
    }
}
