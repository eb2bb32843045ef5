//! The small file that says which data directory this is.
//!
//! Apart because it is persisted, and because its presence is the difference between a new directory and one
//! whose files were lost (F9): it is written last when a directory is made, and never again.
//!
//! ```text
//! identity
//!  0 magic "MSDATDIR" (8) │ 8 version (4) │ 12 zero (4) │ 16 data directory id (16) │ 32 CRC-32C of 0..32 (4)
//! ```

use std::io::{ErrorKind, IoSlice};

use crate::disk::{Disk, OpenMode, read_up_to, write_all_at};
use crate::error::OpenError;
use crate::frame::u32_at;

pub(crate) const FILE: &str = "identity";
const TEMPORARY: &str = "identity.tmp";
const MAGIC: [u8; 8] = *b"MSDATDIR";
const VERSION: u32 = 1;
const BYTES: usize = 36;

/// The id in the file; `None` when there is no file.
pub(crate) fn read(disk: &dyn Disk) -> Result<Option<u128>, OpenError> {
    let file = match disk.open(FILE, OpenMode::Existing) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::io("opening", FILE, error)),
    };
    let mut bytes = [0; BYTES];
    let read = read_up_to(&*file, 0, &mut bytes).map_err(|error| OpenError::io("reading", FILE, error))?;
    let corrupt = |offset, what: &str| OpenError::Corrupt { file: FILE.into(), offset, what: what.into() };
    if read < BYTES || bytes[0..8] != MAGIC {
        return Err(corrupt(0, "this is no identity file"));
    }
    if crc32c::crc32c(&bytes[..32]) != u32_at(&bytes, 32) {
        return Err(corrupt(32, "its checksum does not match"));
    }
    let found = u32_at(&bytes, 8);
    if found != VERSION {
        return Err(OpenError::NewerFormat { file: FILE.into(), found, known: VERSION });
    }
    Ok(Some(u128::from_le_bytes(bytes[16..32].try_into().expect("sixteen bytes were taken"))))
}

/// Writes the file of a new directory, durably.
pub(crate) fn write(disk: &dyn Disk, id: u128) -> Result<(), OpenError> {
    let mut bytes = [0; BYTES];
    bytes[0..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[16..32].copy_from_slice(&id.to_le_bytes());
    let sum = crc32c::crc32c(&bytes[..32]);
    bytes[32..].copy_from_slice(&sum.to_le_bytes());
    let failed = |action| move |error| OpenError::io(action, FILE, error);
    match disk.remove(TEMPORARY) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(failed("removing the temporary")(error));
        }
        Ok(()) | Err(_) => {}
    }
    let file = disk.open(TEMPORARY, OpenMode::CreateNew).map_err(failed("creating"))?;
    write_all_at(&*file, 0, &mut [IoSlice::new(&bytes)]).map_err(failed("writing"))?;
    file.sync_data().map_err(failed("syncing"))?;
    disk.rename(TEMPORARY, FILE).map_err(failed("renaming"))?;
    disk.sync_dir("").map_err(|error| OpenError::io("syncing", "the data directory", error))
}
