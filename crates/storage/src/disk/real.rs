//! The machine's disk.
//!
//! Apart from the trait because only this file knows Linux: modes, `preadv2` with `RWF_NOWAIT`, `flock`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::fs::{Advice, FallocateFlags, FlockOperation, Mode, OFlags};
use rustix::io::ReadWriteFlags;

use super::{DirLock, Disk, DiskFile, OpenMode};

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
        Ok(Arc::new(RealFile(File::from(fd))))
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

struct RealFile(File);

impl RealFile {
    fn advise(&self, from: u64, to: u64, advice: Advice) {
        let Some(bytes) = to.checked_sub(from).and_then(NonZeroU64::new) else { return };
        // On a machine that does not take advice some reads wait a little longer, and nothing else changes.
        let _ = rustix::fs::fadvise(&self.0, from, Some(bytes), advice);
    }
}

impl DiskFile for RealFile {
    fn write_at(&self, position: u64, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(rustix::io::pwritev(&self.0, slices, position)?)
    }

    fn read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::pread(&self.0, buf, position)?)
    }

    fn try_read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut slices = [IoSliceMut::new(buf)];
        match rustix::io::preadv2(&self.0, &mut slices, position, ReadWriteFlags::NOWAIT) {
            Ok(read) => Ok(read),
            // Some file systems cannot tell whether they would wait: that is the cautious answer too.
            Err(rustix::io::Errno::OPNOTSUPP) => Err(io::ErrorKind::WouldBlock.into()),
            Err(error) => Err(error.into()),
        }
    }

    fn advise_will_need(&self, from: u64, to: u64) {
        self.advise(from, to, Advice::WillNeed);
    }

    fn advise_wont_need(&self, from: u64, to: u64) {
        self.advise(from, to, Advice::DontNeed);
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn punch(&self, from: u64, to: u64) -> io::Result<()> {
        if from >= to {
            return Ok(());
        }
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(&self.0, hole, from, to - from) {
            Err(rustix::io::Errno::OPNOTSUPP) => Ok(()),
            done => Ok(done?),
        }
    }

    fn allocated_bytes(&self) -> io::Result<u64> {
        // Counted in blocks of 512 bytes whatever the file system's own size.
        let blocks = rustix::fs::fstat(&self.0)?.st_blocks;
        Ok(u64::try_from(blocks).unwrap_or(0).saturating_mul(512))
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}
