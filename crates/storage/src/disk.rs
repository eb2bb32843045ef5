//! What storage asks of a disk: blocking operations on files below one data directory.
//!
//! Apart so that the same lane, recovery and checkpoint code runs on the machine's disk and on a simulated one
//! that loses, tears and corrupts (reliability F1–F9). The level is the file operation, not the block: what is
//! promised and what is not is what POSIX promises, and one contract suite holds every implementation to it.
//!
//! Paths are relative to the data directory, use `/`, and are at most one directory deep. What each operation
//! leaves behind after a power cut:
//!
//! ```text
//! write_at, set_len      nothing, everything, or any subset of the sectors, until sync_data of that file
//! open (create), rename, remove, make_dir
//!                        happened or not, each on its own, until sync_dir of the directory that holds the name
//! ```

use std::io::{self, IoSlice};
use std::sync::Arc;

mod direct;
mod real;
mod streamed;

pub use real::RealDisk;
pub use streamed::StreamedFile;

/// How [`Disk::open`] treats a file that exists or does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenMode {
    /// The file must exist.
    Existing,
    /// The file must not exist; it is created empty, readable by the owner alone.
    CreateNew,
}

/// Holds the data directory until dropped; no second process can lock it meanwhile.
pub trait DirLock: Send + Sync {}

/// One data directory. All methods block.
pub trait Disk: Send + Sync {
    /// Opens or creates a file for reading and writing.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyExists`, or what the machine says.
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>>;

    /// Creates a file that is written from front to end and not read before it is whole.
    ///
    /// # Errors
    /// As [`Disk::open`] with [`OpenMode::CreateNew`].
    fn create_streamed(&self, path: &str) -> io::Result<Box<dyn StreamedFile>> {
        Ok(Box::new(streamed::Stepwise::new(self.open(path, OpenMode::CreateNew)?)))
    }

    /// Gives a file another name in the same directory, atomically; the new name must not exist or is replaced.
    ///
    /// # Errors
    /// `NotFound`, or what the machine says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a name; open files stay readable.
    ///
    /// # Errors
    /// `NotFound`, or what the machine says.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Names of the files in a directory (`""` is the data directory), sorted. Directories are not listed.
    ///
    /// # Errors
    /// `NotFound` when there is no such directory, or what the machine says.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;

    /// Makes a directory, readable by the owner alone. One that exists is fine.
    ///
    /// # Errors
    /// What the machine says.
    fn make_dir(&self, dir: &str) -> io::Result<()>;

    /// Makes creations, renames and removals in a directory durable.
    ///
    /// # Errors
    /// What the machine says; what is durable is then unknown.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;

    /// Bytes an unprivileged process can still allocate.
    ///
    /// # Errors
    /// What the machine says.
    fn free_space(&self) -> io::Result<u64>;

    /// Takes the directory for this process.
    ///
    /// # Errors
    /// `WouldBlock` when another process holds it, or what the machine says; on a disk that may only be read, `NotFound`
    /// when nobody ever took it.
    fn lock(&self) -> io::Result<Box<dyn DirLock>>;
}

/// One open file. All methods block, except that [`DiskFile::try_read_at`] does not wait for the medium.
pub trait DiskFile: Send + Sync {
    /// Writes the slices one after another from `position`, growing the file if needed; may write fewer bytes
    /// than given (see [`write_all_at`]). At most [`IO_SLICES_MAX`] slices.
    ///
    /// # Errors
    /// What the machine says; what of the bytes stands is then unknown.
    fn write_at(&self, position: u64, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Reads into `buf` from `position`; may read fewer bytes, and reads none at the end of the file.
    ///
    /// # Errors
    /// What the machine says.
    fn read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// As [`DiskFile::read_at`], but only what is in memory already.
    ///
    /// # Errors
    /// `WouldBlock` when the first byte is not in memory, or what the machine says.
    fn try_read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.read_at(position, buf)
    }

    /// Says that these bytes will be read soon, so that the machine may fetch them meanwhile. Nothing depends on it.
    fn advise_will_need(&self, from: u64, to: u64) {
        let _ = (from, to);
    }

    /// Says that these bytes will not be read soon, so that the machine may use the memory that holds them for others. Those
    /// that are not durable yet stay. Nothing depends on it.
    fn advise_wont_need(&self, from: u64, to: u64) {
        let _ = (from, to);
    }

    /// Makes the file's bytes and length durable. After an error the caller must not trust, and must not retry:
    /// the machine may have marked the lost pages as written.
    ///
    /// # Errors
    /// What the machine says.
    fn sync_data(&self) -> io::Result<()>;

    /// Gives the space of a range back: it reads as zeros, the length stays. A file system that cannot do it keeps
    /// the space; nothing else depends on it.
    ///
    /// # Errors
    /// What the machine says.
    fn punch(&self, from: u64, to: u64) -> io::Result<()> {
        let _ = (from, to);
        Ok(())
    }

    /// Bytes of the file for which space is allocated. Less than its length: it has holes.
    ///
    /// # Errors
    /// What the machine says.
    fn allocated_bytes(&self) -> io::Result<u64> {
        self.len()
    }

    /// Cuts or extends the file; new bytes read as zero.
    ///
    /// # Errors
    /// What the machine says.
    fn set_len(&self, bytes: u64) -> io::Result<()>;

    /// Length in bytes.
    ///
    /// # Errors
    /// What the machine says.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file has no bytes.
    ///
    /// # Errors
    /// As [`DiskFile::len`].
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// Slices one `write_at` takes at most: Linux's `IOV_MAX`.
pub const IO_SLICES_MAX: usize = 1024;

/// Writes all slices from `position`, going on after short writes and interruptions.
///
/// # Errors
/// The first error of the disk; `WriteZero` when the disk accepts nothing. What stands is then unknown.
pub fn write_all_at(file: &dyn DiskFile, mut position: u64, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    let mut rest = slices;
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        let batch = rest.len().min(IO_SLICES_MAX);
        match file.write_at(position, &rest[..batch]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                position += written as u64;
                IoSlice::advance_slices(&mut rest, written);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes bytes that nobody waits for, in small pieces: a page that the machine has to find first may cost ten microseconds and
/// more, and in the middle of one write no other thread may get the processor.
///
/// # Errors
/// As [`write_all_at`].
pub fn write_small(file: &dyn DiskFile, mut position: u64, bytes: &[u8]) -> io::Result<()> {
    for piece in bytes.chunks(SMALL_BYTES) {
        write_all_at(file, position, &mut [IoSlice::new(piece)])?;
        position += piece.len() as u64;
    }
    Ok(())
}

/// Bytes of one write of [`write_small`]: 16 pages.
const SMALL_BYTES: usize = 64 << 10;

/// Reads until `buf` is full or the file ends; returns the bytes read.
///
/// # Errors
/// The first error of the disk.
pub fn read_up_to(file: &dyn DiskFile, position: u64, buf: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buf.len() {
        match file.read_at(position + done as u64, &mut buf[done..]) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
