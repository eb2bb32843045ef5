//! The packed objects that are there: what the manifest lists, and what is about to be listed.
//!
//! Apart because readers, the publisher and whoever removes objects meet here. The manifest is the core's; this is what of
//! it a running process needs to read: each object's parts, and the indexes of parts that were read lately.
//!
//! ```text
//! written ──► register ──► CommitObject durable ──► Publish::Pack: pieces of logs name it ──► read
//!                 └── not committed ─┐                              trimmed, deleted, packed again: none does
//!                                    └──► drop_objects ◄── DropObjects durable ◄──┘
//!                                              └──► sweep: its file goes once no read holds it
//! ```
//!
//! Whoever holds the [`Object`] pins it (R9). A read holds it for one turn and hands out copies of its bytes, so that no
//! pin outlives one call; an object that is dropped gets no new pins.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use millstream_types::object::{ObjectEntry, ObjectPart};
use millstream_types::{LogId, ObjectNumber, planted};
use parking_lot::Mutex;

use crate::error::{OpenError, ReadError};
use crate::object::PartIndex;
use crate::store::{ObjectFile, Store, name_of};
use crate::views::ReadMode;

mod indexes;

use indexes::Indexes;

/// An object that can be read.
#[derive(Debug)]
pub struct Object {
    entry: ObjectEntry,
    /// Pieces of logs' indexes that name it.
    named: AtomicU32,
}

impl Object {
    /// Its number.
    #[must_use]
    pub fn number(&self) -> ObjectNumber {
        self.entry.number
    }

    /// What the manifest says of it.
    #[must_use]
    pub fn entry(&self) -> &ObjectEntry {
        &self.entry
    }

    /// Its part of a log.
    #[must_use]
    pub fn part(&self, log: LogId) -> Option<&ObjectPart> {
        let at = self.entry.parts.binary_search_by_key(&log, |part| part.log).ok()?;
        Some(&self.entry.parts[at])
    }

    pub(crate) fn add_name(&self) {
        self.named.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn drop_name(&self) {
        let before = self.named.fetch_sub(1, Ordering::Release);
        assert!(before > 0, "a piece of object {} was dropped twice", self.number());
    }

    fn is_named(&self) -> bool {
        self.named.load(Ordering::Acquire) > 0
    }
}

/// The objects of a data directory.
pub struct Objects {
    store: Arc<dyn Store>,
    directory: u128,
    registry: Mutex<Registry>,
    indexes: Mutex<Indexes>,
}

#[derive(Default)]
struct Registry {
    live: BTreeMap<ObjectNumber, Arc<Object>>,
    /// Dropped, and their files not removed yet.
    dropped: Vec<Arc<Object>>,
    /// Up to this object the page cache was told to give up what it has.
    cold_to: ObjectNumber,
}

impl Objects {
    pub(crate) fn new(store: Arc<dyn Store>, directory: u128, index_bytes_max: usize) -> Objects {
        let indexes = Mutex::new(Indexes::new(index_bytes_max));
        Objects { store, directory, registry: Mutex::default(), indexes }
    }

    /// Where their bytes are: for writing new ones.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The id of the data directory, which each object carries.
    #[must_use]
    pub fn directory(&self) -> u128 {
        self.directory
    }

    /// Makes an object known that is durable under its name. To be done before it is committed: once that is durable its
    /// parts are read.
    ///
    /// # Panics
    /// When the number is known: numbers are never used again.
    pub fn register(&self, entry: ObjectEntry) {
        let number = entry.number;
        let before =
            self.registry.lock().live.insert(number, Arc::new(Object { entry, named: AtomicU32::new(0) }));
        assert!(before.is_none(), "object {number} was registered twice: numbers are never used again");
    }

    /// An object that was registered and not dropped. Holding it keeps its file.
    #[must_use]
    pub fn get(&self, number: ObjectNumber) -> Option<Arc<Object>> {
        self.registry.lock().live.get(&number).cloned()
    }

    /// All objects that were registered and not dropped, in ascending order.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<Object>> {
        self.registry.lock().live.values().cloned().collect()
    }

    /// Objects that no log's index names and no read holds: the manifest may do without them, unless they are about to be
    /// committed.
    #[must_use]
    pub fn unused(&self) -> Vec<ObjectNumber> {
        let registry = self.registry.lock();
        let is_free =
            |object: &&Arc<Object>| Arc::strong_count(object) == 1 || planted!(ObjectFreedWhileRead);
        let unused = registry.live.values().filter(is_free);
        unused.map(|object| object.number()).collect()
    }

    /// Whether only reads hold some object that no log's index names, or that was dropped: once they are over it is
    /// unused, and nothing else says so.
    #[must_use]
    pub fn are_held(&self) -> bool {
        let registry = self.registry.lock();
        let is_held = |object: &Arc<Object>| !object.is_named() && Arc::strong_count(object) > 1;
        registry.live.values().any(is_held) || !registry.dropped.is_empty()
    }

    /// Lets the page cache give up all but the newest objects, of which it keeps about so many bytes. Each is given up once:
    /// what is read of it later stays for as long as the machine likes.
    pub fn cool(&self, warm_bytes_max: u64) {
        let cold: Vec<(ObjectNumber, u64)> = {
            let mut registry = self.registry.lock();
            let mut warm_bytes = 0_u64;
            let from = registry.cold_to;
            let warm = registry.live.range(ObjectNumber(from.0 + 1)..).rev().take_while(|(_, object)| {
                warm_bytes = warm_bytes.saturating_add(object.entry.bytes);
                warm_bytes <= warm_bytes_max
            });
            let first_warm = warm.last().map_or(ObjectNumber(u64::MAX), |(number, _)| *number);
            let cold = registry.live.range(ObjectNumber(from.0 + 1)..first_warm);
            let cold: Vec<_> = cold.map(|(number, object)| (*number, object.entry.bytes)).collect();
            registry.cold_to = cold.last().map_or(from, |(number, _)| *number);
            cold
        };
        for (number, bytes) in cold {
            // One that cannot be opened now keeps its pages until the machine needs them.
            if let Ok(file) = self.store.open(number) {
                file.advise_wont_need(0, bytes);
            }
        }
    }

