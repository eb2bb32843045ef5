//! Every message in every version survives encoding and decoding.
//!
//! Apart because it needs no second codec: it also covers the versions that the oracle lacks.

use millstream_kafka::codec::{EncodeError, Message, Reader, Writer};

use crate::generated::visit;
use crate::random::{Gen, Random, Visitor};

const ROUNDS: usize = 40;

struct RoundTrip {
    messages: usize,
}

impl Visitor for RoundTrip {
    fn message<M: Message + Random>(&mut self) {
        for version in M::VERSIONS {
            let mut g = Gen::new(version as u64 + 1);
            for _ in 0..ROUNDS {
                let message = M::random(&mut g, version);
                let mut w = Writer::new();
                message.encode(version, &mut w).unwrap_or_else(|e| panic!("{} v{version}: {e}", M::NAME));
                let mut r = Reader::new(w.into_bytes());
                let decoded =
                    M::decode(version, &mut r).unwrap_or_else(|e| panic!("{} v{version}: {e}", M::NAME));
                r.expect_end().unwrap_or_else(|e| panic!("{} v{version}: {e}", M::NAME));
                assert_eq!(decoded, message, "{} v{version}", M::NAME);
                self.messages += 1;
            }
        }
    }
}

#[test]
fn every_message_survives_encoding_and_decoding() {
    let mut trip = RoundTrip { messages: 0 };
    visit(&mut trip);
    assert!(trip.messages > 200 * ROUNDS, "{} messages are fewer than there are versions", trip.messages);
}

struct Defaults;

impl Visitor for Defaults {
    fn message<M: Message + Random>(&mut self) {
        for version in M::VERSIONS {
            let mut w = Writer::new();
            match M::default().encode(version, &mut w) {
                Ok(()) => {
                    let mut r = Reader::new(w.into_bytes());
                    assert_eq!(M::decode(version, &mut r), Ok(M::default()), "{} v{version}", M::NAME);
                }
                // The default is null, and the oldest versions have no null.
                Err(EncodeError::NullNotInVersion { .. }) => {}
                Err(error) => panic!("{} v{version}: {error}", M::NAME),
            }
        }
    }
}

#[test]
fn defaults_fit_every_version() {
    visit(&mut Defaults);
}

struct OtherVersions;

impl Visitor for OtherVersions {
    fn message<M: Message + Random>(&mut self) {
        for version in [-1, M::VERSIONS.start() - 1, M::VERSIONS.end() + 1, i16::MAX] {
            assert!(M::default().encode(version, &mut Writer::new()).is_err(), "{} v{version}", M::NAME);
            assert!(
                M::decode(version, &mut Reader::new(vec![0; 64].into())).is_err(),
                "{} v{version}",
                M::NAME
            );
        }
    }
}

#[test]
fn versions_outside_the_range_are_refused_both_ways() {
    visit(&mut OtherVersions);
}
