//! Images: the state written out in chunks of bounded size, a few per turn, for a fuzzy checkpoint (R7).
//!
//! Apart because the walk over the state has to be resumable: the engine asks for a few chunks, goes on with
//! requests, and asks for the next ones; what changed meanwhile is in the write-ahead log after the chunk's stamp.
//!
//! | tag | chunk | bytes |
//! |---|---|---|
//! | 1 | counters | next stream id u64, next producer id u64, next object number u64 (absent in the first checkpoints: 1), next namespace u32 (likewise) |
//! | 2 | stream | the catalog entry, as in its entries |
//! | 3 | logs | stream u64, first index u32, count u32, then (start u64, end u64) each |
//! | 4 | producers | log, count u32, then producers each |
//! | 5 | object | its manifest entry, as in its entry |
//! | 6 | namespace | as in its entry |
//! | 16… | group chunks, see [`crate::cursor`] | |
//! | 32 | lease chunks, see [`crate::lease`] | |
//! | 64… | chunks of routes, see [`crate::route`] | |

use crate::catalog::{put_entry, put_namespace};
use crate::codec::Encoder;
use crate::cursor::GroupImageKey;
use crate::lease::LeaseImageKey;
use crate::object::put_object;
use crate::route::RouteImageKey;
use crate::shard::Shard;
use alloc::vec::Vec;
use millstream_types::limits::CHECKPOINT_CHUNK_BYTES_MAX;
use millstream_types::{LogId, Namespace, ObjectNumber, ProducerId, StreamId, planted};

/// Logs of one chunk at most: 16 bytes each, so 32 KiB.
const LOGS_PER_CHUNK: usize = 2048;
/// Producers of one chunk at most: under 100 bytes each, so under 50 KiB.
const PRODUCERS_PER_CHUNK: usize = 500;

/// What it costs to find something and begin to write it, in bytes that could be written meanwhile: a twentieth of a microsecond.
const SEEK_BYTES: usize = 64;

const _: () = assert!(LOGS_PER_CHUNK * 16 + 32 <= CHECKPOINT_CHUNK_BYTES_MAX);
const _: () = assert!(PRODUCERS_PER_CHUNK * 100 + 32 <= CHECKPOINT_CHUNK_BYTES_MAX);

/// Where the walk over the images goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageKey {
    /// The first one.
    Counters,
    /// The first namespace whose number is at least this.
    Namespace(Namespace),
    /// The first stream whose id is at least this.
    Stream(StreamId),
    /// The stream's logs from this index on.
    Logs(LogId),
    /// The log's producers after this one.
    Producers(LogId, Option<ProducerId>),
    /// The first object whose number is at least this.
    Object(ObjectNumber),
    /// A group chunk.
    Group(GroupImageKey),
    /// A lease chunk.
    Lease(LeaseImageKey),
    /// A chunk of a route.
    Route(RouteImageKey),
}

impl Shard {
    /// Writes images from `key` on until `budget_bytes` are reached or nothing is left; what is small, or only looked at,
    /// counts for more than its bytes. There may be no chunk. Returns where to go on, or `None` at the end. Each chunk is at most [`CHECKPOINT_CHUNK_BYTES_MAX`] bytes long and holds everything that
    /// happened in frames before the turn's position.
    pub fn images(&self, key: ImageKey, budget_bytes: usize, chunks: &mut Vec<Vec<u8>>) -> Option<ImageKey> {
        let mut spent: usize = 0;
        let mut key = key;
        loop {
            let mut chunk = Vec::new();
            let mut seen = 0;
            let seen_max = ((budget_bytes - spent) / SEEK_BYTES).max(1);
            let next = self.image(key, &mut Encoder(&mut chunk), &mut seen, seen_max);
            assert!(chunk.len() <= CHECKPOINT_CHUNK_BYTES_MAX, "chunks are bounded");
            spent += chunk.len() + (1 + seen) * SEEK_BYTES;
            if !chunk.is_empty() {
                chunks.push(chunk);
            }
            key = next?;
            if spent >= budget_bytes {
                return Some(key);
            }
        }
    }

