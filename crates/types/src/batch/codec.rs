//! The compression codecs of record batches, with bounds.
//!
//! Apart because decompression is where few bytes from a peer become many: there is one way in for all codecs, it
//! stops at the caller's limit, and no length in the input decides an allocation (limits per codec below).
//!
//! | codec | form | memory beside the output |
//! |---|---|---|
//! | gzip | RFC 1952, one or several members | 32 KiB window |
//! | snappy | framed by a 16-byte header and big-endian block lengths, as most clients do, or one raw block | none |
//! | lz4 | one LZ4 frame with its end mark, no dictionary | blocks of at most 4 MiB |
//! | zstd | frames without dictionary | window of at most 8 MiB |

// The only use of std in this crate: the libraries of gzip, lz4 and zstd speak std's reader and writer traits.
extern crate std;

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use std::io::{Read, Write};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

use super::BatchError;

/// How the body of a batch is compressed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4 frames.
    Lz4,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// All of them, in the order of their codes.
    pub const ALL: [Compression; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The codec that a batch's attribute bits 0–2 name.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Compression> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// What stands in a batch's attribute bits 0–2.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    /// Its name in configuration: `none`, `gzip`, `snappy`, `lz4`, `zstd`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Largest zstd window, 2²³ bytes = 8 MiB: what the format asks every decoder to support, and what no encoder
/// passes below level 20.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
const ZSTD_LEVEL: i32 = 3;
const LZ4_MAGIC: [u8; 4] = 0x184d_2204_u32.to_le_bytes();
/// Bits of a frame's flag byte that announce further fields.
const LZ4_DICTIONARY_BIT: u8 = 1;
const LZ4_CONTENT_CHECKSUM_BIT: u8 = 1 << 2;
const LZ4_CONTENT_SIZE_BIT: u8 = 1 << 3;
const LZ4_BLOCK_CHECKSUM_BIT: u8 = 1 << 4;
/// Bit of a block's length that says that it is stored as it is.
const LZ4_STORED_BIT: u32 = 1 << 31;
/// What framed snappy begins with; no raw block can, since its second byte would start with a copy of nothing.
const SNAPPY_MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
/// The magic and two version numbers, both 1.
const SNAPPY_HEADER: [u8; 16] = *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
/// Plain bytes per block when we write: what the framing's inventors use, and small enough for every reader.
const SNAPPY_BLOCK_BYTES: usize = 32 << 10;
/// The densest element of snappy is 3 bytes for 64, so a block that claims over 22 times its length lies.
const SNAPPY_RATIO_MAX: usize = 22;
/// A first guess at how much larger the body is than its compressed form; it grows from there as bytes arrive.
const RATIO_GUESS: usize = 4;

/// Decompresses `input` into at most `limit` bytes. Uncompressed input is shared, not copied.
pub(super) fn decompress(codec: Compression, input: &Bytes, limit: usize) -> Result<Bytes, BatchError> {
    let undecodable = || BatchError::Undecodable(codec);
    let mut out = Vec::new();
    match codec {
        Compression::None => {
            return if input.len() > limit {
                Err(BatchError::BodyTooLarge(limit))
            } else {
                Ok(input.clone())
            };
        }
        Compression::Snappy => unsnappy(input, &mut out, limit)?,
        Compression::Gzip => read_all(codec, MultiGzDecoder::new(&input[..]), input.len(), &mut out, limit)?,
        Compression::Lz4 => {
            if !is_one_lz4_frame(input) {
                return Err(undecodable());
            }
            let mut decoder = FrameDecoder::new(&input[..]);
            read_all(codec, &mut decoder, input.len(), &mut out, limit)?;
            // The library also stops at a block that holds nothing.
            if !decoder.get_ref().is_empty() {
                return Err(undecodable());
            }
        }
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(&input[..]).map_err(|_| undecodable())?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|_| undecodable())?;
            read_all(codec, decoder, input.len(), &mut out, limit)?;
        }
    }
    Ok(Bytes::from(out))
}

