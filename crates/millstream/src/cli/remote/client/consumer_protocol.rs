//! What members of a consumer group say to one another through the broker, which does not look inside.
//!
//! Apart because it is a format of the clients, not of the broker, and comes from clients we know nothing of: a
//! member's leader decodes what every other member sent.
//!
//! ```text
//! subscription   i16 version | array of topic | bytes user data | from version 1: array of (topic, array of i32)
//! assignment     i16 version | array of (topic, array of i32) | bytes user data
//! array          i32 count | elements          topic    i16 length | UTF-8
//! bytes          i32 length (−1: null) | bytes
//! ```
//!
//! Newer versions only add fields at the end, so a reader of an older one ignores what follows.

use std::collections::{BTreeMap, BTreeSet};

/// Partitions by topic.
pub(crate) type Assignment = BTreeMap<String, Vec<i32>>;

/// The version of the subscriptions we send; version 1 lets cooperative members read them too.
const SUBSCRIPTION_VERSION: i16 = 1;
/// The version of the assignments we send; any member reads it.
const ASSIGNMENT_VERSION: i16 = 0;
/// A null user data's length.
const NULL: i32 = -1;

/// Says which topics a member wants.
pub(super) fn encode_subscription(topics: &BTreeSet<String>) -> Vec<u8> {
    let mut out = SUBSCRIPTION_VERSION.to_be_bytes().to_vec();
    put_count(&mut out, topics.len());
    for topic in topics {
        put_string(&mut out, topic);
    }
    out.extend(NULL.to_be_bytes());
    // We give everything up before we join again, so we own nothing.
    put_count(&mut out, 0);
    out
}

/// The topics that a member wants; `None` when the bytes are no subscription.
pub(super) fn decode_subscription(bytes: &[u8]) -> Option<BTreeSet<String>> {
    let mut input = Input(bytes);
    input.version()?;
    let mut topics = BTreeSet::new();
    for _ in 0..input.count()? {
        topics.insert(input.string()?);
    }
    Some(topics)
}

/// Says which partitions a member gets.
pub(super) fn encode_assignment(assignment: &Assignment) -> Vec<u8> {
    let mut out = ASSIGNMENT_VERSION.to_be_bytes().to_vec();
    put_count(&mut out, assignment.len());
    for (topic, partitions) in assignment {
        put_string(&mut out, topic);
        put_count(&mut out, partitions.len());
        partitions.iter().for_each(|partition| out.extend(partition.to_be_bytes()));
    }
    out.extend(NULL.to_be_bytes());
    out
}

/// The partitions that a member got; nothing at all means none. `None` when the bytes are no assignment.
pub(crate) fn decode_assignment(bytes: &[u8]) -> Option<Assignment> {
    if bytes.is_empty() {
        return Some(Assignment::new());
    }
    let mut input = Input(bytes);
    input.version()?;
    let mut assignment = Assignment::new();
    for _ in 0..input.count()? {
        let topic = input.string()?;
        let partitions = assignment.entry(topic).or_default();
        for _ in 0..input.count()? {
            partitions.push(i32::from_be_bytes(input.array()?));
        }
    }
    Some(assignment)
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    let count = i32::try_from(count).expect("topics and partitions of a group are far fewer than 2³¹");
    out.extend(count.to_be_bytes());
}

fn put_string(out: &mut Vec<u8>, text: &str) {
    let length = i16::try_from(text.len()).expect("topic names are at most 249 bytes");
    out.extend(length.to_be_bytes());
    out.extend(text.as_bytes());
}

/// The bytes not yet read. Counts are only loop bounds: each turn needs bytes that are really there.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn version(&mut self) -> Option<i16> {
        Some(i16::from_be_bytes(self.array()?)).filter(|version| *version >= 0)
    }

    fn count(&mut self) -> Option<u32> {
        u32::try_from(i32::from_be_bytes(self.array()?)).ok()
    }

    fn string(&mut self) -> Option<String> {
        let length = usize::try_from(i16::from_be_bytes(self.array()?)).ok()?;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What clients with one topic and the range assignor send to a broker, as it came over the wire.
    ///
    /// Kafka's Java client 4.3: version 3, null user data, no owned partitions, no generation, no rack.
    const JAVA: &[u8] = b"\0\x03\0\0\0\x01\0\x06orders\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff\xff\xff";
    /// librdkafka: version 3, empty user data, an empty rack.
    const LIBRDKAFKA: &[u8] = b"\0\x03\0\0\0\x01\0\x06orders\0\0\0\0\0\0\0\0\xff\xff\xff\xff\0\0";
    /// kafka-python 3.0 and aiokafka 0.14: version 0, empty user data.
    const PYTHON: &[u8] = b"\0\0\0\0\0\x01\0\x06orders\0\0\0\0";
    /// What the Java client as leader gives to a member: version 3 and null user data.
    const JAVA_ASSIGNMENT: &[u8] =
        b"\0\x03\0\0\0\x01\0\x06orders\0\0\0\x02\0\0\0\0\0\0\0\x01\xff\xff\xff\xff";
    /// The same from librdkafka: version 0 and empty user data.
    const LIBRDKAFKA_ASSIGNMENT: &[u8] = b"\0\0\0\0\0\x01\0\x06orders\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0\0";

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_other_clients_send_is_read() {
        for subscription in [JAVA, LIBRDKAFKA, PYTHON] {
            assert_eq!(decode_subscription(subscription), Some(names(&["orders"])));
        }
        let assignment = Assignment::from([("orders".to_owned(), vec![0, 1])]);
        for bytes in [JAVA_ASSIGNMENT, LIBRDKAFKA_ASSIGNMENT] {
            assert_eq!(decode_assignment(bytes), Some(assignment.clone()));
        }
    }

    #[test]
    fn our_subscription_has_the_documented_bytes() {
        let bytes = encode_subscription(&names(&["b", "a"]));
        let expected = [0, 1, 0, 0, 0, 2, 0, 1, b'a', 0, 1, b'b', 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        assert_eq!(bytes, expected);
        assert_eq!(decode_subscription(&bytes), Some(names(&["a", "b"])));
    }

    #[test]
    fn assignments_have_the_documented_bytes_in_both_directions() {
        let assignment = Assignment::from([("orders".to_owned(), vec![0, 2])]);
        let bytes = encode_assignment(&assignment);
        let expected = [
            0, 0, 0, 0, 0, 1, 0, 6, b'o', b'r', b'd', b'e', b'r', b's', 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2,
            0xff, 0xff, 0xff, 0xff,
        ];
        assert_eq!(bytes, expected);
        assert_eq!(decode_assignment(&bytes), Some(assignment));
        assert_eq!(decode_assignment(&[]), Some(Assignment::new()));
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        for end in 0..14 {
            assert_eq!(decode_subscription(&JAVA[..end]), None, "cut at {end}");
        }
        for end in 1..26 {
            assert_eq!(decode_assignment(&JAVA_ASSIGNMENT[..end]), None, "cut at {end}");
        }
        assert_eq!(decode_subscription(&[0, 0, 0x7f, 0xff, 0xff, 0xff]), None);
        assert_eq!(decode_subscription(&[0, 0, 0, 0, 0, 1, 0xff, 0xff]), None);
        assert_eq!(decode_assignment(&[0, 0, 0, 0, 0, 1, 0, 1, b'a', 0x7f, 0xff, 0xff, 0xff]), None);
        assert_eq!(decode_assignment(&[0xff, 0xff, 0, 0, 0, 0]), None);
    }
}
