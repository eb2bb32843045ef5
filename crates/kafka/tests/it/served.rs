//! Every operation in every version through the session: whatever is asked, an answer in the same version comes back.
//!
//! Apart because it knows no operation by name: an operation that is added to the registry is tested here at once.

use crate::connection::Connection;
use crate::generated::visit;
use crate::random::{Gen, Random, Visitor};
use bytes::{BufMut, Bytes, BytesMut};
use millstream_kafka::OPERATIONS;
use millstream_kafka::codec::frame::{RequestHeader, read_response};
use millstream_kafka::codec::generated::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use millstream_kafka::codec::generated::metadata::MetadataRequest;
use millstream_kafka::codec::{ApiKey, Message, Str, Writer};
use millstream_testkit::broker::TestBroker;
use std::collections::BTreeMap;

fn is_served(api: ApiKey) -> bool {
    OPERATIONS.iter().any(|operation| operation.number == api.id())
}

fn frame<M: Message>(version: i16, message: &M) -> Option<Bytes> {
    let header = RequestHeader { api: M::API, version, correlation_id: 77, client_id: Some("any".into()) };
    let mut w = Writer::new();
    header.encode(&mut w).expect("a short client id");
    message.encode(version, &mut w).ok()?;
    Some(w.into_bytes())
}

/// Sends requests and keeps the answers.
#[derive(Default)]
struct Ask {
    answers: BTreeMap<(ApiKey, i16), Vec<Bytes>>,
    silent: usize,
}

impl Visitor for Ask {
    fn message<M: Message + Random>(&mut self) {
        if !M::NAME.ends_with("Request") || !is_served(M::API) {
            return;
        }
        for version in M::VERSIONS {
            let mut g = Gen::new(11 + version as u64);
            let random = (0..20).map(|_| M::random(&mut g, version));
            for message in std::iter::once(M::default()).chain(random) {
                let Some(frame) = frame(version, &message) else { continue };
                let mut connection = Connection::open(&TestBroker::new());
                connection.send_frame(&frame);
                // What waits waits for something that never comes here, or for its time.
                connection.advance_ms(3_600_000);
                let answer = connection.take_frame();
                if M::API == ApiKey::Produce && answer.is_none() {
                    self.silent += 1;
                    continue;
                }
                assert_eq!(connection.closed, None, "{} v{version}: {message:?}", M::NAME);
                let answer = answer.unwrap_or_else(|| panic!("{} v{version} has no answer", M::NAME));
                self.answers.entry((M::API, version)).or_default().push(answer);
                assert_eq!(connection.take_frame(), None, "one answer per request");
            }
        }
    }
}

/// Reads the answers as what they should be.
struct Check(BTreeMap<(ApiKey, i16), Vec<Bytes>>);

impl Visitor for Check {
    fn message<M: Message + Random>(&mut self) {
        if !M::NAME.ends_with("Response") || !is_served(M::API) {
            return;
        }
        for version in M::VERSIONS {
            let answers = self.0.remove(&(M::API, version)).unwrap_or_default();
            assert!(!answers.is_empty(), "{} v{version} was never asked for", M::NAME);
            for answer in answers {
                let (id, response) = read_response::<M>(version, answer.clone()).expect("an answer");
                assert_eq!(id, 77);
                let mut w = Writer::new();
                response.encode(version, &mut w).expect("what was read can be written");
                assert!(answer.ends_with(&w.into_bytes()), "{} v{version} ends where it says", M::NAME);
            }
        }
    }
}

#[test]
fn every_operation_answers_in_every_version() {
    let mut ask = Ask::default();
    visit(&mut ask);
    let mut check = Check(ask.answers);
    visit(&mut check);
    assert!(check.0.is_empty());
    assert!(ask.silent > 0, "Produce with acks=0 was among the random requests");
}

/// Cuts requests short.
struct Cut;

impl Visitor for Cut {
    fn message<M: Message + Random>(&mut self) {
        if !M::NAME.ends_with("Request") || !is_served(M::API) {
            return;
        }
        for version in M::VERSIONS {
            let Some(whole) = frame(version, &M::random(&mut Gen::new(5), version)) else { continue };
            let mut w = Writer::new();
            M::random(&mut Gen::new(5), version).encode(version, &mut w).expect("it was encoded above");
            if w.into_bytes().is_empty() {
                continue;
            }
            let mut connection = Connection::open(&TestBroker::new());
            connection.send_frame(&whole[..whole.len() - 1]);
            assert_eq!(connection.take_frame(), None);
            let close = connection.closed.unwrap_or_else(|| panic!("{} v{version} goes on", M::NAME));
            assert!(close.reason.contains(&format!("{:?} v{version}", M::API)), "{}", close.reason);
        }
    }
}

#[test]
fn a_body_cut_short_ends_the_connection() {
    visit(&mut Cut);
}

