//! Creating, widening, trimming, describing and deleting topics through the session.
//!
//! Apart because what they refuse is most of what there is to test.

use crate::connection::{Connection, NODE};
use crate::records::{batch, create, fetch_request, produce};
use millstream_kafka::codec::generated::create_partitions::{
    CreatePartitionsAssignment, CreatePartitionsRequest, CreatePartitionsTopic,
};
use millstream_kafka::codec::generated::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
    CreateTopicsResponse,
};
use millstream_kafka::codec::generated::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};
use millstream_kafka::codec::generated::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use millstream_kafka::codec::generated::describe_cluster::DescribeClusterRequest;
use millstream_kafka::codec::generated::describe_log_dirs::{DescribableLogDirTopic, DescribeLogDirsRequest};
use millstream_kafka::codec::generated::describe_topic_partitions::{
    Cursor, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, TopicRequest,
};
use millstream_kafka::codec::generated::metadata::MetadataRequest;
use millstream_kafka::codec::{Str, Uuid};
use millstream_testkit::broker::TestBroker;

fn connection() -> Connection {
    Connection::open(&TestBroker::new())
}

fn topic(name: &str, num_partitions: i32, replication_factor: i16) -> CreatableTopic {
    CreatableTopic { name: Str::from(name), num_partitions, replication_factor, ..Default::default() }
}

fn assigned(name: &str, assignments: &[(i32, &[i32])]) -> CreatableTopic {
    let assignment = |(partition_index, broker_ids): &(i32, &[i32])| CreatableReplicaAssignment {
        partition_index: *partition_index,
        broker_ids: broker_ids.to_vec(),
    };
    CreatableTopic { assignments: assignments.iter().map(assignment).collect(), ..topic(name, -1, -1) }
}

fn configured(name: &str, configs: &[(&str, Option<&str>)]) -> CreatableTopic {
    let config = |(name, value): &(&str, Option<&str>)| CreatableTopicConfig {
        name: Str::from(*name),
        value: value.map(Str::from),
    };
    CreatableTopic { configs: configs.iter().map(config).collect(), ..topic(name, 1, 1) }
}

fn create_all(
    connection: &mut Connection,
    version: i16,
    topics: Vec<CreatableTopic>,
) -> CreateTopicsResponse {
    connection.call(version, &CreateTopicsRequest { topics, ..Default::default() })
}

fn names(connection: &mut Connection) -> Vec<String> {
    let response = connection.call(12, &MetadataRequest { topics: None, ..Default::default() });
    response.topics.into_iter().filter_map(|topic| topic.name).map(String::from).collect()
}

#[test]
fn topics_are_created_as_asked() {
    let mut connection = connection();
    let topics = vec![
        topic("plain", 3, 1),
        topic("default", -1, -1),
        topic("replicated", 1, 3),
        assigned("assigned", &[(1, &[NODE]), (0, &[NODE])]),
        configured("kept", &[("retention.ms", Some("-1")), ("min.insync.replicas", Some("2"))]),
    ];
    let response = create_all(&mut connection, 7, topics);
    let shown: Vec<_> = (response.topics.iter())
        .map(|topic| (&*topic.name, topic.error_code, topic.num_partitions, topic.replication_factor))
        .collect();
    let expected = [
        ("plain", 0, 3, 1),
        ("default", 0, 2, 1),
        ("replicated", 0, 1, 1),
        ("assigned", 0, 2, 1),
        ("kept", 0, 1, 1),
    ];
    assert_eq!(shown, expected);
    assert!(response.topics.iter().all(|topic| !topic.topic_id.is_nil() && topic.error_message.is_none()));
    let configs = response.topics[4].configs.as_ref().unwrap();
    let value = |name: &str| configs.iter().find(|config| &*config.name == name).unwrap();
    assert_eq!(
        (value("retention.ms").value.as_deref(), value("retention.ms").config_source),
        (Some("-1"), 1)
    );
    assert_eq!(value("min.insync.replicas").value.as_deref(), Some("2"));
    assert_eq!(
        (value("cleanup.policy").value.as_deref(), value("cleanup.policy").config_source),
        (Some("delete"), 5)
    );
    assert_eq!(names(&mut connection), ["assigned", "default", "kept", "plain", "replicated"]);
    for version in 2..=7 {
        let response = create_all(&mut connection, version, vec![topic(&format!("v{version}"), 1, 1)]);
        assert_eq!(response.topics[0].error_code, 0);
    }
}

