//! Fetch, ListOffsets and OffsetForLeaderEpoch through the session.
//!
//! Apart because they need records to read.

use crate::connection::Connection;
use crate::records::{batch, create, fetch_request, produce, produce_request};
use bytes::BytesMut;
use millstream_kafka::codec::generated::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};
use millstream_kafka::codec::generated::fetch::{FetchRequest, FetchResponse, ForgottenTopic};
use millstream_kafka::codec::generated::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic,
};
use millstream_kafka::codec::generated::offset_for_leader_epoch::{
    OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use millstream_kafka::codec::{Str, Uuid};
use millstream_testkit::broker::{START_MS, TestBroker};
use millstream_types::Offset;
use millstream_types::batch::{LeaderEpoch, patch, split_batches};

fn connection(topics: &[&str]) -> Connection {
    let mut connection = Connection::open(&TestBroker::new());
    for topic in topics {
        create(&mut connection, topic, 1, &[]);
    }
    connection
}

/// Names and high watermarks of the partitions in an answer.
fn shown(response: &FetchResponse) -> Vec<(&str, i64)> {
    let name = |topic: &millstream_kafka::codec::generated::fetch::FetchableTopicResponse| {
        topic.partitions.iter().map(|partition| partition.high_watermark).collect::<Vec<_>>()
    };
    response.responses.iter().flat_map(|t| name(t).into_iter().map(move |hw| (&*t.topic, hw))).collect()
}

#[test]
fn every_version_reads_what_was_written() {
    let mut connection = Connection::open(&TestBroker::new());
    let id = create(&mut connection, "orders", 1, &[]);
    let sent = batch(&[(1, None, "a"), (2, None, "b")]);
    produce(&mut connection, "orders", sent.clone());
    let mut stored = BytesMut::from(&sent[..]);
    patch(&mut stored, Offset(0), LeaderEpoch(0)).unwrap();
    for version in 4..=18 {
        let mut request = fetch_request(&[("orders", 0)]);
        if version >= 13 {
            request.topics[0].topic = Str::default();
            request.topics[0].topic_id = id;
        }
        let response = connection.call(version, &request);
        let partition = &response.responses[0].partitions[0];
        assert_eq!((partition.error_code, partition.high_watermark), (0, 2), "v{version}");
        assert_eq!(partition.records.as_ref().unwrap().to_bytes(), stored, "v{version}");
    }
}

#[test]
fn from_the_middle_of_a_batch_the_whole_batch_comes() {
    let mut connection = connection(&["orders"]);
    produce(&mut connection, "orders", batch(&[(1, None, "a")]));
    produce(&mut connection, "orders", batch(&[(1, None, "b"), (1, None, "c"), (1, None, "d")]));
    let response = connection.call(11, &fetch_request(&[("orders", 2)]));
    let records = response.responses[0].partitions[0].records.clone().unwrap().to_bytes();
    let (header, _) = split_batches(records).next().unwrap().unwrap();
    assert_eq!(header.base_offset(), Some(Offset(1)));
}

#[test]
fn one_batch_comes_whatever_the_limits() {
    let mut connection = connection(&["orders"]);
    let large = batch(&[(1, None, &"x".repeat(5000))]);
    produce(&mut connection, "orders", large.clone());
    produce(&mut connection, "orders", large.clone());
    for (max_bytes, partition_max_bytes) in [(1, 1), (100, 1 << 20), (1 << 20, 100), (0, 0)] {
        let mut request = FetchRequest { max_bytes, ..fetch_request(&[("orders", 0)]) };
        request.topics[0].partitions[0].partition_max_bytes = partition_max_bytes;
        let response = connection.call(11, &request);
        let bytes = response.responses[0].partitions[0].records.as_ref().unwrap().len();
        assert_eq!(bytes, large.len(), "{max_bytes} {partition_max_bytes}");
    }
}

#[test]
fn unknown_places_and_offsets_are_refused() {
    let mut connection = connection(&["orders"]);
    for (topic, offset, code) in
        [("nowhere", 0, 3), ("orders", 1, 1), ("orders", -1, 1), ("orders", 0, 0), ("a b", 0, 3)]
    {
        let response = connection.call(11, &fetch_request(&[(topic, offset)]));
        assert_eq!(response.responses[0].partitions[0].error_code, code, "{topic} {offset}");
    }
    let mut newer = fetch_request(&[("orders", 0)]);
    newer.topics[0].partitions[0].current_leader_epoch = 1;
    assert_eq!(connection.call(11, &newer).responses[0].partitions[0].error_code, 75);
    let mut by_id = fetch_request(&[("", 0)]);
    by_id.topics[0].topic_id = Uuid([3; 16]);
    assert_eq!(connection.call(13, &by_id).responses[0].partitions[0].error_code, 100);
}

#[test]
fn a_fetch_waits_for_an_append_or_its_deadline() {
    let mut connection = connection(&["orders"]);
    let waiting = FetchRequest { max_wait_ms: 500, ..fetch_request(&[("orders", 0)]) };
    let id = connection.send(11, &waiting);
    assert_eq!(connection.take_frame(), None);
    let mut producer = Connection::open(&connection.broker);
    producer.call(9, &produce_request("orders", 0, -1, batch(&[(1, None, "a")])));
    connection.run();
    let (answered, response) = connection.take::<FetchResponse>(11).expect("woken by the append");
    assert_eq!((answered, shown(&response)), (id, vec![("orders", 1)]));
    let next = FetchRequest { max_wait_ms: 500, ..fetch_request(&[("orders", 1)]) };
    connection.send(11, &next);
    connection.advance_ms(499);
    assert_eq!(connection.take_frame(), None);
    connection.advance_ms(1);
    let (_, response) = connection.take::<FetchResponse>(11).expect("its time is over");
    assert_eq!(shown(&response), [("orders", 1)]);
    assert!(response.responses[0].partitions[0].records.as_ref().is_none_or(|records| records.is_empty()));
}

#[test]
fn a_minimum_is_waited_for() {
    let mut connection = connection(&["orders"]);
    let one = batch(&[(1, None, "a")]);
    let min_bytes = i32::try_from(one.len() + 1).unwrap();
    connection.send(11, &FetchRequest { max_wait_ms: 500, min_bytes, ..fetch_request(&[("orders", 0)]) });
    let mut producer = Connection::open(&connection.broker);
    producer.call(9, &produce_request("orders", 0, -1, one.clone()));
    connection.run();
    assert_eq!(connection.take_frame(), None, "one byte is missing");
    producer.call(9, &produce_request("orders", 0, -1, one.clone()));
    connection.run();
    let (_, response) = connection.take::<FetchResponse>(11).expect("enough is there");
    assert_eq!(response.responses[0].partitions[0].records.as_ref().unwrap().len(), 2 * one.len());
}

fn in_session(id: i32, epoch: i32, topics: &[(&str, i64)]) -> FetchRequest {
    FetchRequest { session_id: id, session_epoch: epoch, ..fetch_request(topics) }
}

#[test]
fn a_session_answers_only_what_changed() {
    let mut connection = connection(&["a", "b"]);
    let first = connection.call(11, &in_session(0, 0, &[("a", 0), ("b", 0)]));
    assert_eq!(shown(&first), [("a", 0), ("b", 0)], "everything the first time");
    let id = first.session_id;
    assert!(id > 0);
    assert_eq!(shown(&connection.call(11, &in_session(id, 1, &[]))), []);
    produce(&mut connection, "b", batch(&[(1, None, "x")]));
    assert_eq!(shown(&connection.call(11, &in_session(id, 2, &[]))), [("b", 1)]);
    assert_eq!(shown(&connection.call(11, &in_session(id, 3, &[("b", 1)]))), []);
    let forget = ForgottenTopic { topic: Str::from("b"), partitions: vec![0], ..Default::default() };
    let request = FetchRequest { forgotten_topics_data: vec![forget], ..in_session(id, 4, &[]) };
    assert_eq!(shown(&connection.call(11, &request)), []);
    produce(&mut connection, "b", batch(&[(1, None, "y")]));
    produce(&mut connection, "a", batch(&[(1, None, "y")]));
    assert_eq!(shown(&connection.call(11, &in_session(id, 5, &[]))), [("a", 1)], "b is forgotten");
}

#[test]
fn sessions_that_are_not_there_make_the_client_begin_anew() {
    let mut connection = connection(&["a"]);
    assert_eq!(connection.call(11, &in_session(77, 1, &[])).error_code, 70);
    assert_eq!(connection.call(11, &in_session(0, 5, &[])).error_code, 70);
    let id = connection.call(11, &in_session(0, 0, &[("a", 0)])).session_id;
    assert_eq!(connection.call(11, &in_session(id, 3, &[])).error_code, 71);
    assert_eq!(connection.call(11, &in_session(id, 1, &[])).error_code, 0, "a wrong epoch spoils nothing");
    let last = connection.call(11, &in_session(id, -1, &[("a", 0)]));
    assert_eq!((last.session_id, shown(&last)), (0, vec![("a", 0)]));
    assert_eq!(connection.call(11, &in_session(id, 2, &[])).error_code, 70, "it was ended");
    let id = connection.call(11, &in_session(0, 0, &[("a", 0)])).session_id;
    let other = connection.call(11, &in_session(id, 0, &[("a", 0)]));
    assert!(other.session_id > 0 && other.error_code == 0);
}

#[test]
fn a_session_serves_first_what_came_last() {
    let mut connection = connection(&["a", "b"]);
    for topic in ["a", "a", "b"] {
        produce(&mut connection, topic, batch(&[(1, None, &"x".repeat(1000))]));
    }
    let narrow = |request: FetchRequest| FetchRequest { max_bytes: 1, ..request };
    let with_records = |response: &FetchResponse| -> Vec<String> {
        let full = response
            .responses
            .iter()
            .filter(|topic| topic.partitions[0].records.as_ref().is_some_and(|records| !records.is_empty()));
        full.map(|topic| topic.topic.to_string()).collect()
    };
    let first = connection.call(11, &narrow(in_session(0, 0, &[("a", 0), ("b", 0)])));
    assert_eq!(with_records(&first), ["a"]);
    let id = first.session_id;
    let second = connection.call(11, &narrow(in_session(id, 1, &[("a", 1)])));
    assert_eq!(with_records(&second), ["b"], "although a has more");
    let third = connection.call(11, &narrow(in_session(id, 2, &[("b", 1)])));
    assert_eq!(with_records(&third), ["a"]);
}

fn list(connection: &mut Connection, version: i16, time: i64) -> (i16, i64, i64, i32) {
    let partition = ListOffsetsPartition { partition_index: 0, timestamp: time, current_leader_epoch: -1 };
    let topic = ListOffsetsTopic { name: Str::from("orders"), partitions: vec![partition] };
    let request = ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() };
    let response = connection.call(version, &request);
    let found = &response.topics[0].partitions[0];
    (found.error_code, found.offset, found.timestamp, found.leader_epoch)
}

