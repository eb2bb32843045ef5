//! Broker configuration as Kafka clients read it: what is real about this broker, under the names that they know.
//!
//! Apart because nothing of it can be set through the protocol: it comes from the broker's own configuration and from
//! limits, and tools only want to see it.

use super::config::{Kind, TOPIC_CONFIGS};
use crate::limits::{DESCRIBED_PARTITIONS_MAX, FETCH_BYTES_MAX, FRAME_BYTES_MAX};
use crate::options::KafkaOptions;
use millstream_types::limits::OFFSET_METADATA_BYTES_MAX;

/// One entry.
pub(crate) struct BrokerConfig {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    /// The operator chose it; otherwise it is so in every broker.
    pub(crate) chosen: bool,
    pub(crate) kind: Kind,
    pub(crate) doc: &'static str,
}

/// Every entry, in the order of names. What topics inherit comes from the topics' table.
pub(crate) fn broker_configs(options: &KafkaOptions) -> Vec<BrokerConfig> {
    let int = Kind::Int(0, i64::from(i32::MAX));
    let list = Kind::ListOf(&[]);
    let own = |name, value: String, chosen, kind, doc| BrokerConfig { name, value, chosen, kind, doc };
    let (host, port) = &options.advertised;
    let id = options.node_id.to_string();
    let id_doc = "The id that clients know this broker by.";
    let mut configs = vec![
        own(
            "advertised.listeners",
            format!("PLAINTEXT://{host}:{port}"),
            true,
            list,
            "Where clients are told to connect to.",
        ),
        own(
            "auto.create.topics.enable",
            options.auto_create.to_string(),
            true,
            Kind::Boolean,
            "Whether naming an unknown topic creates it.",
        ),
        own("broker.id", id.clone(), true, int, id_doc),
        own(
            "default.replication.factor",
            "1".to_owned(),
            false,
            int,
            "Topics have one replica, which this broker leads.",
        ),
        own("delete.topic.enable", "true".to_owned(), false, Kind::Boolean, "Topics can be deleted."),
        own(
            "fetch.max.bytes",
            FETCH_BYTES_MAX.to_string(),
            false,
            int,
            "Bytes of records in one answer to a fetch, beyond which no further batch is added.",
        ),
        own(
            "max.request.partition.size.limit",
            DESCRIBED_PARTITIONS_MAX.to_string(),
            false,
            int,
            "Partitions in one answer to DescribeTopicPartitions.",
        ),
        own("node.id", id, true, int, id_doc),
        own(
            "num.partitions",
            options.default_logs.to_string(),
            true,
            int,
            "Partitions of a topic that is created without saying how many.",
        ),
        own(
            "offset.metadata.max.bytes",
            OFFSET_METADATA_BYTES_MAX.to_string(),
            false,
            int,
            "Bytes of the note beside a committed offset at most.",
        ),
        own("process.roles", "broker,controller".to_owned(), false, list, "One process does everything."),
        own(
            "socket.request.max.bytes",
            FRAME_BYTES_MAX.to_string(),
            false,
            int,
            "Bytes of one request at most.",
        ),
    ];
    configs.extend(
        TOPIC_CONFIGS
            .iter()
            .filter_map(|row| Some(own(row.broker?, row.default.to_owned(), false, row.kind, row.doc))),
    );
    configs.sort_by_key(|config| config.name);
    configs
}
