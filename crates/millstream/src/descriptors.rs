//! How the process's file descriptors are shared out between connections and storage.
//!
//! Apart because both sides must add up: connections are refused beyond their share, storage closes files beyond its own,
//! and what neither has is left for what they open in passing.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that connections leave for storage and the process itself, beside those of the pool of write-ahead log
/// files, or half of all if there are few. Half of these are for files that storage keeps open because they were read
/// lately; the rest is for what it works on (under 20), listeners and the runtime.
const KEPT: usize = 256;

/// The shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Descriptors {
    /// Connections at once.
    pub(crate) connections_max: usize,
    /// Files that storage keeps open beside those it works on.
    pub(crate) storage_files_max: usize,
}

impl Descriptors {
    /// Raises the limit of open files as far as it goes, since the usual 1,024 is for programs that use `select`, and
    /// shares it out. Storage holds `pool_files` open all the time.
    pub(crate) fn claim(pool_files: usize) -> Descriptors {
        let mut limit = getrlimit(Resource::Nofile);
        if limit.current != limit.maximum {
            let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
            match setrlimit(Resource::Nofile, raised) {
                Ok(()) => limit = raised,
                Err(error) => tracing::warn!(%error, "the limit of open files stays as it is"),
            }
        }
        let files = limit.current.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
        Descriptors::share_out(files, pool_files)
    }

    fn share_out(files: usize, pool_files: usize) -> Descriptors {
        let kept = KEPT.saturating_add(pool_files).min(files / 2);
        Descriptors { connections_max: files - kept, storage_files_max: (KEPT / 2).min(kept / 2) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_storage_and_connections_may_hold_is_never_more_than_there_is() {
        for files in [0, 1, 2, 8, 64, 256, 1024, 4096, 1 << 20, usize::MAX] {
            for pool_files in [2, 4, 1024] {
                let Descriptors { connections_max, storage_files_max } =
                    Descriptors::share_out(files, pool_files);
                assert!(connections_max >= files / 2, "{files} and {pool_files}");
                let held = storage_files_max + if files >= 4096 { pool_files } else { 0 };
                assert!(files - connections_max >= held, "{files} and {pool_files}");
                assert!(files < 4096 || files - connections_max - held >= 128, "{files} and {pool_files}");
            }
        }
    }

    #[test]
    fn with_the_usual_limit_most_are_for_connections() {
        let shares = Descriptors::share_out(1024, 4);
        assert_eq!(shares, Descriptors { connections_max: 764, storage_files_max: 128 });
    }
}
