//! Checking a whole object: what it says of itself, every index, every block, every batch.
//!
//! Apart because a reader checks only what it reads: here everything is looked at, in steps of one index or
//! one block, so that whoever runs them in the background can pace them, and going on behind damage, so that all of it is known.

use millstream_types::ObjectNumber;
use millstream_types::batch::{self, BatchHeader};
use millstream_types::object::ObjectEntry;

use super::format::{self, HEADER_BYTES, Header, ListedPart, TRAILER_BYTES, Trailer, VERSION};
use super::index::PartIndex;
use super::read::read_some;
use crate::error::{OpenError, ReadError};
use crate::store::{ObjectFile, name_of};
use crate::views::{ReadMode, StoredBatch};

/// What an object's header, footer and trailer say of it. Its batches and indexes are not read.
///
/// # Errors
/// [`OpenError::NewerFormat`], [`OpenError::Foreign`], [`OpenError::Corrupt`], [`OpenError::Io`].
pub fn read_entry(
    file: &dyn ObjectFile,
    number: ObjectNumber,
    directory: u128,
) -> Result<ObjectEntry, OpenError> {
    let (length, trailer, parts) = read_ends(file, number, directory)?;
    let parts = parts.iter().map(|listed| listed.part).collect();
    Ok(ObjectEntry { number, bytes: length, checksum: trailer.sum, parts })
}

/// Whether the object is the one that the manifest means, as far as its ends say: two small reads and the footer. The manifest
/// leaves parts out that nobody needed any more when the object was committed.
///
/// # Errors
/// Those of [`read_entry`], and [`OpenError::Corrupt`] when it is another.
pub fn check(file: &dyn ObjectFile, directory: u128, entry: &ObjectEntry) -> Result<(), OpenError> {
    let found = read_entry(file, entry.number, directory)?;
    let is_same = (found.number, found.bytes, found.checksum) == (entry.number, entry.bytes, entry.checksum);
    if is_same && entry.parts.iter().all(|part| found.parts.contains(part)) {
        return Ok(());
    }
    let what = format!(
        "it is another object than the manifest means: {} bytes with checksum {:08x} instead of {} with {:08x}",
        found.bytes, found.checksum, entry.bytes, entry.checksum
    );
    let offset = found.bytes - TRAILER_BYTES as u64;
    Err(OpenError::Corrupt { file: name_of(entry.number), offset, what })
}

/// Everything that is wrong with an object; nothing when it is whole. What hides the rest (a damaged footer) comes alone.
#[must_use]
pub fn verify(file: &dyn ObjectFile, number: ObjectNumber, directory: u128) -> Vec<OpenError> {
    let mut verifier = match Verifier::new(file, number, directory) {
        Ok(verifier) => verifier,
        Err(error) => return vec![error],
    };
    let mut findings = Vec::new();
    loop {
        match verifier.step(file) {
            Ok(None) => return findings,
            Ok(Some(_)) => {}
            Err(error) => findings.push(error),
        }
    }
}

/// A check under way.
pub struct Verifier {
    number: ObjectNumber,
    directory: u128,
    bytes: u64,
    parts: Vec<ListedPart>,
    /// The part at hand.
    place: usize,
    open: Option<OpenIndex>,
}

/// The index of the part at hand, and how far its blocks are checked.
struct OpenIndex {
    index: PartIndex,
    block: usize,
    records: u64,
    /// A block was damaged: the count of records can tell no more.
    is_damaged: bool,
}

impl Verifier {
    /// Checks the ends of the object and gets ready for the rest.
    ///
    /// # Errors
    /// Those of [`read_entry`].
    pub fn new(file: &dyn ObjectFile, number: ObjectNumber, directory: u128) -> Result<Verifier, OpenError> {
        let (bytes, _, parts) = read_ends(file, number, directory)?;
        Ok(Verifier { number, directory, bytes, parts, place: 0, open: None })
    }

    /// Bytes of the object.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Checks the next index or the next block; returns the bytes read, `None` when all of it is checked.
    ///
    /// # Errors
    /// What is wrong with them. The next step goes on behind it.
    pub fn step(&mut self, file: &dyn ObjectFile) -> Result<Option<u64>, OpenError> {
        let Some(listed) = self.parts.get(self.place).copied() else { return Ok(None) };
        let Some(open) = &mut self.open else {
            return self.open_index(file, &listed).inspect_err(|_| self.place += 1);
        };
        if open.block < open.index.blocks().len() {
            return open.check_block(file, self.number);
        }
        let (records, is_damaged) = (open.records, open.is_damaged);
        self.open = None;
        self.place += 1;
        if !is_damaged && records != listed.part.records {
            let what = format!("its batches have {records} records, its part says {}", listed.part.records);
            return Err(self.corrupt(listed.part.at, what));
        }
        Ok(Some(0))
    }

