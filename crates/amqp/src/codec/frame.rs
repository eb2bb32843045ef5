//! Frames: what every byte after the protocol header stands in.
//!
//! Apart because frames are cut off before anybody knows what is in them, and written around everything that is sent.
//!
//! ```text
//! 0 type u8 │ 1 channel u16 │ 3 size u32 │ 7 payload │ 7 + size end u8 = 206
//! ```

use super::{Method, Output, Properties};
use bytes::{BufMut as _, Bytes, BytesMut};

/// Ends every frame.
pub const FRAME_END: u8 = 206;
/// Bytes of a frame beside its payload.
pub const FRAME_OVERHEAD_BYTES: usize = 8;
/// Bytes before the payload.
pub const FRAME_HEAD_BYTES: usize = 7;
/// The class of all content.
pub const BASIC: u16 = 60;

/// What the protocol begins with, and what is answered to any other beginning.
pub const PROTOCOL_HEADER: [u8; 8] = *b"AMQP\x00\x00\x09\x01";
/// The other spelling that is taken: 0-9 as it was first numbered.
pub const PROTOCOL_HEADER_OLD: [u8; 8] = *b"AMQP\x01\x01\x00\x09";

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// A method with its arguments.
    Method,
    /// The header of some content: how long it is, and its properties.
    Header,
    /// A part of a content's body.
    Body,
    /// Nothing: somebody is there.
    Heartbeat,
}

impl FrameKind {
    /// The type's number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            FrameKind::Method => 1,
            FrameKind::Header => 2,
            FrameKind::Body => 3,
            FrameKind::Heartbeat => 8,
        }
    }

    /// The type of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<FrameKind> {
        let kinds = [FrameKind::Method, FrameKind::Header, FrameKind::Body, FrameKind::Heartbeat];
        kinds.into_iter().find(|kind| kind.number() == number)
    }
}

/// A frame, its payload shared with what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it holds.
    pub kind: FrameKind,
    /// Which channel it belongs to.
    pub channel: u16,
    /// What is in it.
    pub payload: Bytes,
}

/// Why what follows in the input is no frame. The words are RabbitMQ's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Its type is none of the protocol's.
    #[error("{0}: unknown_frame")]
    UnknownType(Beginning),
    /// It is longer than was agreed.
    #[error("type {kind}, all octets = <<>>: {{frame_too_large,{bytes},{}}}", .max.saturating_sub(8))]
    TooLarge {
        /// The number of its type.
        kind: u8,
        /// Bytes of its payload.
        bytes: u32,
        /// Bytes that a payload may have.
        max: u32,
    },
    /// It does not end where its size says.
    #[error("{0}: {{invalid_frame_end_marker,{1}}}")]
    WrongEnd(Beginning, u8),
}

/// What is told of a frame that cannot be taken: the number of its type, and its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beginning {
    kind: u8,
    first: [u8; Beginning::BYTES],
    bytes: usize,
}

impl Beginning {
    const BYTES: usize = 16;

    /// Looks at a payload.
    #[must_use]
    pub fn of(kind: u8, payload: &[u8]) -> Beginning {
        let mut first = [0; Beginning::BYTES];
        first.iter_mut().zip(payload).for_each(|(to, from)| *to = *from);
        Beginning { kind, first, bytes: payload.len() }
    }
}

impl core::fmt::Display for Beginning {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let which = if self.bytes > Beginning::BYTES { "first 16" } else { "all" };
        let shown = &self.first[..self.bytes.min(Beginning::BYTES)];
        write!(f, "type {}, {which} octets = {}", self.kind, Octets(shown))
    }
}

/// Bytes as `<<1,2,3>>`.
pub(crate) struct Octets<'a>(pub(crate) &'a [u8]);

impl core::fmt::Display for Octets<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("<<")?;
        for (at, byte) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{byte}")?;
        }
        f.write_str(">>")
    }
}

/// Cuts the first frame off, whose payload has at most `payload_bytes_max`. Without a whole one: how many bytes it
/// takes to have one, counted from the beginning.
///
/// # Errors
/// When what follows is no frame; nothing was cut off.
pub fn split_frame(input: &mut BytesMut, payload_bytes_max: u32) -> Result<Result<Frame, usize>, FrameError> {
    let Some(head) = input.first_chunk::<FRAME_HEAD_BYTES>() else {
        return Ok(Err(FRAME_HEAD_BYTES + 1));
    };
    let [number, c0, c1, s0, s1, s2, s3] = *head;
    let size = u32::from_be_bytes([s0, s1, s2, s3]);
    if size > payload_bytes_max {
        return Err(FrameError::TooLarge { kind: number, bytes: size, max: payload_bytes_max });
    }
    let size = size as usize;
    let whole = size + FRAME_OVERHEAD_BYTES;
    let Some(end) = input.get(whole - 1) else { return Ok(Err(whole)) };
    let beginning = || Beginning::of(number, &input[FRAME_HEAD_BYTES..whole - 1]);
    if *end != FRAME_END {
        return Err(FrameError::WrongEnd(beginning(), *end));
    }
    let kind = FrameKind::from_number(number).ok_or_else(|| FrameError::UnknownType(beginning()))?;
    let mut frame = input.split_to(whole).freeze();
    let payload = frame.split_off(FRAME_HEAD_BYTES).slice(..size);
    Ok(Ok(Frame { kind, channel: u16::from_be_bytes([c0, c1]), payload }))
}

/// Writes a frame around what `payload` writes.
fn framed(out: &mut BytesMut, kind: FrameKind, channel: u16, payload: impl FnOnce(&mut BytesMut)) {
    let from = out.len();
    out.put_u8(kind.number());
    out.put_u16(channel);
    out.put_u32(0);
    payload(out);
    let size = out.len() - from - FRAME_HEAD_BYTES;
    let size = u32::try_from(size).expect("methods and headers are far below 4 GiB");
    out[from + 3..from + FRAME_HEAD_BYTES].copy_from_slice(&size.to_be_bytes());
    out.put_u8(FRAME_END);
}

impl Output {
    /// Adds a method.
    pub fn method(&mut self, channel: u16, method: &Method<'_>) {
        framed(self.small(), FrameKind::Method, channel, |out| method.put(out));
    }

    /// Adds a heartbeat.
    pub fn heartbeat(&mut self) {
        framed(self.small(), FrameKind::Heartbeat, 0, |_| {});
    }

    /// Adds a content: its header, and its body in frames of at most `frame_bytes_max`, which is more than a frame's
    /// overhead.
    pub fn content(&mut self, channel: u16, properties: &Properties<'_>, body: &Bytes, frame_bytes_max: u32) {
        framed(self.small(), FrameKind::Header, channel, |out| {
            super::properties::put_header(out, body.len() as u64, properties);
        });
        let part_bytes_max = (frame_bytes_max as usize) - FRAME_OVERHEAD_BYTES;
        let mut rest = body.clone();
        while !rest.is_empty() {
            let part = rest.split_to(part_bytes_max.min(rest.len()));
            let out = self.small();
            out.put_u8(FrameKind::Body.number());
            out.put_u16(channel);
            out.put_u32(u32::try_from(part.len()).expect("a part of a frame"));
            self.push(part);
            self.small().put_u8(FRAME_END);
        }
    }
}
