//! A disk in memory that loses, tears, fails and corrupts, all from one seed.
//!
//! Apart because a broker's promises are about what is left after a crash, and no real disk fails on request. The
//! model is a file of 512-byte sectors over a durable image:
//!
//! ```text
//! write      → the sector is dirty; every version since the last sync is remembered
//! sync_data  → dirty becomes durable; or it fails, and then the sectors are marked clean: reads still show them
//!              (or not: the machine may drop its cache), a crash has lost them (F5)
//! crash      → each dirty sector is any of its versions, or the durable one: any subset, not a prefix (F2, F3)
//! names      → creations, renames and removals since the last sync_dir happened or not, each on its own
//! ```
//!
//! Long, because every operation has to leave names, sectors and counts in agreement, and all of them are here.
//!
//! After the crash every open file and the lock are dead. Operations are counted, so that a run can be cut at its
//! n-th operation; with the seed the outcome of everything is fixed, and a hash over the operations proves it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, IoSlice};
use std::sync::Arc;

use millstream_storage::disk::{DirLock, Disk, DiskFile, OpenMode};
use parking_lot::Mutex;

pub mod contract;
mod damage;
mod file;
mod hold;
mod names;
mod rng;

pub use hold::Hold;
pub use rng::Rng;

use file::FileData;
use names::{Change, Directory};

/// Bytes that are written as one.
pub const SECTOR_BYTES: usize = 512;

/// How often what fails. `1 in n`; 0 is never.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// Bytes of all files together.
    pub capacity_bytes: u64,
    /// A write that takes only part of its bytes.
    pub short_write_one_in: u32,
    /// A sync that fails and drops what it should have written.
    pub failed_sync_one_in: u32,
    /// A read that fails.
    pub failed_read_one_in: u32,
    /// A write that fails, part of it done.
    pub failed_write_one_in: u32,
    /// A read that gives fewer bytes than there are, at least one.
    pub short_read_one_in: u32,
    /// A read or write that a signal interrupts before it has done anything.
    pub interrupted_one_in: u32,
}

impl Faults {
    /// A disk of this capacity that only ever crashes.
    #[must_use]
    pub fn none(capacity_bytes: u64) -> Faults {
        Faults {
            capacity_bytes,
            short_write_one_in: 0,
            failed_sync_one_in: 0,
            failed_read_one_in: 0,
            failed_write_one_in: 0,
            short_read_one_in: 0,
            interrupted_one_in: 0,
        }
    }
}

/// What has gone wrong so far: a fault that never fires proves nothing.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Fired {
    /// Writes that took part of their bytes.
    pub short_writes: u64,
    /// Syncs of files or directories that failed.
    pub failed_syncs: u64,
    /// Reads that failed.
    pub failed_reads: u64,
    /// Writes that failed.
    pub failed_writes: u64,
    /// Reads that gave fewer bytes than there were.
    pub short_reads: u64,
    /// Reads and writes that were interrupted.
    pub interruptions: u64,
    /// Writes and allocations that found no room.
    pub full: u64,
    /// Power cuts that lost a sector or tore one from its neighbours.
    pub torn_files: u64,
    /// Power cuts that undid some change of a directory.
    pub undone_names: u64,
}

/// The simulated disk. Clones are the same disk.
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

struct State {
    rng: Rng,
    faults: Faults,
    directories: BTreeMap<String, Directory>,
    files: BTreeMap<u64, FileData>,
    next_file: u64,
    /// Boots so far: handles of an earlier one are dead.
    boot: u64,
    operations: u64,
    crash_at: Option<u64>,
    /// Changes of names before the power goes.
    names_left: Option<u64>,
    crashed: bool,
    locked: bool,
    /// Files whose bytes are not in the page cache.
    cold: BTreeSet<u64>,
    fired: Fired,
    /// Where the next read stops until it is let go.
    hold: Option<Arc<Hold>>,
    trace: u64,
    lines: Option<Vec<String>>,
}

