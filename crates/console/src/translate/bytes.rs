//! Bytes in JSON: as text where they are UTF-8, in base64 under a name of their own where they are not.
//!
//! Apart because keys, values and headers' values all are, in both directions: nothing is lost, and nobody has to guess.

use crate::errors::Problem;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Bytes as they are shown: text, else base64.
pub(crate) type Spelled = (Option<String>, Option<String>);

/// Shows bytes, or that there are none.
pub(crate) fn spell(bytes: Option<&[u8]>) -> Spelled {
    match bytes.map(std::str::from_utf8) {
        None => (None, None),
        Some(Ok(text)) => (Some(text.to_owned()), None),
        Some(Err(_)) => (None, bytes.map(|bytes| BASE64.encode(bytes))),
    }
}

/// Reads bytes that are given as text, in base64, or not at all.
pub(crate) fn read(
    name: &str,
    text: Option<String>,
    base64: Option<&str>,
) -> Result<Option<Vec<u8>>, Problem> {
    match (text, base64) {
        (Some(_), Some(_)) => Err(Problem::field(name, "is given both as text and in base64")),
        (Some(text), None) => Ok(Some(text.into_bytes())),
        (None, Some(base64)) => {
            let bytes = BASE64.decode(base64);
            bytes.map(Some).map_err(|_| Problem::field(&format!("{name}_base64"), "is not base64"))
        }
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_whatever_they_are() {
        for bytes in [None, Some(&b""[..]), Some(b"text"), Some("ü".as_bytes()), Some(b"\xff\x00")] {
            let (text, base64) = spell(bytes);
            assert_eq!(read("value", text, base64.as_deref()), Ok(bytes.map(<[u8]>::to_vec)));
        }
        assert!(read("value", Some(String::new()), Some("")).is_err());
        assert!(read("value", None, Some("a")).is_err());
    }
}
