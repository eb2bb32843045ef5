//! WAL files that wait for use: written through, or empty and going to grow.
//!
//! Apart because three threads meet here: the keeper adds, the assembler takes the next file, and the writer takes
//! the reserve when a file that grows finds the disk full. A file has its number and its final name only when
//! it is begun: so nothing has to be named again when the order of use turns out to be another.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::disk::DiskFile;

/// A file that waits. Its name is durable.
pub(crate) struct Ready {
    pub(crate) path: String,
    pub(crate) file: Arc<dyn DiskFile>,
    /// Empty: its space is allocated as it is written. Otherwise all of its length is allocated and was written.
    pub(crate) grows: bool,
}

/// The files that wait. The last written one is the reserve (R12).
#[derive(Default)]
pub(crate) struct ReadyFiles {
    files: Mutex<Files>,
    /// How many there are of each kind, for looks without the lock.
    written: AtomicUsize,
    growing: AtomicUsize,
}

#[derive(Default)]
struct Files {
    written: VecDeque<Ready>,
    growing: VecDeque<Ready>,
}

impl ReadyFiles {
    /// Written files, and files that will grow.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.written.load(Ordering::Acquire), self.growing.load(Ordering::Acquire))
    }

    pub(crate) fn add(&self, file: Ready) {
        self.change(
            |files| if file.grows { files.growing.push_back(file) } else { files.written.push_back(file) },
        );
    }

    /// The next file in the order of use: written space before growing, and the reserve last of all.
    pub(crate) fn take_next(&self) -> Option<Ready> {
        self.change(|files| {
            if files.written.len() > 1 {
                return files.written.pop_front();
            }
            files.growing.pop_front().or_else(|| files.written.pop_front())
        })
    }

    /// A written file, the reserve if need be.
    pub(crate) fn take_written(&self) -> Option<Ready> {
        self.change(|files| files.written.pop_front())
    }

    fn change<T>(&self, act: impl FnOnce(&mut Files) -> T) -> T {
        let mut files = self.files.lock();
        let value = act(&mut files);
        self.written.store(files.written.len(), Ordering::Release);
        self.growing.store(files.growing.len(), Ordering::Release);
        value
    }
}
