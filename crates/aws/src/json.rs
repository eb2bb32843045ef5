//! JSON as it is written for replies that carry messages.
//!
//! Apart because bodies are long and nearly always plain: a run without anything to escape is looked at several bytes at
//! once and copied as a whole. Everything else of a reply is short, and written by serde.

/// A JSON object that is being written.
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
    is_first: bool,
}

impl<'o> Object<'o> {
    /// Begins an object at the end of `out`.
    pub(crate) fn begin(out: &'o mut Vec<u8>) -> Object<'o> {
        out.push(b'{');
        Object { out, is_first: true }
    }

    /// A member, whose value the caller writes next. The name must need no escape.
    pub(crate) fn member(&mut self, name: &str) -> &mut Vec<u8> {
        debug_assert!(clean(name.as_bytes()) == name.len(), "names are written as they are");
        if !std::mem::take(&mut self.is_first) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// A member of text.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        string(value, self.member(name));
    }

    /// A member of text, where there is any.
    pub(crate) fn optional(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// Ends the object.
    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}

/// Writes a list of objects.
pub(crate) fn array<T>(out: &mut Vec<u8>, items: &[T], members: impl Fn(&T, &mut Object<'_>)) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let mut object = Object::begin(out);
        members(item, &mut object);
        object.end();
    }
    out.push(b']');
}

/// Writes text between quotes.
pub(crate) fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(clean(rest));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else { break };
        escape(byte, out);
        rest = after;
    }
    out.push(b'"');
}

/// Bytes up to the first that has to be escaped.
fn clean(bytes: &[u8]) -> usize {
    /// Looked at together.
    const CHUNK: usize = 32;
    let is_special = |byte: u8| (byte < 0x20) | (byte == b'"') | (byte == b'\\');
    let (chunks, _) = bytes.as_chunks::<CHUNK>();
    let plain = chunks
        .iter()
        .take_while(|chunk| !chunk.iter().fold(false, |special, byte| special | is_special(*byte)));
    let from = plain.count() * CHUNK;
    bytes[from..].iter().position(|byte| is_special(*byte)).map_or(bytes.len(), |at| from + at)
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            let mut text = String::from("\\u00");
            crate::hex::push(&[byte], &mut text);
            return out.extend_from_slice(text.as_bytes());
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        string(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn texts_are_spelled_as_serde_spells_them_wherever_the_special_character_stands() {
        let chars = (0..=0x2000).filter_map(char::from_u32).chain(['\u{fffd}', '😀']);
        for (place, char) in chars.enumerate() {
            let text = format!("{}{char}{}{char}", "a".repeat(place % 67), "ü".repeat(place % 41));
            assert_eq!(written(&text), serde_json::to_string(&text).unwrap(), "{text:?}");
        }
        assert_eq!(written(""), "\"\"");
    }

    #[test]
    fn an_object_has_its_members_between_commas() {
        let mut out = Vec::new();
        let mut object = Object::begin(&mut out);
        object.text("a", "1\"");
        object.optional("b", None);
        object.member("c").extend_from_slice(b"[]");
        object.optional("d", Some(""));
        object.end();
        assert_eq!(out, br#"{"a":"1\"","c":[],"d":""}"#);
        let mut empty = Vec::new();
        Object::begin(&mut empty).end();
        assert_eq!(empty, b"{}");
    }
}
