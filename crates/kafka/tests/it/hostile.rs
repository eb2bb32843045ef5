//! Bytes that no honest client sends: cut short, with counts and lengths that lie, with changed bytes.
//!
//! Apart because what is tested is what does not happen: no panic, and no allocation that follows a peer's number.

use bytes::{BufMut, Bytes, BytesMut};
use millstream_kafka::codec::frame::RequestHeader;
use millstream_kafka::codec::generated::describe_topic_partitions::DescribeTopicPartitionsRequest;
use millstream_kafka::codec::generated::metadata::MetadataRequest;
use millstream_kafka::codec::generated::produce::ProduceRequest;
use millstream_kafka::codec::{DecodeError, Message, Reader, Writer};

use crate::generated::visit;
use crate::random::{Gen, Random, Visitor};

struct Truncated;

impl Visitor for Truncated {
    fn message<M: Message + Random>(&mut self) {
        for version in M::VERSIONS {
            let whole = encoded::<M>(&mut Gen::new(7 + version as u64), version);
            for end in 0..whole.len() {
                let result = M::decode(version, &mut Reader::new(whole.slice(..end)));
                assert!(
                    result.is_err(),
                    "{} v{version} decodes from {end} of {} bytes",
                    M::NAME,
                    whole.len()
                );
            }
        }
    }
}

#[test]
fn a_message_cut_short_anywhere_is_an_error() {
    visit(&mut Truncated);
}

struct Damaged;

impl Visitor for Damaged {
    fn message<M: Message + Random>(&mut self) {
        for version in M::VERSIONS {
            let mut g = Gen::new(99 + version as u64);
            let whole = encoded::<M>(&mut g, version);
            for _ in 0..200 {
                let mut bytes = BytesMut::from(&whole[..]);
                for _ in 0..=g.below(3) {
                    if !bytes.is_empty() {
                        let at = g.below(bytes.len());
                        bytes[at] = [0, 0x7f, 0x80, 0xff, g.next() as u8][g.below(5)];
                    }
                }
                let bytes = bytes.freeze();
                // An element of one byte can take some hundred bytes in memory; anything beyond that
                // would have followed a claimed length.
                let limit = 4096 + bytes.len() as u64 * 1024;
                let (allocated, result) = allocated_by(|| M::decode(version, &mut Reader::new(bytes)));
                assert!(allocated <= limit, "{} v{version} allocates {allocated} bytes", M::NAME);
                if let Ok(message) = result {
                    let mut w = Writer::new();
                    message.encode(version, &mut w).expect("what was decoded can be encoded");
                    let again = M::decode(version, &mut Reader::new(w.into_bytes()));
                    assert_eq!(again, Ok(message), "{} v{version}", M::NAME);
                }
            }
        }
    }
}

#[test]
fn damaged_messages_never_panic_and_never_allocate_what_they_claim() {
    visit(&mut Damaged);
}

#[test]
fn the_metadata_request_that_aborts_another_codec_is_an_error() {
    // Version 0 and a client id of four bytes: 18 bytes, the last four of which claim 2^31 - 1 topics.
    let mut request = BytesMut::new();
    request.put_i16(3);
    request.put_i16(0);
    request.put_i32(1);
    request.put_i16(4);
    request.put_slice(b"evil");
    request.put_i32(i32::MAX);
    assert_eq!(request.len(), 18);
    let mut r = Reader::new(request.freeze());
    let header = RequestHeader::decode(&mut r).unwrap();
    let (allocated, result) = allocated_by(|| MetadataRequest::decode(header.version, &mut r));
    assert_eq!(result, Err(DecodeError::Count { at: 18, count: i64::from(i32::MAX) }));
    assert_eq!(allocated, 0);
}

