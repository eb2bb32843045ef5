//! Every metric there is: name, kind, labels, meaning.
//!
//! Apart because the page of the documentation, the check of the dashboard and of the alert rules, and the scrape itself are
//! made from it, so that none of them can name something else.

/// What a metric's value does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows, from zero at the start of the process.
    Counter,
    /// It is as it is.
    Gauge,
    /// It is counted by size.
    Histogram,
}

impl MetricKind {
    /// Prometheus' word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        }
    }
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricRow {
    /// Its name, as samples have it; those of a histogram have `_bucket`, `_sum` and `_count` behind it.
    pub name: &'static str,
    /// What its value does.
    pub kind: MetricKind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it is: a sentence.
    pub help: &'static str,
}

macro_rules! catalog {
    ($($row:ident: $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(super) const $row: MetricRow =
            MetricRow { name: $name, kind: MetricKind::$kind, labels: &[$($label),*], help: $help };)*

        /// Every metric, in the order in which they are shown.
        pub const CATALOG: &[MetricRow] = &[$($row),*];
    };
}

catalog! {
    BUILD: Gauge "millstream_build_info" ["version"]
        "Always 1; the label says which version runs.";
    START: Gauge "millstream_start_time_seconds" []
        "When the broker started, in seconds since 1970.";
    INSECURE: Gauge "millstream_insecure" []
        "1 if the broker listens beyond loopback although it has no users.";
    READY: Gauge "millstream_ready" []
        "1 if /readyz says that nothing is missing.";

    REQUESTS: Counter "millstream_requests_total" ["front", "operation"]
        "Requests by front and operation.";
    FAILURES: Counter "millstream_request_failures_total" ["front", "operation"]
        "Requests that were refused, in whole or in part.";
    LATENCY: Histogram "millstream_request_duration_seconds" ["front", "operation"]
        "Time from a request's arrival to its answer, waits that the client asked for included.";

    CONNECTIONS: Gauge "millstream_connections" ["front"]
        "Connections that are open.";
    ACCEPTED: Counter "millstream_connections_accepted_total" ["front"]
        "Connections that were accepted.";
    REFUSED: Counter "millstream_connections_refused_total" ["front"]
        "Connections that were refused because there were as many as may be.";
    PANICKED: Counter "millstream_connections_panicked_total" ["front"]
        "Connections that were closed because of a mistake of the broker.";

    STREAMS: Gauge "millstream_streams" []
        "Streams there are.";
    PARTITIONS: Gauge "millstream_stream_partitions" []
        "Partitions of all streams.";
    RECORDS_IN: Counter "millstream_stream_records_in_total" ["namespace", "stream"]
        "Records that were appended.";
    RECORDS_OUT: Counter "millstream_stream_records_out_total" ["namespace", "stream"]
        "Records that were read for clients; one that is read twice counts twice.";
    BYTES_IN: Counter "millstream_stream_bytes_in_total" ["namespace", "stream"]
        "Bytes of batches that were appended, as stored.";
    BYTES_OUT: Counter "millstream_stream_bytes_out_total" ["namespace", "stream"]
        "Bytes of batches that were read for clients, as stored.";
    RECORDS: Gauge "millstream_stream_records" ["namespace", "stream"]
        "Records from the first one to the end; holes that compaction leaves count.";
    BYTES: Gauge "millstream_stream_bytes" ["namespace", "stream"]
        "Bytes of batches that are stored.";

    GROUPS: Gauge "millstream_groups" ["kind"]
        "Groups there are: lease groups, which work a stream as a queue, and cursor groups, which read it by offset.";
    LAG: Gauge "millstream_group_lag_records" ["kind", "namespace", "stream", "group"]
        "Records that the group has not done with.";
    LAG_SECONDS: Gauge "millstream_group_lag_seconds" ["kind", "namespace", "stream", "group"]
        "Age of the oldest record that the group has not done with; 0 when there is none.";
    CONSUMERS: Gauge "millstream_group_consumers" ["kind", "namespace", "stream", "group"]
        "Consumers: members of a cursor group, or who waits for or is attached to a queue.";
    READY_RECORDS: Gauge "millstream_group_ready_records" ["namespace", "stream", "group"]
        "Records of a queue that wait for a consumer.";
    OUTSTANDING: Gauge "millstream_group_outstanding_records" ["namespace", "stream", "group"]
        "Records of a queue that are leased to consumers.";
    DELAYED: Gauge "millstream_group_delayed_records" ["namespace", "stream", "group"]
        "Records of a queue that are put off.";
    MOVING: Gauge "millstream_group_moving_records" ["namespace", "stream", "group"]
        "Records of a queue that are on their way into another stream.";
    DELIVERIES: Counter "millstream_group_deliveries_total" ["namespace", "stream", "group"]
        "Deliveries from a queue.";
    REDELIVERIES: Counter "millstream_group_redeliveries_total" ["namespace", "stream", "group"]
        "Deliveries from a queue that were not the first of their record.";
    SETTLED: Counter "millstream_group_settled_total" ["namespace", "stream", "group"]
        "Records of a queue that consumers have done with.";
    DEAD_LETTERS: Counter "millstream_group_dead_letters_total" ["namespace", "stream", "group"]
        "Records of a queue that were given up: rejected, expired, delivered too often, or one too many.";
    DEAD_LETTER_RECORDS: Gauge "millstream_dead_letter_records" ["namespace", "stream"]
        "Records in streams that others send their dead letters to.";

    SYNC: Histogram "millstream_lane_sync_seconds" []
        "Time that it took to make a group of frames durable.";
    GROUP_FRAMES: Histogram "millstream_lane_group_frames" []
        "Frames that were written and made durable together.";
    GROUP_BYTES: Histogram "millstream_lane_group_bytes" []
        "Bytes that were written and made durable together.";
    APPENDED: Counter "millstream_wal_appended_bytes_total" []
        "Bytes appended to the write-ahead log, frames' headers included.";
    WAL_FILES: Gauge "millstream_wal_files" ["state"]
        "Files of the write-ahead log: sealed, those among them in which nothing lives, and those prepared for use.";
    WAL_BYTES: Gauge "millstream_wal_bytes" ["state"]
        "Bytes of sealed files of the write-ahead log: all, those that are live, and those that a read holds.";
    OBJECTS: Gauge "millstream_objects" ["state"]
        "Packed objects: those in use, and those that wait to be removed.";
    OBJECT_BYTES: Gauge "millstream_object_bytes" ["state"]
        "Bytes of packed objects: all, and those that are live.";
    REWRITE_READ: Counter "millstream_rewrite_read_bytes_total" ["by"]
        "Bytes read by the packer and by compaction.";
    REWRITE_WRITTEN: Counter "millstream_rewrite_written_bytes_total" ["by"]
        "Bytes written by the packer and by compaction.";
    BACKLOG: Gauge "millstream_packer_backlog_bytes" []
        "Live bytes in files that are worth packing and are not packed yet.";
    SCRUBBED: Counter "millstream_scrub_read_bytes_total" []
        "Bytes that scrubbing has read and checked.";
    SCRUB_ROUNDS: Counter "millstream_scrub_rounds_total" []
        "Rounds of scrubbing over everything that is stored.";
    SCRUB_FINDINGS: Counter "millstream_scrub_findings_total" []
        "Places that scrubbing found damaged; one that stays is counted in every round.";
    MOVES: Counter "millstream_moves_total" ["outcome"]
        "Records that were to be moved into other streams, dead letters above all.";
    DISK: Gauge "millstream_disk_bytes" ["state"]
        "Bytes of the disk that the data directory is on: all, and those that are free for the broker.";
    DISK_FULL: Gauge "millstream_disk_full" []
        "1 if appends are refused because the disk has no room for them.";

    BUDGET: Gauge "millstream_memory_budget_bytes" ["budget"]
        "Memory that may be used, by what for.";
    BUDGET_USED: Gauge "millstream_memory_used_bytes" ["budget"]
        "Memory that is reserved or in use, by what for.";
    BUDGET_AWAITED: Gauge "millstream_memory_awaited" ["budget"]
        "1 if somebody waits for memory of this budget.";
    RESIDENT: Gauge "process_resident_memory_bytes" []
        "Memory of the process that is in the machine's.";
    CPU: Counter "process_cpu_seconds_total" []
        "Processor time that the process has used.";
    FDS: Gauge "process_open_fds" []
        "Descriptors that are open.";
    FDS_MAX: Gauge "process_max_fds" []
        "Descriptors that may be open.";

    ALARMS: Gauge "millstream_alarms" ["rule", "state"]
        "Alarms by rule: those that are raised, and those among them that are silenced.";
    OBSERVED: Gauge "millstream_observation_age_seconds" []
        "Age of what is said of streams and groups: they are looked at every few seconds, not at every scrape.";
    OBSERVING: Gauge "millstream_observation_duration_seconds" []
        "Time that the last look at all streams and groups took.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_follow_the_conventions() {
        let names: BTreeSet<&str> = CATALOG.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), CATALOG.len());
        for MetricRow { name, kind, labels, help } in CATALOG {
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert_eq!(*kind == MetricKind::Counter, name.ends_with("_total"), "{name}");
            assert!(name.starts_with("millstream_") || name.starts_with("process_"), "{name}");
            let is_reserved = |label: &&&str| ["le", "job", "instance"].contains(*label);
            assert_eq!(labels.iter().find(is_reserved), None, "{name}");
            assert!(help.ends_with('.') && !help.contains(['\n', '\\', '|']), "{name}");
        }
    }
}
