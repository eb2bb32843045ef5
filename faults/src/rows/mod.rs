//! The rows: one kind of harm each, what must hold under it, and how often it is done.
//!
//! Apart from the runner because this is the table of contents; each file below has the rows of one kind.

mod damage;
mod directory;
mod full;
mod full_queue;
mod power;
mod process;
mod read_only;
mod syscalls;

use crate::runner::Field;

/// A kind of harm.
pub(crate) struct Row {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What is done.
    pub(crate) harm: &'static str,
    /// What must hold.
    pub(crate) holds: &'static str,
    /// How often, in a long run.
    pub(crate) cycles: u32,
    /// How often in a short run; 0 when it is left out of those.
    pub(crate) short: u32,
    /// Does it; the result in words.
    pub(crate) run: fn(&Field) -> anyhow::Result<String>,
}

/// All of them.
pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "power-ext4",
        harm: "the power of a mounted ext4 is cut (shutdown without flushing its log), then mounted again",
        holds: "nothing acknowledged is lost, the start needs nobody",
        cycles: 60,
        short: 0,
        run: power::ext4,
    },
    Row {
        name: "power-xfs",
        harm: "the same on xfs",
        holds: "nothing acknowledged is lost, the start needs nobody",
        cycles: 60,
        short: 0,
        run: power::xfs,
    },
    Row {
        name: "kill-at-call",
        harm: "SIGKILL at the nth pwritev, fdatasync, fsync, rename, unlink, open, ftruncate or fallocate",
        holds: "nothing acknowledged is lost, the start needs nobody",
        cycles: 60,
        short: 6,
        run: syscalls::kill,
    },
    Row {
        name: "sync-fails",
        harm: "EIO from the nth fdatasync or fsync on",
        holds: "the broker stops at the first with one sentence, acknowledges nothing after it, and starts again",
        cycles: 40,
        short: 4,
        run: syscalls::sync_fails,
    },
    Row {
        name: "write-fails",
        harm: "EIO from the nth pwritev on",
        holds: "the broker stops at the first with one sentence, acknowledges nothing after it, and starts again",
        cycles: 30,
        short: 2,
        run: syscalls::write_fails,
    },
    Row {
        name: "slow-disk",
        harm: "every fdatasync takes 200 ms longer, under more load than that carries",
        holds: "senders wait, nothing fails, memory stays within the budget and what the process takes besides",
        cycles: 1,
        short: 0,
        run: syscalls::slow,
    },
    Row {
        name: "disk-full",
        harm: "a small ext4 is filled by producers until they are refused",
        holds: "KAFKA_STORAGE_ERROR; reads go on; DeleteRecords frees space and writing resumes without a restart; kill -9 while full starts again",
        cycles: 3,
        short: 0,
        run: full::disk,
    },
    Row {
        name: "disk-full-queue",
        harm: "a small ext4 is filled by SQS clients until they are refused",
        holds: "ServiceUnavailable, 503 with Retry-After; receives and deletes go on and free space, and sending resumes without a restart; kill -9 while full starts again",
        cycles: 3,
        short: 0,
        run: full_queue::disk,
    },
    Row {
        name: "read-only",
        harm: "ext4 turns itself read-only under load (remount,abort), then the broker is started on a read-only mount",
        holds: "the broker stops with one sentence, refuses to start with one, and starts again when it may write",
        cycles: 5,
        short: 0,
        run: read_only::run,
    },
    Row {
        name: "file-size-limit",
        harm: "RLIMIT_FSIZE below the length of a write-ahead log file",
        holds: "no loss; refused or stopped with one sentence; starts again without the limit",
        cycles: 4,
        short: 1,
        run: process::file_size_limit,
    },
    Row {
        name: "flip-offline",
        harm: "one or two bits of one file of a stopped broker are flipped, every type of file in turn",
        holds: "the start names the file, or the read that meets it is refused and the log names file and offset, or everything reads right without it; no file is removed",
        cycles: 60,
        short: 5,
        run: damage::flip_offline,
    },
    Row {
        name: "cut-offline",
        harm: "one file of a stopped broker is cut short, every type of file in turn",
        holds: "as above",
        cycles: 40,
        short: 4,
        run: damage::cut_offline,
    },
    Row {
        name: "damage-online",
        harm: "a running broker's write-ahead log and packed objects: bits flipped, files cut short, put right again",
        holds: "what is read is right or refused with file and offset in the log; when the bytes are back, everything reads right",
        cycles: 60,
        short: 6,
        run: damage::online,
    },
    Row {
        name: "wrong-files",
        harm: "a file is removed, rolled back or taken from another directory, each in turn; nothing is left but the identity; another identity",
        holds: "the start refuses with a sentence that names the file, or everything reads right",
        cycles: 1,
        short: 0,
        run: directory::run,
    },
    Row {
        name: "two-processes",
        harm: "a second broker on the directory of a running one, and of a stopped (SIGSTOP) one",
        holds: "the second refuses: the directory is locked; the first notices nothing",
        cycles: 6,
        short: 2,
        run: process::two,
    },
    Row {
        name: "descriptors",
        harm: "64 descriptors and 300 connections under load; then starts with 8 to 40 descriptors",
        holds: "no loss, no end: connections wait or are refused, and all is well when they are gone; a start with too few says so",
        cycles: 3,
        short: 1,
        run: process::descriptors,
    },
    Row {
        name: "sigterm",
        harm: "SIGTERM under load",
        holds: "exit status 0 within 30 s, nothing acknowledged is lost",
        cycles: 20,
        short: 2,
        run: process::terminate,
    },
    Row {
        name: "pause",
        harm: "SIGSTOP for 5 s under load, then SIGCONT",
        holds: "nothing fails, nothing is lost, nothing has expired",
        cycles: 3,
        short: 0,
        run: process::pause,
    },
];
