//! Produce (0), versions 3–13 (listed from 0, see ApiVersions): append record batches.
//!
//! Each partition carries exactly one batch of format 2. It is checked here (checksum, lengths, counts, timestamps, and
//! on compacted topics the keys), on the connection's task, and stored as it came; the shard sees its facts alone. All
//! partitions of a request (of each 1,024, in a larger one) are durable together; each succeeds or fails on its own. acks=1 and acks=all are the same
//! promise: the bytes are on the disk. acks=0 gets no answer; when a batch of it is refused the connection is closed, as in
//! Kafka, since nothing else would make its producer look at the topic again.
//!
//! Idempotent producers are checked by epoch and sequence; a batch sent twice is answered with its first offset.
//!
//! Not supported: transactions. A transactional batch is refused with INVALID_TXN_STATE. Compressed batches are not
//! opened on topics without compaction (R2), so a batch that was damaged before its checksum was made is stored as sent.

use crate::codec::generated::produce::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
    TopicProduceResponse,
};
use crate::codec::{ApiKey, DecodeError, Reader, Records, Str};
use crate::errors::ErrorCode;
use crate::limits::OPEN_BYTES_MAX;
use crate::ops::operation;
use crate::ops::topics::{find_topic, find_topic_by_id};
use crate::step::{Context, Step};
use bytes::{Bytes, BytesMut};
use millstream_core::catalog::{StreamEntry, TimestampSource};
use millstream_core::log::{AppendBatch, Appended, ProducerStamp};
use millstream_core::{Reply, Request};
use millstream_front::registry::Operation;
use millstream_front::{Action, Authorized, Grant, Resource};
use millstream_types::batch::{self, BatchError, BatchHeader, Compression, OpenLimits};
use millstream_types::limits::APPEND_STAMPED_MAX;
use millstream_types::{EngineTime, ErrorKind, LogId, RecordTime};
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation(
    ApiKey::Produce,
    "No transactions. acks=1 waits for the disk like acks=all. Compressed batches are not opened on topics without \
     compaction.",
);

/// The first version whose batches may be compressed with zstd.
const FIRST_WITH_ZSTD: i16 = 7;
/// The first version that names topics by id.
const FIRST_BY_ID: i16 = 13;

/// Why a partition's batch was refused before the shard saw it.
struct Refusal {
    code: ErrorCode,
    message: Option<Str>,
    records: Vec<u32>,
}

impl Refusal {
    fn new(code: ErrorCode) -> Refusal {
        Refusal { code, message: None, records: Vec::new() }
    }

    fn because(code: ErrorCode, message: impl Into<String>) -> Refusal {
        Refusal { code, message: Some(Str::from(message.into())), records: Vec::new() }
    }
}

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = ProduceRequest::decode(version, r)?;
    let acks = request.acks;
    let mut batches = Vec::new();
    let mut grants = Vec::new();
    // Per partition in the order of the request: refused here, or the time that was given to its records.
    let mut topics = Vec::with_capacity(request.topic_data.len());
    for topic in request.topic_data {
        let stream = resolve(cx, acks, version, &topic);
        let mut partitions = Vec::with_capacity(topic.partition_data.len());
        for partition in topic.partition_data {
            let checked = stream
                .as_ref()
                .map_err(|code| Refusal::new(*code))
                .and_then(|(entry, _)| check(cx.now, version, entry, partition.index, partition.records));
            let outcome = checked.map(|(batch, append_time)| {
                batches.push(batch);
                append_time
            });
            partitions.push((partition.index, outcome));
        }
        if let Ok((_, grant)) = stream {
            grants.push(grant);
        }
        topics.push((topic.name, topic.topic_id, partitions));
    }
    let (requests, counts) = appends(&grants, batches);
    Ok(Step::Submit(
        requests,
        Box::new(move |_, replies| {
            let mut results = results(replies, counts).into_iter();
            if acks == 0 {
                return unanswered(topics.iter().flat_map(|(_, _, partitions)| partitions), results);
            }
            let partition = |(index, outcome)| match outcome {
                Err(refusal) => refused(index, refusal),
                Ok(time) => appended(index, time, results.next().unwrap_or(Err(ErrorKind::Indeterminate))),
            };
            let mut partition = partition;
            let responses = topics
                .into_iter()
                .map(|(name, topic_id, partitions)| TopicProduceResponse {
                    name,
                    topic_id,
                    partition_responses: partitions.into_iter().map(&mut partition).collect(),
                })
                .collect();
            Step::respond(ProduceResponse { responses, ..Default::default() })
        }),
    ))
}

