//! Bytes of one file: durable, dirty, and clean but lost.
//!
//! Apart because the sector model is here alone.

use std::collections::BTreeMap;

use super::{Rng, SECTOR_BYTES};

type Sector = [u8; SECTOR_BYTES];

/// Versions of a dirty sector that a crash chooses from; of more, the oldest are forgotten.
const VERSIONS_MAX: usize = 4;

/// One file.
#[derive(Clone, Default)]
pub(super) struct FileData {
    durable: Vec<u8>,
    durable_len: u64,
    len: u64,
    /// Written since the last sync, newest last.
    dirty: BTreeMap<usize, Vec<Sector>>,
    /// Lost by a failed sync, but still in the page cache.
    ghosts: BTreeMap<usize, Sector>,
    /// What sectors held durably before what they hold now.
    previous: BTreeMap<usize, Sector>,
}

impl FileData {
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn write(&mut self, position: u64, bytes: &[u8]) {
        let mut position = position as usize;
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let (sector, within) = (position / SECTOR_BYTES, position % SECTOR_BYTES);
            let step = bytes.len().min(SECTOR_BYTES - within);
            let mut content = self.sector(sector);
            let is_new = content[within..within + step] != bytes[..step];
            // What every version of a sector holds already cannot be lost: files that are written through with
            // zeros cost next to nothing.
            if !is_new && !self.dirty.contains_key(&sector) && !self.ghosts.contains_key(&sector) {
                position += step;
                bytes = &bytes[step..];
                continue;
            }
            content[within..within + step].copy_from_slice(&bytes[..step]);
            let versions = self.dirty.entry(sector).or_default();
            if versions.len() == VERSIONS_MAX {
                versions.remove(0);
            }
            versions.push(content);
            self.ghosts.remove(&sector);
            position += step;
            bytes = &bytes[step..];
        }
        self.len = self.len.max(position as u64);
    }

    pub(super) fn read(&self, position: u64, buf: &mut [u8]) -> usize {
        let wanted = (buf.len() as u64).min(self.len.saturating_sub(position)) as usize;
        let mut done = 0;
        while done < wanted {
            let at = position as usize + done;
            let (sector, within) = (at / SECTOR_BYTES, at % SECTOR_BYTES);
            let step = (wanted - done).min(SECTOR_BYTES - within);
            buf[done..done + step].copy_from_slice(&self.sector(sector)[within..within + step]);
            done += step;
        }
        wanted
    }

    pub(super) fn set_len(&mut self, bytes: u64) {
        if bytes < self.len {
            let zeros = vec![0; (self.len - bytes) as usize];
            self.write(bytes, &zeros);
        }
        self.len = bytes;
    }

    pub(super) fn sync(&mut self) {
        for (sector, versions) in std::mem::take(&mut self.dirty) {
            let newest = versions.last().expect("a dirty sector has a version");
            self.make_durable(sector, newest);
        }
        self.durable_len = self.len;
    }

    /// Some sectors were written, the others are lost; all count as clean.
    pub(super) fn fail_sync(&mut self, rng: &mut Rng) {
        let cache_stays = rng.one_in(2);
        for (sector, versions) in std::mem::take(&mut self.dirty) {
            let newest = *versions.last().expect("a dirty sector has a version");
            if rng.one_in(3) {
                self.make_durable(sector, &newest);
            } else if cache_stays {
                self.ghosts.insert(sector, newest);
            }
        }
        self.durable_len = self.durable_len.max(self.len.min(self.durable.len() as u64));
    }

    /// True when that lost or tore something.
    pub(super) fn crash(&mut self, rng: &mut Rng) -> bool {
        self.ghosts.clear();
        let mut torn = false;
        for (sector, versions) in std::mem::take(&mut self.dirty) {
            let kept = rng.below(versions.len() as u64 + 1) as usize;
            torn |= kept + 1 != versions.len();
            if let Some(version) = versions.get(kept) {
                self.make_durable(sector, version);
            }
        }
        if rng.one_in(2) {
            self.durable_len = self.len;
        }
        self.len = self.durable_len;
        self.durable.truncate(self.len as usize);
        torn
    }

    pub(super) fn flip_bit(&mut self, bit: u64) {
        let at = (bit / 8) as usize;
        assert!((at as u64) < self.len, "the byte to damage is in the file");
        let sector = at / SECTOR_BYTES;
        let mut content = self.sector(sector);
        content[at % SECTOR_BYTES] ^= 1 << (bit % 8);
        self.dirty.remove(&sector);
        self.ghosts.remove(&sector);
        self.make_durable(sector, &content);
    }

    /// A file that holds these bytes, durably.
    pub(super) fn of(bytes: &[u8]) -> FileData {
        let len = bytes.len() as u64;
        FileData { durable: bytes.to_vec(), durable_len: len, len, ..FileData::default() }
    }

    /// What a sector held durably before what it holds now.
    pub(super) fn previous(&self, sector: usize) -> Option<&Sector> {
        self.previous.get(&sector)
    }

    /// Places of the sectors that have held something else.
    pub(super) fn rewritten(&self) -> impl Iterator<Item = usize> {
        self.previous.keys().copied()
    }

    fn make_durable(&mut self, sector: usize, content: &Sector) {
        let end = (sector + 1) * SECTOR_BYTES;
        if self.durable.len() < end {
            self.durable.resize(end, 0);
        }
        let held = &mut self.durable[end - SECTOR_BYTES..end];
        if *held != content[..] {
            self.previous.insert(sector, (&*held).try_into().expect("a sector was taken"));
            held.copy_from_slice(content);
        }
    }

    fn sector(&self, sector: usize) -> Sector {
        if let Some(versions) = self.dirty.get(&sector) {
            return *versions.last().expect("a dirty sector has a version");
        }
        if let Some(ghost) = self.ghosts.get(&sector) {
            return *ghost;
        }
        let mut content = [0; SECTOR_BYTES];
        let start = sector * SECTOR_BYTES;
        if let Some(durable) = self.durable.get(start..) {
            let held = durable.len().min(SECTOR_BYTES);
            content[..held].copy_from_slice(&durable[..held]);
        }
        content
    }
}
