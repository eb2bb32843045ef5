//! What leases are called by: groups, holders, and the token that proves one delivery of one record.
//!
//! Apart because tokens leave the broker and come back from clients: what is in one, and that it can never mean a
//! newer delivery than the one it was made for, has to be seen in one place.

use core::fmt;
use millstream_types::{LogId, Offset, StreamId};

/// Names a lease group: the default one of its stream, or one of its named ones. Never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LeaseGroupId {
    /// The stream whose records it leases.
    pub stream: StreamId,
    /// 0: the stream's default group.
    pub number: u64,
}

impl LeaseGroupId {
    /// The group in which everyone competes who attaches to the stream without naming a group.
    #[must_use]
    pub fn default_of(stream: StreamId) -> LeaseGroupId {
        LeaseGroupId { stream, number: 0 }
    }

    /// One of the stream's logs.
    #[must_use]
    pub fn log(self, index: u32) -> LogId {
        LogId { stream: self.stream, index }
    }
}

impl fmt::Display for LeaseGroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.stream, self.number)
    }
}

/// Who has a record out. Fronts number their consumers, each number once while the process runs; what a restart has to
/// know of a holder is only whether its leases are bound to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct HolderId(pub u64);

/// One delivery of one record: handed out in ascending order by its group, never again for another delivery.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct LeaseNumber(pub u64);

/// A lease inside its group.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LeaseRef {
    /// Index of the log among the stream's.
    pub log: u32,
    /// The record.
    pub offset: Offset,
    /// The delivery.
    pub lease: LeaseNumber,
}

/// Bytes of a token.
pub const TOKEN_BYTES: usize = 36;

/// A lease with its group: everything that a client has to give back in order to settle what it was given.
///
/// ```text
/// 0 stream (8) │ 8 group number (8) │ 16 log index (4) │ 20 offset (8) │ 28 lease (8)     little-endian
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LeaseToken {
    /// The group that gave it.
    pub group: LeaseGroupId,
    /// The lease in it.
    pub lease: LeaseRef,
}

impl LeaseToken {
    /// The token's bytes, drawn above.
    #[must_use]
    pub fn to_bytes(self) -> [u8; TOKEN_BYTES] {
        let mut out = [0; TOKEN_BYTES];
        out[0..8].copy_from_slice(&self.group.stream.0.to_le_bytes());
        out[8..16].copy_from_slice(&self.group.number.to_le_bytes());
        out[16..20].copy_from_slice(&self.lease.log.to_le_bytes());
        out[20..28].copy_from_slice(&self.lease.offset.0.to_le_bytes());
        out[28..36].copy_from_slice(&self.lease.lease.0.to_le_bytes());
        out
    }

    /// Reads a token back. Every 36 bytes are some token; whether it names anything is for its group to say.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; TOKEN_BYTES]) -> LeaseToken {
        let u64_at = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(word)
        };
        let mut log = [0; 4];
        log.copy_from_slice(&bytes[16..20]);
        LeaseToken {
            group: LeaseGroupId { stream: StreamId(u64_at(0)), number: u64_at(8) },
            lease: LeaseRef {
                log: u32::from_le_bytes(log),
                offset: Offset(u64_at(20)),
                lease: LeaseNumber(u64_at(28)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_from_its_bytes() {
        let token = LeaseToken {
            group: LeaseGroupId { stream: StreamId(0x0102_0304), number: u64::MAX - 7 },
            lease: LeaseRef { log: 9_999, offset: Offset(1 << 62), lease: LeaseNumber(0x1122_3344_5566) },
        };
        assert_eq!(LeaseToken::from_bytes(&token.to_bytes()), token);
        assert_eq!(token.to_bytes()[16..20], [0x0f, 0x27, 0, 0]);
    }
}