#[test]
fn the_registry_has_each_operation_once_in_the_order_of_keys() {
    assert!(OPERATIONS.is_sorted_by(|a, b| a.number < b.number));
    for operation in OPERATIONS {
        let api = ApiKey::from_id(operation.number).expect("an API of the codec");
        assert_eq!(operation.name, api.name());
        assert_eq!(operation.version_min..=operation.version_max, api.versions());
    }
}

#[test]
fn what_is_not_in_the_registry_is_neither_listed_nor_served() {
    let mut connection = Connection::open(&TestBroker::new());
    let listed = connection.call(0, &ApiVersionsRequest::default()).api_keys;
    let listed: Vec<i16> = listed.iter().map(|api| api.api_key).collect();
    assert_eq!(listed, OPERATIONS.map(|operation| operation.number));
    for api in ApiKey::ALL.into_iter().filter(|api| !is_served(*api)) {
        let mut connection = Connection::open(&TestBroker::new());
        let header =
            RequestHeader { api, version: *api.versions().start(), correlation_id: 1, client_id: None };
        let mut w = Writer::new();
        header.encode(&mut w).unwrap();
        connection.send_frame(&w.into_bytes());
        assert!(connection.closed.is_some(), "{api:?}");
    }
}

#[test]
fn unknown_keys_and_versions_end_the_connection() {
    for (key, version) in [(4, 0), (999, 0), (-1, 0), (3, 14), (3, -1), (0, 2), (0, 14), (19, 1)] {
        let mut connection = Connection::open(&TestBroker::new());
        let mut frame = BytesMut::new();
        frame.put_i16(key);
        frame.put_i16(version);
        frame.put_i32(1);
        frame.put_i16(-1);
        frame.put_slice(&[0; 32]);
        connection.send_frame(&frame);
        assert_eq!(connection.take_frame(), None);
        assert!(connection.closed.is_some(), "key {key} version {version}");
    }
}

#[test]
fn frame_sizes_that_cannot_be_end_the_connection() {
    for size in [-1_i32, i32::MIN, (100 << 20) + 1, 0x4745_5420] {
        let mut connection = Connection::open(&TestBroker::new());
        connection.send_bytes(&size.to_be_bytes());
        assert!(connection.closed.is_some(), "{size}");
    }
    let mut connection = Connection::open(&TestBroker::new());
    connection.send_bytes(&0_i32.to_be_bytes());
    assert!(connection.closed.is_some(), "an empty frame has no header");
}

#[test]
fn an_unknown_version_of_api_versions_is_answered_in_version_0() {
    for version in [5_i16, 100, -1] {
        let mut connection = Connection::open(&TestBroker::new());
        let mut frame = BytesMut::new();
        frame.put_i16(18);
        frame.put_i16(version);
        frame.put_i32(9);
        frame.put_slice(&[0xff; 7]);
        connection.send_frame(&frame);
        let (id, response) = connection.take::<ApiVersionsResponse>(0).expect("an answer");
        assert_eq!((id, response.error_code), (9, 35));
        let own = response.api_keys.iter().find(|api| api.api_key == 18).expect("its own range");
        assert_eq!((own.min_version, own.max_version), (0, 4));
        assert_eq!(connection.closed, None);
        connection.call(4, &named("apache-kafka-java", "4.3.1"));
    }
}

fn named(name: &str, version: &str) -> ApiVersionsRequest {
    ApiVersionsRequest { client_software_name: Str::from(name), client_software_version: Str::from(version) }
}

#[test]
fn produce_is_listed_from_version_0() {
    let mut connection = Connection::open(&TestBroker::new());
    let response = connection.call(3, &named("librdkafka", "2.15.1"));
    let produce = response.api_keys.iter().find(|api| api.api_key == 0).expect("Produce");
    assert_eq!((produce.min_version, produce.max_version), (0, 13));
    assert_eq!(response.finalized_features_epoch, -1);
}

#[test]
fn software_names_are_checked_from_version_3_on() {
    let mut connection = Connection::open(&TestBroker::new());
    for (name, version) in [("", "1"), ("a", ""), ("a b", "1"), ("-a", "1"), ("a", "1.")] {
        let response = connection.call(3, &named(name, version));
        assert_eq!((response.error_code, response.api_keys.len()), (42, 0), "{name:?} {version:?}");
    }
    assert_eq!(connection.call(2, &ApiVersionsRequest::default()).error_code, 0);
}

#[test]
fn frames_may_arrive_in_any_pieces() {
    let mut connection = Connection::open(&TestBroker::new());
    let mut bytes = BytesMut::new();
    for _ in 0..2 {
        let frame = frame(4, &MetadataRequest::default()).unwrap();
        bytes.put_u32(frame.len() as u32);
        bytes.put_slice(&frame);
    }
    for byte in bytes {
        connection.send_bytes(&[byte]);
    }
    assert!(connection.take_frame().is_some());
    assert!(connection.take_frame().is_some());
    assert_eq!(connection.take_frame(), None);
}
