//! The fuzz target `core_restore`: images, entries and facts that no shard has written, in any order.
//!
//! Apart because the fuzzer (`fuzz/`) and an ordinary test run the same function, so that what was found once is
//! looked at in every test run.
//!
//! Storage proves by checksums that bytes are what was written, not that a shard of this version wrote them: whatever
//! cannot be must be an error that stops the start, never a panic. The input is a list:
//!
//! ```text
//! what u8 │ length u16, big-endian │ that many bytes
//! what:  0 an image, 1 entries of a frame without batches, 2 a count u8 of facts, the facts (40 bytes each), and then entries of a frame
//! ```

use millstream_core::hash::HashSeed;
use millstream_core::shard::ImageKey;
use millstream_core::{Effects, Restore, Shard, ShardOptions, Turn};
use millstream_types::{BatchFacts, EngineTime, LogId, Offset, RecordTime, StreamId, WalPosition};

const SEED: HashSeed = HashSeed([1, 2]);
const NOW: EngineTime = EngineTime(1_700_000_000_000);
/// Bytes of one batch's facts in an input.
const FACTS_BYTES: usize = 40;

/// Runs one input; a panic is a finding.
pub(crate) fn run(data: &[u8]) {
    let mut restore = Restore::new(SEED, ShardOptions::default());
    let mut position = WalPosition(16);
    let mut rest = data;
    while let [what, high, low, later @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(later.len());
        let (item, later) = later.split_at(length);
        rest = later;
        let taken = match what % 3 {
            0 => restore.image(position, item),
            1 => restore.frame(position, item, &[]),
            _ => {
                let (count, item) = item.split_first().map_or((0, item), |(count, item)| (*count % 4, item));
                let (facts, entries) = item.split_at((usize::from(count) * FACTS_BYTES).min(item.len()));
                let facts: Vec<BatchFacts> = facts.as_chunks().0.iter().map(facts_of).collect();
                restore.frame(position, entries, &facts)
            }
        };
        if taken.is_err() {
            return;
        }
        position = position.advance(16);
    }
    let Ok(mut shard) = restore.finish(NOW) else { return };
    // What was understood can be lived with: deadlines pass, and what is written can be read again.
    let images = images(&shard);
    let mut again = Restore::new(SEED, ShardOptions::default());
    for image in &images {
        again.image(position, image).expect("an image that was just written can be read");
    }
    let again = again.finish(NOW).expect("what was just written fits together");
    assert_eq!(self::images(&again), images, "what was restored is what was written");
    let mut effects = Effects::default();
    for _ in 0..100 {
        let Some(due) = shard.next_deadline() else { return };
        shard.tick(Turn { now: due.max(NOW), position }, &mut effects);
        effects.clear();
    }
}

fn facts_of(bytes: &[u8; FACTS_BYTES]) -> BatchFacts {
    let number = |at: usize| u64::from_be_bytes(*bytes[at..].first_chunk().expect("eight bytes are there"));
    let small = |at: usize| u32::from_be_bytes(*bytes[at..].first_chunk().expect("four bytes are there"));
    BatchFacts {
        log: LogId { stream: StreamId(number(0)), index: small(8) },
        base_offset: Offset(number(12)),
        records: small(20),
        last_offset_delta: small(24),
        max_timestamp: RecordTime(number(28).cast_signed()),
        bytes: small(36),
    }
}

fn images(shard: &Shard) -> Vec<Vec<u8>> {
    let mut images = Vec::new();
    let mut key = Some(ImageKey::Counters);
    while let Some(next) = key {
        key = shard.images(next, 1 << 20, &mut images);
    }
    images
}

#[cfg(test)]
mod tests {
    use super::{SEED, images, run};
    use crate::damage::everything;
    use millstream_core::{Restore, ShardOptions};
    use std::fs;

    const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/core_restore");

    #[test]
    fn the_corpus_is_survived() {
        let mut inputs = 0;
        for entry in fs::read_dir(CORPUS).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            run(&fs::read(path).unwrap());
            inputs += 1;
        }
        assert!(inputs > 0, "the corpus is not where it belongs");
    }

    fn item(input: &mut Vec<u8>, what: u8, bytes: &[u8]) {
        input.push(what);
        input.extend_from_slice(&u16::try_from(bytes.len()).unwrap().to_be_bytes());
        input.extend_from_slice(bytes);
    }

    #[test]
    #[ignore = "writes seeds for the fuzzer; `cargo xtask fuzz --seeds` runs it"]
    fn write_seeds() {
        let broker = everything();
        let mut frames = Vec::new();
        let mut whole = Restore::new(SEED, ShardOptions::default());
        for (at, entries) in broker.entries().enumerate() {
            item(&mut frames, 1, entries);
            whole.frame(millstream_types::WalPosition(16 + at as u64), entries, &[]).unwrap();
            let mut walked = Vec::new();
            images(&broker.shard).iter().for_each(|image| item(&mut walked, 0, image));
            item(&mut walked, 1, entries);
            fs::write(format!("{CORPUS}/images-and-entry-{at:02}"), walked).unwrap();
        }
        fs::write(format!("{CORPUS}/entries"), frames).unwrap();
    }
}
