//! Random values for messages, the same for the same seed, and the way to visit every message type.
//!
//! Apart because several tests draw from it; the constructors of the messages themselves are generated.

use bytes::Bytes;
use millstream_kafka::codec::{Message, Records, Str, Uuid};

/// A source of values (SplitMix64).
pub(crate) struct Gen {
    state: u64,
}

/// Makes a message whose every value the version can carry.
pub(crate) trait Random {
    fn random(g: &mut Gen, version: i16) -> Self;
}

/// Is shown every message type.
pub(crate) trait Visitor {
    fn message<M: Message + Random>(&mut self);
}

impl Gen {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub(crate) fn bool(&mut self) -> bool {
        self.next() & 1 == 1
    }

    pub(crate) fn i8(&mut self) -> i8 {
        self.i64() as i8
    }

    pub(crate) fn i16(&mut self) -> i16 {
        self.i64() as i16
    }

    pub(crate) fn i32(&mut self) -> i32 {
        self.i64() as i32
    }

    /// Small numbers and the usual special ones come often: defaults are among them.
    pub(crate) fn i64(&mut self) -> i64 {
        match self.below(4) {
            0 => [0, -1, 1, i64::MAX][self.below(4)],
            1 => self.below(100) as i64,
            _ => self.next() as i64,
        }
    }

    pub(crate) fn uuid(&mut self) -> Uuid {
        match self.below(4) {
            0 => Uuid::NIL,
            _ => Uuid((u128::from(self.next()) << 64 | u128::from(self.next())).to_be_bytes()),
        }
    }

    pub(crate) fn string(&mut self) -> Str {
        let length = match self.below(20) {
            0 => 0,
            // Compact lengths from 127 on take two bytes.
            1 => 120 + self.below(20),
            _ => self.below(12),
        };
        (0..length).map(|_| ['a', 'Z', '.', 'é', '漢'][self.below(5)]).collect::<String>().into()
    }

    pub(crate) fn bytes(&mut self) -> Bytes {
        let length = if self.below(8) == 0 { 1500 } else { self.below(40) };
        (0..length).map(|_| self.next() as u8).collect()
    }

    pub(crate) fn records(&mut self) -> Records {
        (0..self.below(4)).map(|_| self.bytes()).collect()
    }

    pub(crate) fn nullable<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.below(4) == 0 { None } else { Some(value(self)) }
    }

    pub(crate) fn array<T>(&mut self, mut element: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(4)).map(|_| element(self)).collect()
    }
}
