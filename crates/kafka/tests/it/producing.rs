//! Produce through the session: what is stored, what is refused and how.
//!
//! Apart because most of Produce is refusals.

use crate::connection::Connection;
use crate::records::{batch, builder, create, fetch_request, idempotent, produce, produce_request};
use bytes::{Bytes, BytesMut};
use millstream_kafka::codec::generated::init_producer_id::InitProducerIdRequest;
use millstream_kafka::codec::generated::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use millstream_kafka::codec::generated::produce::{PartitionProduceData, ProduceResponse};
use millstream_kafka::codec::{Str, Uuid};
use millstream_testkit::broker::{START_MS, TestBroker};
use millstream_types::batch::Compression;
use millstream_types::{ProducerEpoch, ProducerId};

fn connection() -> Connection {
    let mut connection = Connection::open(&TestBroker::new());
    create(&mut connection, "orders", 1, &[]);
    connection
}

#[test]
fn every_version_appends_and_answers_with_the_offset() {
    let mut connection = Connection::open(&TestBroker::new());
    let id = create(&mut connection, "orders", 1, &[]);
    for version in 3..=13 {
        let mut request = produce_request("orders", 0, 1, batch(&[(1, None, "a"), (2, None, "b")]));
        if version >= 13 {
            request.topic_data[0].name = Str::default();
            request.topic_data[0].topic_id = id;
        }
        let response = connection.call(version, &request);
        let partition = &response.responses[0].partition_responses[0];
        assert_eq!((partition.error_code, partition.base_offset), (0, i64::from(version - 3) * 2));
        assert_eq!(partition.log_append_time_ms, -1);
    }
}

#[test]
fn batches_that_cannot_be_stored_are_refused() {
    let mut connection = connection();
    let good = batch(&[(1, None, "a")]);
    let mut damaged = BytesMut::from(&good[..]);
    *damaged.last_mut().unwrap() ^= 1;
    let mut old = BytesMut::from(&good[..]);
    old[16] = 1;
    let mut two = BytesMut::from(&good[..]);
    two.extend_from_slice(&good);
    let with_producer =
        |sequence| builder(&[(1, None, "a")]).producer(ProducerId(1), ProducerEpoch(0), sequence);
    let transactional = with_producer(Some(0)).transactional().finish(Compression::None).unwrap();
    let control = with_producer(None).control().finish(Compression::None).unwrap();
    let late = batch(&[(START_MS + 3_600_001, None, "a")]);
    for (bytes, code) in [
        (damaged.freeze(), 2),
        (good.slice(..good.len() - 1), 2),
        (old.freeze(), 87),
        (two.freeze(), 87),
        (Bytes::new(), 87),
        (transactional, 48),
        (control, 87),
        (late, 32),
    ] {
        let refused = produce(&mut connection, "orders", bytes);
        assert_eq!((refused.error_code, refused.base_offset), (code, -1), "{:?}", refused.error_message);
        assert!(refused.error_message.is_some());
    }
    assert_eq!(produce(&mut connection, "orders", good).base_offset, 0, "nothing was stored before");
}

#[test]
fn a_batch_over_the_topics_limit_is_too_large() {
    let mut connection = Connection::open(&TestBroker::new());
    create(&mut connection, "small", 1, &[("max.message.bytes", "100")]);
    assert_eq!(produce(&mut connection, "small", batch(&[(1, None, "fits")])).error_code, 0);
    let large = batch(&[(1, None, &"x".repeat(100))]);
    assert_eq!(produce(&mut connection, "small", large).error_code, 10);
}

#[test]
fn unknown_places_are_refused() {
    let mut connection = connection();
    let good = batch(&[(1, None, "a")]);
    for (topic, partition) in [("nowhere", 0), ("orders", 1), ("orders", -1), ("a b", 0), ("", 0)] {
        let response = connection.call(9, &produce_request(topic, partition, -1, good.clone()));
        assert_eq!(response.responses[0].partition_responses[0].error_code, 3, "{topic} {partition}");
    }
    let mut by_id = produce_request("", 0, -1, good.clone());
    by_id.topic_data[0].topic_id = Uuid([9; 16]);
    let response = connection.call(13, &by_id);
    assert_eq!(response.responses[0].partition_responses[0].error_code, 100);
    let response = connection.call(9, &produce_request("orders", 0, 2, good));
    assert_eq!(response.responses[0].partition_responses[0].error_code, 21);
}

#[test]
fn zstd_needs_version_7() {
    let mut connection = connection();
    let zstd = builder(&[(1, None, "a")]).finish(Compression::Zstd).unwrap();
    let response = connection.call(6, &produce_request("orders", 0, -1, zstd.clone()));
    assert_eq!(response.responses[0].partition_responses[0].error_code, 76);
    let response = connection.call(7, &produce_request("orders", 0, -1, zstd));
    assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
}