/// What acks=0 comes to: silence, or the end of the connection.
fn unanswered<'a>(
    mut checked: impl Iterator<Item = &'a (i32, Result<Option<RecordTime>, Refusal>)>,
    mut results: impl Iterator<Item = Result<Appended, ErrorKind>>,
) -> Step {
    let before = checked.find_map(|(_, outcome)| outcome.as_ref().err().map(|refusal| refusal.code));
    match before.or_else(|| results.find_map(Result::err).map(ErrorCode::from)) {
        None => Step::Silent,
        Some(code) => Step::Close(format!("a Produce request with acks=0 was refused: {}", code.name())),
    }
}

fn resolve(
    cx: &Context,
    acks: i16,
    version: i16,
    topic: &TopicProduceData,
) -> Result<(Arc<StreamEntry>, Grant), ErrorCode> {
    if !(-1..=1).contains(&acks) {
        return Err(ErrorCode::INVALID_REQUIRED_ACKS);
    }
    let entry = if version >= FIRST_BY_ID {
        find_topic_by_id(cx, topic.topic_id)?
    } else {
        find_topic(cx, &topic.name)?
    };
    let grant = cx.allow(Action::Write, Resource::Stream(&entry.name))?;
    Ok((entry, grant))
}

/// Checks one partition's records. Returns the batch to append and the time that the broker put on it, if it did.
fn check(
    now: EngineTime,
    version: i16,
    entry: &StreamEntry,
    partition: i32,
    records: Option<Records>,
) -> Result<(AppendBatch, Option<RecordTime>), Refusal> {
    let index = u32::try_from(partition).ok().filter(|index| *index < entry.logs);
    let index = index.ok_or_else(|| Refusal::new(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION))?;
    let payload = records.unwrap_or_default().to_bytes();
    let mut batches = batch::split_batches(payload);
    let one = "exactly one record batch is expected for a partition";
    let (header, bytes) =
        batches.next().ok_or_else(|| Refusal::because(ErrorCode::INVALID_RECORD, one))?.map_err(damaged)?;
    if version < FIRST_WITH_ZSTD && header.compression() == Compression::Zstd {
        let message = "this version of the request knows no zstd";
        return Err(Refusal::because(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE, message));
    }
    if batches.next().is_some() {
        return Err(Refusal::because(ErrorCode::INVALID_RECORD, one));
    }
    if bytes.len() > entry.config.batch_bytes_max() as usize {
        return Err(Refusal::new(ErrorCode::MESSAGE_TOO_LARGE));
    }
    batch::verify_from_producer(&header, &bytes).map_err(damaged)?;
    if header.is_transactional() {
        return Err(Refusal::because(ErrorCode::INVALID_TXN_STATE, "transactions are not supported"));
    }
    if entry.config.cleanup().1 {
        check_keys(entry, index, &bytes)?;
    }
    let (bytes, append_time) = match entry.config.timestamp_source() {
        TimestampSource::Producer => {
            check_time(now, entry, &header)?;
            (bytes, None)
        }
        TimestampSource::Append => (stamp(&bytes, now)?, Some(RecordTime(now.0))),
    };
    let batch = AppendBatch {
        log: LogId { stream: entry.id, index },
        records: header.record_count(),
        last_offset_delta: header.last_offset_delta(),
        max_timestamp: append_time.unwrap_or_else(|| header.max_timestamp()),
        producer: producer(&header),
        marks: Vec::new(),
        bytes,
    };
    Ok((batch, append_time))
}

fn damaged(error: BatchError) -> Refusal {
    let code = match error {
        // Kafka refuses the old formats like any other record that it does not take.
        BatchError::UnsupportedMagic(_) => ErrorCode::INVALID_RECORD,
        error => ErrorCode::from(error.kind()),
    };
    Refusal::because(code, error.to_string())
}