#[test]
fn claims_beyond_the_frame_are_errors_that_allocate_nothing() {
    // The first field of each is an array or a string, so that the first bytes are its length.
    let claims: [(i16, &[u8], Option<DecodeError>); 7] = [
        (0, &[0x7f, 0xff, 0xff, 0xff, 0, 1, b'a'], Some(DecodeError::Count { at: 4, count: 0x7fff_ffff })),
        (0, &[0x80, 0, 0, 0], Some(DecodeError::Length { at: 4, length: -0x8000_0000 })),
        (0, &[0xff, 0xff, 0xff, 0xff], Some(DecodeError::UnexpectedNull { at: 4 })),
        (9, &[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0], Some(DecodeError::Count { at: 5, count: 0xffff_fffe })),
        (9, &[0xff, 0xff, 0xff, 0xff, 0x1f, 0, 0], Some(DecodeError::Varint { at: 0 })),
        (9, &[0x80, 0x80, 0x80, 0x80, 0x80, 0, 0], Some(DecodeError::Varint { at: 0 })),
        (9, &[0, 1, 0, 0, 0], None),
    ];
    for (version, bytes, error) in claims {
        let bytes = Bytes::from_static(bytes);
        let (allocated, result) =
            allocated_by(|| MetadataRequest::decode(version, &mut Reader::new(bytes)).err());
        assert_eq!(result, error);
        assert_eq!(allocated, 0);
    }
}

#[test]
fn strings_are_bounded_and_utf8() {
    let decode =
        |bytes: &'static [u8]| ProduceRequest::decode(9, &mut Reader::new(bytes.into())).unwrap_err();
    assert_eq!(decode(&[3, 0xc3, 0x28, 0, 0]), DecodeError::Utf8 { at: 1 });
    assert_eq!(decode(&[0x81, 0x80, 0x02, b'a']), DecodeError::Length { at: 3, length: 0x8000 });
}

#[test]
fn the_sum_of_elements_is_bounded() {
    // Five partitions and two topics make seven elements.
    let mut bytes = BytesMut::new();
    bytes.put_slice(&[3, 2, b'a', 0, 2, b'b', 0]);
    bytes.put_slice(&[0, 0, 0, 100, 0xff, 0]);
    let bytes = bytes.freeze();
    let decode = |elements_max| {
        let mut r = Reader::with_elements_max(bytes.clone(), elements_max);
        DescribeTopicPartitionsRequest::decode(0, &mut r).map(|request| request.topics.len())
    };
    assert_eq!(decode(2), Ok(2));
    assert_eq!(decode(1), Err(DecodeError::TooManyElements { at: 1 }));
}

#[test]
fn unknown_tagged_fields_are_skipped_and_short_ones_refused() {
    let decode = |tags: &[u8]| {
        let mut bytes = BytesMut::new();
        bytes.put_slice(&[0, 1, 0]);
        bytes.put_slice(tags);
        let mut r = Reader::new(bytes.freeze());
        MetadataRequest::decode(12, &mut r).and_then(|_| r.expect_end())
    };
    assert_eq!(decode(&[2, 5, 3, 1, 2, 3, 9, 0]), Ok(()));
    assert_eq!(decode(&[1, 5, 3, 1, 2]), Err(DecodeError::Truncated { at: 6, needed: 3 }));
    assert_eq!(decode(&[0, 0xee]), Err(DecodeError::Trailing { at: 4, bytes: 1 }));
    // As many tags as a number can say, and none there.
    assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Err(DecodeError::Truncated { at: 8, needed: 1 }));
}

fn encoded<M: Message + Random>(g: &mut Gen, version: i16) -> Bytes {
    let mut w = Writer::new();
    M::random(g, version).encode(version, &mut w).expect("a random message fits its version");
    w.into_bytes()
}

/// Runs `act` and tells how many bytes were allocated at most at a time meanwhile, on this thread.
fn allocated_by<T>(act: impl FnOnce() -> T) -> (u64, T) {
    let mut value = None;
    let allocated = allocation_counter::measure(|| value = Some(act()));
    (allocated.bytes_max, value.expect("it ran"))
}