#[test]
fn a_compacted_topic_names_the_records_without_a_key() {
    let mut connection = Connection::open(&TestBroker::new());
    create(&mut connection, "table", 1, &[("cleanup.policy", "compact")]);
    let mixed = builder(&[(1, Some("k"), "a"), (1, None, "b"), (1, Some(""), "c"), (1, None, "d")]);
    let message = "Compacted topic cannot accept message without key in topic partition table-0.";
    for compression in Compression::ALL {
        let refused = produce(&mut connection, "table", mixed.clone().finish(compression).unwrap());
        assert_eq!((refused.error_code, refused.error_message.as_deref()), (87, Some(message)));
        let errors = refused.record_errors.iter();
        let errors: Vec<_> =
            errors.map(|error| (error.batch_index, error.batch_index_error_message.as_deref())).collect();
        assert_eq!(errors, [(1, Some(message)), (3, Some(message))]);
    }
    // Before version 8 there is no room for either.
    let keyless = batch(&[(1, None, "a")]);
    let response = connection.call(7, &produce_request("table", 0, -1, keyless.clone()));
    assert_eq!(response.responses[0].partition_responses[0].error_code, 87);
    create(&mut connection, "both", 1, &[("cleanup.policy", "compact,delete")]);
    assert_eq!(produce(&mut connection, "both", keyless.clone()).error_code, 87);
    create(&mut connection, "neither", 1, &[("cleanup.policy", "")]);
    assert_eq!(produce(&mut connection, "neither", keyless).error_code, 0);
    assert_eq!(produce(&mut connection, "table", batch(&[(1, Some("k"), "a")])).error_code, 0);
}

#[test]
fn log_append_time_is_the_brokers() {
    let mut connection = Connection::open(&TestBroker::new());
    create(&mut connection, "stamped", 1, &[("message.timestamp.type", "LogAppendTime")]);
    let appended = produce(&mut connection, "stamped", batch(&[(1, None, "a")]));
    assert_eq!((appended.error_code, appended.log_append_time_ms), (0, START_MS));
}

#[test]
fn a_batch_sent_twice_is_stored_once() {
    let mut connection = connection();
    let response =
        connection.call(4, &InitProducerIdRequest { transactional_id: None, ..Default::default() });
    let id = u64::try_from(response.producer_id).unwrap();
    assert_eq!((response.error_code, response.producer_epoch), (0, 0));
    let first = idempotent(id, 0, 0, &["a", "b"]);
    assert_eq!(produce(&mut connection, "orders", first.clone()).base_offset, 0);
    let again = produce(&mut connection, "orders", first);
    assert_eq!((again.error_code, again.base_offset), (0, 0));
    assert_eq!(produce(&mut connection, "orders", idempotent(id, 0, 2, &["c"])).base_offset, 2);
    assert_eq!(produce(&mut connection, "orders", idempotent(id, 0, 4, &["e"])).error_code, 45, "a gap");
    assert_eq!(produce(&mut connection, "orders", idempotent(id, 1, 0, &["x"])).error_code, 0);
    assert_eq!(produce(&mut connection, "orders", idempotent(id, 0, 3, &["d"])).error_code, 47, "fenced");
}

#[test]
fn a_request_for_thousands_of_partitions_is_answered_for_each() {
    const PARTITIONS: i32 = 5_000;
    let mut connection = Connection::open(&TestBroker::new());
    create(&mut connection, "wide", PARTITIONS, &[]);
    let mut request = produce_request("wide", 0, -1, idempotent(7, 0, 0, &["a"]));
    let first = request.topic_data[0].partition_data.remove(0);
    request.topic_data[0].partition_data = (0..=PARTITIONS)
        .map(|index| PartitionProduceData { index, records: first.records.clone() })
        .collect();
    for offset in [0, 0] {
        let response = connection.call(9, &request);
        let partitions = &response.responses[0].partition_responses;
        assert_eq!(partitions.len(), 5_001);
        assert!((0..).zip(partitions).all(|(index, partition)| partition.index == index));
        let (last, all) = partitions.split_last().unwrap();
        assert!(all.iter().all(|partition| (partition.error_code, partition.base_offset) == (0, offset)));
        assert_eq!(last.error_code, 3, "there is one fewer");
    }
}

#[test]
fn producer_ids_are_fresh_and_transactions_refused() {
    let mut connection = connection();
    let ask = |transactional_id: Option<&str>, producer_id, producer_epoch| InitProducerIdRequest {
        transactional_id: transactional_id.map(Str::from),
        producer_id,
        producer_epoch,
        ..Default::default()
    };
    let first = connection.call(5, &ask(None, -1, -1));
    let second = connection.call(5, &ask(None, first.producer_id, first.producer_epoch));
    assert_eq!((second.error_code, second.producer_epoch), (0, 0));
    assert!(second.producer_id > first.producer_id);
    for (request, code) in [
        (ask(None, 5, -1), 42),
        (ask(None, -1, 5), 42),
        (ask(Some(""), -1, -1), 42),
        (ask(Some("t"), -1, -1), 53),
    ] {
        let refused = connection.call(5, &request);
        assert_eq!((refused.error_code, refused.producer_id, refused.producer_epoch), (code, -1, -1));
    }
}

