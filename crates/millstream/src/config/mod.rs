//! The configuration: a file, overridden by the environment, overridden by flags.
//!
//! Apart because everything said about a knob (what it does, its default, its unit, what it costs) stands in one
//! table, [`KNOBS`], and help texts, the reference page and `millstream config` are made from it.

mod file;
mod knobs;
mod live;
mod load;
mod reference;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use knobs::{KNOBS, Kind, Knob};
pub(crate) use live::Reloaded;
pub(crate) use load::{Effective, Given, Source};
pub(crate) use reference::reference_page;

use crate::outbound::{Allowed, Target};
use millstream_console::alarms::Thresholds;
use millstream_types::limits;
use std::path::PathBuf;

/// The configuration in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) data_dir: PathBuf,
    pub(crate) durability: Durability,
    pub(crate) interval_ms: u32,
    /// Host and port, or `None` for no listener.
    pub(crate) listen_kafka: Option<(String, u16)>,
    /// What clients are told; `None`: the address that is listened on.
    pub(crate) advertise_kafka: Option<(String, u16)>,
    /// Host and port, or `None` for no listener.
    pub(crate) listen_amqp: Option<(String, u16)>,
    /// Where the management API is found.
    pub(crate) listen_amqp_management: Listen,
    /// Host and port, or `None` for no listener.
    pub(crate) listen_aws: Option<(String, u16)>,
    /// A file with the credentials that AWS clients sign with; `None`: every one is taken.
    pub(crate) aws_credentials_file: Option<PathBuf>,
    /// Host and port, or `None` for no listener.
    pub(crate) listen_http: Option<(String, u16)>,
    pub(crate) memory_budget_bytes: u64,
    /// `None`: a share of the machine's memory.
    pub(crate) page_cache_bytes: Option<u64>,
    pub(crate) wal_pool_files_max: usize,
    pub(crate) upkeep_bytes_per_second: u64,
    pub(crate) compaction_memory_bytes: u64,
    pub(crate) kafka_auto_create: bool,
    pub(crate) kafka_default_partitions: u32,
    pub(crate) group_initial_delay_ms: u64,
    /// From where on alarms are raised.
    pub(crate) thresholds: Thresholds,
    /// A stream for notices of alarms.
    pub(crate) alarm_stream: Option<String>,
    /// Who is sent notices of alarms.
    pub(crate) alarm_webhook: Option<Target>,
    /// Networks that this may be in although they are not public.
    pub(crate) alarm_webhook_allow: Allowed,
    /// A file with what notices are signed with.
    pub(crate) alarm_webhook_secret_file: Option<PathBuf>,
    /// A file with certificates of authorities that `https` targets may be signed by, beside the system's.
    pub(crate) trusted_ca_file: Option<PathBuf>,
    /// Where traces are sent.
    pub(crate) otlp_endpoint: Option<Target>,
    pub(crate) insecure: bool,
    pub(crate) log_level: String,
    pub(crate) log_format: LogFormat,
}

/// Where a listener that belongs to another one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Listen {
    /// Where the other one says.
    Follows,
    /// Nowhere.
    Off,
    /// At this host and port.
    At(String, u16),
}

/// How much higher than that of AMQP the port of the management API is, as in RabbitMQ.
const MANAGEMENT_PORT_OFFSET: u16 = 10_000;

impl Settings {
    /// Host and port of the management API.
    pub(crate) fn amqp_management(&self) -> Option<(String, u16)> {
        match &self.listen_amqp_management {
            Listen::Off => None,
            Listen::At(host, port) => Some((host.clone(), *port)),
            Listen::Follows => match self.listen_amqp.as_ref()? {
                (host, 0) => Some((host.clone(), 0)),
                (host, port) => Some((host.clone(), port.checked_add(MANAGEMENT_PORT_OFFSET)?)),
            },
        }
    }
}

/// When a record counts as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    Fsync,
    Interval,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            data_dir: PathBuf::from("millstream-data"),
            durability: Durability::Fsync,
            interval_ms: 50,
            listen_kafka: Some(("127.0.0.1".to_owned(), 9092)),
            advertise_kafka: None,
            listen_amqp: Some(("127.0.0.1".to_owned(), 5672)),
            listen_amqp_management: Listen::Follows,
            listen_aws: Some(("127.0.0.1".to_owned(), 4566)),
            aws_credentials_file: None,
            listen_http: Some(("127.0.0.1".to_owned(), 8080)),
            memory_budget_bytes: limits::MEMORY_BUDGET_DEFAULT,
            page_cache_bytes: None,
            wal_pool_files_max: 4,
            upkeep_bytes_per_second: 128 << 20,
            compaction_memory_bytes: 64 << 20,
            kafka_auto_create: true,
            kafka_default_partitions: 1,
            group_initial_delay_ms: 0,
            thresholds: Thresholds::default(),
            alarm_stream: None,
            alarm_webhook: None,
            alarm_webhook_allow: Allowed::default(),
            alarm_webhook_secret_file: None,
            trusted_ca_file: None,
            otlp_endpoint: None,
            insecure: false,
            log_level: "info".to_owned(),
            log_format: LogFormat::Text,
        }
    }
}
