//! A file system that becomes read-only.
//!
//! Apart because it is what ext4 does by itself when its disk fails.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use millstream_testkit::history::Op;
use rustix::process::Signal;

use crate::image::Image;
use crate::runner::Field;
use crate::stage::{Stage, sentence};

const IMAGE_BYTES: u64 = 2 << 30;
const LIFE_MS: u64 = 1000;
const END_MAX: Duration = Duration::from_secs(20);

pub(crate) fn run(field: &Field) -> anyhow::Result<String> {
    let mut image = Image::make(&field.dir, "ext4", IMAGE_BYTES)?;
    let mut stage = Stage::new(field, image.data(), true)?;
    stage.begin()?;
    for cycle in 0..field.cycles {
        if cycle > 0 {
            stage.start()?;
        }
        stage.some_time(LIFE_MS);
        stage.hold(true)?;
        image.remount("abort")?;
        stage.broker.signal(Signal::CONT)?;
        let status = stage.broker.ended(END_MAX)?;
        stage.note(Op::Kill)?;
        let status = status.with_context(|| {
            format!("it goes on although its disk is read-only: {:?}", stage.broker.said())
        })?;
        let said = stage.broker.said()?;
        ensure!(status.code() == Some(1), "it ended with {status}: {said}");
        sentence(&said)?;
        image.unmount()?;
        image.mount()?;
        image.remount("ro")?;
        stage.broker.spawn()?;
        ensure!(stage.broker.ready().is_err(), "it started on a read-only disk");
        let status = stage.broker.ended(END_MAX)?.context("it neither became ready nor ended")?;
        ensure!(status.code() == Some(1), "it ended with {status}");
        sentence(&stage.broker.said()?)?;
        image.remount("rw")?;
    }
    stage.start()?;
    let judged = stage.judged()?;
    Ok(format!("{judged}"))
}
