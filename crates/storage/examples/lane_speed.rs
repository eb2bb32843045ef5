//! Measures what a frame costs: small and large frames through assembler and writer on a directory of choice.
//!
//! Apart from the tests because it says how fast, not whether: run it with a directory on the disk in question.
//! Assembling and writing share one thread here, so frames per second of CPU is the number to look at.
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use millstream_storage::{
    Admit, Frame, Options, Prepared, Publish, Purpose, RealDisk, Replay, ReplayError, ReplayedFrame,
    frame_bytes, open,
};
use millstream_types::{BatchFacts, EngineTime, LogId, Offset, RecordTime, StreamId, WalPosition};

struct Ignore;

impl Replay for Ignore {
    fn image(&mut self, _: WalPosition, _: &[u8]) -> Result<(), ReplayError> {
        Ok(())
    }

    fn frame(&mut self, _: ReplayedFrame<'_>) -> Result<(), ReplayError> {
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args().nth(1).ok_or("usage: lane_speed <new directory>")?;
    let mut options = Options::new(1);
    options.files_ahead = 4;
    let mut opened = open(Arc::new(RealDisk::new(dir)?), options, &mut Ignore)?;
    while opened.keeper.prepare_one(EngineTime(0))? == Prepared::Ready {}
    let log = LogId { stream: StreamId(1), index: 0 };
    let create = [Publish::Create { log, start: Offset(0) }];
    opened.assembler.push(Frame { time: EngineTime(0), entries: b"", batches: &[], publish: &create });
    let mut base = 0;
    for (bytes, frames, per_group) in [(1100, 400_000, 2000), (100 << 10, 5_000, 40)] {
        let body = Bytes::from(vec![0; bytes]);
        let began = Instant::now();
        let mut spent = std::time::Duration::ZERO;
        for n in 1..=frames {
            let facts = BatchFacts {
                log,
                base_offset: Offset(base),
                records: 1,
                last_offset_delta: 0,
                max_timestamp: RecordTime(0),
                bytes: bytes as u32,
            };
            while opened.assembler.admit(frame_bytes(64, 1, bytes as u64), Purpose::Append) != Admit::Yes {
                opened.keeper.prepare_one(EngineTime(0))?;
            }
            let batches = [(facts, body.clone())];
            let pushed = Instant::now();
            opened.assembler.push(Frame {
                time: EngineTime(0),
                entries: &[7; 64],
                batches: &batches,
                publish: &[],
            });
            spent += pushed.elapsed();
            base += 1;
            if n % per_group == 0
                && let Some(group) = opened.assembler.take_group()
            {
                opened.writer.write(group)?;
            }
        }
        let all = began.elapsed();
        println!(
            "{frames} frames of {bytes} bytes: {:.0}/s with writing and syncing; pushing takes {:.0} ns each",
            f64::from(frames) / all.as_secs_f64(),
            spent.as_nanos() as f64 / f64::from(frames)
        );
    }
    Ok(())
}
