//! Power cuts on real file systems.
//!
//! Apart because SIGKILL leaves the page cache as it is; here everything that was not synced is gone, names too.
//!
//! After a real cut no process runs on, so the broker is held (SIGSTOP) before the cut and killed after it. Sometimes it is
//! let go instead, as on a disk that died: then it must say so.

use std::time::Duration;

use millstream_testkit::history::Op;
use rustix::process::Signal;

use crate::image::Image;
use crate::runner::Field;
use crate::stage::{Stage, sentence};

/// Large enough for the files that a broker prepares and for a checkpoint beside them.
const IMAGE_BYTES: u64 = 3 << 30;
/// How long the broker lives between two cuts, at most.
const LIFE_MS: u64 = 1200;
/// One cut in so many comes right after the start, and one amid so much load that checkpoints are written.
const START_ONE_IN: u64 = 5;
const BULK_ONE_IN: u64 = 3;
const START_MS: u64 = 40;
/// The broker lives through one cut in so many.
const ALIVE_ONE_IN: u64 = 3;
/// A broker whose disk is gone says so within this time, if it had anything to write.
const END_MAX: Duration = Duration::from_secs(5);

pub(crate) fn ext4(field: &Field) -> anyhow::Result<String> {
    cuts(field, "ext4")
}

pub(crate) fn xfs(field: &Field) -> anyhow::Result<String> {
    cuts(field, "xfs")
}

fn cuts(field: &Field, kind: &str) -> anyhow::Result<String> {
    let mut image = Image::make(&field.dir, kind, IMAGE_BYTES)?;
    let mut stage = Stage::new(field, image.data(), true)?;
    stage.begin()?;
    let mut said_so = 0;
    for cycle in 0..field.cycles {
        let at_start = cycle > 0 && stage.chance.below(START_ONE_IN) == 0;
        if cycle > 0 {
            stage.broker.spawn()?;
            if !at_start {
                stage.is_ready()?;
            }
        }
        let bulk = stage.chance.below(BULK_ONE_IN) == 0;
        stage.want_bulk(bulk);
        stage.some_time(if at_start { START_MS } else { LIFE_MS });
        let alive = !at_start && stage.chance.below(ALIVE_ONE_IN) == 0;
        stage.hold(alive)?;
        image.cut()?;
        stage.note(Op::Kill)?;
        stage.want_bulk(false);
        if alive {
            stage.broker.signal(Signal::CONT)?;
        }
        if alive && stage.broker.ended(END_MAX)?.is_some() {
            sentence(&stage.broker.said()?)?;
            said_so += 1;
        } else {
            stage.broker.kill()?;
        }
        image.unmount()?;
        image.mount()?;
    }
    stage.start()?;
    let judged = stage.judged()?;
    Ok(format!("{judged}; {said_so} times it lived on and said so"))
}