#[test]
fn offsets_are_found_by_time_and_by_every_special_time() {
    let mut connection = connection(&["orders"]);
    assert_eq!(list(&mut connection, 11, -3), (0, -1, -1, -1), "nothing is there yet");
    assert_eq!(list(&mut connection, 11, -1), (0, 0, -1, 0));
    produce(&mut connection, "orders", batch(&[(100, None, "a"), (300, None, "b")]));
    produce(&mut connection, "orders", batch(&[(200, None, "c"), (250, None, "d")]));
    let trim = DeleteRecordsPartition { partition_index: 0, offset: 1 };
    let trim = DeleteRecordsTopic { name: Str::from("orders"), partitions: vec![trim] };
    connection.call(2, &DeleteRecordsRequest { topics: vec![trim], timeout_ms: 1000 });
    for (time, expected) in [
        (-1, (0, 4, -1, 0)),
        (-2, (0, 1, -1, 0)),
        (-3, (0, 1, 300, 0)),
        (-4, (0, 1, -1, 0)),
        (-5, (0, -1, -1, -1)),
        (-6, (0, -1, -1, -1)),
        (-7, (35, -1, -1, -1)),
        (0, (0, 1, 300, 0)),
        (300, (0, 1, 300, 0)),
        (301, (0, -1, -1, -1)),
    ] {
        assert_eq!(list(&mut connection, 11, time), expected, "{time}");
    }
    for (version, time) in [(6, -3), (7, -4), (8, -5), (10, -6)] {
        assert_eq!(list(&mut connection, version, time).0, 35, "{time} in v{version}");
        assert_eq!(list(&mut connection, version + 1, time).0, 0, "{time} in v{}", version + 1);
    }
    assert_eq!(list(&mut connection, 1, START_MS), (0, -1, -1, -1));
}

