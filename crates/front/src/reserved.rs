//! Names of headers that are reserved: where protocols keep what they know beyond a record (R17).
//!
//! Apart because all fronts have to agree on them: what one keeps in such a header no other may show as a client's own, and what
//! a client calls so has to be kept elsewhere.

use millstream_types::{dead_letter, routed};

/// What reserved names begin with, in their order.
pub const PREFIXES: [&str; 9] = [
    "amqp.",
    dead_letter::PREFIX,
    "kinesis.",
    "millstream.",
    "pubsub.",
    "redis.",
    routed::PREFIX,
    "sns.",
    "sqs.",
];

/// Whether a header of this name is a protocol's or the broker's, and no client's own.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_reserved_by_how_it_begins() {
        for reserved in ["amqp.priority", "dead-letter.source", "routed.by", "sqs.", "millstream.x"] {
            assert!(is_reserved(reserved), "{reserved}");
        }
        for own in ["", "amqp", "my.sqs.x", "SQS.x", "routed", "trace-id"] {
            assert!(!is_reserved(own), "{own}");
        }
    }

    #[test]
    fn the_page_about_records_names_all_of_them() {
        let page = include_str!("../../../docs/mapping.md");
        let sentence = page.split("are reserved").next().expect("there is something before it");
        let sentence = sentence.rsplit("Headers that begin").next().expect("there is something behind it");
        let named: Vec<&str> = sentence.split('`').skip(1).step_by(2).collect();
        assert_eq!(named, PREFIXES);
    }
}
