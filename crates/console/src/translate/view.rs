//! Values decoded, for people to look at.
//!
//! Apart because it is the one place where it is guessed what bytes mean, and only when somebody asks for it.

use crate::errors::Problem;
use crate::query::Query;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// Bytes that are shown in hexadecimal digits; the rest is left out.
const HEX_BYTES_MAX: usize = 64 << 10;
/// The words of [`View`].
pub(crate) const WORDS: &[&str] = &["auto", "json", "text", "hex"];

/// How values are to be shown beside what they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum View {
    /// Not at all.
    #[default]
    Plain,
    /// As the first of the others that fits.
    Auto,
    Json,
    Text,
    Hex,
}

/// A value decoded.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DecodedValue")]
pub(crate) struct Viewed {
    /// `json`, `text` or `hex`.
    format: &'static str,
    value: Value,
}

impl View {
    /// What a query asks for.
    pub(crate) fn of(query: &Query) -> Result<View, Problem> {
        match query.text("view") {
            None => Ok(View::Plain),
            Some("auto") => Ok(View::Auto),
            Some("json") => Ok(View::Json),
            Some("text") => Ok(View::Text),
            Some("hex") => Ok(View::Hex),
            Some(_) => Err(Problem::parameter("view", "must be auto, json, text or hex")),
        }
    }

    /// The value as it is to be shown; `None` if it is not what it is to be shown as.
    pub(crate) fn decode(self, value: &[u8]) -> Option<Viewed> {
        let json = || serde_json::from_slice(value).ok().map(|value| Viewed { format: "json", value });
        let text = |text: &str| Viewed { format: "text", value: text.into() };
        let hex = || Viewed { format: "hex", value: hex(value).into() };
        match self {
            View::Plain => None,
            View::Json => json(),
            View::Text => Some(text(&String::from_utf8_lossy(value))),
            View::Hex => Some(hex()),
            View::Auto => {
                Some(json().or_else(|| std::str::from_utf8(value).ok().map(text)).unwrap_or_else(hex))
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).expect("half a byte");
    bytes.iter().take(HEX_BYTES_MAX).flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shown_as_what_it_is_or_as_what_is_asked_for() {
        let shown = |view: View, value: &[u8]| view.decode(value).map(|viewed| (viewed.format, viewed.value));
        assert_eq!(shown(View::Auto, b"{\"a\": 1}"), Some(("json", serde_json::json!({"a": 1}))));
        assert_eq!(shown(View::Auto, b"plain"), Some(("text", "plain".into())));
        assert_eq!(shown(View::Auto, b"\xff\x01"), Some(("hex", "ff01".into())));
        assert_eq!(shown(View::Hex, b"ab"), Some(("hex", "6162".into())));
        assert_eq!(shown(View::Text, b"a\xff"), Some(("text", "a\u{fffd}".into())));
        assert_eq!(shown(View::Json, b"plain"), None);
        assert_eq!(shown(View::Plain, b"plain"), None);
        // What nests too deep for JSON is text.
        assert_eq!(shown(View::Auto, "[".repeat(100_000).as_bytes()).map(|(format, _)| format), Some("text"));
    }
}
