//! Checkpoints: images of everything the shard knows, so that recovery replays little and WAL files can go.
//!
//! Apart because freeing depends on them (R7): a checkpoint also lists the WAL files that must still exist, which
//! makes it the one durable statement of what may be missing. A file is freed only after a durable checkpoint
//! does without it, so a listed file that is not there is a loss, never a clean-up.
//!
//! Fuzzy: images are taken a few at a time while the lane goes on, each stamped with the position up to which it
//! knows everything; recovery replays frames from the smallest stamp on. A checkpoint counts only under its final
//! name, given after its bytes are durable and after the lane is durable beyond its largest stamp.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, IoSlice};
use std::sync::Arc;

use millstream_types::limits::CHECKPOINT_CHUNK_BYTES_MAX;
use millstream_types::{WalPosition, planted};

use crate::disk::{DiskFile, OpenMode, write_all_at};
use crate::lane::Shared;
use crate::wal::number_in;

pub(crate) mod format;
pub(crate) mod read;

use format::{Footer, ListedFile};

/// Directory of the checkpoints.
pub(crate) const DIR: &str = "checkpoint";
/// Checkpoints kept: the newest, and one to fall back on when the newest is damaged.
const KEPT: usize = 2;
/// Bytes gathered before they are written.
const WRITE_BYTES: usize = 1 << 20;

pub(crate) fn path(number: u64) -> String {
    format!("{DIR}/{number:016x}.ckpt")
}

fn temporary_path(number: u64) -> String {
    format!("{DIR}/{number:016x}.tmp")
}

/// A checkpoint could not be written. The lane goes on, and so does the newest checkpoint; try again later.
#[derive(Debug, thiserror::Error)]
#[error("writing checkpoint {file} failed: {source}")]
pub struct CheckpointError {
    /// The file or directory, relative to the data directory.
    pub file: String,
    /// What the disk said.
    pub source: io::Error,
}

/// What a finished checkpoint is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CheckpointDone {
    /// Its number.
    pub number: u64,
    /// Images in it.
    pub images: u64,
    /// Where replay after it begins.
    pub needed: WalPosition,
    /// WAL files that [`crate::Keeper::recycle`] may now free.
    pub released: usize,
}

/// Begins checkpoints, one after another.
pub struct Checkpointer {
    shared: Arc<Shared>,
    next_number: u64,
}

impl Checkpointer {
    pub(crate) fn new(shared: Arc<Shared>, next_number: u64) -> Checkpointer {
        Checkpointer { shared, next_number }
    }

    /// Begins a checkpoint of a shard whose next frame will begin at `at`; what happens from there on is replayed.
    ///
    /// # Errors
    /// [`CheckpointError`]; nothing has changed.
    pub fn begin(&mut self, at: WalPosition) -> Result<CheckpointWriter, CheckpointError> {
        let number = self.next_number;
        self.next_number += 1;
        let temporary = temporary_path(number);
        let failed = |source| CheckpointError { file: temporary.clone(), source };
        let disk = &self.shared.disk;
        // A number is tried once per process; a crash may have left the name behind.
        match disk.remove(&temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            Ok(()) | Err(_) => {}
        }
        let file = self.shared.opener.open_own(&temporary, OpenMode::CreateNew).map_err(failed)?;
        let header = format::encode_header(self.shared.directory, number, at);
        Ok(CheckpointWriter {
            shared: Arc::clone(&self.shared),
            number,
            file,
            buffer: header.to_vec(),
            written: 0,
            sum: 0,
            needed: at,
            largest: at,
            images: 0,
        })
    }
}

/// A checkpoint being written. Dropping it abandons it.
pub struct CheckpointWriter {
    shared: Arc<Shared>,
    number: u64,
    file: Arc<dyn DiskFile>,
    buffer: Vec<u8>,
    written: u64,
    /// CRC-32C of what was written.
    sum: u32,
    needed: WalPosition,
    largest: WalPosition,
    images: u64,
}