/// On a compacted topic every record needs a key.
fn check_keys(entry: &StreamEntry, index: u32, bytes: &Bytes) -> Result<(), Refusal> {
    let opened = batch::open(bytes, OpenLimits { body_bytes_max: OPEN_BYTES_MAX }).map_err(damaged)?;
    let keyless = batch::validate_records(&opened).map_err(damaged)?.keyless;
    if keyless.is_empty() {
        return Ok(());
    }
    let name = &entry.name;
    let message =
        format!("Compacted topic cannot accept message without key in topic partition {name}-{index}.");
    Err(Refusal { records: keyless, ..Refusal::because(ErrorCode::INVALID_RECORD, message) })
}

/// Timestamps too far from the broker's time are refused; "no timestamp" is accepted.
fn check_time(now: EngineTime, entry: &StreamEntry, header: &BatchHeader) -> Result<(), Refusal> {
    let late = header.max_timestamp().0.saturating_sub(now.0);
    let early = now.0.saturating_sub(header.base_timestamp().0);
    let over = |distance: i64, limit: u64| u64::try_from(distance).is_ok_and(|distance| distance > limit);
    let stamped = header.base_timestamp() != RecordTime::NONE;
    if over(late, entry.config.timestamp_after_max_ms())
        || (stamped && over(early, entry.config.timestamp_before_max_ms()))
    {
        let message = "a timestamp is too far from the broker's time";
        return Err(Refusal::because(ErrorCode::INVALID_TIMESTAMP, message));
    }
    Ok(())
}

/// The batch with the broker's time in its header, as LogAppendTime wants it (R17).
fn stamp(bytes: &Bytes, now: EngineTime) -> Result<Bytes, Refusal> {
    let mut stamped = BytesMut::from(&bytes[..]);
    batch::set_log_append_time(&mut stamped, RecordTime(now.0)).map_err(damaged)?;
    Ok(stamped.freeze())
}

fn producer(header: &BatchHeader) -> Option<ProducerStamp> {
    Some(ProducerStamp {
        id: header.producer_id()?,
        epoch: header.producer_epoch()?,
        first_sequence: header.base_sequence()?,
        last_sequence: header.last_sequence()?,
    })
}

/// The batches as the shard takes them, nearly always in one request, and how many there are in each. Every batch has
/// a grant of its topic.
fn appends(grants: &[Grant], mut batches: Vec<AppendBatch>) -> (Vec<Authorized<Request>>, Vec<usize>) {
    let (mut requests, mut counts) = (Vec::new(), Vec::new());
    while let Some(grant) = grants.first().filter(|_| !batches.is_empty()) {
        let rest = batches.split_off(batches.len().min(APPEND_STAMPED_MAX));
        let part = std::mem::replace(&mut batches, rest);
        counts.push(part.len());
        requests.push(grant.allow(Request::Append(part)));
    }
    (requests, counts)
}

/// One result per batch that was submitted.
fn results(replies: Vec<Reply>, counts: Vec<usize>) -> Vec<Result<Appended, ErrorKind>> {
    let of = |(reply, count)| match reply {
        Reply::Appended(results) => results,
        Reply::Refused(kind) => vec![Err(kind); count],
        _ => vec![Err(ErrorKind::Indeterminate); count],
    };
    replies.into_iter().zip(counts).flat_map(of).collect()
}

fn appended(
    index: i32,
    time: Option<RecordTime>,
    result: Result<Appended, ErrorKind>,
) -> PartitionProduceResponse {
    match result {
        Err(kind) => refused(index, Refusal::new(ErrorCode::from(kind))),
        Ok(appended) => PartitionProduceResponse {
            index,
            error_code: 0,
            base_offset: i64::try_from(appended.base_offset.0).expect("offsets fit in 63 bits"),
            log_append_time_ms: time.map_or(-1, |time| time.0),
            log_start_offset: i64::try_from(appended.log_start.0).expect("offsets fit in 63 bits"),
            ..Default::default()
        },
    }
}

/// A refusal never carries an offset that looks valid.
fn refused(index: i32, refusal: Refusal) -> PartitionProduceResponse {
    let message = refusal.message;
    let record = |record: u32| BatchIndexAndErrorMessage {
        batch_index: i32::try_from(record).unwrap_or(i32::MAX),
        batch_index_error_message: message.clone(),
    };
    PartitionProduceResponse {
        index,
        error_code: refusal.code.0,
        base_offset: -1,
        log_append_time_ms: -1,
        log_start_offset: -1,
        record_errors: refusal.records.iter().copied().map(record).collect(),
        error_message: message,
        ..Default::default()
    }
}
