//! The fuzz target `kafka_request`: a whole session with the real shard behind it, and every decoder.
//!
//! Apart because the fuzzer (`fuzz/`) and an ordinary test run the same function, so that what was found once is
//! looked at in every test run.
//!
//! The first byte says what the others are:
//!
//! ```text
//! 0, 3, …  raw       cut u8 │ bytes of one connection, given to it in pieces that `cut` decides
//! 1, 4, …  frames    (size u16 │ that many bytes: one request without its size prefix; 0: a second passes)…
//! 2, 5, …  decoder   message u8 │ version u8 │ a body
//! ```

use crate::connection::Connection;
use crate::generated::visit;
use crate::random::{Random, Visitor};
use bytes::Bytes;
use millstream_kafka::codec::{Message, Reader, Writer};
use millstream_testkit::broker::TestBroker;

/// What one input may answer with: more would be an answer that grows out of all proportion.
const ANSWERS_MAX: usize = 10_000;

/// Runs one input; a panic is a finding.
pub(crate) fn run(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    match mode % 3 {
        0 => raw(rest),
        1 => frames(rest),
        _ => decode(rest),
    }
}

fn raw(data: &[u8]) {
    let Some((cut, mut rest)) = data.split_first() else { return };
    let mut connection = Connection::open(&TestBroker::new());
    let mut state = u32::from(*cut);
    while !rest.is_empty() && connection.closed.is_none() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let piece = if *cut == 0 { rest.len() } else { (state >> 24) as usize % 40 + 1 };
        let (now, later) = rest.split_at(piece.min(rest.len()));
        connection.send_bytes(now);
        rest = later;
    }
    take_answers(&mut connection);
}

fn frames(data: &[u8]) {
    let mut connection = Connection::open(&TestBroker::new());
    let mut rest = data;
    while let Some((size, later)) = rest.split_first_chunk::<2>()
        && connection.closed.is_none()
    {
        let size = usize::from(u16::from_be_bytes(*size)).min(later.len());
        if size == 0 {
            connection.advance_ms(1000);
        } else {
            connection.send_frame(&later[..size]);
        }
        rest = &later[size..];
    }
    take_answers(&mut connection);
}

/// Answers come whole, each with its size.
fn take_answers(connection: &mut Connection) {
    let mut answers = 0;
    while let Some(frame) = connection.take_frame() {
        assert!(frame.len() >= 4, "an answer has a correlation id");
        answers += 1;
    }
    assert!(answers <= ANSWERS_MAX);
}

fn decode(data: &[u8]) {
    let [which, version, body @ ..] = data else { return };
    let mut decoder =
        Decoder { at: 0, which: *which, version: i16::from(*version), body: Bytes::copy_from_slice(body) };
    visit(&mut decoder);
}

/// Decodes as the message of one number.
struct Decoder {
    at: u8,
    which: u8,
    version: i16,
    body: Bytes,
}

impl Visitor for Decoder {
    fn message<M: Message + Random>(&mut self) {
        let is_it = self.at == self.which;
        self.at += 1;
        if !is_it {
            return;
        }
        let mut decoded = None;
        let body = self.body.clone();
        let allocated =
            allocation_counter::measure(|| decoded = M::decode(self.version, &mut Reader::new(body)).ok());
        // One byte can become an element of some hundred bytes; beyond that a claim would have been believed.
        let limit = 4096 + self.body.len() as u64 * 1024;
        assert!(allocated.bytes_max <= limit, "{} allocates {} bytes", M::NAME, allocated.bytes_max);
        if let Some(message) = decoded {
            let mut w = Writer::new();
            message.encode(self.version, &mut w).expect("what was decoded can be encoded");
            let again = M::decode(self.version, &mut Reader::new(w.into_bytes()));
            assert_eq!(again.as_ref(), Ok(&message), "{} v{}", M::NAME, self.version);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::generated::visit;
    use crate::random::{Gen, Random, Visitor};
    use millstream_kafka::codec::{Message, Writer};
    use millstream_testkit::corpus;

    const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/kafka_request");

    #[test]
    fn the_corpus_is_survived() {
        corpus::replay(CORPUS, run);
    }

    /// A body of every message in its oldest and newest version.
    struct Bodies(Vec<Vec<u8>>);

    impl Visitor for Bodies {
        fn message<M: Message + Random>(&mut self) {
            let number = (self.0.len() / 2) as u8;
            for version in [*M::VERSIONS.start(), *M::VERSIONS.end()] {
                let mut w = Writer::new();
                let mut g = Gen::new(u64::from(number) + 1);
                M::random(&mut g, version).encode(version, &mut w).unwrap();
                let mut input = vec![2, number, version as u8];
                input.extend_from_slice(&w.into_bytes());
                self.0.push(input);
            }
        }
    }

    #[test]
    fn a_body_of_every_message_is_survived() {
        let mut bodies = Bodies(Vec::new());
        visit(&mut bodies);
        assert!(bodies.0.len() > 50);
        bodies.0.iter().for_each(|input| run(input));
    }

    #[test]
    #[ignore = "writes seeds for the fuzzer; `cargo xtask fuzz --seeds` runs it"]
    fn write_seeds() {
        let mut bodies = Bodies(Vec::new());
        visit(&mut bodies);
        for input in bodies.0 {
            corpus::write_seed(CORPUS, &format!("body-{:02}-v{}", input[1], input[2]), &input);
        }
    }
}
