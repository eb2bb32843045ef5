//! The fuzz targets `amqp_session` and `amqp_codec`: random bytes and random methods against a whole session with the real
//! shard behind it, and against every decoder.
//!
//! Apart because the fuzzer (`fuzz/`) and an ordinary test run the same functions, so that what was found once is looked
//! at in every test run.
//!
//! A session's input, after its connection was opened with one channel and the queue `q`:
//!
//! ```text
//! (kind u8 │ size u16 │ that many bytes)…
//! kind 0–127   a frame: type `kind % 4` (method, header, body, heartbeat) on channel `kind / 4 % 4`; the bytes are its payload
//!      128–223 a method on channel 1: `kind - 128` chooses among all, the bytes are its arguments
//!      224–239 the bytes as they are
//!      240–251 so many milliseconds pass, as `size` says; no bytes
//!      252–255 a message for `q` whose body the bytes are
//! ```

use crate::client::{Server, published};
use bytes::BytesMut;
use millstream_amqp::codec::{ContentHeader, Method, MethodKind, Properties, Table, split_frame};

/// What one input may answer with: more would be an answer that grows out of all proportion.
const FRAMES_MAX: usize = 100_000;

/// Runs one input of the session; a panic is a finding.
pub(crate) fn session(data: &[u8]) {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[]);
    let mut rest = data;
    let mut frames = 0;
    while let [kind, high, low, tail @ ..] = rest {
        let size = usize::from(u16::from_be_bytes([*high, *low]));
        if (240..252).contains(kind) {
            client.advance_ms(i64::try_from(size).expect("16 bits"));
            rest = tail;
            continue;
        }
        let (bytes, later) = tail.split_at(size.min(tail.len()));
        rest = later;
        match kind {
            0..128 => {
                let number = [1, 2, 3, 8][usize::from(kind % 4)];
                client.bytes(&frame(number, u16::from(kind / 4 % 4), bytes));
            }
            128..224 => {
                let kind = MethodKind::ALL[usize::from(kind - 128) % MethodKind::ALL.len()];
                let (class, method) = kind.id();
                let payload = [&class.to_be_bytes()[..], &method.to_be_bytes(), bytes].concat();
                client.bytes(&frame(1, 1, &payload));
            }
            224..240 => client.bytes(bytes),
            _ => client.bytes(&published("", "q", false, &Properties::default(), bytes)),
        }
        frames += client.said().len();
        assert!(frames <= FRAMES_MAX);
        if client.ended.is_some() {
            return;
        }
    }
    assert!(
        client.unsettled <= data.len() + 64 * 1024,
        "what was taken is settled, but for what is unfinished"
    );
    client.drop_connection();
}

fn frame(number: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).expect("16 bits");
    let mut frame = vec![number];
    frame.extend(channel.to_be_bytes());
    frame.extend(size.to_be_bytes());
    frame.extend(payload);
    frame.push(206);
    frame
}

/// Runs one input of the decoders: whatever is read is written again so that it reads the same.
pub(crate) fn codec(data: &[u8]) {
    let mut input = BytesMut::from(data);
    while let Ok(Ok(frame)) = split_frame(&mut input, 1 << 20) {
        assert!(frame.payload.len() <= data.len());
    }
    if let Ok(table) = Table::of(data) {
        assert!(table.iter().count() <= data.len());
    }
    let _ = ContentHeader::decode(data);
    if let Ok(method) = Method::decode(data) {
        let mut out = BytesMut::new();
        method.put(&mut out);
        assert_eq!(out.len(), data.len());
        let again = Method::decode(&out).map(|again| format!("{again:?}"));
        assert_eq!(again, Ok(format!("{method:?}")));
    }
}

#[cfg(test)]
mod tests {
    use super::{codec, session};
    use crate::client::bytes_of;
    use millstream_amqp::codec::{Method, Output, Table, TableBuilder, Value};
    use millstream_testkit::corpus;

    const SESSION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/amqp_session");
    const CODEC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/amqp_codec");

    fn methods(table: Table<'_>) -> Vec<Method<'_>> {
        vec![
            Method::QueueDeclare {
                ticket: 0,
                queue: "r",
                passive: false,
                durable: true,
                exclusive: false,
                auto_delete: false,
                nowait: false,
                arguments: table,
            },
            Method::QueueBind {
                ticket: 0,
                queue: "q",
                exchange: "amq.topic",
                routing_key: "a.#",
                nowait: false,
                arguments: Table::default(),
            },
            Method::ConfirmSelect { nowait: false },
            Method::BasicQos { prefetch_size: 0, prefetch_count: 3, global: true },
            Method::BasicConsume {
                ticket: 0,
                queue: "q",
                consumer_tag: "c",
                no_local: false,
                no_ack: false,
                exclusive: false,
                nowait: false,
                arguments: Table::default(),
            },
            Method::BasicNack { delivery_tag: 1, multiple: false, requeue: true },
            Method::BasicAck { delivery_tag: 0, multiple: true },
            Method::BasicGet { ticket: 0, queue: "q", no_ack: true },
            Method::BasicCancel { consumer_tag: "c", nowait: false },
            Method::QueueDelete { ticket: 0, queue: "q", if_unused: false, if_empty: false, nowait: false },
            Method::ChannelClose { reply_code: 200, reply_text: "", class_id: 0, method_id: 0 },
        ]
    }

    fn arguments() -> TableBuilder {
        let mut table = TableBuilder::default();
        table.put("x-max-priority", Value::U8(5)).put("x-message-ttl", Value::I32(1000));
        table
    }

    /// A session that does most things.
    fn long_session() -> Vec<u8> {
        let table = arguments();
        let mut input = Vec::new();
        let part = |kind: u8, bytes: &[u8], input: &mut Vec<u8>| {
            input.push(kind);
            input.extend(u16::try_from(bytes.len()).expect("short").to_be_bytes());
            input.extend(bytes);
        };
        for method in methods(table.table()) {
            let mut output = Output::default();
            output.method(1, &method);
            part(224, &bytes_of(output), &mut input);
            part(252, b"body", &mut input);
            input.extend([240, 4, 0]);
        }
        input
    }

    #[test]
    fn the_corpus_is_still_taken() {
        corpus::replay(SESSION, session);
        corpus::replay(CODEC, codec);
    }

    #[test]
    fn a_long_session_is_taken() {
        session(&long_session());
    }

    #[test]
    #[ignore = "writes the corpus"]
    fn write_seeds() {
        corpus::write_seed(SESSION, "long", &long_session());
        corpus::write_seed(
            SESSION,
            "methods",
            &(128..194).flat_map(|kind| [kind, 0, 2, 0, 0]).collect::<Vec<u8>>(),
        );
        let table = arguments();
        for (number, method) in methods(table.table()).iter().enumerate() {
            let mut out = bytes::BytesMut::new();
            method.put(&mut out);
            corpus::write_seed(CODEC, &format!("method-{number}"), &out);
        }
        corpus::write_seed(CODEC, "table", table.table().bytes());
    }
}
