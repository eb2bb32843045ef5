//! Our codec and the `kafka-protocol` crate agree, byte for byte, on every version that both have.
//!
//! Apart because the second opinion has its limits: it stops at Kafka 4.1, and some versions it lists it cannot
//! encode. What it does not know, `round_trip` covers.

use bytes::BytesMut;
use kafka_protocol::messages::{ApiKey as OracleKey, RequestKind, ResponseKind};
use millstream_kafka::codec::{ApiKey, Message, Reader, Writer};

use crate::generated::visit;
use crate::random::{Gen, Random, Visitor};

const ROUNDS: usize = 40;

/// Versions that the oracle lists as valid and then refuses.
const UNKNOWN: [(ApiKey, i16); 2] = [(ApiKey::OffsetCommit, 10), (ApiKey::OffsetFetch, 10)];

struct Compare {
    versions: usize,
}

impl Visitor for Compare {
    fn message<M: Message + Random>(&mut self) {
        let key = OracleKey::try_from(M::API.id()).expect("the oracle knows every API we serve");
        let known = key.valid_versions();
        for version in M::VERSIONS.filter(|version| (known.min..=known.max).contains(version)) {
            if UNKNOWN.contains(&(M::API, version)) {
                continue;
            }
            self.versions += 1;
            let mut g = Gen::new(1000 + version as u64);
            for _ in 0..ROUNDS {
                let message = M::random(&mut g, version);
                let mut w = Writer::new();
                message.encode(version, &mut w).expect("a random message fits its version");
                let ours = w.into_bytes();
                let theirs = recode(key, M::NAME.ends_with("Request"), version, &ours)
                    .unwrap_or_else(|e| panic!("{} v{version}: {e:#}\n{message:?}", M::NAME));
                assert_eq!(theirs, ours, "{} v{version}: {message:?}", M::NAME);
                let decoded = M::decode(version, &mut Reader::new(theirs.freeze()));
                assert_eq!(decoded, Ok(message), "{} v{version}", M::NAME);
            }
        }
    }
}

/// Decodes with the oracle and encodes what it understood.
fn recode(
    key: OracleKey,
    request: bool,
    version: i16,
    bytes: &bytes::Bytes,
) -> Result<BytesMut, Box<dyn std::error::Error>> {
    let mut input = bytes.clone();
    let mut output = BytesMut::new();
    if request {
        RequestKind::decode(key, &mut input, version)?.encode(&mut output, version)?;
    } else {
        ResponseKind::decode(key, &mut input, version)?.encode(&mut output, version)?;
    }
    if !input.is_empty() {
        return Err(format!("the oracle left {} bytes", input.len()).into());
    }
    Ok(output)
}

#[test]
fn both_codecs_say_the_same_bytes() {
    let mut compare = Compare { versions: 0 };
    visit(&mut compare);
    assert!(compare.versions > 200, "{} message versions compared", compare.versions);
}
