//! Streams as the API shows them.
//!
//! Apart because a list, a single stream and what a change leaves behind must show the same things under the same names.

use super::settings::{Shown, shown};
use crate::context::Context;
use millstream_core::catalog::StreamEntry;
use millstream_core::lease::GroupCounts;
use millstream_front::Backend;
use millstream_types::EngineTime;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// How many records of a queue are where.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[schemars(rename = "QueueCounts")]
pub(crate) struct Counts {
    /// Wait for a consumer.
    ready: u64,
    /// Are leased.
    leased: u64,
    /// Are put off.
    delayed: u64,
    /// Are on their way into another stream.
    moving: u64,
    /// Consumers that wait.
    waiting: u64,
    /// Consumers that are attached, as protocols attach them whose consumers are pushed to.
    holders: u64,
}

impl From<GroupCounts> for Counts {
    fn from(counts: GroupCounts) -> Counts {
        let GroupCounts { ready, leased, delayed, moving, waiting, holders, totals: _ } = counts;
        Counts { ready, leased, delayed, moving, waiting, holders }
    }
}

/// What a stream holds.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
#[schemars(rename = "StreamTotals")]
pub(crate) struct Totals {
    /// Offsets from the first record to the end: as many as records, or more where compaction left holes.
    records: u64,
    /// As stored.
    bytes: u64,
}

impl Totals {
    /// Of all logs of a stream.
    pub(crate) fn of(backend: &dyn Backend, entry: &StreamEntry) -> Totals {
        let mut totals = Totals::default();
        for log in entry.log_ids().filter_map(|log| backend.log(log)) {
            totals.records += log.high_watermark().0.saturating_sub(log.log_start().0);
            totals.bytes += log.bytes();
        }
        totals
    }
}

/// A stream in a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "StreamSummary")]
pub(crate) struct Summary {
    name: String,
    partition_count: u32,
    #[serde(flatten)]
    totals: Totals,
    leased: bool,
    paused: bool,
    dead_letter_stream: Option<String>,
    /// `null` for a stream that is not worked as a queue.
    counts: Option<Counts>,
    /// Who has read it within the last ten minutes, by protocol, as far as the broker has looked at itself.
    read_by: Vec<Reader>,
}

/// A protocol by which a stream is read.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "StreamReader")]
pub(crate) struct Reader {
    /// The front's name: `http` for this API, the console included.
    protocol: &'static str,
    /// When that was last seen.
    last_ms: i64,
}

/// Who reads a stream, by the last look.
fn readers(cx: &Context, entry: &StreamEntry) -> Vec<Reader> {
    let seen = cx.telemetry.as_ref().and_then(|telemetry| telemetry.observation());
    let readers = seen.as_ref().and_then(|seen| seen.stream(entry)).map(|stream| &stream.readers);
    let reader = |(protocol, last): &(&'static str, EngineTime)| Reader { protocol, last_ms: last.0 };
    readers.into_iter().flatten().map(reader).collect()
}

impl Summary {
    pub(crate) fn new(entry: &StreamEntry, totals: Totals, counts: Option<Counts>) -> Summary {
        let lease = entry.config.lease();
        Summary {
            name: entry.name.to_string(),
            partition_count: entry.logs,
            totals,
            leased: lease.enabled(),
            paused: lease.paused(),
            dead_letter_stream: lease.dead_letter().map(str::to_owned),
            counts,
            read_by: Vec::new(),
        }
    }

    /// With what was seen of it.
    pub(crate) fn seen(self, cx: &Context, entry: &StreamEntry) -> Summary {
        Summary { read_by: readers(cx, entry), ..self }
    }
}

/// A stream with everything that is known of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Stream")]
pub(crate) struct Detail {
    name: String,
    /// 32 hexadecimal digits, never used for another stream.
    uid: String,
    created_ms: i64,
    partition_count: u32,
    #[serde(flatten)]
    totals: Totals,
    partitions: Vec<Partition>,
    settings: BTreeMap<&'static str, Shown>,
    /// The queue, if it is worked as one.
    counts: Option<Counts>,
    /// Who has read it within the last ten minutes, by protocol, as far as the broker has looked at itself.
    read_by: Vec<Reader>,
}

/// A partition.
#[derive(Debug, Serialize, JsonSchema)]
struct Partition {
    partition: u32,
    start_offset: u64,
    end_offset: u64,
    bytes: u64,
}

impl Detail {
    pub(crate) fn new(cx: &Context, entry: &StreamEntry, counts: Option<Counts>) -> Detail {
        let backend = &*cx.backend;
        let partitions = entry.log_ids().filter_map(|id| {
            let log = backend.log(id)?;
            Some(Partition {
                partition: id.index,
                start_offset: log.log_start().0,
                end_offset: log.high_watermark().0,
                bytes: log.bytes(),
            })
        });
        Detail {
            name: entry.name.to_string(),
            uid: format!("{:032x}", entry.uid.0),
            created_ms: entry.created.0,
            partition_count: entry.logs,
            totals: Totals::of(backend, entry),
            partitions: partitions.collect(),
            settings: shown(&entry.config),
            counts,
            read_by: readers(cx, entry),
        }
    }
}
