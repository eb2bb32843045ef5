//! Collecting records into batches and storing them.
//!
//! Apart because it holds what must add up: a record is in exactly one batch, and counts when that batch is stored.

use std::collections::BTreeMap;

use millstream_types::RecordTime;
use millstream_types::batch::{BatchBuilder, Compression};
use millstream_types::key::log_of;
use serde::Serialize;

use super::super::client::{Client, ClientError, Producer, Stored, TopicInfo};
use super::super::line::NewRecord;

/// A batch is sent when it has this many bytes; a single record may be larger. Half of what brokers usually take, as
/// records that do not compress get a little longer.
const BATCH_BYTES: usize = 512 << 10;

/// Batches being filled, and what was stored so far.
#[derive(Debug)]
pub(super) struct Sender {
    topic: TopicInfo,
    producer: Producer,
    compression: Compression,
    /// The partition of every record, if that was asked for.
    fixed: Option<i32>,
    /// The place in the topic's partitions of the next record without a key.
    keyless: usize,
    open: BTreeMap<i32, BatchBuilder>,
    spans: BTreeMap<i32, Span>,
}

/// What was stored in one partition.
#[derive(Debug, Serialize)]
pub(super) struct Span {
    /// The partition.
    pub(super) partition: i32,
    /// Number of records.
    pub(super) records: u64,
    /// Offset of the first; unknown after a repeat that the broker had stored before.
    pub(super) first_offset: Option<i64>,
    /// Offset of the last.
    pub(super) last_offset: Option<i64>,
}

impl Sender {
    /// A sender to a topic that exists.
    pub(super) async fn new(
        client: &mut Client,
        topic: &str,
        fixed: Option<i32>,
        compression: Compression,
    ) -> anyhow::Result<Self> {
        let topic = client.topic(topic).await?;
        if let Some(partition) = fixed {
            topic.partition(partition)?;
        }
        anyhow::ensure!(!topic.partitions.is_empty(), "topic {:?} has no partitions", topic.name);
        let producer = Producer::begin(client).await?;
        Ok(Self {
            topic,
            producer,
            compression,
            fixed,
            keyless: 0,
            open: BTreeMap::new(),
            spans: BTreeMap::new(),
        })
    }

    /// Adds a record to its batch; sends the batch first when it is full.
    pub(super) async fn push(
        &mut self,
        client: &mut Client,
        record: NewRecord,
        now_ms: i64,
    ) -> anyhow::Result<()> {
        let partition = self.partition_of(&record);
        let full =
            |batch: &BatchBuilder| batch.record_count() > 0 && batch.bytes() + record.bytes() > BATCH_BYTES;
        if self.open.get(&partition).is_some_and(full) {
            self.send(client, partition).await?;
            return Box::pin(self.push(client, record, now_ms)).await;
        }
        let batch = self.open.entry(partition).or_default();
        let headers: Vec<(&str, Option<&[u8]>)> =
            record.headers.iter().map(|(name, value)| (name.as_str(), Some(value.as_slice()))).collect();
        batch.push(RecordTime(now_ms), record.key.as_deref(), record.value.as_deref(), &headers)?;
        Ok(())
    }

    /// Stores everything that waits.
    pub(super) async fn flush(&mut self, client: &mut Client) -> anyhow::Result<()> {
        while let Some(&partition) = self.open.keys().next() {
            self.send(client, partition).await?;
        }
        Ok(())
    }

    /// Number of records stored.
    pub(super) fn stored(&self) -> u64 {
        self.spans.values().map(|span| span.records).sum()
    }

    /// What was stored, by partition.
    pub(super) fn spans(&self) -> impl Iterator<Item = &Span> {
        self.spans.values()
    }

    /// The topic's name.
    pub(super) fn topic(&self) -> &str {
        &self.topic.name
    }

    fn partition_of(&self, record: &NewRecord) -> i32 {
        let partitions = &self.topic.partitions;
        match (self.fixed, &record.key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => {
                let count =
                    u32::try_from(partitions.len()).expect("a topic's partitions have 32-bit numbers");
                partitions[log_of(key, count) as usize].index
            }
            (None, None) => partitions[self.keyless].index,
        }
    }

    async fn send(&mut self, client: &mut Client, partition: i32) -> anyhow::Result<()> {
        let Some(batch) = self.open.remove(&partition) else {
            return Ok(());
        };
        // Records without a key stay together in one batch; the next batch goes elsewhere.
        if self.topic.partitions[self.keyless].index == partition {
            self.keyless = (self.keyless + 1) % self.topic.partitions.len();
        }
        let records = batch.record_count();
        let sent = self.producer.send(client, &self.topic, partition, batch, self.compression).await;
        let stored = sent.map_err(|error| match error.downcast_ref::<ClientError>() {
            Some(ClientError::Refused { .. }) | None => error,
            // No answer is not a no: the broker may have stored them and been lost after that.
            Some(_) => error.context(format!("whether the last {records} records are stored is not known")),
        })?;
        self.spans
            .entry(partition)
            .or_insert(Span { partition, records: 0, first_offset: None, last_offset: None })
            .extend(stored);
        Ok(())
    }
}

impl Span {
    fn extend(&mut self, stored: Stored) {
        if self.records == 0 {
            self.first_offset = stored.base_offset;
        }
        self.last_offset = stored.base_offset.map(|base| base + i64::from(stored.records) - 1);
        self.records += u64::from(stored.records);
    }
}
