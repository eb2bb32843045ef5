//! A value that is no list and no object.
//!
//! Apart because settings are these and nothing else: what nests is refused while it is read, however deep.

use schemars::JsonSchema;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// A value that is no list and no object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Scalar {
    Null,
    Flag(bool),
    Number(u64),
    Text(String),
}

impl From<Option<u64>> for Scalar {
    fn from(number: Option<u64>) -> Scalar {
        number.map_or(Scalar::Null, Scalar::Number)
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Null => f.write_str("null"),
            Scalar::Flag(flag) => flag.fmt(f),
            Scalar::Number(number) => number.fmt(f),
            Scalar::Text(text) => write!(f, "{text:?}"),
        }
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, true, false, a whole number from 0 or a text")
    }

    fn visit_unit<E: Error>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Scalar, E> {
        Ok(Scalar::Flag(flag))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Scalar, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_flat_is_read() {
        let read = serde_json::from_str::<Scalar>;
        for (text, value) in [
            ("null", Scalar::Null),
            ("true", Scalar::Flag(true)),
            ("7", Scalar::Number(7)),
            ("\"a\"", Scalar::Text("a".to_owned())),
        ] {
            assert_eq!(read(text).unwrap(), value);
            assert_eq!(serde_json::to_string(&value).unwrap(), text);
        }
        for wrong in ["-1", "1.5", "[]", "{}", "1e3", &"[".repeat(100_000)] {
            assert!(read(wrong).is_err(), "{:.20}", wrong);
        }
    }
}
