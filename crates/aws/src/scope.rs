//! Account and region: the namespace of a name in AWS.
//!
//! Apart because every service has both in its resources' names, and because they decide which of the broker's
//! namespaces a request is about: account `000000000000` in `us-east-1` is the one that all protocols share by default.

use millstream_core::catalog::DEFAULT_NAME;
use std::borrow::Cow;

/// The account of whoever is not placed elsewhere.
pub const DEFAULT_ACCOUNT: &str = "000000000000";
/// The region of whoever names none.
pub const DEFAULT_REGION: &str = "us-east-1";

/// An account and a region. Those that nearly all have cost nothing to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// 12 digits.
    pub account: Cow<'static, str>,
    /// `us-east-1` say.
    pub region: Cow<'static, str>,
}

impl Default for Scope {
    fn default() -> Scope {
        Scope { account: Cow::Borrowed(DEFAULT_ACCOUNT), region: Cow::Borrowed(DEFAULT_REGION) }
    }
}

impl Scope {
    /// The scope of two names.
    #[must_use]
    pub fn new(account: &str, region: &str) -> Scope {
        let known = |name: &str, default: &'static str| {
            if name == default { Cow::Borrowed(default) } else { Cow::Owned(name.to_owned()) }
        };
        Scope { account: known(account, DEFAULT_ACCOUNT), region: known(region, DEFAULT_REGION) }
    }

    /// What the namespace is called in which its names live: `<account>/<region>`, except for the default one.
    #[must_use]
    pub fn namespace(&self) -> Cow<'static, str> {
        if self.account == DEFAULT_ACCOUNT && self.region == DEFAULT_REGION {
            return DEFAULT_NAME.into();
        }
        format!("{}/{}", self.account, self.region).into()
    }
}

/// Whether text is an account: 12 digits.
#[must_use]
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether text looks like a region: 1 to 32 small letters, digits and hyphens.
#[must_use]
pub fn is_region(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&text.len()) && text.bytes().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_scope_is_the_shared_namespace_and_no_other_is() {
        assert_eq!(Scope::default().namespace(), "default");
        assert_eq!(Scope::new(DEFAULT_ACCOUNT, DEFAULT_REGION), Scope::default());
        assert_eq!(Scope::new(DEFAULT_ACCOUNT, "eu-west-1").namespace(), "000000000000/eu-west-1");
        assert_eq!(Scope::new("123456789012", DEFAULT_REGION).namespace(), "123456789012/us-east-1");
    }

    #[test]
    fn accounts_and_regions_are_told_from_other_text() {
        assert!(is_account("123456789012") && !is_account("12345678901") && !is_account("AKIA56789012"));
        assert!(is_region("eu-central-1") && !is_region("") && !is_region("EU") && !is_region("a.b"));
    }
}
