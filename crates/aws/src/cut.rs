//! Cutting text at single characters.
//!
//! Apart because every request's address and credential are cut, and the standard library's search is made for long text: to
//! set it up costs more than to look at these few bytes.

/// What stands before the first `mark` and behind it; `None` when there is none. The mark is ASCII.
pub(crate) fn once(text: &str, mark: u8) -> Option<(&str, &str)> {
    debug_assert!(mark.is_ascii(), "no part of another character is such a byte");
    let at = text.bytes().position(|byte| byte == mark)?;
    Some((&text[..at], &text[at + 1..]))
}

/// The parts between marks: one more than there are marks.
pub(crate) fn all(text: &str, mark: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (part, more) = once(text, mark).map_or((text, None), |(part, more)| (part, Some(more)));
        rest = more;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_as_the_standard_library_cuts_it() {
        for text in ["", "/", "a", "a/b", "/a//b/", "ü/€/😀", "//"] {
            assert_eq!(all(text, b'/').collect::<Vec<_>>(), text.split('/').collect::<Vec<_>>());
            assert_eq!(once(text, b'/'), text.split_once('/'));
        }
    }
}
