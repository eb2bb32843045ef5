//! Producing with the lean client, idempotent or not, several batches under way.
//!
//! Apart because it decides what an answer means: an idempotent producer sends the same bytes again until they are
//! answered, the other one never repeats, so that of neither a record can be there twice.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use millstream_kafka::ErrorCode;
use millstream_kafka::codec::generated::init_producer_id::InitProducerIdRequest;
use millstream_kafka::codec::generated::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
};
use millstream_testkit::history::{Event, Op, Phase};
use millstream_types::batch::{BatchBuilder, Compression};
use millstream_types::{ProducerEpoch, ProducerId, RecordTime};

use super::{Hand, World, refusal};
use crate::{clock, value};

const PRODUCE_VERSION: i16 = 12;
const INIT_PRODUCER_ID_VERSION: i16 = 4;
const TIMEOUT_MS: i32 = 30_000;
const ACKS_ALL: i16 = -1;
/// Before what was refused is sent again.
const PAUSE_AGAIN: Duration = Duration::from_millis(5);

/// How one load produces.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its history's name.
    pub process: String,
    /// Its number in values.
    pub client: u32,
    /// Where it produces to.
    pub topic: &'static str,
    /// Which partition.
    pub partition: u32,
    /// Whether it sends again what was not answered.
    pub idempotent: bool,
    /// Batches under way at once.
    pub window: usize,
    /// Records of one batch.
    pub records_per_batch: u32,
    /// Least length of a value, in bytes.
    pub value_bytes: usize,
    /// Between two windows.
    pub pause: Duration,
}

/// A producer of the values of one client to one partition.
#[derive(Debug)]
pub struct Producer {
    client: u32,
    topic: String,
    /// The topic's name in the history, which is never used twice.
    life: String,
    partition: u32,
    identity: Option<(ProducerId, ProducerEpoch)>,
    sequence: u32,
    next: u64,
    /// The last refusal, until somebody asks for it.
    refusal: Option<ErrorCode>,
}

/// A batch and the event of its invocation.
struct Batch {
    bytes: Bytes,
    event: Event,
}

/// Produces until the run is over.
///
/// # Errors
/// When an answer makes no sense, or the history cannot be written.
pub fn run(world: &World, plan: &Plan) -> anyhow::Result<()> {
    let mut hand = world.hand(&plan.process)?;
    let mut producer = Producer::new(plan.client, plan.topic, plan.partition);
    while hand.ready() {
        if plan.idempotent && producer.identity.is_none() && !producer.begin(&mut hand)? {
            continue;
        }
        producer.window(&mut hand, plan.window, plan.records_per_batch, plan.value_bytes)?;
        sleep(plan.pause);
    }
    hand.history.finish()?;
    Ok(())
}

impl Producer {
    /// A producer that never repeats a batch.
    pub fn new(client: u32, topic: &str, partition: u32) -> Producer {
        let (topic, life) = (topic.to_owned(), topic.to_owned());
        Producer { client, topic, life, partition, identity: None, sequence: 0, next: 0, refusal: None }
    }

    /// Goes on with another topic.
    pub fn turn_to(&mut self, topic: &str, life: &str) {
        self.topic = topic.to_owned();
        self.life = life.to_owned();
    }

