//! Which attributes a receiver wants to see: names, prefixes, or all.
//!
//! Apart because the sum over attributes is made of those that are shown, so that filtering comes first.

use crate::value::Text;

/// A receiver's wish.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NameFilter {
    all: bool,
    names: Vec<String>,
    /// What stands before `.*`.
    prefixes: Vec<String>,
}

impl NameFilter {
    /// The wish that a list of names states. `All` and `.*` mean every attribute, `prefix.*` those that begin with the
    /// prefix, whether a period follows or not.
    pub(crate) fn new<'a>(wanted: impl IntoIterator<Item = Text<'a>>) -> NameFilter {
        let mut filter = NameFilter::default();
        for name in wanted {
            match name.strip_suffix(".*") {
                Some("") => filter.all = true,
                Some(prefix) => filter.prefixes.push(prefix.to_owned()),
                None if &*name == "All" => filter.all = true,
                None => filter.names.push(name.into_string()),
            }
        }
        filter
    }

    /// Whether an attribute is to be shown.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.all
            || self.names.iter().any(|wanted| wanted == name)
            || self.prefixes.iter().any(|prefix| name.starts_with(&**prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_prefixes_and_all_are_told_apart() {
        let filter = |names: &[&'static str]| NameFilter::new(names.iter().map(|name| Text::from(*name)));
        assert!(!filter(&[]).wants("a"));
        assert!(filter(&["All"]).wants("a") && filter(&[".*"]).wants("a") && !filter(&["x", "*"]).wants("a"));
        let hel = filter(&["Hel.*", "Foo"]);
        assert!(hel.wants("Foo") && hel.wants("Help.Me") && hel.wants("Hello") && !hel.wants("Food"));
    }
}
