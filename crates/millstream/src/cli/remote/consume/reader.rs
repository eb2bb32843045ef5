//! Reading partitions side by side, each from its own place on.
//!
//! Apart because this is where "what was printed" is known: an offset moves only past records that were handed to the
//! printer, or that nobody is to see.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use millstream_kafka::ErrorCode;
use millstream_types::batch::{BatchError, OpenLimits, open, split_batches, verify};

use super::super::client::{Client, ClientError, FetchFrom, Fetched, GroupOffsets, OffsetAt, TopicInfo};
use super::super::output;
use super::print::{Place, Printer};

/// How long a broker may hold a request for records that are not there yet. Short enough that Ctrl-C and signs of
/// life for a group are not late.
const WAIT: Duration = Duration::from_millis(500);
/// The same when there are several brokers to ask, one after the other.
const WAIT_SHARED: Duration = Duration::from_millis(50);
/// Failed rounds in a row before the failure is shown, and the pause after each.
const FAILURES_MAX: u32 = 10;
const FAILURE_PAUSE: Duration = Duration::from_millis(500);

/// Partitions and how far each is read.
#[derive(Debug)]
pub(super) struct Reader {
    topics: BTreeMap<String, TopicInfo>,
    partitions: BTreeMap<(String, i32), Progress>,
    left: u64,
    follow: bool,
    failures: u32,
}

#[derive(Clone, Copy, Debug)]
struct Progress {
    next: i64,
    /// Where the partition ended when reading began.
    end: i64,
}

impl Reader {
    /// A reader of nothing yet, which stops after `count` records and, unless it is to `follow`, at the end.
    pub(super) fn new(count: Option<u64>, follow: bool) -> Self {
        let (topics, partitions) = (BTreeMap::new(), BTreeMap::new());
        Self { topics, partitions, left: count.unwrap_or(u64::MAX), follow, failures: 0 }
    }

    /// Adds a partition, to be read from `offset` on.
    pub(super) fn add(&mut self, topic: &TopicInfo, partition: i32, offset: i64, end: i64) {
        self.topics.entry(topic.name.clone()).or_insert_with(|| topic.clone());
        self.partitions.insert((topic.name.clone(), partition), Progress { next: offset, end });
    }

    /// Forgets all partitions, for others to come.
    pub(super) fn clear(&mut self) {
        self.partitions.clear();
    }

    /// Whether nothing more is wanted.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0
            || (!self.follow && self.partitions.values().all(|progress| progress.next >= progress.end))
    }

    /// Where each partition is to be read on.
    pub(super) fn offsets(&self) -> GroupOffsets {
        self.partitions.iter().map(|(place, progress)| (place.clone(), progress.next)).collect()
    }

    /// Asks every broker once for what comes next, and prints it.
    pub(super) async fn round(&mut self, client: &mut Client, printer: &mut Printer) -> anyhow::Result<()> {
        if self.partitions.is_empty() {
            // A member of a group that got no partition waits for the others to leave.
            tokio::time::sleep(WAIT).await;
            return Ok(());
        }
        match self.try_round(client, printer).await {
            Ok(()) => {
                self.failures = 0;
                Ok(())
            }
            Err(error) => {
                let retriable = error.downcast_ref::<ClientError>().is_some_and(|error| {
                    error.is_retriable() || matches!(error, ClientError::Connect { .. })
                });
                self.failures += 1;
                if !retriable || self.failures >= FAILURES_MAX {
                    return Err(error);
                }
                tokio::time::sleep(FAILURE_PAUSE).await;
                self.refresh(client).await
            }
        }
    }

    async fn try_round(&mut self, client: &mut Client, printer: &mut Printer) -> anyhow::Result<()> {
        let mut by_leader: BTreeMap<i32, Vec<FetchFrom>> = BTreeMap::new();
        for ((name, partition), progress) in &self.partitions {
            if !self.follow && progress.next >= progress.end {
                continue;
            }
            let topic = self.topics.get(name).expect("a partition is added with its topic");
            by_leader.entry(topic.partition(*partition)?.leader).or_default().push(FetchFrom {
                topic: name.clone(),
                topic_id: topic.id,
                partition: *partition,
                offset: progress.next,
            });
        }
        let wait = if by_leader.len() > 1 { WAIT_SHARED } else { WAIT };
        for (leader, from) in by_leader {
            for fetched in client.fetch(leader, &from, wait).await? {
                self.take(client, fetched, printer).await?;
                if self.left == 0 {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn take(
        &mut self,
        client: &mut Client,
        fetched: Fetched,
        printer: &mut Printer,
    ) -> anyhow::Result<()> {
        let Fetched { topic, partition, batches } = fetched;
        match batches {
            Ok(batches) => self
                .print(&topic, partition, batches, printer)
                .with_context(|| format!("records of {topic}/{partition}")),
            Err(ErrorCode::OFFSET_OUT_OF_RANGE) => self.move_to_start(client, topic, partition).await,
            Err(code) => {
                let what = format!("reading {topic}/{partition}");
                Err(ClientError::Refused { what, code, message: None }.into())
            }
        }
    }

    fn print(
        &mut self,
        topic: &str,
        partition: i32,
        batches: Bytes,
        printer: &mut Printer,
    ) -> anyhow::Result<()> {
        let Some(progress) = self.partitions.get_mut(&(topic.to_owned(), partition)) else {
            return Ok(());
        };
        for batch in split_batches(batches) {
            let (header, batch) = match batch {
                Ok(batch) => batch,
                // The last one may be cut off where the answer was full; it comes again.
                Err(BatchError::Truncated { .. }) => break,
                Err(error) => return Err(error.into()),
            };
            verify(&header, &batch)?;
            let (Some(base), Some(after)) = (header.base_offset(), header.next_offset()) else {
                bail!("a batch has no offset");
            };
            let (base, after) = (i64::try_from(base.0)?, i64::try_from(after.0)?);
            // Markers of transactions are the broker's own.
            if !header.is_control() {
                for record in &open(&batch, OpenLimits::default())? {
                    let record = record?;
                    let offset = base + i64::from(record.offset_delta);
                    if offset < progress.next {
                        continue;
                    }
                    if !self.follow && offset >= progress.end {
                        return Ok(());
                    }
                    printer.print(&Place { topic, partition, offset }, &record)?;
                    progress.next = offset + 1;
                    self.left -= 1;
                    if self.left == 0 {
                        return Ok(());
                    }
                }
            }
            progress.next = progress.next.max(after);
        }
        Ok(())
    }

    /// Goes on where the partition now begins: retention has overtaken us.
    async fn move_to_start(
        &mut self,
        client: &mut Client,
        topic: String,
        partition: i32,
    ) -> anyhow::Result<()> {
        let info = self.topics.get(&topic).expect("a partition is added with its topic");
        let start = client.offsets(info, &[partition], OffsetAt::Start).await?.get(&partition).copied();
        let place = (topic, partition);
        let Some((start, progress)) = start.zip(self.partitions.get_mut(&place)) else {
            return Ok(());
        };
        let (topic, partition) = place;
        if start <= progress.next {
            bail!("{topic}/{partition} ends before offset {}; was the topic made anew?", progress.next);
        }
        let gone = start - progress.next;
        output::note(&format!(
            "{topic}/{partition}: {gone} records are gone by retention; going on at {start}"
        ));
        progress.next = start;
        Ok(())
    }

    async fn refresh(&mut self, client: &mut Client) -> anyhow::Result<()> {
        for topic in self.topics.values_mut() {
            *topic = client.topic(&topic.name).await?;
        }
        Ok(())
    }
}
