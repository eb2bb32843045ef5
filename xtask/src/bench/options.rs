//! The options of a bench, which are the bench's own: what a task has to know of them.
//!
//! Apart because every bench that needs a peer looks at a few of them, and passes all of them on.

use std::ffi::OsString;

use clap::Args;

#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Options {
    /// Options of the bench
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Options {
    /// Everything, as it was given.
    pub(super) fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// Whether an option was given.
    pub(super) fn has(&self, option: &str) -> bool {
        let with_value = format!("{option}=");
        self.texts().any(|argument| argument == option || argument.starts_with(&with_value))
    }

    /// The values of an option that takes several, separated by commas.
    pub(super) fn values(&self, option: &str) -> Vec<&str> {
        let with_value = format!("{option}=");
        let texts: Vec<&str> = self.texts().collect();
        let mut values = Vec::new();
        for (index, argument) in texts.iter().enumerate() {
            let value = match argument.strip_prefix(&with_value) {
                Some(value) => value,
                None if *argument == option => texts.get(index + 1).copied().unwrap_or_default(),
                None => continue,
            };
            values.extend(value.split(','));
        }
        values
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.arguments.iter().filter_map(|argument| argument.to_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_in_either_spelling() {
        let options = |texts: &[&str]| Options { arguments: texts.iter().map(OsString::from).collect() };
        assert_eq!(options(&["--peers", "a,b", "--x"]).values("--peers"), ["a", "b"]);
        assert_eq!(options(&["--peers=a"]).values("--peers"), ["a"]);
        assert!(options(&["--x"]).values("--peers").is_empty());
        assert!(options(&["--x=1"]).has("--x") && !options(&["--xy"]).has("--x"));
    }
}
