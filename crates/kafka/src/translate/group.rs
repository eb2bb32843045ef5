//! Groups: their names, their members' addresses, what members subscribe to, and the errors of a coordinator.
//!
//! Apart because a group's members speak Kafka's consumer protocol to each other through bytes that the core never
//! opens; the little of it that the broker has to read or write is here.

use crate::errors::ErrorCode;
use bytes::Bytes;
use core::net::{IpAddr, SocketAddr};
use millstream_core::cursor::{GroupState, OfferedProtocol, Subscription};
use millstream_types::ErrorKind;
use millstream_types::limits::{GROUP_MEMBERS_BYTES_MAX, NAME_BYTES_MAX};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The protocol type of groups whose members read topics and say which.
pub(crate) const CONSUMER: &str = "consumer";

/// An assignment of nothing in the consumer protocol: version 0, no topics, no user data. Consumers cannot read a body
/// of zero bytes, which is what a member gets whose leader has left it out.
const NOTHING_ASSIGNED: &[u8] = &[0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];

/// What the coordinator of a group answers, where a leader of partitions would answer otherwise.
pub(crate) fn group_error(kind: ErrorKind) -> ErrorCode {
    match kind {
        ErrorKind::InvalidName => ErrorCode::INVALID_GROUP_ID,
        ErrorKind::Denied => ErrorCode::GROUP_AUTHORIZATION_FAILED,
        // Clients look for the coordinator again, and find this broker or its successor. Nothing here is harmed by being
        // asked twice, so an open outcome may be answered alike.
        ErrorKind::ShuttingDown | ErrorKind::CorruptStorage => ErrorCode::NOT_COORDINATOR,
        ErrorKind::StorageFull | ErrorKind::Indeterminate => ErrorCode::COORDINATOR_NOT_AVAILABLE,
        // "Ask again in a while", without looking elsewhere.
        ErrorKind::Overloaded => ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
        ErrorKind::UnknownStream
        | ErrorKind::UnknownNamespace
        | ErrorKind::UnknownLog
        | ErrorKind::StreamExists
        | ErrorKind::InvalidLogCount
        | ErrorKind::InvalidConfig
        | ErrorKind::OffsetOutOfRange
        | ErrorKind::RecordTooLarge
        | ErrorKind::InvalidObject
        | ErrorKind::CorruptBatch
        | ErrorKind::InvalidRecord
        | ErrorKind::InvalidTimestamp
        | ErrorKind::OutOfOrderSequence
        | ErrorKind::DuplicateSequence
        | ErrorKind::StaleProducerEpoch
        | ErrorKind::UnknownProducer
        | ErrorKind::UnknownGroup
        | ErrorKind::GroupNotEmpty
        | ErrorKind::UnknownMember
        | ErrorKind::MemberIdRequired
        | ErrorKind::FencedInstance
        | ErrorKind::StaleGeneration
        | ErrorKind::RebalanceInProgress
        | ErrorKind::InconsistentProtocol
        | ErrorKind::InvalidSessionTimeout
        | ErrorKind::GroupFull
        | ErrorKind::GroupSubscribed
        | ErrorKind::MetadataTooLarge
        | ErrorKind::UnknownLeaseGroup
        | ErrorKind::HolderExcluded
        | ErrorKind::StreamInUse
        | ErrorKind::StreamNotEmpty
        | ErrorKind::TooManyLeased
        | ErrorKind::StreamFull
        | ErrorKind::UnknownRoute
        | ErrorKind::RouteDiffers
        | ErrorKind::RouteInUse
        | ErrorKind::LimitExceeded => ErrorCode::from(kind),
    }
}

/// A group's state as Kafka names it.
pub(crate) fn state_name(state: GroupState) -> &'static str {
    match state {
        GroupState::Empty => "Empty",
        GroupState::PreparingRebalance => "PreparingRebalance",
        GroupState::CompletingRebalance => "CompletingRebalance",
        GroupState::Stable => "Stable",
    }
}

/// The state that a client means, in any case; `None` for states that no group here is ever in.
pub(crate) fn state_from_name(name: &str) -> Option<GroupState> {
    let states = [
        GroupState::Empty,
        GroupState::PreparingRebalance,
        GroupState::CompletingRebalance,
        GroupState::Stable,
    ];
    states.into_iter().find(|state| state_name(*state).eq_ignore_ascii_case(name))
}

/// Where a member is, as Kafka shows it: `/127.0.0.1`, `/0:0:0:0:0:0:0:1`.
pub(crate) fn client_host(peer: SocketAddr) -> Arc<str> {
    match peer.ip().to_canonical() {
        IpAddr::V4(address) => format!("/{address}").into(),
        IpAddr::V6(address) => {
            let groups = address.segments().map(|group| format!("{group:x}"));
            format!("/{}", groups.join(":")).into()
        }
    }
}

/// What a member reads, from what it offers. The names of all its offers together: which one the group will choose is not
/// known yet, and consumers offer the same topics in each.
pub(crate) fn subscription(protocol_type: &str, protocols: &[OfferedProtocol]) -> Subscription {
    if protocol_type != CONSUMER {
        return Subscription::Opaque;
    }
    let mut topics = BTreeSet::new();
    for offered in protocols {
        // The core refuses offers of more bytes; they need not be read.
        if offered.metadata.len() > GROUP_MEMBERS_BYTES_MAX
            || subscribed(&offered.metadata, &mut topics).is_none()
        {
            return Subscription::Unknown;
        }
    }
    // A longer name is no stream's.
    let topics = topics.into_iter().filter(|name| name.len() <= NAME_BYTES_MAX);
    Subscription::Streams(topics.map(Arc::from).collect())
}

