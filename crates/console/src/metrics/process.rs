//! What the binary knows of the process and its storage, as plain numbers.
//!
//! Apart because a front sees neither engine, storage nor net: whoever puts them together fills this in, whenever it is asked.

use millstream_types::histogram::Counted;

/// Everything that is not seen through the backend. All of it is there anyway: to gather it costs a few locks that nobody
/// holds for long.
#[derive(Debug, Clone, Default)]
pub struct Process {
    /// When the broker started, in milliseconds since 1970.
    pub started_ms: i64,
    /// It listens beyond loopback without users.
    pub is_insecure: bool,
    /// Whether it can serve.
    pub health: Health,
    /// Connections by front.
    pub connections: Vec<Connections>,
    /// The storage.
    pub storage: Storage,
    /// Memory by what it is for.
    pub budgets: Vec<Budget>,
    /// Memory of the process, in bytes.
    pub resident_bytes: u64,
    /// Processor time used, in seconds.
    pub cpu_seconds: f64,
    /// Open descriptors.
    pub open_fds: u64,
    /// Descriptors that may be open.
    pub max_fds: u64,
}

/// What keeps a broker from serving. While it recovers its data it does not listen at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Storage has failed: nothing is acknowledged any more, and the process ends.
    pub storage_failed: bool,
    /// The disk has no room for records.
    pub is_disk_full: bool,
    /// It was told to stop, and finishes what is under way.
    pub is_draining: bool,
}

/// The connections of one front.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connections {
    /// The front's name.
    pub front: &'static str,
    /// Are open.
    pub open: u64,
    /// Were accepted since the start.
    pub accepted: u64,
    /// Were refused since the start.
    pub refused: u64,
    /// Were closed since the start because of a mistake of the broker.
    pub panicked: u64,
}

/// A budget of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// What it is for.
    pub name: &'static str,
    /// All there is, in bytes.
    pub total_bytes: u64,
    /// What is taken of it, in bytes.
    pub used_bytes: u64,
    /// Somebody waits for some.
    pub is_awaited: bool,
}

/// The storage: counts are since the start.
#[derive(Debug, Clone, Default)]
pub struct Storage {
    /// How long it took to make groups durable, in microseconds.
    pub sync_micros: Counted,
    /// Frames per group.
    pub group_frames: Counted,
    /// Bytes per group.
    pub group_bytes: Counted,
    /// Bytes appended to the write-ahead log.
    pub appended_bytes: u64,
    /// Sealed files of it.
    pub sealed_files: u64,
    /// Those of them in which nothing lives.
    pub dead_files: u64,
    /// Files prepared for use.
    pub prepared_files: u64,
    /// Bytes of sealed files.
    pub sealed_bytes: u64,
    /// Bytes of sealed files that are live.
    pub live_bytes: u64,
    /// Bytes of files that a read holds.
    pub pinned_bytes: u64,
    /// Packed objects.
    pub objects: u64,
    /// Packed objects that wait to be removed.
    pub dropped_objects: u64,
    /// Bytes of packed objects.
    pub object_bytes: u64,
    /// Bytes of them that are live.
    pub object_live_bytes: u64,
    /// Bytes that packing has read and written.
    pub packed_bytes: (u64, u64),
    /// Bytes that compaction has read and written.
    pub compacted_bytes: (u64, u64),
    /// Live bytes that are worth packing.
    pub backlog_bytes: u64,
    /// Bytes that scrubbing has read.
    pub scrubbed_bytes: u64,
    /// Rounds of scrubbing.
    pub scrub_rounds: u64,
    /// Damaged places it found.
    pub scrub_findings: u64,
    /// Records moved between streams.
    pub moves: Moved,
    /// Bytes of the disk, and those free for the broker; 0 and 0 if nobody can say.
    pub disk_bytes: (u64, u64),
}

/// What became of records that were to be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moved {
    /// Are in their new stream.
    pub moved: u64,
    /// Had nowhere to go.
    pub dropped: u64,
    /// Came back.
    pub returned: u64,
    /// Were put off, once each time.
    pub put_off: u64,
}
