//! What the writer does with record bytes, and what the hot paths cost in allocations.
//!
//! Apart because these are promises about how bytes are held, not about which bytes they are.

use bytes::Bytes;
use millstream_kafka::codec::frame::{read_response, write_request, write_response};
use millstream_kafka::codec::generated::fetch::{FetchResponse, FetchableTopicResponse, PartitionData};
use millstream_kafka::codec::generated::metadata::MetadataRequest;
use millstream_kafka::codec::generated::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
    TopicProduceResponse,
};
use millstream_kafka::codec::{EncodeError, Reader, Records, SPLICE_BYTES_MIN, Writer};

fn fetched(records: impl IntoIterator<Item = Bytes>) -> FetchResponse {
    let partition = PartitionData { records: Some(records.into_iter().collect()), ..Default::default() };
    let topic = FetchableTopicResponse {
        topic: "orders".into(),
        partitions: vec![partition.clone(), partition],
        ..Default::default()
    };
    FetchResponse { responses: vec![topic], ..Default::default() }
}

fn drained(w: &mut Writer) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    w.drain_into(&mut chunks);
    assert!(w.is_empty());
    chunks
}

#[test]
fn record_bytes_are_passed_on_and_not_copied() {
    let long = Bytes::from(vec![7; SPLICE_BYTES_MIN]);
    let short = Bytes::from(vec![8; SPLICE_BYTES_MIN - 1]);
    let response = fetched([long.clone(), short, long.clone()]);
    for version in [4, 11, 12] {
        let mut w = Writer::new();
        write_response(&mut w, version, 1, &response).unwrap();
        let expected = w.len();
        let chunks = drained(&mut w);
        assert_eq!(chunks.iter().filter(|chunk| chunk.as_ptr() == long.as_ptr()).count(), 4);
        assert!(chunks.iter().all(|chunk| !chunk.is_empty()));
        let frame: Bytes = chunks.concat().into();
        assert_eq!(frame.len(), expected);
        assert_eq!(frame.len() - 4, i32::from_be_bytes(frame[..4].try_into().unwrap()) as usize);
        let (_, decoded) = read_response::<FetchResponse>(version, frame.slice(4..)).unwrap();
        assert_eq!(decoded, response);
    }
}

#[test]
fn decoded_records_are_a_slice_of_the_frame() {
    let response = fetched([Bytes::from(vec![7; 2000])]);
    let mut w = Writer::new();
    response.encode(12, &mut w).unwrap();
    let frame = w.into_bytes();
    let decoded = FetchResponse::decode(12, &mut Reader::new(frame.clone())).unwrap();
    let records = decoded.responses[0].partitions[0].records.as_ref().unwrap().to_bytes();
    assert!(frame.as_ptr_range().contains(&records.as_ptr()));
}

#[test]
fn a_frame_that_fails_leaves_the_frames_before_it() {
    let mut w = Writer::new();
    let good = fetched([Bytes::from(vec![7; 1000])]);
    write_response(&mut w, 12, 1, &good).unwrap();
    let before = w.len();
    let mut bad = good.clone();
    bad.responses[0].partitions[1].preferred_read_replica = 5;
    let error = write_response(&mut w, 4, 2, &bad).unwrap_err();
    assert!(matches!(error, EncodeError::FieldNotInVersion { .. }), "{error}");
    let long = MetadataRequest::default();
    let error = write_request(&mut w, 12, 3, Some(&"x".repeat(40_000)), &long).unwrap_err();
    assert_eq!(error, EncodeError::TooLong { length: 40_000 });
    assert_eq!(w.len(), before);
    write_response(&mut w, 12, 4, &good).unwrap();
    let all: Bytes = drained(&mut w).concat().into();
    assert_eq!(all.len(), 2 * before);
    assert_eq!(read_response(12, all.slice(4..before)), Ok((1, good.clone())));
    assert_eq!(read_response(12, all.slice(before + 4..)), Ok((4, good)));
}

#[test]
fn records_are_equal_however_they_are_cut() {
    let whole = Records::from(Bytes::from_static(b"abcdef"));
    let cut: Records = [&b"ab"[..], b"", b"cdef"].into_iter().map(Bytes::from_static).collect();
    assert_eq!(whole, cut);
    assert_eq!((cut.len(), cut.chunks().count()), (6, 2));
    assert_eq!(cut.to_bytes(), whole.to_bytes());
    assert_ne!(whole, Records::from(Bytes::from_static(b"abcdeg")));
    assert!(Records::default().is_empty() && Records::default().chunks().next().is_none());
}

fn produce_request() -> ProduceRequest {
    let records = Some(Records::from(Bytes::from(vec![1; 600])));
    let partition_data = vec![PartitionProduceData { index: 3, records }];
    let topic = TopicProduceData { name: "orders".into(), partition_data, ..Default::default() };
    ProduceRequest { acks: -1, timeout_ms: 30_000, topic_data: vec![topic], ..Default::default() }
}

fn produce_response() -> ProduceResponse {
    let partition = PartitionProduceResponse { index: 3, base_offset: 1 << 40, ..Default::default() };
    let topic = TopicProduceResponse {
        name: "orders".into(),
        partition_responses: vec![partition],
        ..Default::default()
    };
    ProduceResponse { responses: vec![topic], ..Default::default() }
}

/// How many allocations `act` makes on this thread.
fn allocations_of(act: impl FnOnce()) -> u64 {
    allocation_counter::measure(act).count_total
}

#[test]
fn the_produce_path_allocates_for_its_two_arrays_and_nothing_else() {
    let mut w = Writer::new();
    produce_request().encode(9, &mut w).unwrap();
    let frame = w.into_bytes();
    // A frame cut from a connection's read buffer is already shared.
    let shared = frame.clone();
    let decoding = allocations_of(|| {
        assert!(ProduceRequest::decode(9, &mut Reader::new(shared)).is_ok());
    });
    assert_eq!(decoding, 2, "one per array");
    let response = produce_response();
    let mut w = Writer::new();
    let first = allocations_of(|| write_response(&mut w, 9, 1, &response).unwrap());
    assert_eq!(first, 1, "the writer's buffer");
    let second = allocations_of(|| write_response(&mut w, 9, 2, &response).unwrap());
    assert!(second <= 1, "{second} allocations: the buffer at most grows");
}
