//! The table of knobs. Everything that help, the reference page and `millstream config` say comes from here.
//!
//! Apart so that a knob is one entry: whoever adds one says what it is for and what it costs, or does not add it.

use super::values::{boolean, bytes, choice, host_port, number, show_host_port, word};
use super::{Durability, Listen, LogFormat, Settings};
use crate::outbound::{Allowed, Target};
use millstream_types::limits::{LOGS_PER_STREAM_MAX, NAME_BYTES_MAX};
use std::path::PathBuf;

/// What a file may write for a knob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string.
    Text,
    /// A whole number, or a string with a unit.
    Number,
    /// `true` or `false`.
    Bool,
}

/// One knob.
pub(crate) struct Knob {
    /// Its name in a file; the flag and the variable follow from it.
    pub(crate) key: &'static str,
    /// What stands for a value in help.
    pub(crate) value: &'static str,
    pub(crate) kind: Kind,
    /// Unit of the value; empty when it has none.
    pub(crate) unit: &'static str,
    /// What it does.
    pub(crate) doc: &'static str,
    /// What turning it costs or risks.
    pub(crate) cost: &'static str,
    /// Reads a value.
    pub(crate) set: fn(&mut Settings, &str) -> Result<(), String>,
    /// Shows a value as it would be read.
    pub(crate) show: fn(&Settings) -> String,
}

impl Knob {
    /// Its flag, without the dashes in front.
    pub(crate) fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// Its environment variable.
    pub(crate) fn env(&self) -> String {
        format!("MILLSTREAM_{}", self.key.to_uppercase())
    }

    /// Its default as shown to people.
    pub(crate) fn default_shown(&self) -> String {
        let shown = (self.show)(&Settings::default());
        if shown.is_empty() { "not set".to_owned() } else { shown }
    }
}

const DURABILITY: &[(&str, Durability)] = &[("fsync", Durability::Fsync), ("interval", Durability::Interval)];
const LOG_FORMAT: &[(&str, LogFormat)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];

/// Smallest memory budget: half of it must take an ordinary large batch of 16 MiB.
const MEMORY_BUDGET_MIN: u64 = 32 << 20;

