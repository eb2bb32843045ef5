//! What one seed has in store for queues: their settings, the sizes of files, and the faults.
//!
//! Apart because a seed draws all of it before anything runs.

use millstream_core::catalog::{
    ConfigChange, DeadLetterRoute, LeaseSetting, Ordering, Overflow, Setting, StreamConfig,
};
use millstream_engine::EngineOptions;
use millstream_storage::{Durability, Options};
use millstream_testkit::checker::queue::Rules;
use millstream_testkit::sim_disk::{Faults, Rng};

use super::clients::BURIAL;
use crate::broker::plan as shared;

/// Dead letters of all queues.
pub(super) const LETTERS: usize = 1;
/// Messages of a key come one after another, and ids are remembered.
pub(super) const ORDERED: usize = 2;
/// Is purged and replayed.
pub(super) const REPLAYED: usize = 3;

/// One sender's burst does not starve the others.
pub(super) const FAIR: usize = 5;
/// Queues of a seed without routes.
pub(super) const PLAIN_QUEUES: usize = 6;
/// Has holders that outlive everything.
pub(super) const NAMED: usize = 6;
/// Serves one holder at a time.
pub(super) const SINGLE: usize = 7;
/// Is published to; its dead letters go by a route.
pub(super) const FIRST: usize = 8;
/// Is published to as well.
pub(super) const SECOND: usize = 9;
/// Where the dead letters of one queue go, each to all of them.
pub(super) const GRAVES: [usize; 2] = [10, 11];
/// Is in memory only: what is in it goes with the process, and never before.
pub(super) const HELD: usize = 12;

/// A queue.
pub(super) struct Queue {
    pub(super) name: &'static str,
    pub(super) logs: u32,
    pub(super) config: StreamConfig,
    pub(super) rules: Rules,
    pub(super) timeout_ms: u64,
    pub(super) delay_ms: u64,
    pub(super) lives_ms: Option<u64>,
    pub(super) has_keys: bool,
    /// How long what is settled stays readable.
    pub(super) kept_ms: u64,
}

/// What a seed has in store.
pub(super) struct Plan {
    pub(super) queues: Vec<Queue>,
    pub(super) options: Options,
    pub(super) engine: EngineOptions,
    /// Of a period in which there are any.
    pub(super) faults: Faults,
    pub(super) disk_seed: u64,
}

impl Plan {
    pub(super) fn draw(seed: u64, has_routes: bool, rng: &mut Rng) -> Plan {
        // What a group of moves announces fits.
        let wal_file_bytes = [512 << 10, 1 << 20][rng.below(2) as usize];
        let mut often = |one_in: u32| if rng.one_in(2) { one_in } else { 0 };
        let mut faults = Faults::none(0);
        faults.short_write_one_in = often(5);
        faults.short_read_one_in = often(5);
        faults.interrupted_one_in = often(20);
        faults.failed_sync_one_in = often(200);
        faults.failed_read_one_in = often(400);
        faults.failed_write_one_in = often(200);
        faults.capacity_bytes = wal_file_bytes * (8 + rng.below(40));
        let disk_seed = rng.next_u64();
        let upkeep = shared::tiny_upkeep(rng);
        // What a client was told stands: what interval durability may take is the other simulation's matter.
        let options = Options { durability: Durability::Fsync, ..shared::options(seed, wal_file_bytes, rng) };
        let engine = EngineOptions { checkpoint_bytes: u64::MAX, upkeep, ..EngineOptions::default() };
        let mut queues = queues(rng);
        if has_routes {
            queues.extend(more_queues(rng));
        }
        Plan { queues, options, engine, faults, disk_seed }
    }
}

