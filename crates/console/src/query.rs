//! The query of an address as named values.
//!
//! Apart because it is untrusted text: escapes are undone here, and what is given twice or cannot be read is refused.

use crate::errors::{Code, Problem};
use core::ops::RangeInclusive;
use percent_encoding::percent_decode_str;

/// The parameter that every operation knows: where the names in the request live.
pub(crate) const NAMESPACE: &str = "namespace";

/// What stands behind the question mark, in its order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    values: Vec<(String, String)>,
}

impl Query {
    /// A query that says this, each name once.
    pub(crate) fn of(values: Vec<(String, String)>) -> Query {
        Query { values }
    }

    /// Reads a query that may name these parameters, each once.
    pub(crate) fn parse(text: &str, known: &[&str]) -> Result<Query, Problem> {
        let mut values: Vec<(String, String)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name)?;
            if !known.contains(&&*name) {
                return Err(Problem::parameter(
                    &name,
                    &format!("is unknown; there are {}", known.join(", ")),
                ));
            }
            if values.iter().any(|(given, _)| *given == name) {
                return Err(Problem::parameter(&name, "is given twice"));
            }
            values.push((name, decode(value)?));
        }
        Ok(Query { values })
    }

    /// A parameter's text; an empty one counts as not given.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.values.iter().find(|(given, _)| given == name)?;
        Some(&**value).filter(|value| !value.is_empty())
    }

    /// Whether a parameter is given without a value.
    pub(crate) fn is_empty(&self, name: &str) -> bool {
        self.values.iter().any(|(given, value)| given == name && value.is_empty())
    }

    /// A parameter that is a whole number.
    pub(crate) fn number(&self, name: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        // Digits alone: other spellings of a number (+1) would come back as another address.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<u64>().ok().filter(|number| digits && range.contains(number));
        let wrong = || {
            Problem::parameter(
                name,
                &format!("must be a whole number from {} to {}", range.start(), range.end()),
            )
        };
        number.ok_or_else(wrong).map(Some)
    }

    /// A parameter that is yes or no.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.text(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Problem::parameter(name, "must be true or false")),
        }
    }
}

/// A name or value with its escapes undone; `+` is a space, as in forms.
fn decode(text: &str) -> Result<String, Problem> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8();
    let decoded = decoded.map_err(|_| Problem::new(Code::InvalidParameter, "The query is not UTF-8."))?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["limit", "cursor", "flag"];

    #[test]
    fn values_are_found_by_their_names() {
        let query = Query::parse("limit=5&cursor=a%20b+c%C3%BC&flag=true&", KNOWN).unwrap();
        assert_eq!(query.text("cursor"), Some("a b cü"));
        assert_eq!(query.number("limit", 1..=9), Ok(Some(5)));
        assert_eq!(query.flag("flag"), Ok(Some(true)));
        let query = Query::parse("limit=&cursor", KNOWN).unwrap();
        assert_eq!((query.text("limit"), query.text("cursor")), (None, None));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, name) in [("limt=1", "limt"), ("limit=1&limit=2", "limit"), ("%6cimit=1&limit=1", "limit")]
        {
            let problem = Query::parse(text, KNOWN).unwrap_err();
            assert!(problem.detail.contains(&format!("{name:?}")), "{}", problem.detail);
        }
        assert!(Query::parse("cursor=%ff", KNOWN).is_err());
        for wrong in ["0", "10", "-1", "+1", "1.0", "x", "99999999999999999999"] {
            let query = Query::parse(&format!("limit={}", wrong.replace('+', "%2B")), KNOWN).unwrap();
            assert!(query.number("limit", 1..=9).is_err(), "{wrong}");
        }
        assert!(Query::parse("flag=yes", KNOWN).unwrap().flag("flag").is_err());
    }
}
