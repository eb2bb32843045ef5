//! Open files, as many as the process may have and no more.
//!
//! Apart because descriptors are few (1,024 by default on most machines, shared with the sockets) while a data
//! directory may hold any number of sealed WAL files and objects. They share this budget: a file is opened when it is
//! read and closed when others are wanted more. One that is in use stays valid: it is closed by whoever lets go of it last.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::{Disk, DiskFile, OpenMode};

/// Opens files of one disk on demand and keeps the ones that were used last.
pub struct Files {
    disk: Arc<dyn Disk>,
    files_max: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    by_path: BTreeMap<Arc<str>, (Arc<dyn DiskFile>, u64)>,
    /// The same paths by the moment of their last use, oldest first.
    by_use: BTreeMap<u64, Arc<str>>,
    /// Uses so far.
    now: u64,
    /// Times that a name changed its meaning: a file that was opened before that is not kept after it.
    forgotten: u64,
}

impl Files {
    /// Keeps up to `files_max` files open beside those in use; at least 1.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, files_max: usize) -> Files {
        Files { disk, files_max: files_max.max(1), kept: Mutex::default() }
    }

    /// The file at `path`, which must exist. For reading: what is kept open must not be renamed, removed or replaced
    /// behind its back (see [`Files::forget`]).
    ///
    /// # Errors
    /// `NotFound`, or what the disk says. Without a free descriptor kept files are closed first.
    pub fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let forgotten = {
            let mut kept = self.kept.lock();
            if let Some(file) = kept.touch(path) {
                return Ok(file);
            }
            kept.forgotten
        };
        let file = self.open_own(path, OpenMode::Existing)?;
        // Dropped after the lock: closing a file may take long.
        let mut evicted = Vec::new();
        let mut kept = self.kept.lock();
        if kept.forgotten != forgotten {
            return Ok(file);
        }
        // Another thread may have opened it meanwhile: one of both is enough.
        if let Some(first) = kept.touch(path) {
            return Ok(first);
        }
        while kept.by_path.len() >= self.files_max {
            evicted.extend(kept.pop_oldest());
        }
        kept.insert(path, Arc::clone(&file));
        drop(kept);
        drop(evicted);
        Ok(file)
    }

    /// A descriptor of the caller's own, which is not counted and not shared.
    ///
    /// # Errors
    /// What the disk says. Without a free descriptor kept files are closed first.
    pub fn open_own(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        self.retrying(|disk| disk.open(path, mode))
    }

    /// The disk, for what needs no descriptor.
    pub(crate) fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    /// Closes a file before its name goes or is given to another; readers that have it keep it.
    pub fn forget(&self, path: &str) {
        let mut kept = self.kept.lock();
        kept.forgotten += 1;
        let file = kept.take(path);
        drop(kept);
        drop(file);
    }

    /// Removes a name, which is not kept open after that.
    ///
    /// # Errors
    /// `NotFound`, or what the disk says.
    pub fn remove(&self, path: &str) -> io::Result<()> {
        let result = self.retrying(|disk| disk.remove(path));
        // After the removal: what was opened before it is not kept, and nothing can be opened any more.
        self.forget(path);
        result
    }

    /// Runs an operation that needs a descriptor of its own; without a free one, kept files that nobody uses are
    /// closed, the oldest half each time, until it works or none is left.
    ///
    /// # Errors
    /// What the operation says.
    pub fn retrying<T>(&self, mut act: impl FnMut(&dyn Disk) -> io::Result<T>) -> io::Result<T> {
        loop {
            match act(&*self.disk) {
                Err(error) if is_exhausted(&error) && self.close_some() => {}
                done => return done,
            }
        }
    }

    /// Files kept open now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.kept.lock().by_path.len()
    }

    /// Closes the older half of the files that nobody uses; `false` when there is none.
    fn close_some(&self) -> bool {
        let mut closed = Vec::new();
        let mut kept = self.kept.lock();
        let is_idle = |path: &Arc<str>| Arc::strong_count(&kept.by_path[path].0) == 1;
        let idle: Vec<_> = kept.by_use.values().filter(|path| is_idle(path)).cloned().collect();
        for path in idle.iter().take(idle.len().div_ceil(2)) {
            closed.extend(kept.take(path));
        }
        drop(kept);
        !closed.is_empty()
    }
}

impl Kept {
    fn touch(&mut self, path: &str) -> Option<Arc<dyn DiskFile>> {
        let (file, used) = self.by_path.get_mut(path)?;
        let path = self.by_use.remove(used).expect("every kept file has its moment of use");
        self.now += 1;
        *used = self.now;
        self.by_use.insert(self.now, path);
        Some(Arc::clone(file))
    }

    fn insert(&mut self, path: &str, file: Arc<dyn DiskFile>) {
        let path: Arc<str> = path.into();
        self.now += 1;
        self.by_use.insert(self.now, Arc::clone(&path));
        let before = self.by_path.insert(path, (file, self.now));
        assert!(before.is_none(), "a file is kept once");
    }

    fn take(&mut self, path: &str) -> Option<Arc<dyn DiskFile>> {
        let (file, used) = self.by_path.remove(path)?;
        self.by_use.remove(&used);
        Some(file)
    }

    fn pop_oldest(&mut self) -> Option<Arc<dyn DiskFile>> {
        let (_, path) = self.by_use.pop_first()?;
        let (file, _) = self.by_path.remove(&path).expect("every moment of use is a kept file's");
        Some(file)
    }
}

/// Whether the process or the machine has no descriptor left: `EMFILE`, `ENFILE`.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE]
        .iter()
        .any(|errno| code == Some(errno.raw_os_error()))
}
