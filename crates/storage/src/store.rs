//! Where packed objects are kept: whole, immutable, known by number.
//!
//! Apart because what is asked of such a place is little enough for a directory and a bucket alike: an object appears
//! whole or not at all, never changes, and is read at any place. What exists is decided by the manifest, which is
//! core state; [`Store::list`] serves only to find what nothing refers to.
//!
//! ```text
//! create ──► append … append ──► finish      durable under its final name when finish returns
//!               └── dropped, failed, crash ──► unfinished: listed as such, never as an object
//! ```

use std::io::{self, IoSlice};
use std::sync::Arc;

use millstream_types::ObjectNumber;

mod dir;
mod files;

pub use dir::DirStore;
pub(crate) use dir::DiskObject;
pub use files::Files;
pub(crate) use files::is_exhausted;

/// Directory of the objects.
pub(crate) const DIR: &str = "objects";
/// How the names of objects and of unfinished ones end.
const FINISHED: &str = "obj";
const UNFINISHED: &str = "tmp";

/// Keeps packed objects. All methods block.
pub trait Store: Send + Sync {
    /// Begins an object.
    ///
    /// # Errors
    /// `AlreadyExists` when there is an object of this number, finished or not; what the store says.
    fn create(&self, number: ObjectNumber) -> io::Result<Box<dyn ObjectSink>>;

    /// Opens a finished object. It stays readable while it is held, even when it is removed meanwhile.
    ///
    /// # Errors
    /// `NotFound`, or what the store says.
    fn open(&self, number: ObjectNumber) -> io::Result<Arc<dyn ObjectFile>>;

    /// Removes a finished object, durably. One that is not there is fine.
    ///
    /// # Errors
    /// What the store says; whether the object is there after the next crash is then unknown.
    fn remove(&self, number: ObjectNumber) -> io::Result<()>;

    /// Removes what is left of an object that was never finished. One that is not there is fine. Not for one that is
    /// being written.
    ///
    /// # Errors
    /// What the store says.
    fn remove_unfinished(&self, number: ObjectNumber) -> io::Result<()>;

    /// What is there, in ascending order. Names that no store gives are left out.
    ///
    /// # Errors
    /// What the store says.
    fn list(&self) -> io::Result<Listing>;
}

/// An object that is being written; dropping it abandons it.
pub trait ObjectSink: Send {
    /// Adds the slices, one after another. After an error the object must be abandoned.
    ///
    /// # Errors
    /// What the store says.
    fn append(&mut self, slices: &mut [IoSlice<'_>]) -> io::Result<()>;

    /// Makes the object durable under its final name. After an error nothing may refer to it.
    ///
    /// # Errors
    /// What the store says.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A finished object, open for reading. All methods block, except that [`ObjectFile::try_read_at`] does not wait for
/// the medium.
pub trait ObjectFile: Send + Sync {
    /// Reads into `buf` from `position`; may read fewer bytes, and reads none at the end.
    ///
    /// # Errors
    /// What the store says.
    fn read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// As [`ObjectFile::read_at`], but only what is in memory already.
    ///
    /// # Errors
    /// `WouldBlock` when the first byte is not in memory, or what the store says.
    fn try_read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// Says that these bytes will be read soon. Nothing depends on it.
    fn advise_will_need(&self, from: u64, to: u64) {
        let _ = (from, to);
    }

    /// Says that these bytes will not be read soon. Nothing depends on it.
    fn advise_wont_need(&self, from: u64, to: u64) {
        let _ = (from, to);
    }

    /// Length in bytes.
    ///
    /// # Errors
    /// What the store says.
    fn len(&self) -> io::Result<u64>;

    /// Whether it has no bytes; an object that was written always has some.
    ///
    /// # Errors
    /// As [`ObjectFile::len`].
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// What a store holds.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Listing {
    /// Finished objects.
    pub finished: Vec<ObjectNumber>,
    /// Objects that were begun, and not finished or not yet.
    pub unfinished: Vec<ObjectNumber>,
}

/// The name of a finished object, relative to the data directory: for messages too.
#[must_use]
pub fn name_of(number: ObjectNumber) -> String {
    format!("{DIR}/{:016x}.{FINISHED}", number.0)
}

/// The name while it is written.
fn unfinished_name_of(number: ObjectNumber) -> String {
    format!("{DIR}/{:016x}.{UNFINISHED}", number.0)
}
