//! What one seed has in store: sizes, faults, and what clients do beside the ordinary.
//!
//! Apart because a seed draws all of it before anything runs. Each draws a subset of the faults, not all of them at once:
//! what hides behind a failing read is found by a seed that has none (swarm testing).

use millstream_core::cursor::GroupOptions;
use millstream_core::shard::ShardOptions;
use millstream_engine::{EngineOptions, UpkeepOptions};
use millstream_storage::compact::CompactOptions;
use millstream_storage::pack::PackOptions;
use millstream_storage::{Durability, Options};
use millstream_testkit::sim_disk::{Faults, Rng};

/// One seed in so many has groups with members: their rosters are announced with megabytes, which makes files large.
const TEAMS_ONE_IN: u32 = 16;
/// How long committed offsets are kept where time makes leaps.
const OFFSETS_RETENTION_MS: u64 = 3_600_000;

/// What a seed has in store.
pub(crate) struct Plan {
    pub(crate) teams: bool,
    pub(crate) options: Options,
    pub(crate) engine: EngineOptions,
    /// Of a period in which there are any.
    pub(crate) faults: Faults,
    pub(crate) disk_seed: u64,
    /// `None`: crashes only, as the kept seeds were found with.
    pub(crate) swarm: Option<Swarm>,
}

/// Beside crashes and failing operations.
#[derive(Clone, Copy)]
pub(crate) struct Swarm {
    /// Space runs out and comes back (F6).
    pub(crate) fills: bool,
    /// Reads and the lane take long while everything else goes on (F7).
    pub(crate) stalls: bool,
    /// Copies of the stopped directory are damaged (F4).
    pub(crate) rots: bool,
    /// Copies of the stopped directory are mixed up with others (F9).
    pub(crate) mixes: bool,
    /// Time makes leaps, so that timers fire.
    pub(crate) leaps: bool,
    /// Retention, packing and compaction go on, with sizes and times so small that they find something to do.
    pub(crate) upkeep: bool,
    /// Of so many steps one is of housekeeping; the others are requests.
    pub(crate) housekeeping_one_in: u32,
}

impl Plan {
    /// Crashes and failing operations, drawn as they were when the kept seeds were found.
    pub(crate) fn crashes(seed: u64, rng: &mut Rng) -> Plan {
        let teams = rng.one_in(TEAMS_ONE_IN);
        let wal_file_bytes = wal_file_bytes(teams, rng);
        let quiet = rng.one_in(2);
        let mut faults = Faults::none(wal_file_bytes * (6 + rng.below(40)));
        faults.short_write_one_in = if rng.one_in(3) { 5 } else { 0 };
        faults.failed_sync_one_in = if quiet { 0 } else { 60 };
        faults.failed_read_one_in = if quiet || rng.one_in(2) { 0 } else { 200 };
        faults.failed_write_one_in = if quiet || rng.one_in(2) { 0 } else { 60 };
        let disk_seed = rng.next_u64();
        let options = options(seed, wal_file_bytes, rng);
        let engine = EngineOptions { checkpoint_bytes: u64::MAX, ..EngineOptions::default() };
        Plan { teams, options, engine, faults, disk_seed, swarm: None }
    }

