//! Which records may go by themselves: by a stream's retention, and by compaction.
//!
//! Apart because it is the other half of what a client is promised: what was acknowledged stays, except for what its
//! stream's configuration lets go, and this says what that is, from the configuration and the records alone.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use millstream_core::catalog::{ConfigChange, Setting, StreamConfig};
use millstream_testkit::sim_disk::Rng;
use millstream_types::EngineTime;

use super::batch;
use super::known::{Fate, KnownLog, Rules, Sent};

/// Storage counts the bytes of what was partly packed in proportion to its offsets. So many batches of the largest size
/// are more than it may be wrong by.
const UNCERTAIN_BATCHES: usize = 8;

/// Why records are gone.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Explained {
    /// Batches that were too old.
    pub(crate) by_time: u64,
    /// Batches that lay beyond the size.
    pub(crate) by_size: u64,
    /// Records of which a later one has the key.
    pub(crate) superseded: u64,
    /// Records that deleted their key long ago.
    pub(crate) tombstones: u64,
}

/// The configuration of a new stream.
pub(crate) fn draw(rng: &mut Rng) -> (Rules, StreamConfig) {
    let mut rules = Rules::default();
    let mut settings = Vec::new();
    let compacts = rng.one_in(2);
    let deletes = !compacts || rng.one_in(3);
    if deletes && rng.one_in(3) {
        rules.retention_ms = Some([1_000, 10_000, 60_000][rng.below(3) as usize]);
        settings.push(Setting::RetentionMs(rules.retention_ms));
    }
    if deletes && rng.one_in(4) {
        rules.retention_bytes = Some([0, 2 << 10, 16 << 10][rng.below(3) as usize]);
        settings.push(Setting::RetentionBytes(rules.retention_bytes));
    }
    if compacts {
        rules.compacts = true;
        rules.tombstone_retention_ms = [0, 5_000, 30_000][rng.below(3) as usize];
        rules.lag_min_ms = [0, 0, 3_000][rng.below(3) as usize];
        settings.push(Setting::Cleanup { delete: deletes, compact: true });
        settings.push(Setting::TombstoneRetentionMs(rules.tombstone_retention_ms));
        settings.push(Setting::CompactionLagMinMs(rules.lag_min_ms));
        settings.push(Setting::CompactionLagMaxMs([None, Some(1), Some(10_000)][rng.below(3) as usize]));
        settings.push(Setting::CompactionDirtyRatioMin([0, 1_000, 5_000][rng.below(3) as usize]));
    }
    let mut config = StreamConfig::default();
    for setting in settings {
        config.change(&ConfigChange::Set(setting)).expect("what is drawn is legal");
    }
    (rules, config)
}

/// A log starts at `start`, behind `asked`, the most that anyone has asked for: its retention must say so, batch by batch.
pub(crate) fn explain_start(
    known: &KnownLog,
    asked: u64,
    start: u64,
    now: EngineTime,
    explained: &mut Explained,
) -> Result<()> {
    let rules = known.rules;
    let latest = latest_of_keys(known);
    let all = known.sent.values();
    let largest = all.clone().map(|sent| sent.shape.bytes).max().unwrap_or_default();
    for (number, sent) in &known.sent {
        let Some((base, end)) = sent.offsets() else { continue };
        if end <= asked || base >= start {
            continue;
        }
        // What compaction may take is not asked after: it counts for neither time nor size.
        if rules.compacts && !is_needed(&latest, *number, sent) {
            continue;
        }
        ensure!(end <= start, "retention has cut batch {number} at {base}..{end}: the log starts at {start}");
        let age_ms = now.since_ms(EngineTime(sent.shape.time_ms));
        let is_old = rules.retention_ms.is_some_and(|ms| age_ms > ms);
        // Whatever may be there counts.
        let is_behind = |other: &&Sent| other.offsets().map_or(u64::MAX, |(_, end)| end) > end;
        let behind = all.clone().filter(|other| other.fate != Fate::Refused).filter(is_behind);
        let bytes = behind.map(|other| other.shape.bytes).sum::<usize>() + UNCERTAIN_BATCHES * largest;
        let is_beyond = rules.retention_bytes.is_some_and(|max| bytes as u64 >= max);
        ensure!(
            is_old || is_beyond,
            "batch {number} at {base}, {age_ms} ms old, is gone: the log starts at {start}, nobody asked for more than \
             {asked}, and it has {rules:?}"
        );
        explained.by_time += u64::from(is_old);
        explained.by_size += u64::from(is_beyond && !is_old);
    }
    Ok(())
}