#[test]
fn acks_0_is_silent_and_a_refusal_ends_the_connection() {
    let mut connection = connection();
    connection.send(9, &produce_request("orders", 0, 0, batch(&[(1, None, "a")])));
    assert_eq!(connection.take_frame(), None);
    let fetched = connection.call(11, &fetch_request(&[("orders", 0)]));
    assert_eq!(fetched.responses[0].partitions[0].high_watermark, 1, "the next answer is the next request's");
    connection.send(9, &produce_request("nowhere", 0, 0, batch(&[(1, None, "a")])));
    assert_eq!(connection.take_frame(), None);
    let close = connection.closed.expect("the producer must look again");
    assert!(close.reason.contains("UNKNOWN_TOPIC_OR_PARTITION"), "{}", close.reason);
}

#[test]
fn produces_are_under_way_together_and_answered_in_order() {
    let mut connection = connection();
    connection.hold = true;
    let first = connection.send(9, &produce_request("orders", 0, -1, batch(&[(1, None, "a")])));
    let second = connection.send(9, &produce_request("orders", 0, -1, batch(&[(1, None, "b")])));
    let all = MetadataRequest { topics: None, ..Default::default() };
    let third = connection.send(9, &all);
    assert_eq!(connection.held.len(), 2, "both were submitted, the metadata waits");
    assert_eq!(connection.take_frame(), None);
    connection.release(1);
    assert_eq!(connection.take_frame(), None, "the second answer waits for the first");
    connection.release(0);
    let (id, answer) = connection.take::<ProduceResponse>(9).unwrap();
    assert_eq!((id, answer.responses[0].partition_responses[0].base_offset), (first, 1));
    let (id, answer) = connection.take::<ProduceResponse>(9).unwrap();
    assert_eq!((id, answer.responses[0].partition_responses[0].base_offset), (second, 0));
    let (id, answer) = connection.take::<MetadataResponse>(9).unwrap();
    assert_eq!((id, answer.topics.len()), (third, 1));
    assert_eq!(connection.take_frame(), None);
}

#[test]
fn without_memory_for_more_small_requests_one_is_under_way_at_a_time() {
    let mut connection = connection();
    connection.hold = true;
    connection.spare_bytes = 0;
    for value in ["a", "b", "c"] {
        connection.send(9, &produce_request("orders", 0, -1, batch(&[(1, None, value)])));
    }
    for offset in 0..3 {
        assert_eq!(connection.held.len(), 1, "the others wait for memory");
        connection.release(0);
        let (_, answer) = connection.take::<ProduceResponse>(9).unwrap();
        assert_eq!(answer.responses[0].partition_responses[0].base_offset, offset);
    }
    connection.hold = false;
    connection.call(11, &fetch_request(&[("orders", 0)]));
}

fn asked(name: &str) -> MetadataRequestTopic {
    MetadataRequestTopic { name: Some(Str::from(name)), ..Default::default() }
}

#[test]
fn naming_an_unknown_topic_creates_it_when_allowed() {
    let mut connection = Connection::open(&TestBroker::new());
    let request = |names: &[&str], allow| MetadataRequest {
        topics: Some(names.iter().map(|name| asked(name)).collect()),
        allow_auto_topic_creation: allow,
        ..Default::default()
    };
    let response = connection.call(9, &request(&["new"], false));
    assert_eq!(response.topics[0].error_code, 3);
    let response = connection.call(9, &request(&["new", "new", "a b"], true));
    let codes: Vec<i16> = response.topics.iter().map(|topic| topic.error_code).collect();
    assert_eq!(codes, [0, 0, 17]);
    assert_eq!(response.topics[0].partitions.len(), 2, "the default");
    let by_id = |id| MetadataRequest {
        topics: Some(vec![MetadataRequestTopic { topic_id: id, name: None }]),
        ..Default::default()
    };
    let response = connection.call(12, &request(&["new"], false));
    let id = response.topics[0].topic_id;
    assert_eq!(connection.call(12, &by_id(id)).topics[0].name.as_deref(), Some("new"));
    assert_eq!(connection.call(12, &by_id(Uuid([7; 16]))).topics[0].error_code, 100);
    assert_eq!(connection.call(10, &by_id(id)).topics[0].error_code, 42, "a request by id needs version 12");
    let mut off = crate::connection::options();
    off.auto_create = false;
    let mut connection = Connection::with(&TestBroker::new(), off);
    assert_eq!(connection.call(3, &request(&["new"], true)).topics[0].error_code, 3);
}

#[test]
fn a_create_that_fails_is_said_for_its_topic_alone() {
    let mut options = crate::connection::options();
    options.default_logs = 20_000;
    let mut connection = Connection::with(&TestBroker::new(), options);
    create(&mut connection, "there", 1, &[]);
    let request = MetadataRequest { topics: Some(vec![asked("there"), asked("wide")]), ..Default::default() };
    let codes: Vec<i16> = connection.call(9, &request).topics.iter().map(|topic| topic.error_code).collect();
    assert_eq!(codes, [0, 37]);
}
