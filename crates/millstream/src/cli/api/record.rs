//! Records as the admin API shows them, and as they are printed.
//!
//! Apart because looking, receiving and dead letters all print records, each with other things beside them.

use serde::Deserialize;

use crate::cli::moment::format_rfc3339;

/// Characters of a value in a table.
const VALUE_CHARS_MAX: usize = 60;

/// A record.
#[derive(Deserialize)]
pub(in crate::cli) struct Record {
    partition: u32,
    offset: u64,
    key: Option<String>,
    key_base64: Option<String>,
    value: Option<String>,
    value_base64: Option<String>,
}

impl Record {
    /// Its key in a cell.
    pub(in crate::cli) fn key(&self) -> String {
        cell(self.key.as_deref(), self.key_base64.as_deref())
    }

    /// Its value in a cell.
    pub(in crate::cli) fn value(&self) -> String {
        cell(self.value.as_deref(), self.value_base64.as_deref())
    }

    /// Where it is.
    pub(in crate::cli) fn place(&self) -> String {
        format!("{}@{}", self.partition, self.offset)
    }
}

/// A text in a cell.
pub(in crate::cli) fn cell_of(text: &str) -> String {
    shortened(text)
}

/// Text on one line, not too long, without anything that a terminal acts on.
fn cell(text: Option<&str>, base64: Option<&str>) -> String {
    let text = match (text, base64) {
        (Some(text), _) => text,
        (None, Some(base64)) => return shortened(&format!("base64:{base64}")),
        (None, None) => return "-".to_owned(),
    };
    shortened(text)
}

fn shortened(text: &str) -> String {
    let mut shown = String::new();
    for (place, char) in text.chars().enumerate() {
        if place == VALUE_CHARS_MAX {
            shown.push('…');
            break;
        }
        // Also what turns the direction of text around, or is not seen at all.
        let is_plain = !char.is_control()
            && !matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        match is_plain {
            true => shown.push(char),
            false => shown.extend(char.escape_default()),
        }
    }
    shown
}

/// A moment in a cell.
pub(in crate::cli) fn moment(ms: i64) -> String {
    format_rfc3339(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_shown_and_not_done() {
        assert_eq!(cell(Some("a\tb\n\u{1b}[2Jü"), None), "a\\tb\\n\\u{1b}[2Jü");
        assert_eq!(cell(Some("\u{202e}txt"), None), "\\u{202e}txt");
        assert_eq!(cell(None, Some("//79")), "base64://79");
        assert_eq!(cell(None, None), "-");
        assert_eq!(cell(Some(&"x".repeat(100)), None).chars().count(), VALUE_CHARS_MAX + 1);
    }
}
