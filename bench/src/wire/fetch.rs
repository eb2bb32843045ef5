//! Fetching: one request patched with offsets, responses counted by walking batch headers in the receive buffer.
//!
//! Apart because it is the other hot path: a megabyte per response, of which 61 bytes per batch are looked at and
//! none is copied.

use std::io::Write;
use std::net::TcpStream;

use anyhow::{Context, ensure};
use millstream_kafka::codec::frame::write_request;
use millstream_kafka::codec::generated::fetch::{FetchPartition, FetchRequest, FetchTopic};
use millstream_kafka::codec::{Str, Writer};
use millstream_types::batch::HEADER_BYTES;

use super::FrameReader;

/// The last version that names topics, so that one request fits every broker.
pub(crate) const FETCH_VERSION: i16 = 12;
/// Stands for the offset of partition n (in the low bits) in the encoded request until it is patched.
const OFFSET_MARK: i64 = 0x7e57_0ff5_e700_0000;
/// Where the correlation id stands in a request, after size, API key and version.
const CORRELATION_AT: usize = 8;

/// One partition being read.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    /// Its index in the topic.
    pub(crate) index: usize,
    /// The offset to read next.
    pub(crate) next: i64,
    /// The high watermark in the last answer.
    pub(crate) high_watermark: i64,
    /// Where `next` stands in the request.
    offset_at: usize,
}

/// A connection that reads some partitions of a topic, one request at a time.
pub(crate) struct Fetcher {
    stream: TcpStream,
    request: Vec<u8>,
    partitions: Vec<Partition>,
    correlation_id: u32,
    frames: FrameReader,
}

impl Fetcher {
    /// A fetcher of `partitions`, given as index and first offset, with at most `bytes_max` per response and
    /// partition. It waits up to `wait_ms` for one byte.
    ///
    /// # Errors
    /// When the request cannot be encoded.
    pub(crate) fn new(
        stream: TcpStream,
        topic: &str,
        partitions: &[(usize, i64)],
        bytes_max: i32,
        wait_ms: i32,
    ) -> anyhow::Result<Fetcher> {
        let marked = |(n, &(index, _)): (usize, &(usize, i64))| {
            Ok(FetchPartition {
                partition: i32::try_from(index)?,
                fetch_offset: OFFSET_MARK + i64::try_from(n)?,
                partition_max_bytes: bytes_max,
                ..Default::default()
            })
        };
        let marked = partitions.iter().enumerate().map(marked).collect::<anyhow::Result<_>>()?;
        let topics = vec![FetchTopic { topic: Str::from(topic), partitions: marked, ..Default::default() }];
        let body = FetchRequest {
            max_wait_ms: wait_ms,
            min_bytes: 1,
            max_bytes: bytes_max,
            topics,
            ..Default::default()
        };
        let mut writer = Writer::new();
        write_request(&mut writer, FETCH_VERSION, 0, Some("millstream-bench"), &body)?;
        let request = writer.into_bytes().to_vec();
        let place = |(n, &(index, next)): (usize, &(usize, i64))| {
            let mark = (OFFSET_MARK + n as i64).to_be_bytes();
            let offset_at = request.windows(8).position(|window| window == mark);
            let offset_at = offset_at.context("the request does not hold its offsets")?;
            Ok(Partition { index, next, high_watermark: -1, offset_at })
        };
        let partitions = partitions.iter().enumerate().map(place).collect::<anyhow::Result<_>>()?;
        let frames = FrameReader::new((1 << 16) + bytes_max.unsigned_abs() as usize);
        Ok(Fetcher { stream, request, partitions, correlation_id: 0, frames })
    }

    /// The partitions as they stand; a caller may move their `next`.
    pub(crate) fn partitions(&mut self) -> &mut [Partition] {
        &mut self.partitions
    }