#[test]
fn topics_that_cannot_be_are_refused_one_by_one() {
    let mut connection = connection();
    create(&mut connection, "there", 1, &[]);
    let both = CreatableTopic { num_partitions: 1, ..assigned("m", &[(0, &[NODE])]) };
    for (asked, code) in [
        (topic("there", 1, 1), 36),
        (topic("a b", 1, 1), 17),
        (topic("", 1, 1), 17),
        (topic("..", 1, 1), 17),
        (topic("x", 0, 1), 37),
        (topic("x", -2, 1), 37),
        (topic("x", 10_001, 1), 44),
        (topic("x", 1, 0), 38),
        (topic("x", 1, -2), 38),
        (both, 42),
        (assigned("x", &[(0, &[NODE]), (2, &[NODE])]), 39),
        (assigned("x", &[(0, &[NODE]), (0, &[NODE])]), 39),
        (assigned("x", &[(1, &[NODE])]), 39),
        (assigned("x", &[(0, &[7])]), 39),
        (assigned("x", &[(0, &[])]), 39),
        (assigned("x", &[(0, &[NODE, NODE])]), 39),
        (configured("x", &[("nope", Some("1"))]), 40),
        (configured("x", &[("retention.ms", None)]), 40),
        (configured("x", &[("retention.ms", Some("abc"))]), 40),
        (configured("x", &[("compression.type", Some("gzip"))]), 40),
        (configured("x", &[("min.compaction.lag.ms", Some("9")), ("max.compaction.lag.ms", Some("8"))]), 40),
    ] {
        let response = create_all(&mut connection, 7, vec![asked.clone(), topic("good", 1, 1)]);
        let refused = &response.topics[0];
        assert_eq!((refused.error_code, refused.num_partitions), (code, -1), "{asked:?}");
        assert!(refused.error_message.as_ref().is_some_and(|message| !message.is_empty()));
        assert_eq!(
            response.topics[1].error_code,
            if code == 36 { 0 } else { 36 },
            "the other one is not harmed"
        );
    }
    let response = create_all(&mut connection, 5, vec![topic("there", 1, 1)]);
    assert_eq!(response.topics[0].error_message.as_deref(), Some("Topic 'there' already exists."));
    assert_eq!(names(&mut connection), ["good", "there"]);
}

#[test]
fn a_topic_named_twice_is_created_neither_time() {
    let mut connection = connection();
    let response = create_all(&mut connection, 7, vec![topic("a", 1, 1), topic("b", 1, 1), topic("a", 2, 1)]);
    let codes: Vec<_> = response.topics.iter().map(|topic| (&*topic.name, topic.error_code)).collect();
    assert_eq!(codes, [("b", 0), ("a", 42)]);
    assert_eq!(names(&mut connection), ["b"]);
}

#[test]
fn validating_creates_nothing() {
    let mut connection = connection();
    let topics = vec![topic("a", 3, 1), topic("b", 0, 1)];
    let request = CreateTopicsRequest { topics, validate_only: true, ..Default::default() };
    let response = connection.call(7, &request);
    assert_eq!((response.topics[0].error_code, response.topics[0].num_partitions), (0, 3));
    assert_eq!(response.topics[1].error_code, 37);
    assert!(names(&mut connection).is_empty());
}

#[test]
fn topics_are_deleted_by_name_and_by_id() {
    let mut connection = connection();
    let id = create(&mut connection, "a", 1, &[]);
    create(&mut connection, "b", 1, &[]);
    produce(&mut connection, "b", batch(&[(1, None, "x")]));
    let request =
        DeleteTopicsRequest { topic_names: vec![Str::from("b"), Str::from("c")], ..Default::default() };
    let response = connection.call(5, &request);
    let codes: Vec<i16> = response.responses.iter().map(|topic| topic.error_code).collect();
    assert_eq!(codes, [0, 3]);
    let state = |name: Option<&str>, topic_id| DeleteTopicState { name: name.map(Str::from), topic_id };
    let topics = vec![
        state(None, Uuid([5; 16])),
        state(None, Uuid::NIL),
        state(Some("a"), id),
        state(None, id),
        state(Some("d"), Uuid::NIL),
        state(Some("d"), Uuid::NIL),
    ];
    let response = connection.call(6, &DeleteTopicsRequest { topics, ..Default::default() });
    let codes: Vec<i16> = response.responses.iter().map(|topic| topic.error_code).collect();
    assert_eq!(codes, [100, 42, 42, 0, 42]);
    assert_eq!(response.responses[3].name.as_deref(), Some("a"));
    assert!(names(&mut connection).is_empty());
    assert_ne!(create(&mut connection, "a", 1, &[]), id, "a topic created anew is another one");
    create(&mut connection, "b", 1, &[]);
    let fetched = connection.call(11, &fetch_request(&[("b", 0)]));
    assert_eq!(fetched.responses[0].partitions[0].high_watermark, 0, "and it is empty");
}