impl SimDisk {
    /// An empty disk.
    #[must_use]
    pub fn new(seed: u64, faults: Faults) -> SimDisk {
        let root = BTreeMap::from([(String::new(), Directory::durable())]);
        SimDisk {
            state: Arc::new(Mutex::new(State {
                rng: Rng::new(seed),
                faults,
                directories: root,
                files: BTreeMap::new(),
                next_file: 0,
                boot: 0,
                operations: 0,
                crash_at: None,
                names_left: None,
                crashed: false,
                locked: false,
                cold: BTreeSet::new(),
                fired: Fired::default(),
                hold: None,
                trace: 0xcbf2_9ce4_8422_2325,
                lines: None,
            })),
        }
    }

    /// Changes how often what fails from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.state.lock().faults = faults;
    }

    /// The power goes before the operation of this number; it and all later ones fail until [`SimDisk::crash`].
    pub fn crash_at(&self, operation: Option<u64>) {
        self.state.lock().crash_at = operation;
    }

    /// The power goes right after the `changes`-th change of a name from now on, before anything can make it durable, unless
    /// it goes before.
    pub fn crash_after_names(&self, changes: Option<u64>) {
        self.state.lock().names_left = changes;
    }

    /// What has gone wrong so far.
    #[must_use]
    pub fn fired(&self) -> Fired {
        self.state.lock().fired
    }

    /// Operations so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Whether the power has gone.
    #[must_use]
    pub fn is_crashed(&self) -> bool {
        self.state.lock().crashed
    }

    /// The power goes now, and comes back: open files and the lock are dead, what was not synced is decided.
    pub fn crash(&self) {
        let mut state = self.state.lock();
        let state = &mut *state;
        for directory in state.directories.values_mut() {
            state.fired.undone_names += u64::from(directory.crash(&mut state.rng));
        }
        let rng = &mut state.rng;
        state.directories.retain(|_, directory| directory.is_durable() || rng.one_in(2));
        for file in state.files.values_mut() {
            state.fired.torn_files += u64::from(file.crash(&mut state.rng));
        }
        state.reboot();
    }

    /// The process dies and starts again; the machine stays up, so that nothing is lost.
    pub fn kill(&self) {
        self.state.lock().reboot();
    }

    /// Flips one bit of a file, durably, as a medium that rots.
    ///
    /// # Panics
    /// When there is no such file or byte.
    pub fn flip_bit(&self, path: &str, bit: u64) {
        let mut state = self.state.lock();
        let id = state.find(path).expect("the file to damage exists");
        let file = state.files.get_mut(&id).expect("a named file has data");
        file.flip_bit(bit);
    }

    /// Length of a file, if it exists.
    #[must_use]
    pub fn file_bytes(&self, path: &str) -> Option<u64> {
        let state = self.state.lock();
        state.find(path).map(|id| state.files[&id].len())
    }

    /// Takes a file out of the page cache: `try_read_at` would wait for it.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn evict(&self, path: &str) {
        let mut state = self.state.lock();
        let id = state.find(path).expect("the file to evict exists");
        state.cold.insert(id);
    }

    /// Hash over all operations and their results so far.
    #[must_use]
    pub fn trace_hash(&self) -> u64 {
        self.state.lock().trace
    }

    /// Keeps a line per operation from now on.
    pub fn keep_trace(&self) {
        self.state.lock().lines.get_or_insert_default();
    }

    /// The lines kept.
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        self.state.lock().lines.clone().unwrap_or_default()
    }
}

