//! Traces that run through the broker: of each record with a sampled `traceparent` header, when it was appended, when it was read,
//! and when it died in between.
//!
//! Apart because it is off unless it is asked for (`otlp_endpoint`), and because it stands beside the way of records, in the wiring:
//! no front, not the engine and not the storage know of it. The header itself passes through every protocol as it is, with or without
//! this. What it costs when it is on is said where it is configured: batches are opened to look at their headers.

mod export;
mod parent;

use crate::outbound::{Client, Target};
use crate::wiring::random;
use bytes::{Bytes, BytesMut};
use millstream_core::log::AppendBatch;
use millstream_front::ReadSlice;
use millstream_types::batch::{BatchHeader, OpenLimits, records};
use millstream_types::dead_letter::DeadLetter;
use millstream_types::{EngineTime, LogId};
pub(crate) use parent::Parent;
use std::io;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

/// Spans that wait to be sent; more are left out.
const WAITING_MAX: usize = 4096;
/// Spans of one batch: a trace is to be followed, not each of a thousand records.
const PER_BATCH_MAX: usize = 16;
/// Bytes of a batch that is opened to look for traces.
const OPENED_BYTES_MAX: usize = 1 << 20;

/// What a span is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A record was appended.
    Append,
    /// A record was read for a client.
    Deliver,
    /// A record became a dead letter.
    DeadLetter,
}

/// One span, a child of the one in the record's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    parent: Parent,
    id: [u8; 8],
    kind: Kind,
    stream: String,
    started: EngineTime,
    ended: EngineTime,
    /// Why it died, if it did.
    reason: Option<&'static str>,
}

/// Makes spans and has them sent.
pub(crate) struct Tracer {
    queue: SyncSender<Span>,
}

impl Tracer {
    /// Begins to send to a collector that speaks OTLP over HTTP, with JSON.
    ///
    /// # Errors
    /// When the machine has no thread for it.
    pub(crate) fn begin(client: Client, endpoint: Target) -> io::Result<Tracer> {
        let (queue, spans) = sync_channel(WAITING_MAX);
        let run = move || export::run(&client, &endpoint, &spans);
        std::thread::Builder::new().name("traces".into()).spawn(run)?;
        Ok(Tracer { queue })
    }

    /// The traces that records of batches belong to.
    pub(crate) fn traces(&self, batches: &[AppendBatch]) -> Vec<(LogId, Parent)> {
        let mut found = Vec::new();
        for batch in batches {
            each(&batch.bytes, |parent, _, _| found.push((batch.log, parent)));
        }
        found
    }

    /// A record of a trace was appended.
    pub(crate) fn appended(&self, stream: &str, parent: Parent, started: EngineTime, ended: EngineTime) {
        self.send(parent, Kind::Append, stream, (started, ended), None);
    }

    /// Batches were read for a client.
    pub(crate) fn delivered(&self, stream: &str, slice: &ReadSlice, now: EngineTime) {
        let mut rest = BytesMut::with_capacity(slice.bytes);
        slice.chunks.iter().for_each(|chunk| rest.extend_from_slice(chunk));
        let mut rest = rest.freeze();
        while let Ok(header) = BatchHeader::parse(&rest) {
            if header.total_bytes() > rest.len() {
                return;
            }
            let batch = rest.split_to(header.total_bytes());
            each(&batch, |parent, appended, letter| {
                if let Some(letter) = letter {
                    let died = (letter.time, letter.time);
                    self.send(parent, Kind::DeadLetter, &letter.source, died, Some(letter.reason.as_str()));
                }
                self.send(parent, Kind::Deliver, stream, (appended.min(now), now), None);
            });
        }
    }

    fn send(
        &self,
        parent: Parent,
        kind: Kind,
        stream: &str,
        (started, ended): (EngineTime, EngineTime),
        reason: Option<&'static str>,
    ) {
        let number = random::number().to_le_bytes();
        let mut id = [0; 8];
        id.copy_from_slice(&number[..8]);
        let span = Span { parent, id, kind, stream: stream.to_owned(), started, ended, reason };
        match self.queue.try_send(span) {
            // A collector that is slower than the broker gets what it can take.
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }
}

/// Calls for the records of a batch that belong to sampled traces: trace, time, and what is known of the record's death.
fn each(batch: &Bytes, mut call: impl FnMut(Parent, EngineTime, Option<DeadLetter>)) {
    // What cannot be opened is for whoever has to answer for it.
    let limits = OpenLimits { body_bytes_max: OPENED_BYTES_MAX };
    let Ok(records) = records(batch, limits) else { return };
    let traced = records.map_while(Result::ok).filter_map(|record| {
        let parent = parent::sampled(record.headers())?;
        let letter = DeadLetter::parse(record.headers());
        Some((parent, EngineTime(record.timestamp.0), letter))
    });
    traced.take(PER_BATCH_MAX).for_each(|(parent, time, letter)| call(parent, time, letter));
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_types::RecordTime;
    use millstream_types::batch::{BatchBuilder, Compression};
    use millstream_types::{Offset, StreamId};
    use std::sync::mpsc::Receiver;

    fn tracer() -> (Tracer, Receiver<Span>) {
        let (queue, spans) = sync_channel(WAITING_MAX);
        (Tracer { queue }, spans)
    }

    const TRACE: &[u8] = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn batch(records: usize, compression: Compression) -> Bytes {
        let mut builder = BatchBuilder::default();
        for number in 0..records {
            let headers: &[(&str, Option<&[u8]>)] =
                if number % 2 == 0 { &[("traceparent", Some(TRACE))] } else { &[] };
            builder.push(RecordTime(1_000), None, Some(b"x"), headers).unwrap();
        }
        builder.finish(compression).unwrap()
    }

    #[test]
    fn traced_records_are_found_in_what_is_appended_and_in_what_is_read() {
        let (tracer, spans) = tracer();
        for compression in [Compression::None, Compression::Zstd] {
            let bytes = batch(3, compression);
            let log = LogId { stream: StreamId(1), index: 0 };
            let append = AppendBatch {
                log,
                records: 3,
                last_offset_delta: 2,
                max_timestamp: RecordTime(1_000),
                producer: None,
                marks: Vec::new(),
                bytes: bytes.clone(),
            };
            assert_eq!(tracer.traces(&[append]).len(), 2);
            let (head, rest) = (bytes.slice(..16), bytes.slice(16..));
            let slice = ReadSlice { bytes: bytes.len(), chunks: vec![head, rest], next_offset: Offset(3) };
            tracer.delivered("orders", &slice, EngineTime(5_000));
            let sent: Vec<Span> = spans.try_iter().collect();
            assert_eq!(sent.len(), 2);
            assert_eq!(
                (sent[0].kind, sent[0].started, sent[0].ended),
                (Kind::Deliver, EngineTime(1_000), EngineTime(5_000))
            );
            assert_ne!(sent[0].id, sent[1].id);
        }
    }

    #[test]
    fn only_so_many_records_of_a_batch_are_followed_and_damage_is_none() {
        let (tracer, spans) = tracer();
        let bytes = batch(100, Compression::None);
        let slice = ReadSlice { bytes: bytes.len(), chunks: vec![bytes.clone()], next_offset: Offset(100) };
        tracer.delivered("orders", &slice, EngineTime(5_000));
        assert_eq!(spans.try_iter().count(), PER_BATCH_MAX);
        let torn = ReadSlice { bytes: 80, chunks: vec![bytes.slice(..80)], next_offset: Offset(1) };
        tracer.delivered("orders", &torn, EngineTime(5_000));
        assert_eq!(spans.try_iter().count(), 0);
    }
}