/// Where the latest record of each key may be.
fn latest_of_keys(known: &KnownLog) -> BTreeMap<u32, u64> {
    let mut latest = BTreeMap::new();
    if known.rules.compacts {
        for (number, sent) in known.sent.iter().filter(|(_, sent)| sent.fate != Fate::Refused) {
            let base = sent.offsets().map_or(u64::MAX - sent.records(), |(base, _)| base);
            for delta in 0..sent.shape.records {
                let at = latest.entry(batch::key(*number, delta).0).or_default();
                *at = base.wrapping_add(u64::from(delta)).max(*at);
            }
        }
    }
    latest
}

/// Whether compaction must keep some record of a batch for ever.
fn is_needed(latest: &BTreeMap<u32, u64>, number: u64, sent: &Sent) -> bool {
    let Some((base, _)) = sent.offsets() else { return false };
    (0..sent.shape.records).any(|delta| {
        let (key, is_tombstone) = batch::key(number, delta);
        let is_there = sent.gone & (1 << delta) == 0;
        is_there && !is_tombstone && latest.get(&key) == Some(&(base + u64::from(delta)))
    })
}

/// Some records of a compacted log that starts at `start` are gone: of each key those before a later one, and tombstones
/// whose time has passed, together with everything that they deleted.
pub(crate) fn explain_keys(
    known: &mut KnownLog,
    start: u64,
    now: EngineTime,
    explained: &mut Explained,
) -> Result<()> {
    let rules = known.rules;
    let mut keys: BTreeMap<u32, Vec<(u64, u64, u32)>> = BTreeMap::new();
    let mut in_doubt = BTreeSet::new();
    for (number, sent) in &known.sent {
        let of = (0..sent.shape.records).map(|delta| (delta, batch::key(*number, delta).0));
        match sent.fate {
            Fate::Stored(base) => {
                for (delta, key) in of.filter(|(delta, _)| base + u64::from(*delta) >= start) {
                    keys.entry(key).or_default().push((base + u64::from(delta), *number, delta));
                }
            }
            Fate::Open => in_doubt.extend(of.map(|(_, key)| key)),
            Fate::Refused => {}
        }
    }
    for (key, mut records) in keys {
        records.sort_unstable();
        let mut there_before = None;
        let last = records.len() - 1;
        for (place, (offset, number, delta)) in records.into_iter().enumerate() {
            let sent = known.sent.get_mut(&number).expect("it was just listed");
            let bit = 1 << delta;
            if sent.gone & bit == 0 {
                there_before = Some(offset);
                continue;
            }
            ensure!(
                there_before.is_none(),
                "the record of key {key} at {offset} (batch {number}) is gone, and the older one at {there_before:?} is there"
            );
            if sent.explained & bit != 0 {
                continue;
            }
            sent.explained |= bit;
            let age_ms = now.since_ms(EngineTime(sent.shape.time_ms));
            let is_tombstone = batch::key(number, delta).1;
            let is_superseded = place < last || in_doubt.contains(&key);
            ensure!(
                age_ms >= rules.lag_min_ms
                    && (is_superseded || is_tombstone && age_ms >= rules.tombstone_retention_ms),
                "the record of key {key} at {offset} (batch {number}, {delta}), the latest: {}, a tombstone: {is_tombstone}, \
                 is gone after {age_ms} ms: {rules:?}",
                !is_superseded
            );
            explained.superseded += u64::from(is_superseded);
            explained.tombstones += u64::from(!is_superseded);
        }
    }
    Ok(())
}
