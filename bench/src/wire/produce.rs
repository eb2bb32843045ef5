//! Producing: one batch built once, sent many times with only a correlation id patched.
//!
//! Apart because it is the hot path of the client. A request is three pieces in a vectored write, all of
//! them shared by every request of a connection except the first:
//!
//! ```text
//! prefix (size, header, topic, partition, records length)   one copy per request in flight
//! batch                                                     shared by all connections
//! suffix (tag sections)                                     shared
//! ```

use std::io::{IoSlice, Write};
use std::net::TcpStream;

use anyhow::{Context, ensure};
use bytes::Bytes;
use millstream_kafka::codec::frame::write_request;
use millstream_kafka::codec::generated::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use millstream_kafka::codec::{Str, Writer};
use millstream_types::RecordTime;
use millstream_types::batch::{BatchBuilder, Compression};

use super::FrameReader;
use crate::clock;

/// The last version that names topics, so that one frame fits every broker.
pub(crate) const PRODUCE_VERSION: i16 = 12;
/// Bytes of every record's value.
const RECORD_BYTES: usize = 1024;
/// Where the correlation id stands in a request, after size, API key and version.
pub(super) const CORRELATION_AT: usize = 8;
/// Pieces of one vectored write, below what every kernel takes (1024).
const PIECES_MAX: usize = 1000;

/// A batch of `records` records of 1 KiB without keys, timed now.
///
/// # Errors
/// When so many do not fit in a batch.
pub(crate) fn batch(records: u32) -> anyhow::Result<Bytes> {
    let time = RecordTime(clock::wall_ms());
    let mut builder = BatchBuilder::with_capacity(records as usize * (RECORD_BYTES + 16));
    for record in 0..records {
        builder.push(time, None, Some(&record_value(record)), &[])?;
    }
    Ok(builder.finish(Compression::None)?)
}

/// The value of the n-th record of a batch: bytes without a pattern that a disk or a socket could shorten.
fn record_value(n: u32) -> Vec<u8> {
    let mut state = u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let byte = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..RECORD_BYTES).map(byte).collect()
}

/// A produce request for one partition, ready to be sent any number of times.
pub(crate) struct ProduceFrame {
    pub(super) prefix: Vec<u8>,
    pub(super) batch: Bytes,
    pub(super) suffix: Bytes,
    /// Where the error code stands in a response frame (without its size) of exactly one partition.
    error_at: usize,
}

impl ProduceFrame {
    /// Encodes the request, acks=all.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub(crate) fn new(topic: &str, partition: usize, batch: Bytes) -> anyhow::Result<ProduceFrame> {
        let data =
            PartitionProduceData { index: i32::try_from(partition)?, records: Some(batch.clone().into()) };
        let request = ProduceRequest {
            transactional_id: None,
            acks: -1,
            timeout_ms: 30_000,
            topic_data: vec![TopicProduceData {
                name: Str::from(topic),
                partition_data: vec![data],
                ..Default::default()
            }],
        };
        let mut writer = Writer::new();
        write_request(&mut writer, PRODUCE_VERSION, 0, Some("millstream-bench"), &request)?;
        let mut pieces = Vec::new();
        writer.drain_into(&mut pieces);
        let [prefix, middle, suffix] = &pieces[..] else {
            anyhow::bail!("a request with one batch has {} pieces instead of 3", pieces.len());
        };
        ensure!(middle.as_ptr() == batch.as_ptr(), "the codec copied the batch");
        ensure!(topic.len() < 127, "the topic's name must have a length of one byte");
        // Correlation id, tags, topic count, name's length, name, partition count, partition index.
        let error_at = 4 + 1 + 1 + 1 + topic.len() + 1 + 4;
        Ok(ProduceFrame { prefix: prefix.to_vec(), batch, suffix: suffix.clone(), error_at })
    }

    /// Reads the answer to request `id`: the base offset.
    ///
    /// # Errors
    /// When it is the answer to another request, or carries an error code.
    pub(crate) fn check(&self, answer: &[u8], id: u32) -> anyhow::Result<i64> {
        let short = "a produce response is too short";
        let correlation_id = u32::from_be_bytes(*answer.first_chunk().context(short)?);
        ensure!(correlation_id == id, "the answer to request {correlation_id} came in place of {id}");
        let fields = answer.get(self.error_at..).context(short)?;
        let (error, rest) = fields.split_first_chunk().context(short)?;
        let error = i16::from_be_bytes(*error);
        ensure!(error == 0, "a produce request was answered with error {error}");
        Ok(i64::from_be_bytes(*rest.first_chunk().context(short)?))
    }
}