/// Every knob, in the order in which people should meet them.
pub(crate) const KNOBS: &[Knob] = &[
    Knob {
        key: "data_dir",
        value: "DIR",
        kind: Kind::Text,
        unit: "",
        doc: "Directory that holds everything the broker keeps; created if it is missing",
        cost: "One broker per directory. It should be on a disk of its own when throughput matters.",
        set: |settings, text| {
            if text.is_empty() {
                return Err("a directory is needed".to_owned());
            }
            settings.data_dir = PathBuf::from(text);
            Ok(())
        },
        show: |settings| settings.data_dir.display().to_string(),
    },
    Knob {
        key: "durability",
        value: "fsync|interval",
        kind: Kind::Text,
        unit: "",
        doc: "When a record counts as stored: after it was synced to the disk, or after it was written",
        cost: "interval spares the wait for the disk; a power cut then takes up to interval_ms of acknowledged \
               records with it. A crash of the process alone takes nothing in either case.",
        set: |settings, text| choice(text, DURABILITY).map(|value| settings.durability = value),
        show: |settings| word(&settings.durability, DURABILITY),
    },
    Knob {
        key: "interval_ms",
        value: "MS",
        kind: Kind::Number,
        unit: "ms",
        doc: "With durability = interval: how often what was written is synced",
        cost: "Longer means that a power cut takes more with it; shorter means more syncs.",
        set: |settings, text| {
            let value = number(text, 1..=60_000)?;
            settings.interval_ms = u32::try_from(value).expect("a minute of milliseconds is small");
            Ok(())
        },
        show: |settings| settings.interval_ms.to_string(),
    },
    Knob {
        key: "listen_kafka",
        value: "ADDR|off",
        kind: Kind::Text,
        unit: "",
        doc: "Address for Kafka clients as HOST:PORT; port 0 takes a free one, off means none",
        cost: "Beyond loopback everybody who reaches the address may do everything, so it needs insecure.",
        set: |settings, text| {
            settings.listen_kafka = if text == "off" { None } else { Some(host_port(text)?) };
            Ok(())
        },
        show: |settings| settings.listen_kafka.as_ref().map_or("off".to_owned(), show_host_port),
    },
    Knob {
        key: "advertise_kafka",
        value: "HOST:PORT",
        kind: Kind::Text,
        unit: "",
        doc: "Where Kafka clients are told to connect; not set: the address that is listened on",
        cost: "Clients use only this after their first request: one that they cannot reach makes them fail.",
        set: |settings, text| host_port(text).map(|value| settings.advertise_kafka = Some(value)),
        show: |settings| settings.advertise_kafka.as_ref().map_or(String::new(), show_host_port),
    },
    Knob {
        key: "listen_amqp",
        value: "ADDR|off",
        kind: Kind::Text,
        unit: "",
        doc: "Address for RabbitMQ clients (AMQP 0-9-1) as HOST:PORT; port 0 takes a free one, off means none",
        cost: "Beyond loopback everybody who reaches the address may do everything, so it needs insecure.",
        set: |settings, text| {
            settings.listen_amqp = if text == "off" { None } else { Some(host_port(text)?) };
            Ok(())
        },
        show: |settings| settings.listen_amqp.as_ref().map_or("off".to_owned(), show_host_port),
    },
    Knob {
        key: "listen_amqp_management",
        value: "ADDR|off",
        kind: Kind::Text,
        unit: "",
        doc: "Address of RabbitMQ's management API as HOST:PORT; port 0 takes a free one, off means none; not set: the host of \
              listen_amqp and its port + 10000, as 15672 with 5672, and none without it",
        cost: "Beyond loopback everybody who reaches the address may do everything, so it needs insecure.",
        set: |settings, text| {
            settings.listen_amqp_management = match text {
                "off" => Listen::Off,
                text => {
                    let (host, port) = host_port(text)?;
                    Listen::At(host, port)
                }
            };
            Ok(())
        },
        show: |settings| match &settings.listen_amqp_management {
            Listen::Follows => String::new(),
            Listen::Off => "off".to_owned(),
            Listen::At(host, port) => show_host_port(&(host.clone(), *port)),
        },
    },
    Knob {
        key: "listen_aws",
        value: "ADDR|off",
        kind: Kind::Text,
        unit: "",
        doc: "Address for AWS clients (Amazon SQS) as HOST:PORT; port 0 takes a free one, off means none",
        cost: "Beyond loopback everybody who reaches the address may do everything, so it needs insecure or aws_credentials_file.",
        set: |settings, text| {
            settings.listen_aws = if text == "off" { None } else { Some(host_port(text)?) };
            Ok(())
        },
        show: |settings| settings.listen_aws.as_ref().map_or("off".to_owned(), show_host_port),
    },
    Knob {
        key: "aws_credentials_file",
        value: "FILE",
        kind: Kind::Text,
        unit: "",
        doc: "Credentials that requests of AWS clients must be signed with: a line each of access key id, secret access key and, if it \
              is not 000000000000, the account of 12 digits; not set: any are taken",
        cost: "The file holds secrets: only the broker's user should be able to read it. It is read at the start and by SIGHUP.",
        set: |settings, text| {
            if text.is_empty() {
                return Err("a file is needed".to_owned());
            }
            settings.aws_credentials_file = Some(PathBuf::from(text));
            Ok(())
        },
        show: |settings| {
            settings.aws_credentials_file.as_ref().map_or(String::new(), |file| file.display().to_string())
        },
    },
    Knob {
        key: "listen_http",
        value: "ADDR|off",
        kind: Kind::Text,
        unit: "",
        doc: "Address of the admin API as HOST:PORT; port 0 takes a free one, off means none",
        cost: "Beyond loopback everybody who reaches the address may do everything, so it needs insecure.",
        set: |settings, text| {
            settings.listen_http = if text == "off" { None } else { Some(host_port(text)?) };
            Ok(())
        },
        show: |settings| settings.listen_http.as_ref().map_or("off".to_owned(), show_host_port),
    },
    Knob {
        key: "memory_budget_bytes",
        value: "BYTES",
        kind: Kind::Number,
        unit: "bytes",
        doc: "Memory for records: half for requests under way, a quarter for the newest records kept for readers, the rest for buffers. Beside it ephemeral streams together hold half as much at most",
        cost: "The process uses more than this: code, catalog, groups and connections come on top.",
        set: |settings, text| {
            bytes(text, MEMORY_BUDGET_MIN..=1 << 44).map(|value| settings.memory_budget_bytes = value)
        },
        show: |settings| settings.memory_budget_bytes.to_string(),
    },
    Knob {
        key: "page_cache_bytes",
        value: "BYTES|auto",
        kind: Kind::Number,
        unit: "bytes",
        doc: "How much of what was written last is left to the page cache of the operating system; auto means a quarter of the memory there is",
        cost: "With more, consumers that are far behind are served from memory; with less, less memory is filled by what nobody reads.",
        set: |settings, text| {
            settings.page_cache_bytes = if text == "auto" { None } else { Some(bytes(text, 0..=1 << 50)?) };
            Ok(())
        },
        show: |settings| settings.page_cache_bytes.map_or("auto".to_owned(), |bytes| bytes.to_string()),
    },
    Knob {
        key: "wal_pool_files_max",
        value: "FILES",
        kind: Kind::Number,
        unit: "files",
        doc: "Empty write-ahead log files that are kept for use",
        cost: "256 MiB of disk each; with too few, bursts wait for new files to be allocated.",
        set: |settings, text| {
            let value = number(text, 2..=1024)?;
            settings.wal_pool_files_max = usize::try_from(value).expect("a thousand is small");
            Ok(())
        },
        show: |settings| settings.wal_pool_files_max.to_string(),
    },
    Knob {
        key: "upkeep_bytes_per_second",
        value: "BYTES",
        kind: Kind::Number,
        unit: "bytes per second",
        doc: "How much packing and compaction together read and write per second",
        cost: "More takes disk and processor from producers; with less, space is given back later and starts read more.",
        set: |settings, text| {
            bytes(text, 1 << 20..=1 << 40).map(|value| settings.upkeep_bytes_per_second = value)
        },
        show: |settings| settings.upkeep_bytes_per_second.to_string(),
    },
    Knob {
        key: "compaction_memory_bytes",
        value: "BYTES",
        kind: Kind::Number,
        unit: "bytes",
        doc: "Memory for the keys of the log that is being compacted; 24 bytes hold one",
        cost: "Used only while a log is compacted. A log with more keys than fit is compacted in several passes.",
        set: |settings, text| {
            bytes(text, 1 << 16..=1 << 36).map(|value| settings.compaction_memory_bytes = value)
        },
        show: |settings| settings.compaction_memory_bytes.to_string(),
    },
    Knob {
        key: "kafka_auto_create",
        value: "BOOL",
        kind: Kind::Bool,
        unit: "",
        doc: "Whether a Kafka topic that is asked for and does not exist is created",
        cost: "With it a misspelt name becomes a topic.",
        set: |settings, text| boolean(text).map(|value| settings.kafka_auto_create = value),
        show: |settings| settings.kafka_auto_create.to_string(),
    },
    Knob {
        key: "kafka_default_partitions",
        value: "COUNT",
        kind: Kind::Number,
        unit: "partitions",
        doc: "Partitions of a Kafka topic that is created without saying how many",
        cost: "Order holds per partition; a stream of one partition can also be worked as a queue in order.",
        set: |settings, text| {
            let value = number(text, 1..=u64::from(LOGS_PER_STREAM_MAX))?;
            settings.kafka_default_partitions = u32::try_from(value).expect("the limit fits");
            Ok(())
        },
        show: |settings| settings.kafka_default_partitions.to_string(),
    },
    Knob {
        key: "group_initial_delay_ms",
        value: "MS",
        kind: Kind::Number,
        unit: "ms",
        doc: "How long an empty consumer group waits for more members before it hands out partitions",
        cost: "Every first consumer waits that long; without it, members that start together rebalance several times.",
        set: |settings, text| number(text, 0..=300_000).map(|value| settings.group_initial_delay_ms = value),
        show: |settings| settings.group_initial_delay_ms.to_string(),
    },
    Knob {
        key: "alarm_depth_records",
        value: "RECORDS",
        kind: Kind::Number,
        unit: "records",
        doc: "An alarm is raised for a queue that holds more records than this for a minute",
        cost: "Too low, and people get used to alarms; too high, and they hear of it late.",
        set: |settings, text| {
            number(text, 1..=u64::MAX).map(|value| settings.thresholds.depth_records = value)
        },
        show: |settings| settings.thresholds.depth_records.to_string(),
    },
    Knob {
        key: "alarm_oldest_seconds",
        value: "SECONDS",
        kind: Kind::Number,
        unit: "seconds",
        doc: "An alarm is raised for a queue whose oldest record has waited longer than this",
        cost: "Too low, and people get used to alarms; too high, and they hear of it late.",
        set: |settings, text| {
            number(text, 1..=1 << 40).map(|value| settings.thresholds.oldest_seconds = value)
        },
        show: |settings| settings.thresholds.oldest_seconds.to_string(),
    },
    Knob {
        key: "alarm_lag_records",
        value: "RECORDS",
        kind: Kind::Number,
        unit: "records",
        doc: "An alarm is raised for a group that reads by offset and is more records behind than this for a minute",
        cost: "Too low, and people get used to alarms; too high, and they hear of it late.",
        set: |settings, text| number(text, 1..=u64::MAX).map(|value| settings.thresholds.lag_records = value),
        show: |settings| settings.thresholds.lag_records.to_string(),
    },
    Knob {
        key: "alarm_lag_seconds",
        value: "SECONDS",
        kind: Kind::Number,
        unit: "seconds",
        doc: "An alarm is raised for a group that reads by offset and is further behind in time than this for a minute",
        cost: "Too low, and people get used to alarms; too high, and they hear of it late.",
        set: |settings, text| number(text, 1..=1 << 40).map(|value| settings.thresholds.lag_seconds = value),
        show: |settings| settings.thresholds.lag_seconds.to_string(),
    },
    Knob {
        key: "alarm_disk_free_percent",
        value: "PERCENT",
        kind: Kind::Number,
        unit: "percent",
        doc: "An alarm is raised when less of the disk than this is free; 0 means never",
        cost: "Too low, and there is no time left to make room.",
        set: |settings, text| number(text, 0..=99).map(|value| settings.thresholds.disk_free_percent = value),
        show: |settings| settings.thresholds.disk_free_percent.to_string(),
    },
    Knob {
        key: "alarm_fsync_ms",
        value: "MS",
        kind: Kind::Number,
        unit: "ms",
        doc: "An alarm is raised when one sync in a hundred takes longer than this for a minute",
        cost: "Too low, and a disk that others use as well raises it every day.",
        set: |settings, text| number(text, 1..=600_000).map(|value| settings.thresholds.fsync_ms = value),
        show: |settings| settings.thresholds.fsync_ms.to_string(),
    },
    Knob {
        key: "alarm_stream",
        value: "STREAM",
        kind: Kind::Text,
        unit: "",
        doc: "A stream of the default namespace that gets a record of JSON for every alarm that is raised or resolved; made if it is missing",
        cost: "A few records for each alarm.",
        set: |settings, text| {
            if text.len() > NAME_BYTES_MAX {
                return Err(format!("a name has {NAME_BYTES_MAX} bytes at most"));
            }
            settings.alarm_stream = Some(text.to_owned()).filter(|name| !name.is_empty());
            Ok(())
        },
        show: |settings| settings.alarm_stream.clone().unwrap_or_default(),
    },
    Knob {
        key: "alarm_webhook",
        value: "URL",
        kind: Kind::Text,
        unit: "",
        doc: "Where every alarm that is raised or resolved is sent as an HTTP POST of JSON: http://HOST:PORT/PATH or https://HOST/PATH",
        cost: "Whoever answers there learns the names of streams and groups.",
        set: |settings, text| {
            settings.alarm_webhook = if text.is_empty() { None } else { Some(Target::parse(text)?) };
            Ok(())
        },
        show: |settings| settings.alarm_webhook.as_ref().map_or(String::new(), ToString::to_string),
    },
    Knob {
        key: "alarm_webhook_allow",
        value: "NETWORKS",
        kind: Kind::Text,
        unit: "",
        doc: "Networks and addresses, with commas between them, that alarm_webhook may be in although they are not public: 127.0.0.1,10.0.0.0/8",
        cost: "Whoever can change what the webhook's name stands for can have the broker send requests there.",
        set: |settings, text| Allowed::parse(text).map(|value| settings.alarm_webhook_allow = value),
        show: |settings| settings.alarm_webhook_allow.to_string(),
    },
    Knob {
        key: "alarm_webhook_secret_file",
        value: "FILE",
        kind: Kind::Text,
        unit: "",
        doc: "File with the secret that requests to alarm_webhook are signed with",
        cost: "Without it, whoever gets the requests cannot tell whose they are.",
        set: |settings, text| {
            settings.alarm_webhook_secret_file = Some(PathBuf::from(text)).filter(|_| !text.is_empty());
            Ok(())
        },
        show: |settings| {
            settings
                .alarm_webhook_secret_file
                .as_ref()
                .map_or(String::new(), |file| file.display().to_string())
        },
    },
    Knob {
        key: "trusted_ca_file",
        value: "FILE",
        kind: Kind::Text,
        unit: "",
        doc: "File with certificates (PEM) of authorities that https targets (alarm_webhook, otlp_endpoint) may be signed by, beside those that the system trusts",
        cost: "Whoever has the key of such an authority can pass for any target.",
        set: |settings, text| {
            settings.trusted_ca_file = Some(PathBuf::from(text)).filter(|_| !text.is_empty());
            Ok(())
        },
        show: |settings| {
            settings.trusted_ca_file.as_ref().map_or(String::new(), |file| file.display().to_string())
        },
    },
    Knob {
        key: "otlp_endpoint",
        value: "URL",
        kind: Kind::Text,
        unit: "",
        doc: "A collector of traces that speaks OTLP over HTTP, like http://127.0.0.1:4318 or https://traces.example.com: it is sent a span for each append, each read and each death of a record whose `traceparent` header says that its trace is sampled",
        cost: "Every batch that is appended or read is opened, decompressed if need be, to look at its headers. Whoever answers there learns the names of streams.",
        set: |settings, text| {
            let target = if text.is_empty() { None } else { Some(Target::parse(text)?) };
            settings.otlp_endpoint = target.map(|target| target.or_path("/v1/traces"));
            Ok(())
        },
        show: |settings| settings.otlp_endpoint.as_ref().map_or(String::new(), ToString::to_string),
    },
    Knob {
        key: "insecure",
        value: "BOOL",
        kind: Kind::Bool,
        unit: "",
        doc: "Allow to listen beyond loopback although there are no users",
        cost: "Everybody who can reach the address may read, write and delete everything.",
        set: |settings, text| boolean(text).map(|value| settings.insecure = value),
        show: |settings| settings.insecure.to_string(),
    },
    Knob {
        key: "log_level",
        value: "LEVEL",
        kind: Kind::Text,
        unit: "",
        doc: "What is logged: error, warn, info, debug, trace, or a list like info,millstream_net=debug",
        cost: "debug logs every connection, trace more than a disk may want.",
        set: |settings, text| {
            tracing_subscriber::EnvFilter::try_new(text).map_err(|error| error.to_string())?;
            settings.log_level = text.to_owned();
            Ok(())
        },
        show: |settings| settings.log_level.clone(),
    },
    Knob {
        key: "log_format",
        value: "text|json",
        kind: Kind::Text,
        unit: "",
        doc: "How log lines look: for people, or one JSON object each",
        cost: "None.",
        set: |settings, text| choice(text, LOG_FORMAT).map(|value| settings.log_format = value),
        show: |settings| word(&settings.log_format, LOG_FORMAT),
    },
];