    /// Any subset of all faults.
    pub(crate) fn swarm(seed: u64, rng: &mut Rng) -> Plan {
        let teams = rng.one_in(TEAMS_ONE_IN);
        let wal_file_bytes = wal_file_bytes(teams, rng);
        let mut often = |one_in: u32| if rng.one_in(2) { one_in } else { 0 };
        let mut faults = Faults::none(0);
        faults.short_write_one_in = often(5);
        faults.short_read_one_in = often(5);
        faults.interrupted_one_in = often(20);
        faults.failed_sync_one_in = often(60);
        faults.failed_read_one_in = often(200);
        faults.failed_write_one_in = often(60);
        faults.capacity_bytes = wal_file_bytes * (6 + rng.below(40));
        let leaps = rng.one_in(2);
        let upkeep = !rng.one_in(4);
        let swarm = Swarm {
            upkeep,
            fills: rng.one_in(2),
            stalls: rng.one_in(2),
            rots: rng.one_in(2),
            mixes: rng.one_in(2),
            leaps,
            housekeeping_one_in: [2, 3, 8][rng.below(3) as usize],
        };
        let disk_seed = rng.next_u64();
        let mut options = options(seed, wal_file_bytes, rng);
        // Most files are then used again, with what they held before.
        options.pool_files_max += [0, 5][rng.below(2) as usize];
        let mut groups = GroupOptions::default();
        if leaps {
            groups.offsets_retention_ms = OFFSETS_RETENTION_MS;
        }
        let shard = ShardOptions { groups, ..ShardOptions::default() };
        let upkeep = if upkeep { tiny_upkeep(rng) } else { UpkeepOptions::default() };
        let engine = EngineOptions { checkpoint_bytes: u64::MAX, shard, upkeep };
        Plan { teams, options, engine, faults, disk_seed, swarm: Some(swarm) }
    }
}

/// Objects of a few blocks, maps of a dozen keys, steps of a few batches.
pub(crate) fn tiny_upkeep(rng: &mut Rng) -> UpkeepOptions {
    let mut one_of = |choices: [u64; 3]| choices[rng.below(3) as usize];
    let pack = PackOptions {
        young_files: one_of([0, 1, 2]) as usize,
        files_together: one_of([1, 2, 3]) as usize,
        log_bytes_min: one_of([1 << 10, 16 << 10, 256 << 10]),
        piece_bytes_min: one_of([256, 4 << 10, 16 << 10]),
        job_bytes: one_of([16 << 10, 64 << 10, 1 << 20]),
        object_bytes: one_of([4 << 10, 16 << 10, 32 << 10]),
        own_object_bytes: one_of([2 << 10, 8 << 10, 1 << 20]),
    };
    let compact = CompactOptions {
        map_bytes_max: one_of([0, 0, 64 << 10]),
        object_bytes: one_of([1 << 10, 4 << 10, 32 << 10]),
        ..UpkeepOptions::default().compact
    };
    UpkeepOptions {
        retention_interval_ms: one_of([1, 500, 5_000]),
        default_retention_interval_ms: one_of([1, 5_000, 300_000]),
        plan_interval_ms: one_of([1, 500, 5_000]),
        step_bytes: one_of([1 << 10, 4 << 10, 32 << 10]),
        scrub_first_ms: one_of([1, 10_000, 3_600_000]),
        scrub_interval_ms: one_of([1, 10_000, 3_600_000]),
        pack,
        compact,
        ..UpkeepOptions::default()
    }
}

/// The smallest that hold what an append of a few batches announces.
fn wal_file_bytes(teams: bool, rng: &mut Rng) -> u64 {
    if teams { 7 << 20 } else { [48 << 10, 64 << 10, 96 << 10][rng.below(3) as usize] }
}

pub(crate) fn options(seed: u64, wal_file_bytes: u64, rng: &mut Rng) -> Options {
    Options {
        durability: if rng.one_in(4) { Durability::Interval(10) } else { Durability::Fsync },
        wal_file_bytes,
        wal_file_bytes_first: wal_file_bytes,
        files_ahead: 2 + rng.below(2) as usize,
        pool_files_max: 3,
        checkpoint_reserve_bytes: wal_file_bytes / 2,
        pending_bytes_max: 1 << 20,
        tail_bytes_max: [0, 4 << 10, 1 << 20][rng.below(3) as usize],
        cached_bytes_max: 4 << 10,
        index_bytes_max: 1 << 10,
        open_files_max: 2,
        micros: || 0,
        new_directory_id: u128::from(seed) + 1,
    }
}
