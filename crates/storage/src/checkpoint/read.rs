//! Finding and reading the newest checkpoint that is whole.
//!
//! Apart because a checkpoint is read twice: once to know that all of it is intact, and only then to hand its
//! images out, so that a shard never holds half of a damaged one.

use millstream_types::WalPosition;
use millstream_types::limits::CHECKPOINT_CHUNK_BYTES_MAX;

use super::format::{self, FOOTER_BYTES, Footer, HEADER_BYTES, LISTED_FILE_BYTES, Next, RECORD_HEADER_BYTES};
use super::{DIR, path};
use crate::disk::{Disk, DiskFile, OpenMode, read_up_to};
use crate::error::{OpenError, ReplayError};
use crate::wal::number_in;

/// Longest footer believed: a million WAL files.
const FOOTER_BYTES_MAX: u64 = FOOTER_BYTES as u64 + (LISTED_FILE_BYTES as u64) * 1_000_000;
/// Bytes read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Takes one image with its stamp.
pub(crate) type ImageSink<'a> = &'a mut dyn FnMut(WalPosition, &[u8]) -> Result<(), ReplayError>;

/// The checkpoint that recovery begins with.
pub(crate) struct Chosen {
    pub(crate) number: u64,
    pub(crate) footer: Footer,
    /// A newer one was damaged: where and how.
    pub(crate) fallback: Option<(String, u64, &'static str)>,
    file: std::sync::Arc<dyn DiskFile>,
}

/// The newest whole checkpoint, and the largest number in use. A damaged one is passed over: whether the WAL
/// still covers what the one before needs is for the caller to see.
pub(crate) fn choose(disk: &dyn Disk, directory: u128) -> Result<(Option<Chosen>, u64), OpenError> {
    let names = disk.list(DIR).map_err(|error| OpenError::io("listing", DIR, error))?;
    let largest =
        names.iter().filter_map(|name| number_in(name, "ckpt").or(number_in(name, "tmp"))).max().unwrap_or(0);
    let mut fallback = None;
    for number in names.iter().rev().filter_map(|name| number_in(name, "ckpt")) {
        match inspect(disk, number, directory)? {
            Ok(chosen) => return Ok((Some(Chosen { fallback, ..chosen }), largest)),
            Err((offset, what)) => {
                let name = path(number);
                tracing::error!(
                    file = name,
                    offset,
                    what,
                    "checkpoint is damaged; looking for the one before"
                );
                fallback.get_or_insert((name, offset, what));
            }
        }
    }
    match fallback {
        // Without any whole checkpoint the lane would have to be complete from its first byte, and then no file
        // has been freed and no checkpoint was ever of use: more likely the disk is failing.
        Some((file, offset, what)) => Err(OpenError::Corrupt {
            file,
            offset,
            what: format!("{what}, and there is no older checkpoint"),
        }),
        None => Ok((None, largest)),
    }
}

/// Goes through one checkpoint, checking everything. An inner `Err` is damage.
pub(crate) fn inspect(
    disk: &dyn Disk,
    number: u64,
    directory: u128,
) -> Result<Result<Chosen, Damage>, OpenError> {
    let name = path(number);
    let file =
        disk.open(&name, OpenMode::Existing).map_err(|error| OpenError::io("opening", &name, error))?;
    let footer = walk(&*file, &name, number, directory, &mut |_, _| Ok(()))?;
    Ok(footer.map(|footer| Chosen { number, footer, fallback: None, file }))
}

impl Chosen {
    /// Hands out the images in the order they were added.
    pub(crate) fn images(&self, directory: u128, image: ImageSink<'_>) -> Result<(), OpenError> {
        let name = path(self.number);
        match walk(&*self.file, &name, self.number, directory, image)? {
            Ok(_) => Ok(()),
            Err((offset, what)) => Err(OpenError::Corrupt { file: name, offset, what: what.into() }),
        }
    }
}

/// Where a checkpoint is damaged, and how.
pub(crate) type Damage = (u64, &'static str);

/// Goes through a checkpoint, checking everything. `Err` is what stops the start; an inner `Err` is damage.
fn walk(
    file: &dyn DiskFile,
    name: &str,
    number: u64,
    directory: u128,
    image: ImageSink<'_>,
) -> Result<Result<Footer, Damage>, OpenError> {
    let failed = |error| OpenError::io("reading", name, error);
    let length = file.len().map_err(failed)?;
    let mut source = Source { file, length, at: 0, buffer: Vec::new(), buffer_at: 0 };
    let Some(bytes) = source.take(HEADER_BYTES as u64).map_err(failed)? else {
        return Ok(Err((0, "it ends within its header")));
    };
    let Some(header) = format::decode_header(bytes) else { return Ok(Err((0, "its header is damaged"))) };
    if header.version != format::VERSION {
        let (found, known) = (header.version, format::VERSION);
        return Err(OpenError::NewerFormat { file: name.into(), found, known });
    }
    if header.directory != directory {
        return Err(OpenError::Foreign { file: name.into(), found: header.directory, expected: directory });
    }
    if header.number != number {
        return Ok(Err((32, "it was written under another number")));
    }
    let mut sum = crc32c::crc32c(bytes);
    let mut images = 0;
    loop {
        let at = source.at;
        let Some(bytes) = source.peek(RECORD_HEADER_BYTES as u64).map_err(failed)? else {
            return Ok(Err((at, "it has no footer")));
        };
        match format::decode_next(bytes) {
            Next::Image { bytes, sum: expected, stamp } => {
                if bytes as usize > CHECKPOINT_CHUNK_BYTES_MAX {
                    return Ok(Err((at, "an image has an impossible length")));
                }
                let Some(record) =
                    source.take(RECORD_HEADER_BYTES as u64 + u64::from(bytes)).map_err(failed)?
                else {
                    return Ok(Err((at, "it ends within an image")));
                };
                let body = &record[RECORD_HEADER_BYTES..];
                if format::record_sum(stamp, body) != expected {
                    return Ok(Err((at, "an image does not match its checksum")));
                }
                sum = crc32c::crc32c_append(sum, record);
                images += 1;
                image(stamp, body).map_err(|reason| OpenError::Replay { position: stamp, reason })?;
            }
            Next::Footer => {
                let rest = length - at;
                if rest > FOOTER_BYTES_MAX {
                    return Ok(Err((at, "its footer has an impossible length")));
                }
                let bytes = source.take(rest).map_err(failed)?.expect("the rest of the file is there");
                return Ok(match Footer::decode(bytes) {
                    Some(footer) if footer.images == images && footer.sum == sum => Ok(footer),
                    _ => Err((at, "its footer does not match")),
                });
            }
        }
    }
}

/// Reads a file from the front through one buffer.
struct Source<'a> {
    file: &'a dyn DiskFile,
    length: u64,
    at: u64,
    buffer: Vec<u8>,
    buffer_at: u64,
}

impl Source<'_> {
    /// The next bytes without passing them; `None` when the file is shorter.
    fn peek(&mut self, bytes: u64) -> std::io::Result<Option<&[u8]>> {
        if bytes > self.length - self.at {
            return Ok(None);
        }
        let have = self.buffer_at + self.buffer.len() as u64;
        if self.at + bytes > have {
            let wanted = (bytes as usize).max(CHUNK_BYTES).min((self.length - self.at) as usize);
            self.buffer.resize(wanted, 0);
            let read = read_up_to(self.file, self.at, &mut self.buffer)?;
            self.buffer.truncate(read);
            self.buffer_at = self.at;
            if (read as u64) < bytes {
                return Ok(None);
            }
        }
        let start = (self.at - self.buffer_at) as usize;
        Ok(Some(&self.buffer[start..start + bytes as usize]))
    }

    fn take(&mut self, bytes: u64) -> std::io::Result<Option<&[u8]>> {
        let at = self.at;
        if self.peek(bytes)?.is_none() {
            return Ok(None);
        }
        self.at += bytes;
        let start = (at - self.buffer_at) as usize;
        Ok(Some(&self.buffer[start..start + bytes as usize]))
    }
}
