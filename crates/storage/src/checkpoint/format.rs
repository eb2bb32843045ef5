//! The bytes of a checkpoint, version 1.
//!
//! Apart because they are persisted. Numbers are little-endian.
//!
//! ```text
//! checkpoint/<number, 16 hex digits>.ckpt
//! header   0 magic "MSCHKPNT" (8) │ 8 version (4) │ 12 zero (4) │ 16 data directory id (16)
//!         32 number (8) │ 40 begun at position (8) │ 48 CRC-32C of 0..48 (4) │ 52 zero (12)
//! image    0 length (4) │ 4 CRC-32C of stamp and image (4) │ 8 stamp (8) │ 16 image …          any number of them
//! footer   0 0xFFFF_FFFF (4) │ 4 CRC-32C of what follows (4) │ 8 smallest stamp: replay begins here (8)
//!         16 largest stamp (8) │ 24 images (8) │ 32 CRC-32C of header and images (4) │ 36 files (4)
//!         40 per file: sequence (8) │ base position (8) │ end position, 2⁶⁴−1 while it is written (8)
//! ```

use millstream_types::WalPosition;

use crate::frame::{u32_at, u64_at};

pub(crate) const HEADER_BYTES: usize = 64;
pub(crate) const RECORD_HEADER_BYTES: usize = 16;
pub(crate) const FOOTER_BYTES: usize = 40;
pub(crate) const LISTED_FILE_BYTES: usize = 24;
pub(crate) const VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"MSCHKPNT";
const FOOTER_MARK: u32 = u32::MAX;

/// What the header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) version: u32,
    pub(crate) directory: u128,
    pub(crate) number: u64,
}

/// A WAL file that must exist as long as the checkpoint is the newest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ListedFile {
    pub(crate) sequence: u64,
    pub(crate) base: WalPosition,
    /// `None` when frames were still added to it.
    pub(crate) end: Option<WalPosition>,
}

/// What the footer says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Footer {
    pub(crate) needed: WalPosition,
    pub(crate) largest: WalPosition,
    pub(crate) images: u64,
    pub(crate) sum: u32,
    pub(crate) files: Vec<ListedFile>,
}

/// What follows in the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    Image { bytes: u32, sum: u32, stamp: WalPosition },
    Footer,
}

pub(crate) fn encode_header(directory: u128, number: u64, at: WalPosition) -> [u8; HEADER_BYTES] {
    let mut out = [0; HEADER_BYTES];
    out[0..8].copy_from_slice(&MAGIC);
    out[8..12].copy_from_slice(&VERSION.to_le_bytes());
    out[16..32].copy_from_slice(&directory.to_le_bytes());
    out[32..40].copy_from_slice(&number.to_le_bytes());
    out[40..48].copy_from_slice(&at.0.to_le_bytes());
    let sum = crc32c::crc32c(&out[..48]);
    out[48..52].copy_from_slice(&sum.to_le_bytes());
    out
}

/// `None` when the bytes are no intact header.
pub(crate) fn decode_header(bytes: &[u8]) -> Option<Header> {
    if bytes[0..8] != MAGIC || crc32c::crc32c(&bytes[..48]) != u32_at(bytes, 48) {
        return None;
    }
    Some(Header {
        version: u32_at(bytes, 8),
        directory: u128::from_le_bytes(bytes[16..32].try_into().expect("sixteen bytes were taken")),
        number: u64_at(bytes, 32),
    })
}

pub(crate) fn encode_record(out: &mut Vec<u8>, stamp: WalPosition, image: &[u8]) {
    let length = u32::try_from(image.len()).expect("images are at most 64 KiB");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&record_sum(stamp, image).to_le_bytes());
    out.extend_from_slice(&stamp.0.to_le_bytes());
    out.extend_from_slice(image);
}

pub(crate) fn record_sum(stamp: WalPosition, image: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&stamp.0.to_le_bytes()), image)
}

/// What the 16 bytes after the last record begin.
pub(crate) fn decode_next(bytes: &[u8]) -> Next {
    match u32_at(bytes, 0) {
        FOOTER_MARK => Next::Footer,
        length => Next::Image { bytes: length, sum: u32_at(bytes, 4), stamp: WalPosition(u64_at(bytes, 8)) },
    }
}

impl Footer {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let files = u32::try_from(self.files.len()).expect("WAL files are few");
        out.extend_from_slice(&FOOTER_MARK.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.needed.0.to_le_bytes());
        out.extend_from_slice(&self.largest.0.to_le_bytes());
        out.extend_from_slice(&self.images.to_le_bytes());
        out.extend_from_slice(&self.sum.to_le_bytes());
        out.extend_from_slice(&files.to_le_bytes());
        for file in &self.files {
            out.extend_from_slice(&file.sequence.to_le_bytes());
            out.extend_from_slice(&file.base.0.to_le_bytes());
            out.extend_from_slice(&file.end.map_or(u64::MAX, |end| end.0).to_le_bytes());
        }
        let sum = crc32c::crc32c(&out[start + 8..]);
        out[start + 4..start + 8].copy_from_slice(&sum.to_le_bytes());
    }

    /// Reads a footer that is all of `bytes`; `None` when it is not intact.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Footer> {
        if bytes.len() < FOOTER_BYTES || crc32c::crc32c(&bytes[8..]) != u32_at(bytes, 4) {
            return None;
        }
        let listed = &bytes[FOOTER_BYTES..];
        if listed.len() as u64 != u64::from(u32_at(bytes, 36)) * LISTED_FILE_BYTES as u64 {
            return None;
        }
        let files = listed.chunks_exact(LISTED_FILE_BYTES).map(|file| ListedFile {
            sequence: u64_at(file, 0),
            base: WalPosition(u64_at(file, 8)),
            end: Some(u64_at(file, 16)).filter(|end| *end != u64::MAX).map(WalPosition),
        });
        Some(Footer {
            needed: WalPosition(u64_at(bytes, 8)),
            largest: WalPosition(u64_at(bytes, 16)),
            images: u64_at(bytes, 24),
            sum: u32_at(bytes, 32),
            files: files.collect(),
        })
    }
}
