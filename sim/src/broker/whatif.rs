//! After a clean stop: what a start would make of the directory if something had happened to it meanwhile (F4, F9).
//!
//! Apart because each runs on a copy of the disk and leaves no trace in the run. After a clean stop everything in the
//! directory is durable, so that there is no excuse: damage stops the start with the file's name, or a read is refused,
//! or it has hit what nobody needs, and then everything is as it was. Nothing is ever deleted.
//!
//! What cannot be told apart, here as on any disk: a directory that was rolled back as a whole, one that is another
//! directory altogether (its identity says so to whoever remembers it), one whose newest incarnation was lost
//! without a trace before any checkpoint listed it, and one that lost the sector of its closing frame with the last
//! frames in the same sector: that is what a torn write leaves.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use millstream_engine::steps::Steps;
use millstream_storage::{OpenError, Options};
use millstream_testkit::sim_disk::{Faults, SECTOR_BYTES, SimDisk};
use millstream_testkit::sometimes;
use millstream_types::WalPosition;

use super::check::{self, Damage};
use super::{SEED, World, hash, upkeep};

/// Where a header page says which incarnation wrote the file (docs/formats.md).
const INCARNATION_AT: usize = 40;
/// Where it says which position its first frame has.
const BASE_AT: usize = 48;
/// Where that frame stands in the file.
const HEADER_PAGE_BYTES: u64 = 4096;

/// What happened to the directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Trouble {
    /// A bit of a file is another.
    Flip,
    /// A sector holds what it held before: its last write was lost.
    Stale,
    /// A sector holds what belongs elsewhere.
    Misdirected,
    /// A file is shorter.
    Truncated,
    /// A file is gone.
    Lost,
    /// A file is as it was in the middle of an earlier life.
    Old,
    /// An object that was removed since then is there again.
    Back,
}

const TROUBLES: [Trouble; 7] = [
    Trouble::Flip,
    Trouble::Stale,
    Trouble::Misdirected,
    Trouble::Truncated,
    Trouble::Lost,
    Trouble::Old,
    Trouble::Back,
];
/// Steps of the upkeep on a directory that rots.
const STEPS_UNDER_ROT: u64 = 40;
/// Time that passes with each.
const STEP_MS: u64 = 1_000;

impl World {
    /// Some of what might have happened.
    pub(super) fn what_if(&mut self) -> Result<()> {
        let Some(swarm) = self.plan.swarm else { return Ok(()) };
        if swarm.rots {
            for _ in 0..4 {
                let trouble = TROUBLES[self.rng.below(TROUBLES.len() as u64) as usize];
                self.trouble(trouble).with_context(|| format!("what if: {trouble:?}"))?;
            }
            self.rot_under_way().context("what if it rots while it runs")?;
        }
        if swarm.mixes {
            self.foreign().context("what if a file is another directory's")?;
            self.empty().context("what if the directory is empty")?;
        }
        if swarm.rots || swarm.mixes {
            self.rolled_back().context("what if the directory is an older copy")?;
        }
        Ok(())
    }

    fn copy(&mut self) -> SimDisk {
        let copy = self.disk.fork(self.rng.next_u64());
        copy.set_faults(Faults::none(u64::MAX));
        copy
    }

    fn start_copy(&self, disk: &SimDisk, options: Options) -> Result<Steps, OpenError> {
        Steps::start(Arc::new(disk.clone()), options, &self.plan.engine, SEED, self.now)
    }

    /// One trouble, then a start.
    fn trouble(&mut self, trouble: Trouble) -> Result<()> {
        let disk = self.copy();
        let Some(path) = self.make_trouble(&disk, trouble) else { return Ok(()) };
        let before = disk.paths();
        let is_object = path.starts_with("objects/");
        match self.start_copy(&disk, self.options) {
            Err(error) => {
                ensure!(
                    trouble != Trouble::Back,
                    "{path}: a file that nobody needs stops the start: {error}"
                );
                ensure!(names_a_file(&error), "{path}: the start stops without naming a file: {error}");
                let after = disk.paths();
                let deleted: Vec<_> = before.iter().filter(|path| !after.contains(path)).collect();
                ensure!(deleted.is_empty(), "{path}: {error}, and {deleted:?} are deleted");
                let seen = &mut self.outcome.sightings;
                sometimes!(seen, trouble == Trouble::Lost, "F9: a lost file was refused");
                sometimes!(seen, trouble == Trouble::Old, "F9: an old file was refused");
                sometimes!(seen, is_object, "F4: damage of an object stopped a start");
                sometimes!(seen, true, "F4: damage stopped a start");
                Ok(())
            }
            Ok(steps) => {
                let refused =
                    self.as_it_was(&steps).with_context(|| format!("{path}, and the start succeeds"))?;
                upkeep::objects_are_listed(&disk, &steps)?;
                sometimes!(
                    self.outcome.sightings,
                    is_object && refused > 0,
                    "F4: damage of an object refused a read"
                );
                sometimes!(
                    self.outcome.sightings,
                    trouble == Trouble::Back,
                    "F9: an object that came back was removed"
                );
                let newest = before.iter().rfind(|path| path.ends_with(".ckpt"));
                let is_newest = newest.is_some_and(|newest| *newest == path);
                let seen = &mut self.outcome.sightings;
                sometimes!(seen, is_newest && !path.is_empty(), "F4: an older checkpoint was taken");
                Ok(())
            }
        }
    }