    /// Becomes idempotent; `false` when the connection broke or the broker cannot say now.
    fn begin(&mut self, hand: &mut Hand) -> anyhow::Result<bool> {
        let ask = InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: i32::MAX,
            ..Default::default()
        };
        let Ok(answer) = hand.link.call(INIT_PRODUCER_ID_VERSION, &ask) else { return Ok(false) };
        if may_be_repeated(ErrorCode(answer.error_code), false) {
            sleep(PAUSE_AGAIN);
            return Ok(false);
        }
        ensure!(answer.error_code == 0, "InitProducerId was answered with {}", answer.error_code);
        let (id, epoch) = (u64::try_from(answer.producer_id)?, u16::try_from(answer.producer_epoch)?);
        self.identity = Some((ProducerId(id), ProducerEpoch(epoch)));
        Ok(true)
    }

    /// What the broker refused with last, since this was asked last.
    pub fn refusal(&mut self) -> Option<ErrorCode> {
        self.refusal.take()
    }

    /// Sends some batches at once and sees each to its end.
    ///
    /// # Errors
    /// When an answer makes no sense, or the history cannot be written.
    pub fn window(
        &mut self,
        hand: &mut Hand,
        batches: usize,
        records: u32,
        value_bytes: usize,
    ) -> anyhow::Result<()> {
        let mut open = Vec::with_capacity(batches);
        for _ in 0..batches {
            open.push(self.batch(hand, records, value_bytes)?);
        }
        while !open.is_empty() {
            let requests: Vec<_> = open.iter().map(|batch| self.request(batch)).collect();
            let answers = hand.link.call_all(PRODUCE_VERSION, &requests);
            let mut again = Vec::new();
            for (batch, answer) in open.into_iter().zip(answers) {
                let behind_refused = !again.is_empty();
                if let Some(batch) = self.settle(hand, batch, answer, behind_refused)? {
                    again.push(batch);
                }
            }
            open = again;
            if !open.is_empty() {
                sleep(PAUSE_AGAIN);
            }
            if !open.is_empty() && !hand.ready() {
                // What is still under way at the end stays without an outcome.
                break;
            }
        }
        Ok(())
    }

    fn batch(&mut self, hand: &mut Hand, records: u32, value_bytes: usize) -> anyhow::Result<Batch> {
        let time = RecordTime(clock::wall_ms());
        let mut builder = BatchBuilder::new();
        for n in self.next..self.next + u64::from(records) {
            builder.push(time, None, Some(&value::make(self.client, n, value_bytes)), &[])?;
        }
        if let Some((id, epoch)) = self.identity {
            builder = builder.producer(id, epoch, Some(self.sequence));
            self.sequence = self.sequence.wrapping_add(records) & i32::MAX.cast_unsigned();
        }
        let event = hand.history.invoke(Event {
            op: Op::Send,
            topic: self.life.clone(),
            partition: self.partition,
            client: self.client,
            n: self.next,
            count: records,
            once: true,
            ..Event::default()
        })?;
        self.next += u64::from(records);
        Ok(Batch { bytes: builder.finish(Compression::None)?, event })
    }

    fn request(&self, batch: &Batch) -> ProduceRequest {
        let index = i32::try_from(self.partition).expect("few partitions");
        let data = PartitionProduceData { index, records: Some(batch.bytes.clone().into()) };
        let name = self.topic.as_str().into();
        let topic = TopicProduceData { name, partition_data: vec![data], ..Default::default() };
        ProduceRequest {
            transactional_id: None,
            acks: ACKS_ALL,
            timeout_ms: TIMEOUT_MS,
            topic_data: vec![topic],
        }
    }

    /// Writes what became of a batch; gives it back when it is to be sent again.
    fn settle(
        &mut self,
        hand: &mut Hand,
        batch: Batch,
        answer: anyhow::Result<ProduceResponse>,
        behind_refused: bool,
    ) -> anyhow::Result<Option<Batch>> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(_) if self.identity.is_some() => return Ok(Some(batch)),
            Err(error) => {
                hand.unknown(batch.event, &error)?;
                return Ok(None);
            }
        };
        let answer = only_partition(answer)?;
        let offset = Some(answer.base_offset);
        match ErrorCode(answer.error_code) {
            ErrorCode(0) => hand.history.done(Phase::Ok, Event { offset, ..batch.event })?,
            // Its first sending was stored, and only the answer was lost.
            ErrorCode::DUPLICATE_SEQUENCE_NUMBER => hand.history.done(Phase::Ok, batch.event)?,
            code => {
                self.refusal = Some(code);
                if self.identity.is_some() && may_be_repeated(code, behind_refused) {
                    return Ok(Some(batch));
                }
                let note = code.name().to_owned();
                let event = Event { offset, note, ..batch.event };
                if refusal(code) == Phase::Info {
                    hand.history.done(Phase::Info, event)?;
                    return Ok(None);
                }
                if self.identity.is_some() {
                    let fatal = Event { op: Op::Fatal, id: 0, ..event.clone() };
                    hand.history.done(Phase::Fail, fatal)?;
                }
                hand.history.done(Phase::Fail, event)?;
            }
        }
        Ok(None)
    }
}

/// Whether an idempotent producer sends the same batch again, as Kafka's own clients do: the broker cannot take it now,
/// or it came behind one that was not taken.
fn may_be_repeated(code: ErrorCode, behind_refused: bool) -> bool {
    match code {
        ErrorCode::REQUEST_TIMED_OUT | ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::KAFKA_STORAGE_ERROR => {
            true
        }
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER => behind_refused,
        _ => false,
    }
}

fn only_partition(answer: ProduceResponse) -> anyhow::Result<PartitionProduceResponse> {
    let mut partitions = answer.responses.into_iter().flat_map(|topic| topic.partition_responses);
    partitions.next().context("a produce response without partitions")
}
