//! Files that are written once, from front to end, by somebody who is in no hurry, and read when they are whole.
//!
//! Apart from [`DiskFile`] because such a file can be written without touching what others wait for: the machine's disk
//! goes past its page cache ([`direct`](super::direct)). Where that cannot be done, small steps that are synced one by one
//! come near it.

use std::io;
use std::sync::Arc;

use super::{DiskFile, write_small};

/// So much is synced at a time, a millisecond or less of an ordinary disk: what is written but not synced stands before the
/// appends' own syncs.
const SYNC_BYTES: u64 = 512 << 10;

/// A file that grows at its end until it is durable as a whole.
pub trait StreamedFile: Send {
    /// Adds bytes at the end. They may be read, and last, after [`StreamedFile::finish`].
    ///
    /// # Errors
    /// What the machine says: the file is of no use then.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes all of it durable; nothing is added afterwards.
    ///
    /// # Errors
    /// What the machine says: what is durable is then unknown.
    fn finish(&mut self) -> io::Result<()>;
}

/// Through the page cache, in synced steps.
pub(super) struct Stepwise {
    file: Arc<dyn DiskFile>,
    bytes: u64,
    synced_bytes: u64,
}

impl Stepwise {
    /// Of an empty file.
    pub(super) fn new(file: Arc<dyn DiskFile>) -> Stepwise {
        Stepwise { file, bytes: 0, synced_bytes: 0 }
    }
}

impl StreamedFile for Stepwise {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(SYNC_BYTES as usize) {
            write_small(&*self.file, self.bytes, piece)?;
            self.bytes += piece.len() as u64;
            if self.bytes - self.synced_bytes >= SYNC_BYTES {
                self.file.sync_data()?;
                self.synced_bytes = self.bytes;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}