#[test]
fn a_topic_named_by_name_and_id_is_deleted_once() {
    let mut connection = connection();
    let id = create(&mut connection, "a", 1, &[]);
    let topics = vec![
        DeleteTopicState { name: Some(Str::from("a")), topic_id: Uuid::NIL },
        DeleteTopicState { name: None, topic_id: id },
    ];
    let response = connection.call(6, &DeleteTopicsRequest { topics, ..Default::default() });
    let codes: Vec<i16> = response.responses.iter().map(|topic| topic.error_code).collect();
    assert_eq!(codes, [0, 42]);
}

/// A topic, its new count, and who shall hold each new partition.
type Wider<'a> = (&'a str, i32, Option<&'a [&'a [i32]]>);

fn widen(connection: &mut Connection, topics: &[Wider<'_>], validate_only: bool) -> Vec<i16> {
    let topic = |(name, count, assignments): &Wider<'_>| CreatePartitionsTopic {
        name: Str::from(*name),
        count: *count,
        assignments: assignments.map(|assignments| {
            assignments.iter().map(|ids| CreatePartitionsAssignment { broker_ids: ids.to_vec() }).collect()
        }),
    };
    let topics = topics.iter().map(topic).collect();
    let response = connection.call(3, &CreatePartitionsRequest { topics, validate_only, timeout_ms: 1000 });
    response.results.iter().map(|result| result.error_code).collect()
}

#[test]
fn partitions_can_only_become_more() {
    let mut connection = connection();
    create(&mut connection, "a", 2, &[]);
    create(&mut connection, "b", 1, &[]);
    let codes = widen(
        &mut connection,
        &[("a", 2, None), ("b", 3, None), ("none", 2, None), ("twice", 1, None), ("twice", 2, None)],
        false,
    );
    assert_eq!(codes, [37, 0, 3, 42]);
    assert_eq!(widen(&mut connection, &[("a", 5, None)], true), [0]);
    assert_eq!(widen(&mut connection, &[("a", 10_001, None)], false), [44]);
    assert_eq!(widen(&mut connection, &[("a", 1, None)], false), [37]);
    assert_eq!(widen(&mut connection, &[("a", 4, Some(&[&[NODE]]))], false), [39]);
    assert_eq!(widen(&mut connection, &[("a", 3, Some(&[&[9]]))], false), [39]);
    assert_eq!(widen(&mut connection, &[("a", 3, Some(&[&[NODE]]))], false), [0]);
    let response = connection.call(9, &MetadataRequest { topics: None, ..Default::default() });
    let counts: Vec<usize> = response.topics.iter().map(|topic| topic.partitions.len()).collect();
    assert_eq!(counts, [3, 3]);
}

#[test]
fn records_are_deleted_up_to_an_offset() {
    let mut connection = connection();
    create(&mut connection, "a", 2, &[]);
    create(&mut connection, "table", 1, &[("cleanup.policy", "compact")]);
    produce(&mut connection, "a", batch(&[(1, None, "x"), (1, None, "y"), (1, None, "z")]));
    let mut delete = |topic: &str, partition_index, offset| {
        let partitions = vec![DeleteRecordsPartition { partition_index, offset }];
        let topics = vec![DeleteRecordsTopic { name: Str::from(topic), partitions }];
        let response = connection.call(2, &DeleteRecordsRequest { topics, timeout_ms: 1000 });
        let result = &response.topics[0].partitions[0];
        (result.error_code, result.low_watermark)
    };
    assert_eq!(delete("a", 0, 2), (0, 2));
    assert_eq!(delete("a", 0, 1), (0, 2), "the start never moves back");
    assert_eq!(delete("a", 0, 4), (1, -1));
    assert_eq!(delete("a", 0, -2), (1, -1));
    assert_eq!(delete("a", 0, -1), (0, 3));
    assert_eq!(delete("a", 1, -1), (0, 0));
    assert_eq!(delete("a", 2, -1), (3, -1));
    assert_eq!(delete("none", 0, -1), (3, -1));
    assert_eq!(delete("table", 0, -1), (44, -1));
    let fetched = connection.call(11, &fetch_request(&[("a", 1)]));
    assert_eq!(fetched.responses[0].partitions[0].error_code, 1, "what was deleted is out of range");
}