/// Adds the topics of a subscription in the consumer protocol; `None` if it is not one. What follows the topics (user
/// data, owned partitions, generation, rack) is for the members alone:
///
/// ```text
/// version: i16, count: i32, count × (length: i16, UTF-8), …
/// ```
fn subscribed<'a>(metadata: &'a [u8], topics: &mut BTreeSet<&'a str>) -> Option<()> {
    let (version, rest) = metadata.split_first_chunk::<2>()?;
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    if i16::from_be_bytes(*version) < 0 {
        return None;
    }
    for _ in 0..u32::try_from(i32::from_be_bytes(*count)).ok()? {
        let (length, tail) = rest.split_first_chunk::<2>()?;
        let length = usize::try_from(i16::from_be_bytes(*length)).ok()?;
        let (name, tail) = tail.split_at_checked(length)?;
        topics.insert(std::str::from_utf8(name).ok()?);
        rest = tail;
    }
    Some(())
}

/// What a member is told: a consumer always gets an assignment that it can read.
pub(crate) fn assignment(protocol_type: &str, assignment: Bytes) -> Bytes {
    if assignment.is_empty() && protocol_type == CONSUMER {
        Bytes::from_static(NOTHING_ASSIGNED)
    } else {
        assignment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(metadata: &[u8]) -> OfferedProtocol {
        OfferedProtocol { name: "range".into(), metadata: Bytes::copy_from_slice(metadata) }
    }

    fn topics(names: &[&str]) -> Vec<u8> {
        let mut bytes = vec![0, 3];
        bytes.extend(i32::try_from(names.len()).unwrap().to_be_bytes());
        for name in names {
            bytes.extend(i16::try_from(name.len()).unwrap().to_be_bytes());
            bytes.extend(name.bytes());
        }
        bytes.extend([0xff; 4]);
        bytes
    }

    #[test]
    fn the_topics_of_all_offers_are_one_subscription() {
        let offers = [offer(&topics(&["b", "a"])), offer(&topics(&["c", "a"]))];
        let all = Subscription::Streams(vec!["a".into(), "b".into(), "c".into()]);
        assert_eq!(subscription("consumer", &offers), all);
        assert_eq!(subscription("consumer", &[offer(&topics(&[]))]), Subscription::Streams(Vec::new()));
        assert_eq!(subscription("connect", &offers), Subscription::Opaque);
    }

    #[test]
    fn metadata_that_is_no_subscription_is_unknown() {
        let whole = topics(&["orders", "bills"]);
        let names_end = whole.len() - 4;
        for cut in 0..names_end {
            assert_eq!(
                subscription("consumer", &[offer(&whole[..cut])]),
                Subscription::Unknown,
                "{cut} bytes"
            );
        }
        for bad in [
            &[0xff, 0xff, 0, 0, 0, 0][..],
            &[0, 0, 0xff, 0xff, 0xff, 0xff],
            &[0, 0, 0, 0, 0, 1, 0xff, 0xff],
            &[0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 1, b'a'],
            &[0, 0, 0, 0, 0, 1, 0, 1, 0xff],
        ] {
            assert_eq!(subscription("consumer", &[offer(bad)]), Subscription::Unknown, "{bad:?}");
        }
    }

    #[test]
    fn names_that_no_stream_has_are_left_out() {
        let long = "x".repeat(256);
        let offers = [offer(&topics(&[&long, "a"]))];
        assert_eq!(subscription("consumer", &offers), Subscription::Streams(vec!["a".into()]));
    }

    #[test]
    fn a_coordinator_that_cannot_is_looked_for_again() {
        assert_eq!(group_error(ErrorKind::ShuttingDown), ErrorCode::NOT_COORDINATOR);
        assert_eq!(group_error(ErrorKind::StorageFull), ErrorCode::COORDINATOR_NOT_AVAILABLE);
        assert_eq!(group_error(ErrorKind::Indeterminate), ErrorCode::COORDINATOR_NOT_AVAILABLE);
        assert_eq!(group_error(ErrorKind::Overloaded), ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
        assert_eq!(group_error(ErrorKind::InvalidName), ErrorCode::INVALID_GROUP_ID);
        assert_eq!(group_error(ErrorKind::StaleGeneration), ErrorCode::ILLEGAL_GENERATION);
    }

    #[test]
    fn addresses_are_spelled_as_kafka_spells_them() {
        let host = |address: &str| client_host(address.parse().unwrap()).to_string();
        assert_eq!(host("127.0.0.1:9092"), "/127.0.0.1");
        assert_eq!(host("[::1]:9092"), "/0:0:0:0:0:0:0:1");
        assert_eq!(host("[::ffff:10.0.0.7]:1"), "/10.0.0.7");
        assert_eq!(host("[2001:db8::a0]:1"), "/2001:db8:0:0:0:0:0:a0");
    }

    #[test]
    fn only_consumers_are_told_of_nothing() {
        assert_eq!(assignment("consumer", Bytes::new()), NOTHING_ASSIGNED);
        assert_eq!(assignment("connect", Bytes::new()), Bytes::new());
        assert_eq!(assignment("consumer", Bytes::from_static(b"x")), "x");
    }

    #[test]
    fn state_names_are_found_in_any_case() {
        assert_eq!(state_from_name("preparingREBALANCE"), Some(GroupState::PreparingRebalance));
        assert_eq!(state_from_name("Dead"), None);
    }
}
