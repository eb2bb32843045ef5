//! Streamed files past the page cache.
//!
//! Apart because of what the machine asks for there: memory, positions and lengths that are multiples of a block. What a
//! file gains by it: no new pages (on a virtual machine the dearest part of a write), and no unwritten data that a sync of
//! some other file in the same journal would have to wait for.

use std::fs::File;
use std::io;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::StreamedFile;

/// What positions, lengths and addresses are multiples of: no disk in use has larger blocks.
const BLOCK_BYTES: usize = 4 << 10;
/// What is written at once: little, since the next sync of any other file flushes the disk's cache, and waits for it.
const WRITE_BYTES: usize = 64 << 10;

/// A file that is written in blocks; its last, short one is written through the page cache.
pub(super) struct Direct {
    file: File,
    /// Bytes of the file that are written.
    written: u64,
    /// Room for one write behind the first aligned address.
    buffer: Vec<u8>,
    /// Where that is.
    aligned: usize,
    /// Bytes in it.
    filled: usize,
}

impl Direct {
    /// An empty file that was opened with `O_DIRECT`.
    pub(super) fn new(file: File) -> Direct {
        let buffer = vec![0; WRITE_BYTES + BLOCK_BYTES];
        let aligned = buffer.as_ptr().align_offset(BLOCK_BYTES);
        assert!(aligned <= BLOCK_BYTES, "a byte's address can be aligned");
        Direct { file, written: 0, buffer, aligned, filled: 0 }
    }

    fn write(&mut self) -> io::Result<()> {
        let mut rest = self.aligned..self.aligned + self.filled;
        while !rest.is_empty() {
            let written = match rustix::io::pwrite(&self.file, &self.buffer[rest.clone()], self.written) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(rustix::io::Errno::INTR) => continue,
                // A file system that opens files so and does not write them so, or wants larger blocks.
                Err(rustix::io::Errno::INVAL) if self.is_direct()? => {
                    self.leave_direct()?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            self.written += written as u64;
            rest.start += written;
            if !written.is_multiple_of(BLOCK_BYTES) && !rest.is_empty() {
                self.leave_direct()?;
            }
        }
        self.filled = 0;
        Ok(())
    }

    fn is_direct(&self) -> io::Result<bool> {
        Ok(fcntl_getfl(&self.file)?.contains(OFlags::DIRECT))
    }

    fn leave_direct(&self) -> io::Result<()> {
        let flags = fcntl_getfl(&self.file)?;
        Ok(fcntl_setfl(&self.file, flags - OFlags::DIRECT)?)
    }
}

impl StreamedFile for Direct {
    fn append(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let taken = bytes.len().min(WRITE_BYTES - self.filled);
            let from = self.aligned + self.filled;
            self.buffer[from..from + taken].copy_from_slice(&bytes[..taken]);
            self.filled += taken;
            bytes = &bytes[taken..];
            if self.filled == WRITE_BYTES {
                self.write()?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if !self.filled.is_multiple_of(BLOCK_BYTES) {
            self.leave_direct()?;
        }
        self.write()?;
        self.file.sync_data()
    }
}
