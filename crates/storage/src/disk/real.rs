//! The machine's disk.
//!
//! Apart from the trait because only this file knows Linux: modes, `preadv2` with `RWF_NOWAIT`, `flock`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use rustix::fs::{Advice, FallocateFlags, FlockOperation, Mode, OFlags};
use rustix::io::ReadWriteFlags;

use super::direct::Direct;
use super::streamed::Stepwise;
use super::{DirLock, Disk, DiskFile, OpenMode, StreamedFile};

/// A directory of the machine. Files are 0600, directories 0700.
#[derive(Debug)]
pub struct RealDisk {
    root: PathBuf,
    read_only: bool,
    /// Directories that were synced once, three or four, kept open: making a name durable must not fail for want of a
    /// descriptor, since after a failed sync the lane stops for good.
    dirs: Mutex<BTreeMap<String, Arc<File>>>,
}

impl RealDisk {
    /// The disk below `root`, which is made if it is missing.
    ///
    /// # Errors
    /// What the machine says about making it.
    pub fn new(root: impl Into<PathBuf>) -> io::Result<RealDisk> {
        let disk = RealDisk { root: root.into(), read_only: false, dirs: Mutex::default() };
        if let Some(parent) = disk.root.parent()
            && !parent.as_os_str().is_empty()
        {
            std::fs::create_dir_all(parent)?;
        }
        disk.make_dir("")?;
        Ok(disk)
    }

    /// The disk below `root`, which must exist: nothing is opened for writing, and whatever would change something fails
    /// with `ReadOnlyFilesystem`. Its lock is shared with others of this kind and excludes those that write.
    ///
    /// # Errors
    /// `NotADirectory`, or what the machine says.
    pub fn read_only(root: impl Into<PathBuf>) -> io::Result<RealDisk> {
        let disk = RealDisk { root: root.into(), read_only: true, dirs: Mutex::default() };
        if !std::fs::metadata(&disk.root)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(disk)
    }

    /// The directory, for messages.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.clone() } else { self.root.join(path) }
    }

    fn may_change(&self) -> io::Result<()> {
        if self.read_only { Err(io::ErrorKind::ReadOnlyFilesystem.into()) } else { Ok(()) }
    }
}

