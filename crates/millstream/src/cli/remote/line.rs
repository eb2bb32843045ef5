//! From a line of text to a record.
//!
//! Apart because it is pure: bytes in, record out. Lines are bytes, not text; only header names must be UTF-8.

/// How lines are written.
#[derive(Clone, Debug, Default)]
pub(super) struct LineFormat {
    /// Stands after the key; lines without it have none.
    pub(super) key_separator: Option<String>,
    /// Stands after the headers, which come first; lines without it have none.
    pub(super) headers_separator: Option<String>,
    /// The value that means null.
    pub(super) null: Option<String>,
    /// Key of every record whose line brings none.
    pub(super) key: Option<String>,
    /// Headers of every record, before those of its line.
    pub(super) headers: Vec<(String, String)>,
}

/// A record to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewRecord {
    /// Its key.
    pub(super) key: Option<Vec<u8>>,
    /// Its value.
    pub(super) value: Option<Vec<u8>>,
    /// Its headers, in order.
    pub(super) headers: Vec<(String, Vec<u8>)>,
}

impl NewRecord {
    /// Bytes that it takes in a batch, roughly.
    pub(super) fn bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        self.key.as_ref().map_or(0, Vec::len) + self.value.as_ref().map_or(0, Vec::len) + headers + 16
    }
}

impl LineFormat {
    /// Takes a line (without its end) apart.
    ///
    /// # Errors
    /// What is wrong with its headers.
    pub(super) fn parse(&self, line: &[u8]) -> Result<NewRecord, String> {
        let mut headers: Vec<(String, Vec<u8>)> =
            self.headers.iter().map(|(name, value)| (name.clone(), value.as_bytes().to_vec())).collect();
        let mut rest = line;
        if let Some((listed, after)) = self.headers_separator.as_deref().and_then(|by| split_once(rest, by)) {
            headers.extend(parse_headers(listed)?);
            rest = after;
        }
        let mut key = self.key.as_ref().map(|key| key.as_bytes().to_vec());
        if let Some((before, after)) = self.key_separator.as_deref().and_then(|by| split_once(rest, by)) {
            key = Some(before.to_vec());
            rest = after;
        }
        let is_null = self.null.as_ref().is_some_and(|null| null.as_bytes() == rest);
        Ok(NewRecord { key, value: (!is_null).then(|| rest.to_vec()), headers })
    }
}

/// `a=1,b=2`; nothing is no header.
fn parse_headers(listed: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
    if listed.is_empty() {
        return Ok(Vec::new());
    }
    let parse = |header: &[u8]| {
        let shown = String::from_utf8_lossy(header);
        let (name, value) =
            split_once(header, "=").ok_or_else(|| format!("header {shown:?} is not NAME=VALUE"))?;
        let name = String::from_utf8(name.to_vec()).map_err(|_| format!("header {shown:?} is not UTF-8"))?;
        if name.is_empty() {
            return Err(format!("header {shown:?} has no name"));
        }
        Ok((name, value.to_vec()))
    };
    listed.split(|byte| *byte == b',').map(parse).collect()
}

fn split_once<'a>(bytes: &'a [u8], by: &str) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(by.len()).position(|window| window == by.as_bytes())?;
    Some((&bytes[..at], &bytes[at + by.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: Option<&str>, value: Option<&str>, headers: &[(&str, &str)]) -> NewRecord {
        let bytes = |text: &str| text.as_bytes().to_vec();
        NewRecord {
            key: key.map(bytes),
            value: value.map(bytes),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), bytes(value))).collect(),
        }
    }

    #[test]
    fn a_line_is_a_value_unless_told_otherwise() {
        let format = LineFormat::default();
        assert_eq!(format.parse(b"a:b=c").unwrap(), record(None, Some("a:b=c"), &[]));
        assert_eq!(format.parse(b"").unwrap(), record(None, Some(""), &[]));
        assert_eq!(format.parse(&[0xff]).unwrap().value, Some(vec![0xff]), "lines need not be text");
    }

    #[test]
    fn key_ends_at_the_first_separator() {
        let format = LineFormat { key_separator: Some("::".to_owned()), ..LineFormat::default() };
        assert_eq!(format.parse(b"k::v::w").unwrap(), record(Some("k"), Some("v::w"), &[]));
        assert_eq!(format.parse(b"::v").unwrap(), record(Some(""), Some("v"), &[]));
        assert_eq!(format.parse(b"no key: here").unwrap(), record(None, Some("no key: here"), &[]));
    }

    #[test]
    fn headers_come_first_and_after_those_of_every_record() {
        let format = LineFormat {
            key_separator: Some(":".to_owned()),
            headers_separator: Some("|".to_owned()),
            headers: vec![("all".to_owned(), "1".to_owned())],
            ..LineFormat::default()
        };
        let expected = record(Some("k"), Some("v"), &[("all", "1"), ("a", "1"), ("a", "x=y"), ("b", "")]);
        assert_eq!(format.parse(b"a=1,a=x=y,b=|k:v").unwrap(), expected);
        assert_eq!(format.parse(b"|v").unwrap(), record(None, Some("v"), &[("all", "1")]));
        assert_eq!(format.parse(b"v").unwrap(), record(None, Some("v"), &[("all", "1")]));
        for wrong in [&b"a|v"[..], b"=1|v", b"a=1,|v", b"\xff=1|v"] {
            assert!(format.parse(wrong).is_err());
        }
    }

    #[test]
    fn null_is_only_what_was_agreed() {
        let format =
            LineFormat { null: Some("NULL".to_owned()), key: Some("k".into()), ..Default::default() };
        assert_eq!(format.parse(b"NULL").unwrap(), record(Some("k"), None, &[]));
        assert_eq!(format.parse(b"").unwrap(), record(Some("k"), Some(""), &[]));
    }
}
