//! A request taken apart: the names in its address, its query, its body.
//!
//! Apart because names stand in addresses: a queue may be called `a/b`, and the usual virtual host is `/`, so an address is cut
//! at its slashes first and its parts are decoded one by one. Parameters that are not known are ignored, as tools send many.

use super::errors::Problem;
use millstream_front::http::Request;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::{Map, Value};

/// See the module's documentation.
pub(crate) struct Call<'a> {
    /// What stands for the parts in braces.
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: &'a [u8],
}

/// The parts of an address behind `/api`; `None`: it is none of the API's.
pub(crate) fn parts(path: &str) -> Option<Vec<String>> {
    let path =
        path.strip_prefix("/api/").or_else(|| path.strip_prefix("/api").filter(|rest| rest.is_empty()))?;
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/')
        .map(|part| percent_decode_str(part).decode_utf8().ok().map(|part| part.into_owned()))
        .collect()
}

/// What stands for the parts in braces, if an address is of this form.
pub(crate) fn take(form: &str, parts: &[String]) -> Option<Vec<String>> {
    let mut taken = Vec::new();
    let mut parts = parts.iter();
    for expected in form.strip_prefix("/api/").unwrap_or(form).split('/') {
        let part = parts.next()?;
        match expected.starts_with('{') {
            true => taken.push(part.clone()),
            false if expected != part => return None,
            false => {}
        }
    }
    parts.next().is_none().then_some(taken)
}

impl<'a> Call<'a> {
    pub(crate) fn new(request: &Request<'a>, path: Vec<String>) -> Call<'a> {
        let decode =
            |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        let query = request.query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Call { path, query: query.collect(), body: request.body }
    }

    /// A name of the address.
    pub(crate) fn name(&self, place: usize) -> &str {
        self.path.get(place).map_or("", String::as_str)
    }

    /// The first value of a parameter that is not empty.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| &**value).filter(|value| !value.is_empty())
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.parameter(name) == Some("true")
    }

    /// The body as a structure; an empty one is an empty object.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(self.body_or_none()).map_err(|error| match error.classify() {
            Category::Data => Problem::bad_request(format!("body is not valid: {error}")),
            Category::Io | Category::Syntax | Category::Eof => Problem::bad_request("failed_to_parse_json"),
        })
    }

    /// The body as an object.
    pub(crate) fn object(&self) -> Result<Map<String, Value>, Problem> {
        serde_json::from_slice(self.body_or_none()).map_err(|_| Problem::bad_request("not_json"))
    }

    /// The body as an object that has all of these keys.
    pub(crate) fn object_with(&self, keys: &[&str]) -> Result<Map<String, Value>, Problem> {
        let object = self.object()?;
        let mut missing = keys.iter().copied().filter(|key| !object.contains_key(*key)).peekable();
        if missing.peek().is_some() { Err(Problem::keys_missing(missing)) } else { Ok(object) }
    }

    fn body_or_none(&self) -> &[u8] {
        if self.body.trim_ascii().is_empty() { b"{}" } else { self.body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_slashes_are_parts() {
        let parts = parts("/api/queues/%2F/a%2Fb%20%C3%BC").unwrap();
        assert_eq!(parts, ["queues", "/", "a/b ü"]);
        assert_eq!(
            take("/api/queues/{vhost}/{name}", &parts),
            Some(vec!["/".to_owned(), "a/b ü".to_owned()])
        );
        assert_eq!(take("/api/queues/{vhost}", &parts), None);
        assert_eq!(take("/api/queues/{vhost}/{name}/get", &parts), None);
        assert_eq!(super::parts("/apis"), None);
        assert_eq!(super::parts("/api/overview/"), Some(vec!["overview".to_owned()]));
    }
}