    /// Everything is there and right, or refused. Returns how many logs were refused.
    fn as_it_was(&mut self, steps: &Steps) -> Result<u64> {
        let last = self.moments.back().context("a clean stop follows a turn")?;
        ensure!(hash(steps) == last.hash, "the state is not the one that was there");
        let mut known = self.clients.known.clone();
        let found = check::everything(&mut known, steps, Damage::Done, self.now)?;
        sometimes!(self.outcome.sightings, found.refused == 0, "F4: damage did no harm");
        sometimes!(self.outcome.sightings, found.refused > 0, "F4: damage refused a read");
        Ok(found.refused)
    }

    /// Returns the file it happened to.
    fn make_trouble(&mut self, disk: &SimDisk, trouble: Trouble) -> Option<String> {
        let paths = disk.paths();
        let objects: Vec<String> =
            paths.iter().filter(|path| path.starts_with("objects/")).cloned().collect();
        let among = if self.rng.one_in(3) && !objects.is_empty() { &objects } else { &paths };
        let path = among.get(self.rng.below(among.len() as u64) as usize)?.clone();
        let bytes = disk.bytes_of(&path)?;
        let sectors = bytes.len().div_ceil(SECTOR_BYTES) as u64;
        match trouble {
            Trouble::Flip if !bytes.is_empty() => {
                disk.flip_bit(&path, self.rng.below(bytes.len() as u64 * 8))
            }
            Trouble::Stale => {
                let (at, stale) = disk.stale_sector(&path, &mut self.rng)?;
                if self.holds_the_end(&bytes, &path, at, disk) {
                    return None;
                }
                disk.overwrite(&path, at, &stale);
            }
            Trouble::Misdirected if sectors > 1 => {
                let from = self.rng.below(sectors - 1) as usize * SECTOR_BYTES;
                let to = self.rng.below(sectors - 1) * SECTOR_BYTES as u64;
                if self.holds_the_end(&bytes, &path, to, disk) {
                    return None;
                }
                disk.overwrite(&path, to, &bytes[from..from + SECTOR_BYTES]);
            }
            // A file that grows has no length of its own: where its newest incarnation ends, nothing else says.
            Trouble::Truncated if !bytes.is_empty() && !self.is_newest(disk, &path) => {
                disk.put(&path, &bytes[..self.rng.below(bytes.len() as u64) as usize]);
            }
            // That it was there, a checkpoint may say.
            Trouble::Lost if !self.is_newest(disk, &path) || base_of(&bytes) < self.listed_to => {
                disk.take(&path);
            }
            Trouble::Old if !self.is_newest(disk, &path) => {
                disk.put(&path, &self.midway.as_ref()?.bytes_of(&path)?);
            }
            Trouble::Back => {
                let midway = self.midway.as_ref()?;
                let is_back = |path: &String| path.ends_with(".obj") && !paths.contains(path);
                let path = midway.paths().into_iter().find(is_back)?;
                disk.put(&path, &midway.bytes_of(&path)?);
                return Some(path);
            }
            _ => return None,
        }
        Some(path)
    }

    /// Whether a WAL file is of the newest incarnation: that it is gone, nothing can say.
    fn is_newest(&self, disk: &SimDisk, path: &str) -> bool {
        let incarnation = |path: &str| {
            let bytes = disk.bytes_of(path)?;
            let at = bytes.get(INCARNATION_AT..INCARNATION_AT + 8)?;
            Some(u64::from_le_bytes(at.try_into().expect("eight bytes were taken")))
        };
        let paths = disk.paths();
        let newest =
            paths.iter().filter(|path| path.ends_with(".wal")).filter_map(|path| incarnation(path)).max();
        path.ends_with(".wal") && incarnation(path) == newest
    }

    /// Whether a sector holds the beginning of the closing frame, and with it perhaps the last frames before: nothing else
    /// proves those durable.
    fn holds_the_end(&self, bytes: &[u8], path: &str, sector_at: u64, disk: &SimDisk) -> bool {
        if !self.is_newest(disk, path) {
            return false;
        }
        let closing_at = (self.reached.0 + HEADER_PAGE_BYTES).checked_sub(base_of(bytes).0);
        closing_at.is_some_and(|at| (sector_at..sector_at + SECTOR_BYTES as u64).contains(&at))
    }