fn page(
    connection: &mut Connection,
    topics: &[&str],
    response_partition_limit: i32,
    cursor: Option<(&str, i32)>,
) -> DescribeTopicPartitionsResponse {
    let request = DescribeTopicPartitionsRequest {
        topics: topics.iter().map(|name| TopicRequest { name: Str::from(*name) }).collect(),
        response_partition_limit,
        cursor: cursor.map(|(name, partition_index)| Cursor { topic_name: Str::from(name), partition_index }),
    };
    connection.call(0, &request)
}

/// Names, error codes and partitions of a page, and its cursor.
type Seen<'a> = (Vec<(&'a str, i16, Vec<i32>)>, Option<(&'a str, i32)>);

fn seen(response: &DescribeTopicPartitionsResponse) -> Seen<'_> {
    let topics = response.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| partition.partition_index).collect();
        (topic.name.as_deref().unwrap_or_default(), topic.error_code, partitions)
    });
    let cursor = response.next_cursor.as_ref().map(|cursor| (&*cursor.topic_name, cursor.partition_index));
    (topics.collect(), cursor)
}

#[test]
fn topics_are_described_page_by_page() {
    let mut connection = connection();
    create(&mut connection, "a", 2, &[]);
    create(&mut connection, "b", 3, &[]);
    create(&mut connection, "c", 1, &[]);
    let all = page(&mut connection, &[], 2000, None);
    assert_eq!(seen(&all), (vec![("a", 0, vec![0, 1]), ("b", 0, vec![0, 1, 2]), ("c", 0, vec![0])], None));
    let first = page(&mut connection, &[], 3, None);
    assert_eq!(seen(&first), (vec![("a", 0, vec![0, 1]), ("b", 0, vec![0])], Some(("b", 1))));
    let second = page(&mut connection, &[], 2, Some(("b", 1)));
    assert_eq!(seen(&second), (vec![("b", 0, vec![1, 2])], Some(("c", 0))));
    let third = page(&mut connection, &[], 2, Some(("c", 0)));
    assert_eq!(seen(&third), (vec![("c", 0, vec![0])], None));
    let named = page(&mut connection, &["c", "none", "a b", "a"], 0, Some(("a b", 0)));
    assert_eq!(seen(&named), (vec![("a b", 17, vec![]), ("c", 0, vec![0])], Some(("none", 0))));
    let lost = page(&mut connection, &["a"], 1, Some(("b", 0)));
    assert_eq!(seen(&lost), (vec![("a", 42, vec![])], None));
}

#[test]
fn the_cluster_is_one_broker() {
    let mut connection = connection();
    for version in 0..=2 {
        let request =
            DescribeClusterRequest { include_cluster_authorized_operations: true, ..Default::default() };
        let response = connection.call(version, &request);
        assert_eq!((response.error_code, response.controller_id), (0, NODE));
        assert_eq!((response.cluster_id.len(), response.brokers.len()), (22, 1));
        assert_eq!((&*response.brokers[0].host, response.brokers[0].port), ("broker.test", 9092));
        assert!(response.cluster_authorized_operations > 0);
    }
    for (endpoint_type, code) in [(2, 114), (3, 115)] {
        let request = DescribeClusterRequest { endpoint_type, ..Default::default() };
        assert_eq!(connection.call(1, &request).error_code, code);
    }
}

#[test]
fn log_directories_show_what_is_stored() {
    let mut connection = connection();
    create(&mut connection, "a", 2, &[]);
    let stored = batch(&[(1, None, "x")]);
    produce(&mut connection, "a", stored.clone());
    let all = connection.call(5, &DescribeLogDirsRequest { topics: None });
    let directory = &all.results[0];
    assert_eq!((directory.total_bytes, directory.usable_bytes), (1_000_000, 400_000));
    let sizes: Vec<i64> =
        directory.topics[0].partitions.iter().map(|partition| partition.partition_size).collect();
    assert_eq!(sizes, [i64::try_from(stored.len()).unwrap(), 0]);
    let asked = |topic: &str, partitions: &[i32]| DescribableLogDirTopic {
        topic: Str::from(topic),
        partitions: partitions.to_vec(),
    };
    let some = DescribeLogDirsRequest { topics: Some(vec![asked("a", &[1, 7, -1]), asked("none", &[0])]) };
    let some = connection.call(1, &some);
    assert_eq!(some.results[0].topics.len(), 1);
    assert_eq!(some.results[0].topics[0].partitions.len(), 1);
}