impl State {
    /// Counts an operation; fails it when the power has gone.
    fn begin(&mut self, boot: u64, operation: &str, path: &str, at: u64, bytes: u64) -> io::Result<()> {
        if boot != self.boot {
            return Err(io::Error::other("this handle was opened before the crash"));
        }
        if self.crash_at.is_some_and(|at| self.operations >= at) {
            self.crashed = true;
        }
        if self.crashed {
            return Err(io::Error::other("the power is off"));
        }
        self.operations += 1;
        for byte in operation.bytes().chain(path.bytes()).chain(at.to_le_bytes()).chain(bytes.to_le_bytes()) {
            self.trace = (self.trace ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{} {operation} {path} {at} {bytes}", self.operations));
        }
        Ok(())
    }

    fn interrupt(&mut self) -> io::Result<()> {
        let one_in = self.faults.interrupted_one_in;
        if self.rng.one_in(one_in) {
            self.fired.interruptions += 1;
            return Err(ErrorKind::Interrupted.into());
        }
        Ok(())
    }

    fn reboot(&mut self) {
        self.boot += 1;
        self.crashed = false;
        self.crash_at = None;
        self.names_left = None;
        self.locked = false;
        let named: BTreeSet<u64> = self.directories.values().flat_map(Directory::files).collect();
        self.files.retain(|id, _| named.contains(id));
    }

    /// Changes a name.
    fn change(&mut self, dir: &str, change: Change) -> io::Result<()> {
        self.directory(dir)?.change(change);
        self.names_left = self.names_left.map(|left| left.saturating_sub(1));
        if self.names_left == Some(0) {
            self.crash_at = Some(self.operations);
        }
        Ok(())
    }

    fn find(&self, path: &str) -> Option<u64> {
        let (dir, name) = split(path);
        self.directories.get(dir)?.get(name)
    }

    fn directory(&mut self, dir: &str) -> io::Result<&mut Directory> {
        self.directories.get_mut(dir).ok_or_else(|| ErrorKind::NotFound.into())
    }

    /// Bytes of all files that have a name, or may have one after a crash: a removal gives its space back once
    /// it is durable.
    fn used(&self) -> u64 {
        let named: BTreeSet<u64> = self.directories.values().flat_map(Directory::files).collect();
        named.iter().filter_map(|id| self.files.get(id)).map(FileData::len).sum()
    }
}

/// Directory and name.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

struct SimLock {
    state: Arc<Mutex<State>>,
    boot: u64,
}

impl DirLock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        if state.boot == self.boot {
            state.locked = false;
        }
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state.lock();
        let boot = state.boot;
        state.begin(boot, "open", path, u64::from(mode == OpenMode::CreateNew), 0)?;
        let (dir, name) = split(path);
        let id = match (state.directory(dir)?.get(name), mode) {
            (Some(id), OpenMode::Existing) => id,
            (None, OpenMode::Existing) => return Err(ErrorKind::NotFound.into()),
            (Some(_), OpenMode::CreateNew) => return Err(ErrorKind::AlreadyExists.into()),
            (None, OpenMode::CreateNew) => {
                let id = state.next_file;
                state.next_file += 1;
                state.files.insert(id, FileData::default());
                state.change(dir, Change::Create { name: name.to_owned(), file: id })?;
                id
            }
        };
        Ok(Arc::new(SimFile { state: Arc::clone(&self.state), boot, id, path: path.to_owned() }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        let boot = state.boot;
        state.begin(boot, "rename", from, 0, 0)?;
        let ((dir, from), (to_dir, to)) = (split(from), split(to));
        assert_eq!(dir, to_dir, "files keep their directory");
        let file = state.directory(dir)?.get(from).ok_or(ErrorKind::NotFound)?;
        state.change(dir, Change::Rename { from: from.to_owned(), to: to.to_owned(), file })
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        let boot = state.boot;
        state.begin(boot, "remove", path, 0, 0)?;
        let (dir, name) = split(path);
        if state.directory(dir)?.get(name).is_none() {
            return Err(ErrorKind::NotFound.into());
        }
        state.change(dir, Change::Remove { name: name.to_owned() })
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let mut state = self.state.lock();
        let boot = state.boot;
        state.begin(boot, "list", dir, 0, 0)?;
        Ok(state.directory(dir)?.names())
    }

    fn make_dir(&self, dir: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        let boot = state.boot;
        state.begin(boot, "make_dir", dir, 0, 0)?;
        state.directories.entry(dir.to_owned()).or_default();
        Ok(())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        let boot = state.boot;
        state.begin(boot, "sync_dir", dir, 0, 0)?;
        let one_in = state.faults.failed_sync_one_in;
        if state.rng.one_in(one_in) {
            state.fired.failed_syncs += 1;
            return Err(io::Error::other("injected: syncing a directory failed"));
        }
        state.directory(dir)?.sync();
        if dir.is_empty() {
            state.directories.values_mut().for_each(Directory::make_durable);
        }
        Ok(())
    }

    fn free_space(&self) -> io::Result<u64> {
        let state = self.state.lock();
        Ok(state.faults.capacity_bytes.saturating_sub(state.used()))
    }

    fn lock(&self) -> io::Result<Box<dyn DirLock>> {
        let mut state = self.state.lock();
        let boot = state.boot;
        state.begin(boot, "lock", "", 0, 0)?;
        if std::mem::replace(&mut state.locked, true) {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(SimLock { state: Arc::clone(&self.state), boot }))
    }
}

struct SimFile {
    state: Arc<Mutex<State>>,
    boot: u64,
    id: u64,
    path: String,
}

impl SimFile {
    fn with<T>(
        &self,
        operation: &str,
        at: u64,
        bytes: u64,
        act: impl FnOnce(&mut State, &mut FileData) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.state.lock();
        state.begin(self.boot, operation, &self.path, at, bytes)?;
        let mut file = state.files.remove(&self.id).ok_or(ErrorKind::NotFound)?;
        let result = act(&mut state, &mut file);
        state.files.insert(self.id, file);
        result
    }