impl CheckpointWriter {
    /// Adds an image that knows everything before `stamp` and nothing after.
    ///
    /// # Errors
    /// [`CheckpointError`]; the checkpoint must be abandoned.
    ///
    /// # Panics
    /// When the image is longer than 64 KiB.
    pub fn add(&mut self, stamp: WalPosition, image: &[u8]) -> Result<(), CheckpointError> {
        assert!(image.len() <= CHECKPOINT_CHUNK_BYTES_MAX, "large entities come in chunks of 64 KiB");
        format::encode_record(&mut self.buffer, stamp, image);
        self.needed = self.needed.min(stamp);
        self.largest = self.largest.max(stamp);
        self.images += 1;
        if self.buffer.len() >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    /// The largest stamp: the lane must be durable up to here before [`CheckpointWriter::finish`].
    #[must_use]
    pub fn largest_stamp(&self) -> WalPosition {
        self.largest
    }

    /// Whether the lane is durable up to the largest stamp. With interval durability that is later than what replies
    /// wait for.
    #[must_use]
    pub fn may_finish(&self) -> bool {
        self.shared.durable() >= self.largest || planted!(CheckpointBeforeWal)
    }

    /// Makes the checkpoint count, and drops all but the two newest.
    ///
    /// # Errors
    /// [`CheckpointError`]; the one before still counts.
    ///
    /// # Panics
    /// When the lane is not durable up to the largest stamp: the checkpoint would know what may never have been.
    pub fn finish(mut self) -> Result<CheckpointDone, CheckpointError> {
        assert!(self.may_finish(), "a checkpoint counts only of what is durable");
        let (released, listed) = self.sort_files();
        self.flush()?;
        let footer = Footer {
            needed: self.needed,
            largest: self.largest,
            images: self.images,
            sum: self.sum,
            files: listed,
        };
        footer.encode(&mut self.buffer);
        self.flush()?;
        let (temporary, path) = (temporary_path(self.number), path(self.number));
        let disk = &self.shared.disk;
        if !planted!(CheckpointNotSynced) {
            self.file.sync_data().map_err(failed(&temporary))?;
        }
        disk.rename(&temporary, &path).map_err(failed(&temporary))?;
        if !planted!(CheckpointNameNotSynced) {
            self.shared.opener.retrying(|disk| disk.sync_dir(DIR)).map_err(failed(DIR))?;
        }
        let count = released.len();
        self.shared.released.lock().extend(released);
        self.drop_old()?;
        let Self { number, images, needed, .. } = self;
        tracing::debug!(number, images, %needed, released = count, "checkpoint written");
        Ok(CheckpointDone { number, images, needed, released: count })
    }

    /// Which files the checkpoint does without, and which must exist as long as it is the newest.
    fn sort_files(&self) -> (BTreeSet<u64>, Vec<ListedFile>) {
        let gone = self.shared.released.lock();
        let files = self.shared.files.lock();
        let mut released: BTreeSet<u64> = files
            .values()
            .filter(|file| !file.is_live() || planted!(FreedWhileLive))
            .filter(|file| file.end().is_some_and(|end| end <= self.needed || planted!(FreedBeforeCovered)))
            .map(|file| file.sequence)
            .collect();
        // With interval durability a trim may be shown before it is durable. What it emptied must stay until then,
        // or a crash would bring the records back without their bytes.
        if self.shared.durable() < self.shared.published() && !planted!(FreedBeforeTrimDurable) {
            released.clear();
        }
        // Only what is durable now: a file that a crash may still undo must not be missed afterwards. And not what an
        // earlier checkpoint has let go: it is freed at any time.
        let durable = self.shared.durable();
        let stays = |sequence| !released.contains(sequence) && !gone.contains(sequence);
        let listed = files
            .values()
            .filter(|file| stays(&file.sequence) && file.base < durable)
            .map(|file| ListedFile {
                sequence: file.sequence,
                base: file.base,
                end: file.end().filter(|end| *end <= durable),
            })
            .collect();
        (released, listed)
    }

    fn flush(&mut self) -> Result<(), CheckpointError> {
        let mut slices = [IoSlice::new(&self.buffer)];
        write_all_at(&*self.file, self.written, &mut slices).map_err(failed(&temporary_path(self.number)))?;
        self.written += self.buffer.len() as u64;
        self.sum = crc32c::crc32c_append(self.sum, &self.buffer);
        self.buffer.clear();
        Ok(())
    }

    fn drop_old(&self) -> Result<(), CheckpointError> {
        let disk = &self.shared.disk;
        let opener = &self.shared.opener;
        let names = opener.retrying(|disk| disk.list(DIR)).map_err(failed(DIR))?;
        let numbers: Vec<u64> = names.iter().filter_map(|name| number_in(name, "ckpt")).collect();
        for number in numbers.iter().rev().skip(KEPT) {
            let old = path(*number);
            disk.remove(&old).map_err(failed(&old))?;
        }
        // Unfinished ones of earlier processes.
        for number in
            names.iter().filter_map(|name| number_in(name, "tmp")).filter(|number| *number < self.number)
        {
            let old = temporary_path(number);
            disk.remove(&old).map_err(failed(&old))?;
        }
        if planted!(CheckpointNameNotSynced) {
            return Ok(());
        }
        opener.retrying(|disk| disk.sync_dir(DIR)).map_err(failed(DIR))
    }
}

fn failed(file: &str) -> impl FnOnce(io::Error) -> CheckpointError + use<> {
    let file = file.to_owned();
    move |source| CheckpointError { file, source }
}