fn queues(rng: &mut Rng) -> Vec<Queue> {
    let limit = [None, Some(1), Some(2), Some(4)][rng.below(4) as usize];
    let ordered_limit = [None, Some(3)][rng.below(2) as usize];
    let overflow = [Overflow::DropOldest, Overflow::Reject, Overflow::DeadLetter][rng.below(3) as usize];
    let mut queues = vec![queue("work", rng), queue("letters", rng), queue("ordered", rng)];
    queues.extend([queue("replayed", rng), queue("short", rng), queue("fair", rng)]);
    if rng.one_in(2) {
        queues[0].put_off([40, 300][rng.below(2) as usize]);
    }
    if rng.one_in(3) {
        queues[0].live([500, 5_000][rng.below(2) as usize]);
    }
    if rng.one_in(2) {
        queues[0].set(LeaseSetting::DeliveryLimit(limit));
        queues[0].rules.delivery_limit = limit;
    }
    queues[0].buries();
    queues[ORDERED].key(Ordering::Ordered);
    queues[ORDERED].logs = 1;
    queues[ORDERED].set(LeaseSetting::DedupWindowMs(Some(3_000)));
    queues[ORDERED].rules.dedup_window_us = Some(3_000_000);
    queues[ORDERED].rules.ordered = true;
    queues[ORDERED].set(LeaseSetting::DeliveryLimit(ordered_limit));
    queues[ORDERED].rules.delivery_limit = ordered_limit;
    if ordered_limit.is_some() {
        queues[ORDERED].buries();
    }
    queues[4].set(LeaseSetting::LengthMax(Some(5)));
    queues[4].set(LeaseSetting::Overflow(overflow));
    queues[4].rules.gives_up = overflow != Overflow::Reject;
    if overflow == Overflow::DeadLetter {
        queues[4].buries();
    }
    queues[FAIR].key(Ordering::Fair);
    queues
}

/// What is published to, has holders of other kinds, or gets dead letters by a route.
fn more_queues(rng: &mut Rng) -> Vec<Queue> {
    let names = ["named", "single", "first", "second", "left", "right", "held"];
    let mut queues: Vec<Queue> = names.iter().map(|name| queue(name, rng)).collect();
    let of = |place: usize| place - PLAIN_QUEUES;
    queues[of(SINGLE)].set(LeaseSetting::SingleHolder(true));
    queues[of(SINGLE)].rules.single = true;
    let first = &mut queues[of(FIRST)];
    let limit = [None, Some(1), Some(3)][rng.below(3) as usize];
    first.set(LeaseSetting::DeliveryLimit(limit));
    first.rules.delivery_limit = limit;
    first.rules.has_heirs = true;
    let route = DeadLetterRoute { route: BURIAL.into(), key: None };
    first.set(LeaseSetting::DeadLetterRoute(Some(route)));
    if rng.one_in(3) {
        first.live([500, 5_000][rng.below(2) as usize]);
    }
    if rng.one_in(2) {
        queues[of(SECOND)].set(LeaseSetting::DeliveryLimit(Some(2)));
        queues[of(SECOND)].rules.delivery_limit = Some(2);
    }
    queues[of(SECOND)].buries();
    let held = &mut queues[of(HELD)];
    held.change(Setting::Ephemeral(true));
    held.change(Setting::Consumed(Some(0)));
    held.kept_ms = 0;
    queues
}

fn queue(name: &'static str, rng: &mut Rng) -> Queue {
    let timeout_ms = [30, 400, 5_000][rng.below(3) as usize];
    let kept_ms = [0, 0, 2_000][rng.below(3) as usize];
    let rules = Rules { name: name.to_owned(), in_order: true, ..Rules::default() };
    let mut queue = Queue {
        name,
        logs: 1 + rng.below(2) as u32,
        config: StreamConfig::default(),
        rules,
        timeout_ms,
        delay_ms: 0,
        lives_ms: None,
        has_keys: false,
        kept_ms,
    };
    queue.set(LeaseSetting::Enabled(true));
    queue.set(LeaseSetting::TimeoutMs(timeout_ms));
    queue.change(Setting::Consumed(Some(kept_ms)));
    queue
}

impl Queue {
    fn change(&mut self, setting: Setting) {
        self.config.change(&ConfigChange::Set(setting)).expect("what is drawn is legal");
    }

    fn set(&mut self, setting: LeaseSetting) {
        self.change(Setting::Lease(setting));
    }

    fn put_off(&mut self, delay_ms: u64) {
        self.delay_ms = delay_ms;
        self.set(LeaseSetting::DelayMs(delay_ms));
    }

    fn live(&mut self, lives_ms: u64) {
        self.lives_ms = Some(lives_ms);
        self.set(LeaseSetting::TimeToLiveMs(Some(lives_ms)));
    }

    fn buries(&mut self) {
        self.rules.dead_letter = Some(LETTERS);
        self.set(LeaseSetting::DeadLetter(Some("letters".into())));
    }

    fn key(&mut self, ordering: Ordering) {
        self.has_keys = true;
        self.rules.in_order = false;
        self.set(LeaseSetting::Ordering(ordering));
    }
}
