//! The frames of AMQP 0-9-1 that the lean client writes and reads.
//!
//! Apart because it is all that the bench knows of the protocol, and by hand because the broker's own codec must not be
//! what the broker is measured with.

use anyhow::{Context, bail, ensure};

/// What a client says first.
pub(crate) const HEADER: &[u8; 8] = b"AMQP\x00\x00\x09\x01";
/// The channel everything happens on.
pub(crate) const CHANNEL: u16 = 1;
/// The largest frame that the client agrees to.
pub(crate) const FRAME_BYTES_MAX: u32 = 128 << 10;

const METHOD: u8 = 1;
const CONTENT: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;
const END: u8 = 0xce;
/// Bytes of a frame around its payload.
const AROUND_BYTES: usize = 8;

/// A method: class and number.
pub(crate) type Method = (u16, u16);

pub(crate) const DELIVER: Method = (60, 60);
pub(crate) const BASIC_ACK: Method = (60, 80);
pub(crate) const PUBLISH: Method = (60, 40);

/// A method frame in the making.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// Begins a method on a channel.
    pub(crate) fn method(channel: u16, (class, method): Method) -> Writer {
        let mut bytes = vec![METHOD];
        bytes.extend_from_slice(&channel.to_be_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&class.to_be_bytes());
        bytes.extend_from_slice(&method.to_be_bytes());
        Writer(bytes)
    }

    pub(crate) fn u8(mut self, value: u8) -> Writer {
        self.0.push(value);
        self
    }

    pub(crate) fn u16(mut self, value: u16) -> Writer {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub(crate) fn u32(mut self, value: u32) -> Writer {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub(crate) fn u64(mut self, value: u64) -> Writer {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// Text of at most 255 bytes.
    pub(crate) fn short(mut self, text: &str) -> Writer {
        self.0.push(u8::try_from(text.len()).expect("the bench's names are short"));
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// Long text, or a table that is already encoded.
    pub(crate) fn long(self, bytes: &[u8]) -> Writer {
        let length = u32::try_from(bytes.len()).expect("the bench's tables are small");
        let mut writer = self.u32(length);
        writer.0.extend_from_slice(bytes);
        writer
    }

    /// The whole frame.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len() - (AROUND_BYTES - 1)).expect("a method is small");
        self.0[3..7].copy_from_slice(&length.to_be_bytes());
        self.0.push(END);
        self.0
    }
}

/// A message to be published over and over.
pub(crate) struct Message {
    /// Its frames.
    pub(crate) frames: Vec<u8>,
    /// Where its body begins in them.
    pub(crate) body_at: usize,
}

/// What distinguishes messages.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Properties<'a> {
    /// To be kept over a restart.
    pub(crate) persistent: bool,
    /// Where an answer is to go.
    pub(crate) reply_to: Option<&'a str>,
}

impl Message {
    /// A message of one body frame.
    pub(crate) fn new(exchange: &str, key: &str, properties: Properties<'_>, body: &[u8]) -> Message {
        let mut frames = Writer::method(CHANNEL, PUBLISH).u16(0).short(exchange).short(key).u8(0).finish();
        let flags = 0x1000 | if properties.reply_to.is_some() { 0x0200 } else { 0 };
        let mut content = 60_u16.to_be_bytes().to_vec();
        content.extend_from_slice(&[0, 0]);
        content.extend_from_slice(&(body.len() as u64).to_be_bytes());
        content.extend_from_slice(&u16::to_be_bytes(flags));
        content.push(if properties.persistent { 2 } else { 1 });
        if let Some(reply_to) = properties.reply_to {
            content.push(u8::try_from(reply_to.len()).expect("an address of a queue is short"));
            content.extend_from_slice(reply_to.as_bytes());
        }
        frame(&mut frames, CONTENT, &content);
        let body_at = frames.len() + AROUND_BYTES - 1;
        frame(&mut frames, BODY, body);
        Message { frames, body_at }
    }
}

fn frame(out: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    out.push(kind);
    out.extend_from_slice(&CHANNEL.to_be_bytes());
    out.extend_from_slice(&u32::try_from(payload.len()).expect("a frame is small").to_be_bytes());
    out.extend_from_slice(payload);
    out.push(END);
}

/// A frame that was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Frame<'a> {
    /// A method with its arguments.
    Method(Method, &'a [u8]),
    /// The header of a content: bytes of its body, flags and properties.
    Content(u64, &'a [u8]),
    /// A part of a body.
    Body(&'a [u8]),
    /// A sign of life.
    Heartbeat,
}

/// The first frame of `bytes` and its length; `None` while it is not all there.
///
/// # Errors
/// When it is no frame.
pub(crate) fn next(bytes: &[u8]) -> anyhow::Result<Option<(Frame<'_>, usize)>> {
    let Some(head) = bytes.first_chunk::<7>() else { return Ok(None) };
    let length = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
    ensure!(length <= FRAME_BYTES_MAX, "a frame of {length} bytes");
    let length = length as usize;
    let Some(payload) = bytes.get(7..7 + length) else { return Ok(None) };
    let Some(end) = bytes.get(7 + length) else { return Ok(None) };
    ensure!(*end == END, "a frame without its end");
    let frame = match head[0] {
        METHOD => Frame::Method((u16_at(payload, 0)?, u16_at(payload, 2)?), &payload[4..]),
        CONTENT => Frame::Content(u64_at(payload, 4)?, payload.get(12..).context("a short header")?),
        BODY => Frame::Body(payload),
        HEARTBEAT => Frame::Heartbeat,
        other => bail!("a frame of kind {other}"),
    };
    Ok(Some((frame, length + AROUND_BYTES)))
}

/// Two bytes as a number.
///
/// # Errors
/// When they are not there.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> anyhow::Result<u16> {
    let two = bytes.get(at..).and_then(<[u8]>::first_chunk).context("a short frame")?;
    Ok(u16::from_be_bytes(*two))
}

/// Eight bytes as a number.
///
/// # Errors
/// When they are not there.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> anyhow::Result<u64> {
    let eight = bytes.get(at..).and_then(<[u8]>::first_chunk).context("a short frame")?;
    Ok(u64::from_be_bytes(*eight))
}

/// The text that begins at `at`, and where it ends.
///
/// # Errors
/// When it is not there.
pub(crate) fn short_at(bytes: &[u8], at: usize) -> anyhow::Result<(&str, usize)> {
    let end = at + 1 + usize::from(*bytes.get(at).context("a short frame")?);
    Ok((std::str::from_utf8(bytes.get(at + 1..end).context("a short frame")?)?, end))
}

/// The delivery tag of a delivery.
///
/// # Errors
/// When it is none.
pub(crate) fn delivery_tag(arguments: &[u8]) -> anyhow::Result<u64> {
    let (_, end) = short_at(arguments, 0)?;
    u64_at(arguments, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_as_what_was_written() {
        let properties = Properties { persistent: true, reply_to: Some("me") };
        let message = Message::new("ex", "key", properties, b"body");
        assert_eq!(&message.frames[message.body_at..][..4], b"body");
        let mut rest = &message.frames[..];
        let mut frames = Vec::new();
        while let Some((frame, length)) = next(rest).unwrap() {
            frames.push(frame);
            rest = &rest[length..];
        }
        assert!(rest.is_empty());
        let [Frame::Method(PUBLISH, arguments), Frame::Content(4, properties), Frame::Body(b"body")] =
            frames[..]
        else {
            panic!("{frames:?}");
        };
        assert_eq!(arguments, b"\0\0\x02ex\x03key\0");
        assert_eq!(properties, b"\x12\0\x02\x02me");
    }

    #[test]
    fn a_frame_that_has_not_arrived_is_waited_for_and_one_that_is_none_is_refused() {
        let ack = Writer::method(CHANNEL, BASIC_ACK).u64(7).u8(1).finish();
        for length in 0..ack.len() {
            assert_eq!(next(&ack[..length]).unwrap(), None);
        }
        let (frame, length) = next(&ack).unwrap().unwrap();
        assert_eq!((frame, length), (Frame::Method(BASIC_ACK, &[0, 0, 0, 0, 0, 0, 0, 7, 1]), ack.len()));
        let mut broken = ack.clone();
        broken[0] = 5;
        assert!(next(&broken).is_err());
        *broken.last_mut().unwrap() = 0;
        assert!(next(&broken).is_err());
    }
}
