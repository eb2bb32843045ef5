//! Bodies that expand without end, or claim to, are refused in bounded time and memory (S16 of the security
//! baseline).
//!
//! Apart because they measure. Memory is measured in a process of its own, since the C library behind zstd
//! allocates past any counting allocator and other tests would be counted too.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use flate2::write::GzEncoder;
use lz4_flex::frame::{BlockSize, FrameEncoder, FrameInfo};
use millstream_types::batch::{BatchError, Compression, OpenLimits, open, validate_records};

use crate::support::batch_with_body;

const LIMIT_BYTES: usize = 1 << 20;
const TIME_MAX: Duration = Duration::from_millis(50);

/// A frame header without checksum and content size, window of 2^`window_log` bytes.
fn zstd_frame(window_log: u8) -> Vec<u8> {
    vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, (window_log - 10) << 3]
}

/// Appends `blocks` blocks that each say "128 KiB of the same byte" in four bytes, the last marked as last.
fn zstd_repeats(frame: &mut Vec<u8>, blocks: u32) {
    for index in 0..blocks {
        let last = u32::from(index + 1 == blocks);
        let block = (128 << 10) << 3 | 1 << 1 | last;
        frame.extend_from_slice(&u32::to_le_bytes(block)[..3]);
        frame.push(b'a');
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn lz4(frame: FrameInfo, plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = FrameEncoder::with_frame_info(frame, &mut out);
    encoder.write_all(plain).unwrap();
    encoder.flush().unwrap();
    drop(encoder);
    // The end mark, by hand: the encoder refuses to write one after a content size that does not come true.
    out.extend_from_slice(&[0; 4]);
    out
}

fn snappy_framed(blocks: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
    for block in blocks {
        out.extend_from_slice(&(block.len() as u32).to_be_bytes());
        out.extend_from_slice(block);
    }
    out
}

/// Every bomb: what it is, its codec, its bytes, and whether it is refused as too large (the alternative is as
/// invalid, because its claim alone is a lie).
fn bombs() -> Vec<(&'static str, Compression, Vec<u8>, bool)> {
    let mut zstd_gib = zstd_frame(17);
    zstd_repeats(&mut zstd_gib, 8192);
    let mut zstd_window = zstd_frame(31);
    zstd_repeats(&mut zstd_window, 1);
    // One segment of 1 GiB, which is then the window too.
    let mut zstd_segment = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x40];
    zstd_repeats(&mut zstd_segment, 8192);
    let zeros = vec![0; 16 << 20];
    let snappy_block = snap::raw::Encoder::new().compress_vec(&zeros[..4 << 20]).unwrap();
    let claim = |length: [u8; 4]| [&b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01"[..], &length, b"abc"].concat();
    let lz4_lie = FrameInfo::new().content_size(Some(1 << 40));
    vec![
        ("gzip, 1 GiB in members", Compression::Gzip, gzip(&zeros).repeat(64), true),
        ("snappy, raw block claims 2 GiB", Compression::Snappy, b"\xff\xff\xff\xff\x07abc".to_vec(), false),
        (
            "snappy, frame claims a block of 2 GiB",
            Compression::Snappy,
            claim([0x7f, 0xff, 0xff, 0xff]),
            false,
        ),
        ("snappy, frame claims a negative block", Compression::Snappy, claim([0xff; 4]), false),
        (
            "snappy, block in a frame claims 2 GiB",
            Compression::Snappy,
            snappy_framed(&[b"\xff\xff\xff\xff\x07abc".to_vec()]),
            false,
        ),
        ("snappy, 1 GiB in blocks", Compression::Snappy, snappy_framed(&vec![snappy_block; 256]), true),
        ("lz4, content size of 1 TiB", Compression::Lz4, lz4(lz4_lie, b"abc"), false),
        (
            "lz4, 16 MiB in blocks of 4 MiB",
            Compression::Lz4,
            lz4(FrameInfo::new().block_size(BlockSize::Max4MB), &zeros),
            true,
        ),
        ("zstd, 1 GiB in 32 KiB", Compression::Zstd, zstd_gib, true),
        ("zstd, window of 2 GiB", Compression::Zstd, zstd_window, false),
        ("zstd, segment of 1 GiB", Compression::Zstd, zstd_segment, false),
    ]
}

#[allow(clippy::disallowed_methods, reason = "the time that a refusal takes is what is tested")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

#[test]
fn bombs_are_refused_in_time() {
    for (name, codec, body, too_large) in bombs() {
        let batch = Bytes::from(batch_with_body(codec, 1, &body));
        let expected =
            if too_large { BatchError::BodyTooLarge(LIMIT_BYTES) } else { BatchError::Undecodable(codec) };
        // The best of five, because other tests run beside this one.
        let fastest = (0..5).map(|_| {
            let start = now();
            let refused = open(&batch, OpenLimits { body_bytes_max: LIMIT_BYTES }).map(|_| ());
            let took = start.elapsed();
            assert_eq!(refused, Err(expected), "{name}");
            took
        });
        let fastest = fastest.min().unwrap();
        assert!(fastest < TIME_MAX, "{name} took {fastest:?}");
    }
}

#[test]
fn a_body_at_the_limit_is_opened() {
    let body = vec![b'a'; LIMIT_BYTES];
    let mut zstd = zstd_frame(23);
    zstd_repeats(&mut zstd, (LIMIT_BYTES / (128 << 10)) as u32);
    let snappy = snap::raw::Encoder::new().compress_vec(&body).unwrap();
    let bodies = [
        (Compression::None, body.clone()),
        (Compression::Gzip, gzip(&body)),
        (Compression::Snappy, snappy),
        (Compression::Lz4, lz4(FrameInfo::new().content_size(Some(LIMIT_BYTES as u64)), &body)),
        (Compression::Zstd, zstd),
    ];
    for (codec, compressed) in bodies {
        let batch = Bytes::from(batch_with_body(codec, 1, &compressed));
        let opened = open(&batch, OpenLimits { body_bytes_max: LIMIT_BYTES }).unwrap();
        assert_eq!(opened.body(), &body, "{codec}");
        assert_eq!(validate_records(&opened), Err(BatchError::MalformedRecord(0)));
        let refused = open(&batch, OpenLimits { body_bytes_max: LIMIT_BYTES - 1 });
        assert_eq!(refused.map(|_| ()), Err(BatchError::BodyTooLarge(LIMIT_BYTES - 1)), "{codec}");
    }
}

/// Most address space this process ever had, in bytes: it counts memory that was asked for and never touched.
#[cfg(target_os = "linux")]
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "run alone in a process by bombs_are_refused_in_bounded_memory"]
fn measured_alone() {
    let batches: Vec<_> = bombs()
        .into_iter()
        .map(|(name, codec, body, _)| (name, Bytes::from(batch_with_body(codec, 1, &body))))
        .collect();
    for (name, batch) in batches {
        let before = peak_bytes();
        open(&batch, OpenLimits { body_bytes_max: LIMIT_BYTES }).unwrap_err();
        // Output grows by doubling up to the limit (3 MiB with the copy), blocks of lz4 and the window of zstd
        // take up to 12 MiB: 32 MiB leaves room for the allocators' own granules.
        let grown = peak_bytes() - before;
        assert!(grown <= 32 << 20, "{name} took {grown} bytes");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn bombs_are_refused_in_bounded_memory() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["bombs::measured_alone", "--exact", "--ignored", "--test-threads=1"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