/// A connection with several requests under way.
pub(crate) struct Pipeline<'f> {
    stream: TcpStream,
    frame: &'f ProduceFrame,
    /// One prefix per request that may be in flight.
    prefixes: Vec<u8>,
    window: usize,
    sent: u32,
    received: u32,
    last_offset: i64,
    frames: FrameReader,
}

impl<'f> Pipeline<'f> {
    /// A pipeline with room for `window` prefixes.
    pub(crate) fn new(stream: TcpStream, frame: &'f ProduceFrame, window: usize) -> Pipeline<'f> {
        let prefixes = frame.prefix.repeat(window);
        let frames = FrameReader::new(1 << 16);
        Pipeline { stream, frame, prefixes, window, sent: 0, received: 0, last_offset: -1, frames }
    }

    /// Requests without an answer.
    pub(crate) fn in_flight(&self) -> usize {
        self.sent.wrapping_sub(self.received) as usize
    }

    /// The base offset in the last answer.
    pub(crate) fn last_offset(&self) -> i64 {
        self.last_offset
    }

    /// Sends `count` requests in as few calls as the kernel allows.
    ///
    /// # Errors
    /// Those of the socket.
    pub(crate) fn send(&mut self, count: usize) -> anyhow::Result<()> {
        let mut left = count;
        while left > 0 {
            let now = left.min(self.window).min(PIECES_MAX / 3);
            self.send_at_once(now)?;
            left -= now;
        }
        Ok(())
    }

    fn send_at_once(&mut self, count: usize) -> anyhow::Result<()> {
        let length = self.frame.prefix.len();
        let slot = |sent: u32| sent as usize % self.window * length;
        for n in 0..count as u32 {
            let id = self.sent.wrapping_add(n);
            let at = slot(id) + CORRELATION_AT;
            self.prefixes[at..at + 4].copy_from_slice(&id.to_be_bytes());
        }
        let mut pieces = Vec::with_capacity(3 * count);
        for n in 0..count as u32 {
            let at = slot(self.sent.wrapping_add(n));
            pieces.push(IoSlice::new(&self.prefixes[at..at + length]));
            pieces.push(IoSlice::new(&self.frame.batch));
            pieces.push(IoSlice::new(&self.frame.suffix));
        }
        let mut rest = &mut pieces[..];
        while !rest.is_empty() {
            let written = (&self.stream).write_vectored(rest).context("sending produce requests")?;
            IoSlice::advance_slices(&mut rest, written);
        }
        self.sent = self.sent.wrapping_add(count as u32);
        Ok(())
    }

    /// Waits for answers and takes all that are there; returns how many, at least one.
    ///
    /// # Errors
    /// Those of the socket; an answer out of order or with an error code.
    pub(crate) fn receive(&mut self) -> anyhow::Result<usize> {
        let mut count = 0;
        loop {
            while let Some(frame) = self.frames.next() {
                self.last_offset = self.frame.check(frame, self.received)?;
                self.received = self.received.wrapping_add(1);
                count += 1;
            }
            if count > 0 {
                return Ok(count);
            }
            self.frames.fill(&self.stream).context("waiting for produce responses")?;
        }
    }
}