    /// One chunk; adds to `seen` what had to be looked at for it. Where that could be without end, it is `seen_max` at most.
    fn image(
        &self,
        key: ImageKey,
        out: &mut Encoder<'_>,
        seen: &mut usize,
        seen_max: usize,
    ) -> Option<ImageKey> {
        match key {
            ImageKey::Counters => {
                out.u8(1);
                out.u64(self.counters.next_stream.0);
                out.u64(self.counters.next_producer.0);
                out.u64(self.counters.next_object.0);
                out.u32(self.namespaces.next.0);
                Some(ImageKey::Namespace(Namespace::DEFAULT))
            }
            ImageKey::Namespace(from) => match self.namespaces.from(from) {
                None => Some(ImageKey::Stream(StreamId(0))),
                Some(entry) => {
                    out.u8(6);
                    put_namespace(out, entry);
                    Some(ImageKey::Namespace(Namespace(entry.number.0 + 1)))
                }
            },
            // The ids of streams in memory come after all others.
            ImageKey::Stream(from) => match self.stream_order.range(from..).next().filter(|id| is_kept(**id))
            {
                None => Some(ImageKey::Object(ObjectNumber(0))),
                Some(&stream) => {
                    out.u8(2);
                    put_entry(out, &self.streams[&stream].entry);
                    Some(ImageKey::Logs(LogId { stream, index: 0 }))
                }
            },
            ImageKey::Logs(from) => Some(self.log_images(from, out)),
            ImageKey::Producers(log, after) => Some(self.producer_images(log, after, out, seen)),
            ImageKey::Object(from) => match self.objects.from(from).next() {
                None => self.groups.first_image().map(ImageKey::Group).or_else(|| self.first_lease_image()),
                Some(_) if planted!(ObjectsLostInImages) => self.groups.first_image().map(ImageKey::Group),
                Some(entry) => {
                    out.u8(5);
                    put_object(out, entry);
                    Some(ImageKey::Object(ObjectNumber(entry.number.0 + 1)))
                }
            },
            ImageKey::Group(key) => {
                let next = self.groups.image(key, &self.streams, out, seen, seen_max).map(ImageKey::Group);
                next.or_else(|| self.first_lease_image())
            }
            ImageKey::Lease(key) => {
                let next = self.leases.image(key, out).map(ImageKey::Lease);
                next.or_else(|| self.first_route_image())
            }
            ImageKey::Route(key) => self.routes.image(key, out).map(ImageKey::Route),
        }
    }

    fn first_lease_image(&self) -> Option<ImageKey> {
        self.leases.first_image().map(ImageKey::Lease).or_else(|| self.first_route_image())
    }

    fn first_route_image(&self) -> Option<ImageKey> {
        self.routes.first_image().map(ImageKey::Route)
    }

    /// The chunk that starts at `from`. When the stream was deleted since, the walk goes on with the next stream.
    fn log_images(&self, from: LogId, out: &mut Encoder<'_>) -> ImageKey {
        let next_stream = ImageKey::Stream(StreamId(from.stream.0 + 1));
        let Some(stream) = self.streams.get(&from.stream) else { return next_stream };
        let rest = stream.logs.get(from.index as usize..).unwrap_or_default();
        let rest = &rest[..rest.len().min(LOGS_PER_CHUNK)];
        if rest.is_empty() {
            return next_stream;
        }
        // A log with producers ends its chunk, so that its producers follow.
        let with_producers = rest.iter().position(|log| log.producers.ids_after(None).next().is_some());
        let count = with_producers.map_or(rest.len(), |at| at + 1);
        out.u8(3);
        out.u64(from.stream.0);
        out.u32(from.index);
        out.u32(u32::try_from(count).expect("bounded by LOGS_PER_CHUNK"));
        for log in &rest[..count] {
            out.u64(if planted!(TrimForgotten) { 0 } else { log.start.0 });
            out.u64(log.end.0);
        }
        let last = LogId { index: from.index + u32::try_from(count - 1).expect("bounded"), ..from };
        match with_producers {
            Some(_) => ImageKey::Producers(last, None),
            None => ImageKey::Logs(LogId { index: last.index + 1, ..last }),
        }
    }

    fn producer_images(
        &self,
        log: LogId,
        after: Option<ProducerId>,
        out: &mut Encoder<'_>,
        seen: &mut usize,
    ) -> ImageKey {
        let next_log = ImageKey::Logs(LogId { index: log.index + 1, ..log });
        let Some(state) = self.log(log) else { return next_log };
        let ids: Vec<ProducerId> = state.producers.ids_after(after).take(PRODUCERS_PER_CHUNK).collect();
        let Some(&last) = ids.last() else { return next_log };
        *seen += ids.len();
        if planted!(ProducersLostInImages) {
            return next_log;
        }
        out.u8(4);
        out.log(log);
        out.u32(u32::try_from(ids.len()).expect("bounded by PRODUCERS_PER_CHUNK"));
        for id in ids {
            state.producers.put(id, out);
        }
        ImageKey::Producers(log, Some(last))
    }
}

/// Whether a stream has images.
fn is_kept(id: StreamId) -> bool {
    !id.is_ephemeral() || planted!(EphemeralInImages)
}
