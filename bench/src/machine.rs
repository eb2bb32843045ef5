//! What the figures were measured on.
//!
//! Apart because a figure without its machine says nothing: it heads every table and every JSON file.

use std::fs;
use std::thread;

use serde::Serialize;

/// Facts of the machine.
#[derive(Serialize)]
pub(crate) struct Machine {
    processors: usize,
    processor: String,
    memory_gib: f64,
    kernel: String,
}

impl Machine {
    /// Looks.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub(crate) fn look() -> anyhow::Result<Machine> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
        let meminfo = fs::read_to_string("/proc/meminfo")?;
        let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or("0 kB");
        let kib: f64 = total.trim().trim_end_matches(" kB").parse()?;
        Ok(Machine {
            processors: thread::available_parallelism()?.get(),
            processor: model.unwrap_or("unknown").trim_start_matches(['\t', ' ', ':']).to_owned(),
            memory_gib: kib / (1 << 20) as f64,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        })
    }

    /// One line.
    pub(crate) fn line(&self) -> String {
        let Machine { processors, processor, memory_gib, kernel } = self;
        format!("{processors} cores ({processor}), {memory_gib:.0} GiB, Linux {kernel}")
    }
}