fn read_all(
    codec: Compression,
    decoder: impl Read,
    input_bytes: usize,
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<(), BatchError> {
    out.reserve_exact(limit.min(input_bytes.saturating_mul(RATIO_GUESS)));
    let limit_passed = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(limit_passed).read_to_end(out).map_err(|_| BatchError::Undecodable(codec))?;
    if out.len() > limit { Err(BatchError::BodyTooLarge(limit)) } else { Ok(()) }
}

/// Whether `input` is one LZ4 frame from its magic to its end mark and what may follow that. The library takes the
/// end of input for the end of the frame, and reads an older frame format too, with larger blocks; neither is wanted.
fn is_one_lz4_frame(input: &[u8]) -> bool {
    let walk = || {
        let (&flags, rest) = input.strip_prefix(&LZ4_MAGIC)?.split_first()?;
        let bytes_if = |bit: u8, bytes: usize| if flags & bit == 0 { 0 } else { bytes };
        // The block size's byte, what the flags announce, and a checksum over both; the library reads them.
        let announced = bytes_if(LZ4_CONTENT_SIZE_BIT, 8) + bytes_if(LZ4_DICTIONARY_BIT, 4);
        let (_, mut rest) = rest.split_at_checked(1 + announced + 1)?;
        loop {
            let (block, after) = rest.split_first_chunk::<4>()?;
            let block = u32::from_le_bytes(*block);
            if block == 0 {
                return Some(after.len() == bytes_if(LZ4_CONTENT_CHECKSUM_BIT, 4));
            }
            let block_bytes = (block & !LZ4_STORED_BIT) as usize + bytes_if(LZ4_BLOCK_CHECKSUM_BIT, 4);
            (_, rest) = after.split_at_checked(block_bytes)?;
        }
    };
    walk().unwrap_or(false)
}

fn unsnappy(input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), BatchError> {
    if !input.starts_with(&SNAPPY_MAGIC) {
        return unsnappy_block(input, out, limit);
    }
    // The version numbers have never changed, and not every client sets them alike: they are skipped.
    let mut rest = input.get(SNAPPY_HEADER.len()..).ok_or(BatchError::Undecodable(Compression::Snappy))?;
    while !rest.is_empty() {
        let (block, after) = rest
            .split_first_chunk::<4>()
            .and_then(|(length, after)| Some((usize::try_from(i32::from_be_bytes(*length)).ok()?, after)))
            .and_then(|(length, after)| after.split_at_checked(length))
            .ok_or(BatchError::Undecodable(Compression::Snappy))?;
        unsnappy_block(block, out, limit)?;
        rest = after;
    }
    Ok(())
}

fn unsnappy_block(block: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), BatchError> {
    let undecodable = |_| BatchError::Undecodable(Compression::Snappy);
    let claimed = snap::raw::decompress_len(block).map_err(undecodable)?;
    if claimed > block.len().saturating_mul(SNAPPY_RATIO_MAX) {
        return Err(BatchError::Undecodable(Compression::Snappy));
    }
    let start = out.len();
    if claimed > limit - start {
        return Err(BatchError::BodyTooLarge(limit));
    }
    out.resize(start + claimed, 0);
    let written = snap::raw::Decoder::new().decompress(block, &mut out[start..]).map_err(undecodable)?;
    assert_eq!(written, claimed, "the decoder fills exactly what the block claims, or fails");
    Ok(())
}

/// Appends `body`, compressed, to `out`.
pub(super) fn compress(codec: Compression, body: &[u8], out: &mut Vec<u8>) -> Result<(), BatchError> {
    let failed = || BatchError::CompressionFailed(codec);
    match codec {
        Compression::None => out.extend_from_slice(body),
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(out, flate2::Compression::default());
            encoder.write_all(body).map_err(|_| failed())?;
            encoder.finish().map_err(|_| failed())?;
        }
        Compression::Snappy => snappy(body, out).map_err(|_| failed())?,
        Compression::Lz4 => {
            // Independent blocks: some clients' readers refuse linked ones.
            let frame = FrameInfo::new().block_mode(BlockMode::Independent).block_size(BlockSize::Max64KB);
            let mut encoder = FrameEncoder::with_frame_info(frame, out);
            encoder.write_all(body).map_err(|_| failed())?;
            encoder.finish().map_err(|_| failed())?;
        }
        Compression::Zstd => {
            let mut encoder = zstd::Encoder::new(out, ZSTD_LEVEL).map_err(|_| failed())?;
            encoder.write_all(body).map_err(|_| failed())?;
            encoder.finish().map_err(|_| failed())?;
        }
    }
    Ok(())
}

fn snappy(body: &[u8], out: &mut Vec<u8>) -> Result<(), snap::Error> {
    out.extend_from_slice(&SNAPPY_HEADER);
    let mut encoder = snap::raw::Encoder::new();
    let mut block = vec![0; snap::raw::max_compress_len(SNAPPY_BLOCK_BYTES)];
    for plain in body.chunks(SNAPPY_BLOCK_BYTES) {
        let length = encoder.compress(plain, &mut block)?;
        // At most max_compress_len of 32 KiB, far below 2³¹.
        out.extend_from_slice(&(length as u32).to_be_bytes());
        out.extend_from_slice(&block[..length]);
    }
    Ok(())
}