    /// Sends one request, waits for its answer and shows each batch in it to `see`: the position of its
    /// partition in [`Fetcher::partitions`], its base offset, its record count. Returns the bytes of all batches.
    ///
    /// # Errors
    /// Those of the socket, an error code of the broker, an answer that cannot be read.
    pub(crate) fn fetch(&mut self, mut see: impl FnMut(usize, i64, u32)) -> anyhow::Result<u64> {
        self.correlation_id = self.correlation_id.wrapping_add(1);
        self.request[CORRELATION_AT..CORRELATION_AT + 4].copy_from_slice(&self.correlation_id.to_be_bytes());
        for partition in &self.partitions {
            let at = partition.offset_at;
            self.request[at..at + 8].copy_from_slice(&partition.next.to_be_bytes());
        }
        (&self.stream).write_all(&self.request).context("sending a fetch request")?;
        loop {
            if let Some(frame) = self.frames.next() {
                return walk(frame, self.correlation_id, &mut self.partitions, &mut see);
            }
            self.frames.fill(&self.stream).context("waiting for a fetch response")?;
        }
    }
}

/// Reads a response in place; every partition's `next` and high watermark move on.
fn walk(
    frame: &[u8],
    correlation_id: u32,
    partitions: &mut [Partition],
    see: &mut impl FnMut(usize, i64, u32),
) -> anyhow::Result<u64> {
    let mut fields = Fields(frame);
    let answered = u32::from_be_bytes(fields.take()?);
    ensure!(answered == correlation_id, "the answer to request {answered} came in place of {correlation_id}");
    fields.tags()?;
    fields.take::<4>()?; // throttle time
    let error = i16::from_be_bytes(fields.take()?);
    ensure!(error == 0, "a fetch request was answered with error {error}");
    fields.take::<4>()?; // session
    let mut bytes = 0;
    for _ in 1..fields.uvarint()? {
        let name = fields.uvarint()?.saturating_sub(1);
        fields.slice(name)?;
        for _ in 1..fields.uvarint()? {
            let index = i32::from_be_bytes(fields.take()?);
            let error = i16::from_be_bytes(fields.take()?);
            ensure!(error == 0, "partition {index} was answered with error {error}");
            let high_watermark = i64::from_be_bytes(fields.take()?);
            fields.take::<16>()?; // last stable offset, log start offset
            let aborted = fields.uvarint()?;
            ensure!(aborted <= 1, "the bench makes no transactions, but some were aborted");
            fields.take::<4>()?; // preferred replica
            let length = fields.uvarint()?.saturating_sub(1);
            let records = fields.slice(length)?;
            fields.tags()?;
            let at = partitions.iter().position(|partition| partition.index as i64 == i64::from(index));
            let at = at.context("a partition was answered that was not asked for")?;
            partitions[at].high_watermark = high_watermark;
            bytes += batches(records, |base, next, count| {
                partitions[at].next = next;
                see(at, base, count);
            })?;
        }
        fields.tags()?;
    }
    Ok(bytes)
}

/// Shows each whole batch (base offset, next offset, record count); the last one may be cut off. Returns the bytes of
/// the whole ones.
fn batches(mut records: &[u8], mut see: impl FnMut(i64, i64, u32)) -> anyhow::Result<u64> {
    let mut bytes = 0;
    while let Some(header) = records.first_chunk::<HEADER_BYTES>() {
        let mut fields = Fields(header);
        let base = i64::from_be_bytes(fields.take()?);
        let length = u32::from_be_bytes(fields.take()?) as usize;
        fields.take::<11>()?; // leader epoch, magic, checksum, attributes
        let last = i32::from_be_bytes(fields.take()?);
        fields.take::<30>()?; // timestamps, producer
        let count = u32::from_be_bytes(fields.take()?);
        let total = 12 + length;
        ensure!(total >= HEADER_BYTES, "a batch at offset {base} is {total} bytes long");
        let Some(rest) = records.get(total..) else { break };
        see(base, base + i64::from(last) + 1, count);
        bytes += total as u64;
        records = rest;
    }
    Ok(bytes)
}

/// What is left of a response.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> anyhow::Result<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk().context("a fetch response ends early")?;
        self.0 = rest;
        Ok(*field)
    }

    fn slice(&mut self, length: usize) -> anyhow::Result<&'a [u8]> {
        let (field, rest) = self.0.split_at_checked(length).context("a fetch response ends early")?;
        self.0 = rest;
        Ok(field)
    }

    fn uvarint(&mut self) -> anyhow::Result<usize> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.take()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        anyhow::bail!("a length in a fetch response has more than 35 bits")
    }

    fn tags(&mut self) -> anyhow::Result<()> {
        for _ in 0..self.uvarint()? {
            self.uvarint()?;
            let length = self.uvarint()?;
            self.slice(length)?;
        }
        Ok(())
    }
}