    /// What earlier processes wrote is left to the page cache as it is: opening all of it would cost more than it gives.
    pub(crate) fn leave_uncooled(&self) {
        let mut registry = self.registry.lock();
        registry.cold_to = registry.live.last_key_value().map_or(ObjectNumber(0), |(number, _)| *number);
    }

    /// Takes objects out that are out of the manifest, durably, or that were never committed. Their files go with the
    /// next [`Objects::sweep`] that finds them unread. Those that are not known are gone already.
    pub fn drop_objects(&self, numbers: &[ObjectNumber]) {
        for number in numbers {
            let mut registry = self.registry.lock();
            let Some(object) = registry.live.remove(number) else { continue };
            registry.dropped.push(object);
            drop(registry);
            self.indexes.lock().forget(*number);
        }
    }

    /// Removes the files of dropped objects that nothing holds any more; returns how many. To be called again for the
    /// others.
    ///
    /// # Errors
    /// What the store says; the object stays dropped, and the next call tries again.
    pub fn sweep(&self) -> io::Result<usize> {
        // Nothing new can hold a dropped object: it is not in the registry any more.
        let is_free = |object: &Arc<Object>| Arc::strong_count(object) == 1 || planted!(ObjectFreedWhileRead);
        let free: Vec<Arc<Object>> = {
            let mut registry = self.registry.lock();
            let (free, held) = std::mem::take(&mut registry.dropped).into_iter().partition(is_free);
            registry.dropped = held;
            free
        };
        let mut removed = 0;
        for (place, object) in free.iter().enumerate() {
            if let Err(error) = self.store.remove(object.number()) {
                self.registry.lock().dropped.extend(free[place..].iter().cloned());
                return Err(error);
            }
            removed += 1;
        }
        Ok(removed)
    }

    /// Dropped objects whose files are still there.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.registry.lock().dropped.len()
    }

    /// The index of an object's part of a log, if it is in memory.
    pub(crate) fn cached_index(&self, object: &Object, log: LogId) -> Option<Arc<PartIndex>> {
        self.indexes.lock().get(object.number(), log)
    }

    /// The index of an object's part; `None` when it is not in memory and `mode` forbids to wait.
    pub(crate) fn index(
        &self,
        object: &Object,
        part: &ObjectPart,
        mode: ReadMode,
    ) -> Result<Option<Arc<PartIndex>>, ReadError> {
        if let Some(index) = self.cached_index(object, part.log) {
            return Ok(Some(index));
        }
        if mode == ReadMode::CachedOnly {
            return Ok(None);
        }
        let file = self.open(object.number())?;
        let Some(index) = PartIndex::load(&*file, object.number(), self.directory, part, mode)? else {
            return Ok(None);
        };
        let index = Arc::new(index);
        // One that was dropped meanwhile must not come back.
        let registry = self.registry.lock();
        if registry.live.contains_key(&object.number()) {
            self.indexes.lock().insert(object.number(), part.log, &index);
        }
        Ok(Some(index))
    }

    pub(crate) fn open(&self, number: ObjectNumber) -> Result<Arc<dyn ObjectFile>, ReadError> {
        self.store.open(number).map_err(|source| {
            let error = ReadError::Io { file: name_of(number), source: Arc::new(source) };
            tracing::error!(%error, "an object cannot be opened; nothing is served from it");
            error
        })
    }

    /// Whether the file of an object that live records need is there, of the length that the manifest says.
    ///
    /// # Errors
    /// [`OpenError::Missing`], [`OpenError::Corrupt`], [`OpenError::Io`].
    pub(crate) fn check(&self, object: &Object) -> Result<(), OpenError> {
        let name = name_of(object.number());
        let expected = object.entry.bytes;
        let file = match self.store.open(object.number()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let why = format!("the manifest lists it with {expected} bytes, and live records are in it");
                return Err(OpenError::Missing { file: name, why });
            }
            Err(error) => return Err(OpenError::io("opening", &name, error)),
        };
        let found = file.len().map_err(|error| OpenError::io("reading the length of", &name, error))?;
        if found == expected {
            return Ok(());
        }
        let what = format!("it has {found} bytes, the manifest lists it with {expected}");
        Err(OpenError::Corrupt { file: name, offset: found.min(expected), what })
    }

    /// Removes what nothing refers to, once the manifest is complete: objects that were written and never committed, or
    /// dropped and not removed before the process ended.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) fn remove_orphans(&self) -> Result<(), OpenError> {
        let failed = |action, file: &str| {
            let file = file.to_owned();
            move |source| OpenError::Io { action, file, source }
        };
        let listing = self.store.list().map_err(failed("listing", "objects"))?;
        for number in listing.unfinished {
            let name = format!("objects/{:016x}.tmp", number.0);
            tracing::warn!(file = name, "removing what is left of an object that was never finished");
            self.store.remove_unfinished(number).map_err(failed("removing", &name))?;
        }
        for number in listing.finished {
            if self.registry.lock().live.contains_key(&number) || planted!(OrphansKept) {
                continue;
            }
            let name = name_of(number);
            tracing::warn!(file = name, "removing an object that the manifest does not list");
            self.store.remove(number).map_err(failed("removing", &name))?;
        }
        Ok(())
    }
}