#[test]
fn a_time_whose_record_was_deleted_is_looked_for_further_on() {
    let mut connection = connection(&["orders"]);
    produce(&mut connection, "orders", batch(&[(300, None, "a"), (100, None, "b")]));
    for time in [150, 200, 250] {
        produce(&mut connection, "orders", batch(&[(time, None, "c")]));
    }
    let trim = DeleteRecordsPartition { partition_index: 0, offset: 1 };
    let trim = DeleteRecordsTopic { name: Str::from("orders"), partitions: vec![trim] };
    connection.call(2, &DeleteRecordsRequest { topics: vec![trim], timeout_ms: 1000 });
    assert_eq!(list(&mut connection, 11, 50), (0, 1, 100, 0));
    assert_eq!(
        list(&mut connection, 11, 220),
        (0, 4, 250, 0),
        "the index names the first batch, which lost it"
    );
    assert_eq!(list(&mut connection, 11, 300), (0, -1, -1, -1));
    assert_eq!(list(&mut connection, 11, -3), (0, -1, -1, -1));
}

#[test]
fn the_only_leader_epoch_ends_at_the_high_watermark() {
    let mut connection = connection(&["orders"]);
    produce(&mut connection, "orders", batch(&[(1, None, "a"), (1, None, "b")]));
    for (topic, current_leader_epoch, leader_epoch, expected) in [
        ("orders", -1, 0, (0, 0, 2)),
        ("orders", 0, 0, (0, 0, 2)),
        ("orders", -1, -1, (0, -1, -1)),
        ("orders", -1, 3, (0, -1, -1)),
        ("orders", 1, 0, (75, -1, -1)),
        ("nowhere", -1, 0, (3, -1, -1)),
    ] {
        let partition = OffsetForLeaderPartition { partition: 0, current_leader_epoch, leader_epoch };
        let topic = OffsetForLeaderTopic { topic: Str::from(topic), partitions: vec![partition] };
        let response =
            connection.call(4, &OffsetForLeaderEpochRequest { topics: vec![topic], ..Default::default() });
        let end = &response.topics[0].partitions[0];
        assert_eq!((end.error_code, end.leader_epoch, end.end_offset), expected);
    }
}
