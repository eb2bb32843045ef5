//! How much memory there is, of the machine or of what the process may have of it.
//!
//! Apart because only here the binary looks at `/proc` and at control groups, and because the page cache is nobody's budget:
//! what storage leaves in it is a share of this.

use std::fs;

/// The share of the memory that what was written last may fill in the page cache: a quarter. The rest is for the process, and
/// for what consumers that are behind have read.
const SHARE: u64 = 4;

/// How much of what was written last stays in the page cache; all of it where nobody can say how much memory there is.
pub(crate) fn page_cache_bytes() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_of(&text));
    // What a container sees of its own group, with the second version of control groups.
    let group =
        fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    machine.into_iter().chain(group).min().map_or(u64::MAX, |bytes| bytes / SHARE)
}

/// The machine's memory by its `meminfo`.
fn total_of(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_and_nothing_else() {
        assert_eq!(total_of("MemTotal:       24684168 kB\nMemFree:  1 kB\n"), Some(24_684_168 << 10));
        assert_eq!(total_of("MemFree:  1 kB\n"), None);
        assert_eq!(total_of("MemTotal:  many kB\n"), None);
        assert_eq!(total_of(&format!("MemTotal: {} kB", u64::MAX)), None);
    }
}