struct RealLock(#[expect(dead_code, reason = "the lock lives as long as the file is open")] File);

impl DirLock for RealLock {}

impl Disk for RealDisk {
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let mut flags = OFlags::CLOEXEC | OFlags::NOFOLLOW;
        flags |= if self.read_only { OFlags::RDONLY } else { OFlags::RDWR };
        if mode == OpenMode::CreateNew {
            self.may_change()?;
            flags |= OFlags::CREATE | OFlags::EXCL;
        }
        let fd = rustix::fs::open(self.path(path), flags, Mode::RUSR | Mode::WUSR)?;
        Ok(Arc::new(RealFile::new(File::from(fd))))
    }

    fn create_streamed(&self, path: &str) -> io::Result<Box<dyn StreamedFile>> {
        self.may_change()?;
        let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        let mode = Mode::RUSR | Mode::WUSR;
        match rustix::fs::open(self.path(path), flags | OFlags::DIRECT, mode) {
            Ok(fd) => Ok(Box::new(Direct::new(File::from(fd)))),
            // A file system that knows nothing but its page cache; the name may be there all the same.
            Err(rustix::io::Errno::INVAL) => {
                match self.remove(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
                Ok(Box::new(Stepwise::new(self.open(path, OpenMode::CreateNew)?)))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.may_change()?;
        std::fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.may_change()?;
        std::fs::remove_file(self.path(path))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(self.path(dir))? {
            let entry = entry?;
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn make_dir(&self, dir: &str) -> io::Result<()> {
        self.may_change()?;
        match rustix::fs::mkdir(self.path(dir), Mode::RWXU) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.may_change()?;
        let known = self.dirs.lock().get(dir).cloned();
        let opened = match known {
            Some(opened) => opened,
            None => {
                let opened = Arc::new(File::open(self.path(dir))?);
                self.dirs.lock().insert(dir.to_owned(), Arc::clone(&opened));
                opened
            }
        };
        opened.sync_all()
    }

    fn free_space(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(&self.root)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn lock(&self) -> io::Result<Box<dyn DirLock>> {
        let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let (flags, operation) = if self.read_only {
            (flags | OFlags::RDONLY, FlockOperation::NonBlockingLockShared)
        } else {
            (flags | OFlags::RDWR | OFlags::CREATE, FlockOperation::NonBlockingLockExclusive)
        };
        let fd = rustix::fs::open(self.path("lock"), flags, Mode::RUSR | Mode::WUSR)?;
        rustix::fs::flock(&fd, operation)?;
        Ok(Box::new(RealLock(File::from(fd))))
    }
}

struct RealFile {
    file: File,
    /// Where the last advice to read ahead ended.
    asked_to: AtomicU64,
    /// Where a read last waited for the disk.
    missed_at: AtomicU64,
}

/// Whether to ask for `from..to` ahead of time, after an advice that ended at `asked_to` and a read at `missed_at` that had to
/// wait: when half of the last advice is used up, or none was given where reads begin to wait. An advice makes the kernel
/// look at every page of the range, also at those that it has; one after each small piece read from the page cache
/// costs more than the reading.
fn is_worth_asking(asked_to: u64, missed_at: u64, from: u64, to: u64) -> bool {
    let window = to.saturating_sub(from);
    if from < asked_to && asked_to <= to {
        return asked_to < to && asked_to - from <= window / 2;
    }
    missed_at < from && from - missed_at <= window
}

impl RealFile {
    fn new(file: File) -> RealFile {
        RealFile { file, asked_to: AtomicU64::new(0), missed_at: AtomicU64::new(u64::MAX) }
    }

    fn advise(&self, from: u64, to: u64, advice: Advice) {
        let Some(bytes) = to.checked_sub(from).and_then(NonZeroU64::new) else { return };
        // On a machine that does not take advice some reads wait a little longer, and nothing else changes.
        let _ = rustix::fs::fadvise(&self.file, from, Some(bytes), advice);
    }
}

impl DiskFile for RealFile {
    fn write_at(&self, position: u64, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(rustix::io::pwritev(&self.file, slices, position)?)
    }

    fn read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize> {
        // What the page cache has is given without knowing more; only where it has not, the disk is waited for.
        match self.try_read_at(position, buf) {
            Ok(read) if read == buf.len() => return Ok(read),
            _ => self.missed_at.store(position, Ordering::Relaxed),
        }
        Ok(rustix::io::pread(&self.file, buf, position)?)
    }

    fn try_read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut slices = [IoSliceMut::new(buf)];
        match rustix::io::preadv2(&self.file, &mut slices, position, ReadWriteFlags::NOWAIT) {
            Ok(read) => Ok(read),
            // Some file systems cannot tell whether they would wait: that is the cautious answer too.
            Err(rustix::io::Errno::OPNOTSUPP) => Err(io::ErrorKind::WouldBlock.into()),
            Err(error) => Err(error.into()),
        }
    }

    fn advise_will_need(&self, from: u64, to: u64) {
        // Readers that overtake each other here ask once too often, or wait once.
        let (asked_to, missed_at) =
            (self.asked_to.load(Ordering::Relaxed), self.missed_at.load(Ordering::Relaxed));
        if is_worth_asking(asked_to, missed_at, from, to) {
            self.asked_to.store(to, Ordering::Relaxed);
            self.advise(from, to, Advice::WillNeed);
        }
    }

    fn advise_wont_need(&self, from: u64, to: u64) {
        self.advise(from, to, Advice::DontNeed);
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn punch(&self, from: u64, to: u64) -> io::Result<()> {
        if from >= to {
            return Ok(());
        }
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(&self.file, hole, from, to - from) {
            Err(rustix::io::Errno::OPNOTSUPP) => Ok(()),
            done => Ok(done?),
        }
    }

    fn allocated_bytes(&self) -> io::Result<u64> {
        // Counted in blocks of 512 bytes whatever the file system's own size.
        let blocks = rustix::fs::fstat(&self.file)?.st_blocks;
        Ok(u64::try_from(blocks).unwrap_or(0).saturating_mul(512))
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

#[cfg(test)]
mod tests {
    use super::is_worth_asking;

    /// No read had to wait yet.
    const NEVER: u64 = u64::MAX;

    #[test]
    fn what_is_cached_or_asked_for_is_not_asked_for_again() {
        for (asked_to, missed_at, from, to, is_worth) in [
            (0, NEVER, 1, 9, false),
            (0, 0, 1, 9, true),
            // The advice of before is good for some time, then there is another in time.
            (9, 0, 4, 12, false),
            (9, 0, 5, 13, true),
            (13, 0, 12, 20, true),
            // At the end of what there is, all of it has been asked for.
            (13, 0, 11, 13, false),
            // Another way through what has been fetched meanwhile does not wait.
            (100, 92, 1, 9, false),
            (9, 1, 50, 58, false),
            // Or it does, somewhere.
            (100, 45, 46, 54, true),
            (9, 49, 50, 58, true),
        ] {
            let asked = is_worth_asking(asked_to, missed_at, from, to);
            assert_eq!(asked, is_worth, "asked to {asked_to}, missed at {missed_at}, {from}..{to}");
        }
    }
}
