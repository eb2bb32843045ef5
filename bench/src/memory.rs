//! What the first touch of memory costs: on a virtual machine, more than writing to the disk may.
//!
//! Apart because it explains a figure that is not the broker's: a host takes back the pages that its guest has freed, and
//! gives each one again when it is touched. Whatever fills new pages (a process that grows, the page cache of a file that
//! grows) then waits for the host; on a machine that keeps its memory it does not.

use std::fs;
use std::time::Duration;

use anyhow::Context;

use crate::clock;

const GIB: u64 = 1 << 30;
/// Bytes of a page, or of a part of one.
const PAGE_BYTES: usize = 4096;
/// The part of the free memory that is left alone.
const LEFT_BYTES: u64 = 2 * GIB;

/// Touches up to so many bytes of memory that is free, and gives them back; returns the seconds per GiB.
///
/// # Errors
/// When /proc cannot be read.
pub(crate) fn touch(bytes: u64) -> anyhow::Result<f64> {
    let meminfo = fs::read_to_string("/proc/meminfo")?;
    let free = meminfo.lines().find_map(|line| line.strip_prefix("MemFree:")).context("no MemFree")?;
    let free_kib: u64 = free.trim().trim_end_matches(" kB").parse()?;
    let bytes = bytes.min((free_kib << 10).saturating_sub(LEFT_BYTES)).max(GIB);
    let start = clock::now();
    let mut memory = vec![0_u8; usize::try_from(bytes)?];
    memory.iter_mut().step_by(PAGE_BYTES).for_each(|byte| *byte = 1);
    // The pages must have been written when the time is taken.
    std::hint::black_box(&memory);
    let elapsed: Duration = start.elapsed();
    Ok(elapsed.as_secs_f64() * GIB as f64 / bytes as f64)
}
