//! The canonical request: the one spelling of a request that both sides sign.
//!
//! Apart because each line has rules of its own: the path's parts are encoded once more than they came, the query's
//! parameters are sorted after encoding, runs of spaces in headers become one.

use crate::hex;
use crate::percent::{Plus, decode, encode};
use millstream_front::http::Request;
use sha2::{Digest, Sha256};

/// The canonical request, or `None` when its query cannot be read.
pub(super) fn canonical(request: &Request<'_>, signed_headers: &str) -> Option<String> {
    let mut out = String::with_capacity(512);
    out.push_str(request.method);
    out.push('\n');
    path(request.path, &mut out);
    out.push('\n');
    query(request.query, &mut out)?;
    out.push('\n');
    for name in signed_headers.split(';') {
        out.extend([name, ":"]);
        header(request, name, &mut out);
        out.push('\n');
    }
    out.extend(["\n", signed_headers, "\n"]);
    hex::push(&Sha256::digest(request.body), &mut out);
    Some(out)
}

/// The path without `.` and `..`, its parts encoded once more.
fn path(path: &str, out: &mut String) {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        out.push('/');
        return;
    }
    for part in &parts {
        out.push('/');
        encode(part, out);
    }
    if path.ends_with('/') {
        out.push('/');
    }
}

/// The parameters in the order of their encoded names and values, the signature left out.
fn query(query: &str, out: &mut String) -> Option<()> {
    let mut parameters = Vec::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let (name, value) = (encoded(&decode(name, Plus::Space)?), encoded(&decode(value, Plus::Space)?));
        if name != "X-Amz-Signature" {
            parameters.push((name, value));
        }
    }
    parameters.sort();
    for (index, (name, value)) in parameters.iter().enumerate() {
        let separator = if index == 0 { "" } else { "&" };
        out.extend([separator, name, "=", value]);
    }
    Some(())
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    encode(text, &mut out);
    out
}

/// All values of a header, trimmed, runs of spaces made one.
fn header(request: &Request<'_>, name: &str, out: &mut String) {
    let values = request.headers.iter().filter(|(known, _)| *known == name);
    for (index, (_, value)) in values.enumerate() {
        if index > 0 {
            out.push(',');
        }
        let text = String::from_utf8_lossy(value);
        for (index, word) in text.split([' ', '\t']).filter(|word| !word.is_empty()).enumerate() {
            out.extend([if index == 0 { "" } else { " " }, word]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(make: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        make(&mut out);
        out
    }

    #[test]
    fn paths_are_cleaned_and_encoded_once_more() {
        for (sent, expected) in [
            ("/", "/"),
            ("", "/"),
            ("/./a/../b//c/", "/b/c/"),
            ("/000000000000/my%20queue", "/000000000000/my%2520queue"),
            ("/../..", "/"),
        ] {
            assert_eq!(with(|out| path(sent, out)), expected, "{sent}");
        }
    }

    #[test]
    fn parameters_are_sorted_and_the_signature_left_out() {
        let sent = "b=2&a=%7e&a=&X-Amz-Signature=00&c+d=%2f&e";
        let mut out = String::new();
        query(sent, &mut out).unwrap();
        assert_eq!(out, "a=&a=~&b=2&c%20d=%2F&e=");
        assert_eq!(query("a=%zz", &mut out), None);
    }

    #[test]
    fn values_of_one_header_are_joined() {
        let headers: [(&str, &[u8]); 3] = [("x", b" a  b "), ("y", b"no"), ("x", b"c")];
        let request = Request {
            method: "GET",
            path: "/",
            query: "",
            headers: &headers,
            body: b"",
            is_tls: false,
            peer: None,
        };
        assert_eq!(with(|out| header(&request, "x", out)), "a b,c");
        assert_eq!(with(|out| header(&request, "z", out)), "");
    }
}
