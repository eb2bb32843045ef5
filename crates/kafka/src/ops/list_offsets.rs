//! ListOffsets (2), versions 1–11: find an offset by a time, or an end of a partition.
//!
//! Special times: −1 the end, −2 the start, −3 the record with the largest timestamp, −4 the earliest that is stored
//! locally (the start, nothing is stored elsewhere), −5 and −6 the ends of a remote tier (there is none: −1). A time finds
//! the first record whose timestamp is at least as late; the index names the batch, the batch is opened to find the record.
//! A special time that the version does not know is UNSUPPORTED_VERSION for its partition.

use crate::codec::generated::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopicResponse,
};
use crate::codec::{ApiKey, DecodeError, Reader};
use crate::errors::ErrorCode;
use crate::limits::OPEN_BYTES_MAX;
use crate::ops::fetch::check_leader_epoch;
use crate::ops::operation;
use crate::ops::topics::find_topic;
use crate::step::{Context, ReadResult, Step};
use bytes::{Bytes, BytesMut};
use millstream_front::registry::Operation;
use millstream_front::{Action, LogReader, ReadError, Resource};
use millstream_types::batch::{self, BatchHeader, OpenLimits};
use millstream_types::limits::READ_BYTES_PER_TURN;
use millstream_types::{ErrorKind, LogId, Offset, RecordTime};
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation(ApiKey::ListOffsets, "Nothing is tiered.");

/// What a special time means.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

/// The first version in which a special time may be asked for.
fn first_version(special: i64) -> Option<i16> {
    match special {
        LATEST | EARLIEST => Some(1),
        MAX_TIMESTAMP => Some(7),
        EARLIEST_LOCAL => Some(8),
        LATEST_TIERED => Some(9),
        EARLIEST_PENDING_UPLOAD => Some(11),
        _ => None,
    }
}

/// Bytes read to open one batch: one batch comes whatever its size.
const ONE_BATCH: u32 = 1;

/// A record that was looked for.
#[derive(Clone, Copy)]
struct Found {
    offset: i64,
    timestamp: i64,
}

impl Found {
    const NOTHING: Found = Found { offset: -1, timestamp: -1 };

    fn end(offset: Offset) -> Found {
        Found { offset: i64::try_from(offset.0).expect("offsets fit in 63 bits"), timestamp: -1 }
    }
}

/// One partition's search.
struct Search {
    topic: usize,
    partition: i32,
    log: Option<(LogId, Arc<str>, Arc<dyn LogReader>)>,
    /// The batch that the index named did not have the record (its beginning was deleted): whole runs are looked through.
    scanning: bool,
    state: State,
}

enum State {
    Done(Result<Found, ErrorCode>),
    /// The batch at this offset is to be opened, for a record at least this late.
    Open {
        at: Offset,
        time: RecordTime,
    },
}

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = ListOffsetsRequest::decode(version, r)?;
    let mut searches = Vec::new();
    let mut names = Vec::new();
    for (topic, named) in request.topics.into_iter().enumerate() {
        for partition in named.partitions {
            let search =
                Search::new(cx, version, topic, &named.name, &partition, request.isolation_level == 1);
            searches.push(search);
        }
        names.push(named.name);
    }
    Ok(go_on(cx, version, searches, names))
}

fn go_on(cx: &mut Context, version: i16, mut searches: Vec<Search>, names: Vec<crate::codec::Str>) -> Step {
    let mut open = Vec::new();
    let mut reads = Vec::new();
    for (index, search) in searches.iter_mut().enumerate() {
        let (State::Open { at, .. }, Some((log, name, _))) = (&search.state, &search.log) else { continue };
        match cx.allow(Action::Describe, Resource::Stream(name)) {
            Ok(grant) => {
                let bytes = if search.scanning { READ_BYTES_PER_TURN } else { ONE_BATCH };
                reads.push(grant.allow((*log, *at, bytes)));
                open.push(index);
            }
            Err(code) => search.state = State::Done(Err(code)),
        }
    }
    if !reads.is_empty() {
        return Step::Read(
            reads,
            Box::new(move |cx, results: Vec<ReadResult>| {
                for (index, result) in open.into_iter().zip(results) {
                    searches[index].take(result);
                }
                go_on(cx, version, searches, names)
            }),
        );
    }
    let mut topics: Vec<ListOffsetsTopicResponse> =
        names.into_iter().map(|name| ListOffsetsTopicResponse { name, partitions: Vec::new() }).collect();
    for search in searches {
        let State::Done(result) = search.state else { unreachable!("everything open was read above") };
        let (code, found) = match result {
            Ok(found) => (ErrorCode::NONE, found),
            Err(code) => (code, Found::NOTHING),
        };
        topics[search.topic].partitions.push(ListOffsetsPartitionResponse {
            partition_index: search.partition,
            error_code: code.0,
            timestamp: found.timestamp,
            offset: found.offset,
            // Versions before 4 have no field for it.
            leader_epoch: if version >= 4 && found.offset >= 0 { 0 } else { -1 },
        });
    }
    Step::respond(ListOffsetsResponse { topics, ..Default::default() })
}

