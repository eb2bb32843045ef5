//! A visit: what a request for a page says, and the addresses that lead on from there.
//!
//! Apart because forms and addresses are untrusted text that every page reads, and because a link must keep the namespace
//! that the visitor is in and escape every name that stands in it.

use crate::errors::{Code, Problem};
use crate::query::NAMESPACE;
use millstream_front::http::Request;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Fields of a form at most: a page of records that are chosen, with room for what is beside them.
const FIELDS_MAX: usize = 1_200;
/// What stands for itself in an address.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Names and values of an address or a form, in their order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(pub(super) Vec<(String, String)>);

impl Fields {
    fn parse(text: &str) -> Result<Fields, Problem> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let mut fields = Vec::new();
        for pair in pairs {
            if fields.len() >= FIELDS_MAX {
                return Err(Problem::new(Code::InvalidBody, "The form has too many fields."));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            fields.push((decode(name)?, decode(value)?));
        }
        Ok(Fields(fields))
    }

    /// The first value of a name; an empty one counts as not given.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(&**value).filter(|value| !value.is_empty())
    }

    /// All values of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// A value that is a whole number, as JSON; what is no number is said by the field's name.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.trim().parse::<u64>().ok();
        number.map(Some).ok_or_else(|| Problem::field(name, "must be a whole number"))
    }
}

fn decode(text: &str) -> Result<String, Problem> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8();
    let decoded = decoded.map_err(|_| Problem::new(Code::InvalidParameter, "The request is not UTF-8."))?;
    Ok(decoded.into_owned())
}

/// What a request for a page says.
#[derive(Debug)]
pub(super) struct Visit {
    /// What stands in the address for the parts in braces, in their order.
    pub(super) path: Vec<String>,
    pub(super) query: Fields,
    pub(super) form: Fields,
    /// The address as it was sent, with its query.
    pub(super) address: String,
    /// The name of the machine, as the visitor called it.
    pub(super) host: String,
}

impl Visit {
    /// Reads a request whose address was taken apart.
    pub(super) fn read(request: &Request<'_>, path: Vec<String>) -> Result<Visit, Problem> {
        let form = match request.method {
            "POST" => {
                let media_type = request.header("content-type").unwrap_or_default();
                if !media_type.starts_with("application/x-www-form-urlencoded") {
                    let detail = "The body must be that of a form.";
                    return Err(Problem::new(Code::UnsupportedMediaType, detail));
                }
                let text = std::str::from_utf8(request.body);
                Fields::parse(text.map_err(|_| Problem::new(Code::InvalidBody, "The form is not UTF-8."))?)?
            }
            _ => Fields::default(),
        };
        let address = match request.query {
            "" => request.path.to_owned(),
            query => format!("{}?{query}", request.path),
        };
        let host = request.header("host").unwrap_or("localhost");
        // Without the port; the last colon of an IPv6 address stands before its closing bracket.
        let host = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => name,
            _ => host,
        };
        Ok(Visit { path, query: Fields::parse(request.query)?, form, address, host: host.to_owned() })
    }

    /// The first name in the address.
    pub(super) fn name(&self) -> &str {
        &self.path[0]
    }

    /// The namespace that the visitor is in, if he has chosen one.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.query.text(NAMESPACE)
    }

    /// An address with these parts and parameters, in the same namespace.
    pub(super) fn href(&self, parts: &[&str], query: &[(&str, &str)]) -> String {
        href(parts, query, self.namespace())
    }
}

/// An address with these parts and parameters.
pub(super) fn href(parts: &[&str], query: &[(&str, &str)], namespace: Option<&str>) -> String {
    let mut address = String::new();
    for part in parts {
        address.push('/');
        address.extend(utf8_percent_encode(part, ESCAPED));
    }
    if parts.is_empty() {
        address.push('/');
    }
    let namespace = namespace.map(|namespace| (NAMESPACE, namespace));
    for (place, (name, value)) in query.iter().copied().chain(namespace).enumerate() {
        address.push(if place == 0 { '?' } else { '&' });
        address.push_str(name);
        address.push('=');
        address.extend(utf8_percent_encode(value, ESCAPED));
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_and_what_is_none_is_refused() {
        let headers: &[(&str, &[u8])] = &[("content-type", b"application/x-www-form-urlencoded")];
        let request = Request {
            method: "POST",
            path: "/streams/a/records",
            query: "namespace=n",
            headers,
            body: b"key=a+b%3C&at=0%3A1&at=0%3A2&empty=&count=7&odd=x",
            is_tls: false,
            peer: None,
        };
        let visit = Visit::read(&request, vec!["a".to_owned()]).unwrap();
        assert_eq!((visit.form.text("key"), visit.form.text("empty")), (Some("a b<"), None));
        assert_eq!(visit.form.all("at").collect::<Vec<_>>(), ["0:1", "0:2"]);
        assert_eq!(visit.form.number("count"), Ok(Some(7)));
        assert!(visit.form.number("odd").is_err());
        assert_eq!(
            visit.href(&["streams", "a/<b>"], &[("x", "&")]),
            "/streams/a%2F%3Cb%3E?x=%26&namespace=n"
        );
        assert_eq!(href(&[], &[], None), "/");
        for (headers, body) in [(&[][..], &b"a=b"[..]), (headers, b"\xff"), (headers, b"a=%ff")] {
            assert!(Visit::read(&Request { headers, body, ..request }, Vec::new()).is_err());
        }
        let many = "a&".repeat(FIELDS_MAX + 1);
        assert!(Visit::read(&Request { body: many.as_bytes(), ..request }, Vec::new()).is_err());
    }
}
