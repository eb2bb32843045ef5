//! Reading a request's body.
//!
//! Apart because every mistake in one must become one sentence that names the field, and because JSON lets things pass
//! that are mistakes here: a list in place of an object.

use crate::errors::{Code, Problem};
use serde::de::DeserializeOwned;

/// Reads a body as an object; an empty one has no fields.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let body = match body.trim_ascii() {
        b"" => b"{}",
        body if body.starts_with(b"{") => body,
        // A list would be taken for the fields in their order.
        _ => return Err(Problem::new(Code::InvalidBody, "A JSON object is expected.")),
    };
    serde_json::from_slice(body)
        .map_err(|error| Problem::new(Code::InvalidBody, format!("The body cannot be read: {error}.")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Fields {
        #[serde(default)]
        a: u8,
    }

    #[test]
    fn objects_are_read_and_everything_else_is_refused_with_a_sentence() {
        assert_eq!(read::<Fields>(b" {\"a\": 1} "), Ok(Fields { a: 1 }));
        assert_eq!(read::<Fields>(b""), Ok(Fields { a: 0 }));
        for wrong in
            ["[1]", "1", "null", "{", "{\"b\":1}", "{\"a\":1,\"a\":2}", "{\"a\":300}", "{} {}", "\u{ff}"]
        {
            let problem = read::<Fields>(wrong.as_bytes()).expect_err(wrong);
            assert_eq!(problem.code, Code::InvalidBody, "{wrong}");
        }
    }
}
