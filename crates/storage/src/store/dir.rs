//! Objects as files of the directory `objects`.
//!
//! Apart from the trait because only here a crash between two steps matters: bytes, then name, then directory are
//! made durable in this order, so that a name ending in `.obj` never stands for less than a whole object.

use std::io::{self, ErrorKind, IoSlice};
use std::sync::Arc;

use millstream_types::{ObjectNumber, planted};

use super::{
    DIR, FINISHED, Files, Listing, ObjectFile, ObjectSink, Store, UNFINISHED, name_of, unfinished_name_of,
};
use crate::disk::{DiskFile, StreamedFile};
use crate::wal::number_in;

/// Objects in a data directory.
pub struct DirStore {
    files: Arc<Files>,
}

impl DirStore {
    /// The store of the data directory that `files` opens from; its directory is made if it is missing.
    ///
    /// # Errors
    /// What the disk says.
    pub fn open(files: Arc<Files>) -> io::Result<DirStore> {
        files.retrying(|disk| disk.make_dir(DIR))?;
        files.retrying(|disk| disk.sync_dir(""))?;
        Ok(DirStore { files })
    }

    fn remove_name(&self, name: &str) -> io::Result<()> {
        match self.files.remove(name) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.files.retrying(|disk| disk.sync_dir(DIR)),
        }
    }
}

impl Store for DirStore {
    fn create(&self, number: ObjectNumber) -> io::Result<Box<dyn ObjectSink>> {
        match self.files.open(&name_of(number)) {
            Ok(_) => return Err(ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let name = unfinished_name_of(number);
        let file = self.files.retrying(|disk| disk.create_streamed(&name))?;
        Ok(Box::new(DirSink { files: Arc::clone(&self.files), file, number, left: Some(name) }))
    }

    fn open(&self, number: ObjectNumber) -> io::Result<Arc<dyn ObjectFile>> {
        Ok(Arc::new(DiskObject(self.files.open(&name_of(number))?)))
    }

    fn remove(&self, number: ObjectNumber) -> io::Result<()> {
        self.remove_name(&name_of(number))
    }

    fn remove_unfinished(&self, number: ObjectNumber) -> io::Result<()> {
        self.remove_name(&unfinished_name_of(number))
    }

    fn list(&self) -> io::Result<Listing> {
        let names = self.files.retrying(|disk| disk.list(DIR))?;
        // A name that is only nearly one of ours is somebody else's file.
        let number = |name: &String, suffix: &str| {
            number_in(name, suffix).filter(|number| *name == format!("{number:016x}.{suffix}"))
        };
        // Names of equal length sort as their numbers do.
        let numbers =
            |suffix: &str| names.iter().filter_map(|name| number(name, suffix)).map(ObjectNumber).collect();
        Ok(Listing { finished: numbers(FINISHED), unfinished: numbers(UNFINISHED) })
    }
}

/// An object that is a file.
pub(crate) struct DiskObject(pub(crate) Arc<dyn DiskFile>);

impl ObjectFile for DiskObject {
    fn read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(position, buf)
    }

    fn try_read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_read_at(position, buf)
    }

    fn advise_will_need(&self, from: u64, to: u64) {
        self.0.advise_will_need(from, to);
    }

    fn advise_wont_need(&self, from: u64, to: u64) {
        self.0.advise_wont_need(from, to);
    }

    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
}

/// An object under its unfinished name.
struct DirSink {
    files: Arc<Files>,
    file: Box<dyn StreamedFile>,
    number: ObjectNumber,
    /// The name to remove if it is abandoned now.
    left: Option<String>,
}

impl ObjectSink for DirSink {
    fn append(&mut self, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        slices.iter().try_for_each(|slice| self.file.append(slice))
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        if !planted!(ObjectNotSynced) {
            self.file.finish()?;
        }
        let (from, to) = (unfinished_name_of(self.number), name_of(self.number));
        self.files.retrying(|disk| disk.rename(&from, &to))?;
        self.left = Some(to);
        if !planted!(ObjectNameNotSynced) {
            self.files.retrying(|disk| disk.sync_dir(DIR))?;
        }
        self.left = None;
        Ok(())
    }
}

impl Drop for DirSink {
    fn drop(&mut self) {
        let Some(name) = self.left.take() else { return };
        // Nothing refers to it, so that it costs space and nothing else if it stays: the next start removes it.
        if let Err(error) = self.files.remove(&name) {
            tracing::warn!(file = name, %error, "an abandoned object could not be removed");
        }
    }
}