impl Search {
    fn new(
        cx: &Context,
        version: i16,
        topic: usize,
        name: &str,
        asked: &ListOffsetsPartition,
        committed_only: bool,
    ) -> Search {
        let mut search = Search {
            topic,
            partition: asked.partition_index,
            log: None,
            scanning: false,
            state: State::Done(Ok(Found::NOTHING)),
        };
        search.state = match search.begin(cx, version, name, asked, committed_only) {
            Ok(state) => state,
            Err(code) => State::Done(Err(code)),
        };
        search
    }

    fn begin(
        &mut self,
        cx: &Context,
        version: i16,
        name: &str,
        asked: &ListOffsetsPartition,
        committed_only: bool,
    ) -> Result<State, ErrorCode> {
        let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        let entry = find_topic(cx, name)?;
        cx.allow(Action::Describe, Resource::Stream(name))?;
        if asked.timestamp < 0 && first_version(asked.timestamp).is_none_or(|first| version < first) {
            return Err(ErrorCode::UNSUPPORTED_VERSION);
        }
        let index = u32::try_from(asked.partition_index).map_err(|_| unknown)?;
        let log = LogId { stream: entry.id, index };
        let reader = cx.backend.log(log).ok_or(unknown)?;
        check_leader_epoch(asked.current_leader_epoch)?;
        self.log = Some((log, entry.name.clone(), reader.clone()));
        Ok(match asked.timestamp {
            LATEST if committed_only => State::Done(Ok(Found::end(reader.last_stable_offset()))),
            LATEST => State::Done(Ok(Found::end(reader.high_watermark()))),
            EARLIEST | EARLIEST_LOCAL => State::Done(Ok(Found::end(reader.log_start()))),
            LATEST_TIERED | EARLIEST_PENDING_UPLOAD => State::Done(Ok(Found::NOTHING)),
            MAX_TIMESTAMP => match reader.max_timestamp() {
                Some((time, at)) => State::Open { at: at.max(reader.log_start()), time },
                None => State::Done(Ok(Found::NOTHING)),
            },
            time => match reader.batch_from_time(RecordTime(time)) {
                Some(at) => State::Open { at: at.max(reader.log_start()), time: RecordTime(time) },
                None => State::Done(Ok(Found::NOTHING)),
            },
        })
    }

    /// Looks through a batch; goes on with the next one when the index was wrong about it.
    fn take(&mut self, result: ReadResult) {
        let (State::Open { at, time }, Some((_, _, reader))) = (&self.state, &self.log) else { return };
        let (at, time) = (*at, *time);
        self.state = match result {
            // The start moved since the look at the index.
            Err(ReadError::OutOfRange) if at < reader.log_start() => {
                State::Open { at: reader.log_start(), time }
            }
            Err(error) => State::Done(Err(ErrorCode::from(ErrorKind::from(error)))),
            Ok(slice) if slice.chunks.is_empty() => State::Done(Ok(Found::NOTHING)),
            Ok(slice) => match first_from(join(&slice.chunks), reader.log_start(), time) {
                Err(code) => State::Done(Err(code)),
                Ok(Some(found)) => State::Done(Ok(found)),
                Ok(None) if slice.next_offset >= reader.high_watermark() => State::Done(Ok(Found::NOTHING)),
                Ok(None) => {
                    self.scanning = true;
                    // Having read there, the index may know better where to look.
                    let named = reader.batch_from_time(time).unwrap_or(slice.next_offset);
                    State::Open { at: named.max(slice.next_offset), time }
                }
            },
        };
    }
}

fn join(chunks: &[Bytes]) -> Bytes {
    match chunks {
        [one] => one.clone(),
        many => {
            let mut joined = BytesMut::new();
            many.iter().for_each(|chunk| joined.extend_from_slice(chunk));
            joined.freeze()
        }
    }
}

/// The first record of the batches at least as late as `time` and not before the log's start.
fn first_from(batches: Bytes, start: Offset, time: RecordTime) -> Result<Option<Found>, ErrorCode> {
    for batch in batch::split_batches(batches) {
        let (header, bytes): (BatchHeader, Bytes) = batch.map_err(|error| ErrorCode::from(error.kind()))?;
        if header.max_timestamp() < time || header.is_control() {
            continue;
        }
        let base = header.base_offset().ok_or(ErrorCode::CORRUPT_MESSAGE)?;
        let opened = batch::open(&bytes, OpenLimits { body_bytes_max: OPEN_BYTES_MAX })
            .map_err(|error| ErrorCode::from(error.kind()))?;
        for record in &opened {
            let record = record.map_err(|error| ErrorCode::from(error.kind()))?;
            let offset = base.advance(u64::from(record.offset_delta));
            if record.timestamp >= time && offset >= start {
                let found = Found { timestamp: record.timestamp.0, ..Found::end(offset) };
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}
