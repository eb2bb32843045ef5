//! A WAL file that is written through little by little, for a lane that takes its time.
//!
//! Apart because its pace is a pure function of time: zeros that are written as fast as the disk takes them stand before
//! every append for as long as that lasts, and nobody needs the file before the lane has filled the one in use.

use std::io;
use std::sync::Arc;

use millstream_types::EngineTime;

use crate::disk::{Disk, DiskFile, OpenMode, write_small};

/// Bytes that are written and made durable in one go: a millisecond or less of an ordinary disk.
const STEP_BYTES: usize = 512 << 10;

/// The file in the making, under a name that says so.
pub(crate) struct Ahead {
    file: Arc<dyn DiskFile>,
    /// So much of it is written and durable.
    at: u64,
    bytes: u64,
    begun: EngineTime,
    /// In this time all of it is written.
    span_ms: u64,
}

impl Ahead {
    /// Begins an empty file in place of one that an earlier life left unfinished.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn begin(
        disk: &dyn Disk,
        path: &str,
        bytes: u64,
        now: EngineTime,
        span_ms: u64,
    ) -> io::Result<Ahead> {
        match disk.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let file = disk.open(path, OpenMode::CreateNew)?;
        Ok(Ahead { file, at: 0, bytes, begun: now, span_ms })
    }

    /// When its next step is to be made.
    pub(crate) fn due(&self) -> EngineTime {
        let passed = u128::from(self.span_ms) * u128::from(self.at) / u128::from(self.bytes.max(1));
        // A part of the span.
        self.begun.after_ms(passed as u64)
    }

    /// Bytes that it has on the disk.
    pub(crate) fn written(&self) -> u64 {
        self.at
    }

    /// Writes a little more; whether that was all.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn step(&mut self) -> io::Result<bool> {
        let to = self.bytes.min(self.at + STEP_BYTES as u64);
        write_zeros(&*self.file, self.at, to)?;
        self.at = to;
        Ok(self.at == self.bytes)
    }

    /// The file, once every step is made; the caller gives it its name.
    pub(crate) fn into_file(self) -> Arc<dyn DiskFile> {
        assert_eq!(self.at, self.bytes, "a file is used when all of it is written");
        self.file
    }
}

/// Writes zeros and makes them durable, step by step: 256 MiB that are synced at once stand before every append on the
/// disk, for 100 ms and more.
///
/// # Errors
/// What the disk says.
pub(crate) fn write_zeros(file: &dyn DiskFile, from: u64, to: u64) -> io::Result<()> {
    let zeros = vec![0; STEP_BYTES.min(to.saturating_sub(from) as usize)];
    let mut at = from;
    while at < to {
        let step = (to - at).min(zeros.len() as u64);
        write_small(file, at, &zeros[..step as usize])?;
        file.sync_data()?;
        at += step;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    #[test]
    fn the_steps_are_spread_over_the_span_and_late_ones_are_made_up() {
        let root = std::env::temp_dir().join(format!("millstream-ahead-{}", std::process::id()));
        let disk = RealDisk::new(&root).unwrap();
        let mut ahead =
            Ahead::begin(&disk, "ahead", 4 * STEP_BYTES as u64 + 1, EngineTime(1_000), 4_000).unwrap();
        let mut due = vec![ahead.due().0];
        while !ahead.step().unwrap() {
            due.push(ahead.due().0);
        }
        assert_eq!(due.len(), 5);
        let expected = [1_000, 2_000, 3_000, 4_000, 5_000];
        assert!(
            due.iter().zip(expected).all(|(due, expected)| (expected - 2..=expected).contains(due)),
            "{due:?}"
        );
        assert_eq!(ahead.into_file().len().unwrap(), 4 * STEP_BYTES as u64 + 1);
        std::fs::remove_dir_all(root).unwrap();
    }
}
