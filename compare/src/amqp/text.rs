//! Small things about text: a cursor over a line, quotes, hexadecimal digits.
//!
//! Apart because scenes and transcripts share them.

use anyhow::{Context as _, ensure};

/// A place in a line.
pub(super) struct Cursor<'a>(pub(super) &'a str);

impl Cursor<'_> {
    fn skip_spaces(&mut self) {
        self.0 = self.0.trim_start();
    }

    pub(super) fn is_end(&mut self) -> bool {
        self.skip_spaces();
        self.0.is_empty()
    }

    pub(super) fn peek(&mut self) -> Option<char> {
        self.skip_spaces();
        self.0.chars().next()
    }

    /// Goes past a character if it is the next one.
    pub(super) fn takes(&mut self, wanted: char) -> bool {
        self.skip_spaces();
        match self.0.strip_prefix(wanted) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    pub(super) fn expect(&mut self, wanted: char) -> anyhow::Result<()> {
        ensure!(self.takes(wanted), "`{wanted}` is missing before `{}`", self.0);
        Ok(())
    }

    /// What there is before a space or one of `ends`; a quoted text as a whole.
    pub(super) fn word_until(&mut self, ends: &str) -> anyhow::Result<String> {
        if self.peek() == Some('"') {
            return self.text();
        }
        let end = self.0.find(|c: char| c.is_whitespace() || ends.contains(c)).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        Ok(word.to_owned())
    }

    /// A quoted text, with `\n`, `\r`, `\0`, `\"` and `\\` in it.
    pub(super) fn text(&mut self) -> anyhow::Result<String> {
        self.expect('"')?;
        let mut text = String::new();
        let mut chars = self.0.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.0 = &self.0[at + 1..];
                    return Ok(text);
                }
                '\\' => text.push(match chars.next().context("a line ends in a backslash")?.1 {
                    'n' => '\n',
                    'r' => '\r',
                    '0' => '\0',
                    other => other,
                }),
                other => text.push(other),
            }
        }
        anyhow::bail!("a quote does not end")
    }
}

/// Bytes in quotes; what cannot be shown is escaped.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let mut said = String::from("\"");
    for c in String::from_utf8_lossy(bytes).chars() {
        match c {
            '"' | '\\' => said.extend(['\\', c]),
            '\n' => said.push_str("\\n"),
            '\r' => said.push_str("\\r"),
            '\0' => said.push_str("\\0"),
            c if c.is_control() => said.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => said.push(c),
        }
    }
    said.push('"');
    said
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn unhex(digits: &str) -> anyhow::Result<Vec<u8>> {
    ensure!(digits.len().is_multiple_of(2), "`{digits}` is half a byte long");
    (0..digits.len() / 2).map(|at| Ok(u8::from_str_radix(&digits[2 * at..2 * at + 2], 16)?)).collect()
}
