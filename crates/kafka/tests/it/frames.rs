//! Headers and frames: their exceptions, their sizes, and what a client reads back.
//!
//! Apart because headers are written by hand.

use bytes::{BufMut, Bytes, BytesMut};
use millstream_kafka::codec::frame::{RequestHeader, read_response, write_request, write_response};
use millstream_kafka::codec::generated::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use millstream_kafka::codec::generated::metadata::{MetadataRequest, MetadataResponse};
use millstream_kafka::codec::generated::produce::ProduceRequest;
use millstream_kafka::codec::{ApiKey, DecodeError, EncodeError, Reader, RequestMessage, Writer};

/// Takes the size off a frame and checks it.
fn unframed(w: Writer) -> Bytes {
    let bytes = w.into_bytes();
    let (size, rest) = bytes.split_first_chunk().expect("a frame begins with its size");
    assert_eq!(u32::from_be_bytes(*size) as usize, rest.len());
    bytes.slice(4..)
}

fn header_of<M: RequestMessage>(version: i16) -> (RequestHeader, Reader) {
    let mut w = Writer::new();
    write_request(&mut w, version, 77, Some("tester"), &M::default()).expect("the default fits the version");
    let mut r = Reader::new(unframed(w));
    (RequestHeader::decode(&mut r).expect("a header that was just written"), r)
}

#[test]
fn a_request_is_read_back_with_either_header() {
    for version in [8, 9] {
        let (header, mut r) = header_of::<MetadataRequest>(version);
        let client_id = Some("tester".into());
        assert_eq!(header, RequestHeader { api: ApiKey::Metadata, version, correlation_id: 77, client_id });
        assert_eq!(MetadataRequest::decode(version, &mut r), Ok(MetadataRequest::default()));
        assert_eq!(r.expect_end(), Ok(()));
    }
}

#[test]
fn a_header_of_an_unknown_api_versions_version_ends_with_the_correlation_id() {
    for version in [5, 100, -1] {
        let mut bytes = BytesMut::new();
        bytes.put_i16(18);
        bytes.put_i16(version);
        bytes.put_i32(9);
        // Nobody knows what the header of that version would hold: here it holds nonsense.
        bytes.put_slice(&[0x7f, 0xff, 1]);
        let header = RequestHeader::decode(&mut Reader::new(bytes.freeze())).unwrap();
        let expected =
            RequestHeader { api: ApiKey::ApiVersions, version, correlation_id: 9, client_id: None };
        assert_eq!(header, expected);
    }
}

#[test]
fn an_unknown_version_of_another_api_still_has_its_header() {
    let mut bytes = BytesMut::new();
    bytes.put_slice(&[0, 0, 0, 1, 0, 0, 0, 3, 0xff, 0xff]);
    let header = RequestHeader::decode(&mut Reader::new(bytes.freeze())).unwrap();
    assert_eq!(
        header,
        RequestHeader { api: ApiKey::Produce, version: 1, correlation_id: 3, client_id: None }
    );
    assert!(!ApiKey::Produce.versions().contains(&1));
}

#[test]
fn an_unknown_api_is_an_error() {
    let bytes = Bytes::from_static(&[0x12, 0x34, 0, 0, 0, 0, 0, 3, 0, 0]);
    assert_eq!(RequestHeader::decode(&mut Reader::new(bytes)), Err(DecodeError::UnknownApi { key: 0x1234 }));
}

#[test]
fn api_versions_responses_never_have_header_tags() {
    for (version, body_bytes) in [(0, 2 + 4), (3, 2 + 1 + 4 + 1)] {
        let mut w = Writer::new();
        write_response(&mut w, version, 5, &ApiVersionsResponse::default()).unwrap();
        let frame = unframed(w);
        assert_eq!(frame.len(), 4 + body_bytes);
        assert_eq!(read_response(version, frame), Ok((5, ApiVersionsResponse::default())));
    }
    let mut w = Writer::new();
    write_response(&mut w, 9, 5, &MetadataResponse::default()).unwrap();
    let frame = unframed(w);
    assert_eq!(frame[4], 0, "the header's tagged fields, of which there are none");
    assert_eq!(read_response(9, frame), Ok((5, MetadataResponse::default())));
}

#[test]
fn what_a_version_cannot_carry_is_refused_or_left_out() {
    let encode = |version, request: &MetadataRequest| request.encode(version, &mut Writer::new());
    let no_creation =
        MetadataRequest { topics: Some(vec![]), allow_auto_topic_creation: false, ..Default::default() };
    let field = "MetadataRequest.allow_auto_topic_creation";
    assert_eq!(encode(3, &no_creation), Err(EncodeError::FieldNotInVersion { field, version: 3 }));
    assert_eq!(encode(4, &no_creation), Ok(()));
    let all_topics = MetadataRequest { topics: None, ..Default::default() };
    let field = "MetadataRequest.topics";
    assert_eq!(encode(0, &all_topics), Err(EncodeError::NullNotInVersion { field, version: 0 }));
    assert_eq!(encode(1, &all_topics), Ok(()));
    let response = MetadataResponse { throttle_time_ms: 7, ..Default::default() };
    assert_eq!(response.encode(0, &mut Writer::new()), Ok(()), "an ignorable field");
    let version = 2;
    assert_eq!(
        ProduceRequest::default().encode(version, &mut Writer::new()),
        Err(EncodeError::Version { message: "ProduceRequest", version })
    );
}

#[test]
fn keys_and_versions_are_those_kafka_serves() {
    for api in ApiKey::ALL {
        assert_eq!(ApiKey::from_id(api.id()), Some(api));
    }
    // As a Kafka 4.3.1 broker answers ApiVersions, but for Produce, whose advertised 0 to 2 have no schema.
    let served = "0:3-13 1:4-18 2:1-11 3:0-13 8:2-10 9:1-10 10:0-6 11:0-9 12:0-4 13:0-5 14:0-5 15:0-6 16:0-5 \
        18:0-4 19:2-7 20:1-6 21:0-2 22:0-5 23:2-4 32:1-4 33:0-2 35:1-5 37:0-3 42:0-2 44:0-1 47:0-0 60:0-2 75:0-0";
    let ours: Vec<String> = ApiKey::ALL
        .iter()
        .map(|api| format!("{}:{}-{}", api.id(), api.versions().start(), api.versions().end()))
        .collect();
    assert_eq!(ours.join(" "), served);
    assert_eq!(ApiKey::OffsetDelete.flexible_from(), None);
    assert_eq!(header_of::<ApiVersionsRequest>(3).0.client_id.as_deref(), Some("tester"));
}