    fn read(&self, operation: &str, position: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.with(operation, position, buf.len() as u64, |state, file| {
            let faults = state.faults;
            if state.rng.one_in(faults.failed_read_one_in) {
                state.fired.failed_reads += 1;
                return Err(io::Error::other("injected: reading failed"));
            }
            state.interrupt()?;
            let mut wanted = buf.len();
            if wanted > 1 && state.rng.one_in(faults.short_read_one_in) {
                state.fired.short_reads += 1;
                wanted = 1 + state.rng.below(wanted as u64 - 1) as usize;
            }
            Ok(file.read(position, &mut buf[..wanted]))
        })
    }
}

impl DiskFile for SimFile {
    fn write_at(&self, position: u64, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let wanted: usize = slices.iter().map(|slice| slice.len()).sum();
        self.with("write", position, wanted as u64, |state, file| {
            let faults = state.faults;
            state.interrupt()?;
            let mut bytes = wanted;
            let fails = state.rng.one_in(faults.failed_write_one_in);
            state.fired.failed_writes += u64::from(fails);
            if fails || state.rng.one_in(faults.short_write_one_in) {
                state.fired.short_writes += u64::from(!fails);
                // A short write takes at least one byte; a failed one may have taken none.
                let least = u64::from(!fails && wanted > 0);
                bytes = (least + state.rng.below(wanted as u64)) as usize;
            }
            // This file is not in the sum: it is taken out while it is worked on.
            let room =
                faults.capacity_bytes.saturating_sub(state.used()).max(file.len()).saturating_sub(position);
            if bytes as u64 > room {
                bytes = room as usize;
            }
            let mut at = position;
            let mut left = bytes;
            for slice in slices {
                let step = slice.len().min(left);
                file.write(at, &slice[..step]);
                at += step as u64;
                left -= step;
            }
            if fails {
                return Err(io::Error::other("injected: writing failed"));
            }
            if bytes == 0 && wanted > 0 {
                state.fired.full += 1;
                return Err(ErrorKind::StorageFull.into());
            }
            Ok(bytes)
        })
    }

    fn read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize> {
        let hold = self.state.lock().hold.take();
        if let Some(hold) = hold {
            hold.stop();
        }
        let read = self.read("read", position, buf)?;
        self.state.lock().cold.remove(&self.id);
        Ok(read)
    }

    fn try_read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize> {
        if self.state.lock().cold.contains(&self.id) {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.read("try_read", position, buf)
    }

    fn advise_wont_need(&self, from: u64, to: u64) {
        if from < to {
            self.state.lock().cold.insert(self.id);
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with("sync", 0, 0, |state, file| {
            let one_in = state.faults.failed_sync_one_in;
            if state.rng.one_in(one_in) {
                state.fired.failed_syncs += 1;
                file.fail_sync(&mut state.rng);
                return Err(io::Error::other("injected: syncing failed"));
            }
            file.sync();
            Ok(())
        })
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.with("set_len", bytes, 0, |state, file| {
            if state.used() + bytes > state.faults.capacity_bytes {
                state.fired.full += 1;
                return Err(ErrorKind::StorageFull.into());
            }
            file.set_len(bytes);
            Ok(())
        })
    }

    fn len(&self) -> io::Result<u64> {
        self.with("len", 0, 0, |_, file| Ok(file.len()))
    }
}
