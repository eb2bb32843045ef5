//! Names of queues: as clients spell them, and those that the broker makes up.
//!
//! Apart because names come in every other method.

use millstream_core::catalog::DEFAULT_NAME;
use std::borrow::Cow;

/// Digits of names that the broker makes up.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A name without the line ends that scripts leave in it, as RabbitMQ takes them away.
pub(crate) fn cleaned(name: &str) -> Cow<'_, str> {
    if name.contains(['\r', '\n']) { name.replace(['\r', '\n'], "").into() } else { name.into() }
}

/// What the namespace of a virtual host is called.
pub(crate) fn namespace_name(vhost: &str) -> &str {
    if vhost == "/" { DEFAULT_NAME } else { vhost }
}

/// What a namespace is called as a virtual host.
pub(crate) fn vhost_name(namespace: &str) -> &str {
    if namespace == DEFAULT_NAME { "/" } else { namespace }
}

/// A name from 128 random bits, in RabbitMQ's shape.
pub(crate) fn server_name(prefix: &str, random: u128) -> String {
    let digit = |place: u32| {
        let six = usize::try_from(random >> (6 * place) & 63).expect("six bits");
        char::from(DIGITS[six])
    };
    let digits: String = (0..22).rev().map(digit).collect();
    format!("{prefix}{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_made_up_differ_in_every_bit() {
        let names: std::collections::BTreeSet<String> =
            (0..128).map(|bit| server_name("amq.gen-", 1 << bit)).collect();
        assert_eq!(names.len(), 128);
        assert!(names.iter().all(|name| name.len() == 30 && name.starts_with("amq.gen-")));
    }

    #[test]
    fn line_ends_are_taken_away() {
        assert_eq!(cleaned("or\r\nders\n"), "orders");
        assert!(matches!(cleaned("orders"), Cow::Borrowed("orders")));
    }
}