    fn open_index(&mut self, file: &dyn ObjectFile, listed: &ListedPart) -> Result<Option<u64>, OpenError> {
        let part = &listed.part;
        let index = PartIndex::load(file, self.number, self.directory, part, ReadMode::MayBlock)
            .map_err(|error| describe(error, &format!("the index of log {}", part.log)))?
            .expect("a read that may wait gives all there is");
        if index.checksum != listed.index_sum {
            let what = format!("the index of log {} is not the one that the footer means", part.log);
            return Err(self.corrupt(part.at + part.bytes, what));
        }
        self.open = Some(OpenIndex { index, block: 0, records: 0, is_damaged: false });
        Ok(Some(u64::from(part.index_bytes)))
    }

    fn corrupt(&self, offset: u64, what: String) -> OpenError {
        OpenError::Corrupt { file: name_of(self.number), offset, what }
    }
}

impl OpenIndex {
    fn check_block(&mut self, file: &dyn ObjectFile, number: ObjectNumber) -> Result<Option<u64>, OpenError> {
        let (log, place) = (self.index.part().log, self.block);
        let block = self.index.blocks()[place];
        self.block += 1;
        // Unless it gets to the end of this function.
        let was_damaged = std::mem::replace(&mut self.is_damaged, true);
        let batches = self
            .index
            .read(file, place..place + 1, ReadMode::MayBlock)
            .map_err(|error| describe(error, &format!("a block of log {log} from offset {}", block.first)))?
            .expect("a read that may wait gives all there is");
        let mut at = self.index.part().at + block.at;
        for batch in &batches {
            let records = records_of(batch).map_err(|what| OpenError::Corrupt {
                file: name_of(number),
                offset: at,
                what: format!("the batch of log {log} at offset {}: {what}", batch.base_offset),
            })?;
            self.records += u64::from(records);
            at += batch.bytes() as u64;
        }
        self.is_damaged = was_damaged;
        Ok(Some(u64::from(block.bytes)))
    }
}

/// Checks a batch by itself; returns how many records it has.
fn records_of(stored: &StoredBatch) -> Result<u32, String> {
    let header = BatchHeader::parse(&stored.rest).map_err(|error| error.to_string())?;
    batch::verify(&header, &stored.rest).map_err(|error| error.to_string())?;
    Ok(header.record_count())
}

/// Length, trailer and parts of an object whose ends are intact.
fn read_ends(
    file: &dyn ObjectFile,
    number: ObjectNumber,
    directory: u128,
) -> Result<(u64, Trailer, Vec<ListedPart>), OpenError> {
    let name = name_of(number);
    let corrupt = |offset, what: &str| OpenError::Corrupt { file: name.clone(), offset, what: what.into() };
    let length = file.len().map_err(|error| OpenError::io("reading the length of", &name, error))?;
    let mut header = [0; HEADER_BYTES];
    fill(file, number, 0, &mut header, "its header")?;
    let read = Header::decode(&header).ok_or_else(|| corrupt(0, "its header is damaged"))?;
    if read.version != VERSION {
        return Err(OpenError::NewerFormat { file: name, found: read.version, known: VERSION });
    }
    if read.directory != directory {
        return Err(OpenError::Foreign { file: name, found: read.directory, expected: directory });
    }
    if read.number != number {
        return Err(corrupt(32, "it was written under another number"));
    }
    let trailer_at = length.checked_sub(TRAILER_BYTES as u64).ok_or_else(|| corrupt(0, "it is too short"))?;
    let mut trailer = [0; TRAILER_BYTES];
    fill(file, number, trailer_at, &mut trailer, "its trailer")?;
    let trailer =
        Trailer::decode(&trailer, length).ok_or_else(|| corrupt(trailer_at, "its trailer is damaged"))?;
    let mut footer = vec![0; trailer.footer_bytes as usize];
    fill(file, number, trailer.footer_at, &mut footer, "its footer")?;
    if trailer.sum_over(&header, &footer) != trailer.sum {
        return Err(corrupt(trailer.footer_at, "its footer does not match its checksum"));
    }
    let parts = format::decode_footer(&footer, trailer.footer_at)
        .map_err(|(place, what)| corrupt(trailer.footer_at + place, what))?;
    Ok((length, trailer, parts))
}

/// Reads all of `buf`, which must be there.
fn fill(
    file: &dyn ObjectFile,
    number: ObjectNumber,
    at: u64,
    buf: &mut [u8],
    what: &str,
) -> Result<(), OpenError> {
    let read = read_some(file, number, at, buf, ReadMode::MayBlock).map_err(|error| describe(error, what))?;
    if read == buf.len() {
        return Ok(());
    }
    let what = format!("it ends within {what}");
    Err(OpenError::Corrupt { file: name_of(number), offset: at + read as u64, what })
}

/// A read's error with what was being read.
fn describe(error: ReadError, what: &str) -> OpenError {
    match error {
        ReadError::Corrupt { file, offset } => {
            OpenError::Corrupt { file, offset, what: format!("{what} does not match its checksum or place") }
        }
        ReadError::Io { file, source } => {
            OpenError::Io { action: "reading", file, source: std::io::Error::new(source.kind(), source) }
        }
        ReadError::OutOfRange { .. } | ReadError::Revoked => {
            unreachable!("reads of an object know no log start and no deletion")
        }
    }
}