    /// Files rot after the start, so that reads find it and nobody else. Then the upkeep goes over them.
    fn rot_under_way(&mut self) -> Result<()> {
        let disk = self.copy();
        let mut steps = self.start_copy(&disk, self.options)?;
        let is_data = |path: &String| path.ends_with(".wal") || path.ends_with(".obj");
        let paths: Vec<String> = disk.paths().into_iter().filter(is_data).collect();
        for path in &paths {
            let bytes = disk.file_bytes(path).unwrap_or_default();
            for _ in 0..if bytes > 0 { 2 } else { 0 } {
                disk.flip_bit(path, self.rng.below(bytes * 8));
            }
        }
        self.as_it_was(&steps)?;
        if !self.plan.swarm.is_some_and(|swarm| swarm.upkeep) {
            return Ok(());
        }
        let mut now = self.now;
        for _ in 0..STEPS_UNDER_ROT {
            now = now.after_ms(STEP_MS);
            steps.upkeep(now);
            steps.turn(now);
            steps.write()?;
        }
        // What is damaged stays where it is, and hides nothing else.
        let found = check::everything(&mut self.clients.known.clone(), &steps, Damage::Done, now)
            .context("the upkeep went over it")?;
        let (seen, scrub) = (&mut self.outcome.sightings, steps.upkeep_totals().scrub);
        sometimes!(seen, found.refused > 0, "F4: the upkeep went over damage");
        sometimes!(seen, scrub.findings > 0, "F4: scrubbing found damage");
        Ok(())
    }

    /// Files of another directory, in three places.
    fn foreign(&mut self) -> Result<()> {
        let other = SimDisk::new(self.rng.next_u64(), Faults::none(u64::MAX));
        let options = Options { new_directory_id: !self.options.new_directory_id, ..self.options };
        self.start_copy(&other, options)?.stop(self.now)?;
        let foreign = other.paths().into_iter().find(|path| path.ends_with(".wal"));
        let foreign =
            foreign.and_then(|path| other.bytes_of(&path)).context("a started directory has a file")?;
        let disk = self.copy();
        let own: Vec<String> = disk.paths().into_iter().filter(|path| path.ends_with(".wal")).collect();
        match self.rng.below(3) {
            0 => disk.put("wal/00000000ffffffff.wal", &foreign),
            1 => disk.put(&own[self.rng.below(own.len() as u64) as usize], &foreign),
            _ => disk.put("identity", &other.bytes_of("identity").context("it has an identity")?),
        }
        let before = disk.paths();
        match self.start_copy(&disk, self.options) {
            Err(OpenError::Foreign { .. }) => {
                ensure!(before == disk.paths(), "a start that was refused has changed something");
                sometimes!(self.outcome.sightings, true, "F9: a foreign file was refused");
                Ok(())
            }
            Err(error) => bail!("it is refused for something else: {error}"),
            Ok(_) => bail!("it is taken"),
        }
    }

    /// An empty directory is begun under a name of its own; one that has lost everything but its identity is refused.
    fn empty(&mut self) -> Result<()> {
        let disk = self.copy();
        let keeps_identity = self.rng.one_in(2);
        for path in disk.paths() {
            if path != "identity" || !keeps_identity {
                disk.take(&path);
            }
        }
        let options = Options { new_directory_id: !self.options.new_directory_id, ..self.options };
        match self.start_copy(&disk, options) {
            Err(OpenError::Missing { .. }) if keeps_identity => Ok(()),
            Ok(steps) if !keeps_identity => {
                ensure!(
                    steps.recovered().directory == options.new_directory_id,
                    "it bears the lost one's name"
                );
                sometimes!(self.outcome.sightings, true, "F9: an empty directory was begun");
                Ok(())
            }
            Ok(_) => bail!("a directory that has lost everything but its name is taken for one"),
            Err(error) => bail!("{error}"),
        }
    }

    /// The whole directory is an older copy: nothing in it can say so. What it serves is what was true then.
    fn rolled_back(&mut self) -> Result<()> {
        if let Some((older, known)) = &self.older {
            let disk = older.fork(self.rng.next_u64());
            let steps = self.start_copy(&disk, self.options)?;
            check::everything(&mut known.clone(), &steps, Damage::None, self.now)?;
            sometimes!(self.outcome.sightings, true, "F9: a copy of the past was served as it was");
        }
        if self.older.is_none() || self.rng.one_in(3) {
            self.older = Some((self.copy(), self.clients.known.clone()));
        }
        Ok(())
    }
}

/// Where the first frame of a WAL file stands in the log; beyond everything when it is none.
fn base_of(bytes: &[u8]) -> WalPosition {
    let base = bytes.get(BASE_AT..BASE_AT + 8).map(|base| base.try_into().expect("eight bytes were taken"));
    WalPosition(base.map_or(u64::MAX, u64::from_le_bytes))
}

/// Whether an operator knows from it where to look.
fn names_a_file(error: &OpenError) -> bool {
    match error {
        OpenError::Corrupt { file, .. }
        | OpenError::Missing { file, .. }
        | OpenError::Foreign { file, .. }
        | OpenError::NewerFormat { file, .. } => !file.is_empty(),
        OpenError::Hole { .. } => true,
        OpenError::Locked | OpenError::Options(_) | OpenError::Io { .. } | OpenError::Replay { .. } => false,
    }
}
