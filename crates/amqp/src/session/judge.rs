//! What a frame means in the state that its channel is in, before anybody looks what is in it.
//!
//! Apart because it is a table, and a table can be walked: every state of a channel with every method and every other
//! frame has one row here, one in `docs/amqp.md`, and a test that goes through all of them.
//!
//! | state | methods of clients | methods of brokers | content header | body |
//! |---|---|---|---|---|
//! | not open | `channel.open` is served, all others 504 | 504 | 505 | 505 |
//! | open | served; `channel.open` 504, those of `connection` 503 | 503 | 505 | 505 |
//! | header awaited | 505 | 505 | taken | 505 |
//! | body awaited | 505 | 505 | 505 | taken |
//! | closing | `channel.close` is answered, `channel.close-ok` ends it, all others are ignored | ignored | ignored | ignored |

use crate::codec::{MethodKind, Sender};
use crate::errors::{Code, Fault};

/// The state of a channel, as far as frames are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelState {
    /// Nobody has opened it.
    Unopened,
    /// Methods are served.
    Open,
    /// A message was begun: its header comes next.
    Header,
    /// A message was begun: its body comes next.
    Body,
    /// The broker closed it, and waits for the client's word.
    Closing,
}

/// What comes on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming {
    /// A method.
    Method(MethodKind),
    /// The header of a content.
    Header,
    /// A part of a body.
    Body,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is for the channel.
    Take,
    /// Nothing.
    Ignore,
    /// The connection ends with this code and text.
    Refuse(Code, &'static str),
}

const METHOD_EXPECTED: &str = "expected method frame, got non method frame instead";
const HEADER_EXPECTED: &str = "expected content header for class 60, got non content header frame instead";
const BODY_EXPECTED: &str = "expected content body, got non content body frame instead";

/// The table.
#[must_use]
pub fn judge(state: ChannelState, incoming: Incoming) -> Verdict {
    let unexpected = |text| Verdict::Refuse(Code::UNEXPECTED_FRAME, text);
    match (state, incoming) {
        (ChannelState::Header, Incoming::Header) | (ChannelState::Body, Incoming::Body) => Verdict::Take,
        (ChannelState::Header, _) => unexpected(HEADER_EXPECTED),
        (ChannelState::Body, _) => unexpected(BODY_EXPECTED),
        (ChannelState::Closing, Incoming::Method(MethodKind::ChannelClose | MethodKind::ChannelCloseOk)) => {
            Verdict::Take
        }
        (ChannelState::Closing, _) => Verdict::Ignore,
        (ChannelState::Unopened | ChannelState::Open, Incoming::Header | Incoming::Body) => {
            unexpected(METHOD_EXPECTED)
        }
        (ChannelState::Unopened, Incoming::Method(MethodKind::ChannelOpen)) => Verdict::Take,
        (ChannelState::Unopened, Incoming::Method(_)) => {
            Verdict::Refuse(Code::CHANNEL_ERROR, "expected 'channel.open'")
        }
        (ChannelState::Open, Incoming::Method(MethodKind::ChannelOpen)) => {
            Verdict::Refuse(Code::CHANNEL_ERROR, "second 'channel.open' seen")
        }
        (ChannelState::Open, Incoming::Method(kind)) if is_for_channels(kind) => Verdict::Take,
        (ChannelState::Open, Incoming::Method(_)) => {
            Verdict::Refuse(Code::COMMAND_INVALID, "unimplemented method")
        }
    }
}

/// Whether a client sends this method on a channel that is open.
fn is_for_channels(kind: MethodKind) -> bool {
    let (class, _) = kind.id();
    let answers = matches!(kind, MethodKind::ChannelCloseOk);
    class != 10 && kind.sender() != Sender::Server && !answers
}

impl From<(Code, &'static str)> for Fault {
    fn from((code, text): (Code, &'static str)) -> Fault {
        Fault::new(code, text)
    }
}
