//! The packed object, format version 1: stretches of many logs in one immutable file.
//!
//! Apart because its bytes are persisted and outlive every program version: they are drawn here, and written and read
//! below. Numbers are little-endian, except those inside batches.
//!
//! ```text
//! │ header │ part 0: blocks … │ its index │ part 1: blocks … │ its index │ … │ footer │ trailer │
//!
//! header, 48 bytes
//!  0 magic "MSOBJECT" (8) │ 8 version (4) │ 12 zero (4) │ 16 data directory id (16) │ 32 number (8)
//! 40 zero (4) │ 44 CRC-32C of 0..44 (4)
//!
//! block: whole batches as stored, base offset and leader epoch set for the log, up to 64 KiB of them or a larger one
//!
//! index of a part
//!  0 magic "MSIX" (4) │ 4 CRC-32C (4) │ 8 blocks (4) │ 12 batches (4) │ 16 records (8) │ 24 from (8) │ 32 to (8)
//! 40 per block, 52 bytes:
//!    0 first offset (8) │ 8 last offset (8) │ 16 largest timestamp (8) │ 24 largest timestamp so far (8)
//!   32 place, from the part's first byte (8) │ 40 bytes (4) │ 44 batches (4) │ 48 CRC-32C (4)
//!
//! footer
//!  0 parts (4) │ 4 zero (4)
//!  8 per part, 80 bytes, in the order of the logs:
//!    0 stream (8) │ 8 log index (4) │ 12 flags (4), bit 0: compacted │ 16 from (8) │ 24 to (8)
//!   32 at: place of its first block (8) │ 40 bytes of its blocks (8) │ 48 bytes of its index (4)
//!   52 batches (4) │ 56 records (8) │ 64 largest timestamp (8) │ 72 CRC-32C of its index (4) │ 76 zero (4)
//!
//! trailer, 24 bytes
//!  0 place of the footer (8) │ 8 bytes of the footer (4) │ 12 CRC-32C (4) │ 16 magic "MSOBJEND" (8)
//! ```
//!
//! What binds the bytes to their place, so that no intact stretch passes for another:
//!
//! ```text
//! CRC of a block    over stream, log index and first offset (the seed), then its bytes as stored
//! CRC of an index   over directory id, object number, stream, log index, at (the seed), then its bytes from 8 on
//! CRC in trailer    over the header, the footer and bytes 0..12 of the trailer
//! ```
//!
//! A block is bound to the log and its place among the offsets, its index to directory, object and place; the footer names
//! each index's CRC, the manifest names the trailer's: an object is what the manifest means, or it is damaged.
//!
//! A part without blocks says that compaction left nothing of its offsets. Neighbouring blocks need not have neighbouring
//! offsets, nor batches in a block: compaction leaves holes (R4).

mod format;
mod index;
pub(crate) mod read;
mod verify;
mod writer;

pub use index::{Block, PartIndex};
pub use verify::{Verifier, check, read_entry, verify};
pub use writer::ObjectWriter;

/// A block holds whole batches up to this many bytes; a larger batch is a block of its own.
pub const BLOCK_BYTES: u32 = 64 << 10;
/// Largest object: bounds the memory of whoever writes or reads its index, about 7 MB for an object of one log.
pub const OBJECT_BYTES_MAX: u64 = 4 << 30;
