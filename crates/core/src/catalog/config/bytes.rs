//! The bytes of a configuration, as they end every catalog entry.
//!
//! Apart because they are persisted, and because settings that came later had to find room in them.
//!
//! ```text
//! batch bytes max, timestamp source, timestamp before max, after max, retention ms, retention bytes, cleanup:
//!     each 0, or 1 and its value
//! annotations: count u16 (bit 15: later settings follow them), then key and value each
//! later settings: count u8, then each a tag u8 and its value
//!     1 tombstone retention ms u64 │ 2 compaction lag min ms u64 │ 3 compaction lag max ms (0, or 1 and u64)
//!     4 compaction dirty ratio min u16 │ 5 consumed (0, or 1 and u64) │ 6 deleted at start u8
//!     7 ephemeral u8 (0: what is ephemeral is never written)
//!     16 and more: see `lease.rs`
//! ```

use super::{ANNOTATIONS_MAX, RATIO_MAX, StreamConfig, TimestampSource};
use crate::codec::{DecodeError, Decoder, Encoder};
use alloc::collections::BTreeMap;
use millstream_types::limits::ANNOTATION_BYTES_MAX;

/// In the count of annotations: later settings follow them.
const LATER: u16 = 1 << 15;

const _: () = assert!(ANNOTATIONS_MAX < LATER as usize);

impl StreamConfig {
    pub(crate) fn put(&self, out: &mut Encoder<'_>) {
        let unbounded = |out: &mut Encoder<'_>, value: Option<u64>| out.option(value, Encoder::u64);
        out.option(self.batch_bytes_max, Encoder::u32);
        out.option(self.timestamp_source, |out, source| out.u8(u8::from(source == TimestampSource::Append)));
        out.option(self.timestamp_before_max_ms, Encoder::u64);
        out.option(self.timestamp_after_max_ms, Encoder::u64);
        out.option(self.retention_ms, unbounded);
        out.option(self.retention_bytes, unbounded);
        out.option(self.cleanup, |out, (delete, compact)| out.u8(u8::from(delete) | u8::from(compact) << 1));
        let later = self.later();
        let annotations = u16::try_from(self.annotations.len()).expect("annotations are bounded");
        out.u16(annotations | if later == 0 { 0 } else { LATER });
        for (key, value) in &self.annotations {
            out.str(key);
            out.str(value);
        }
        if later > 0 {
            out.u8(later);
            self.put_later(out);
        }
    }

    /// How many of the later settings are set.
    fn later(&self) -> u8 {
        u8::from(self.tombstone_retention_ms.is_some())
            + u8::from(self.compaction_lag_min_ms.is_some())
            + u8::from(self.compaction_lag_max_ms.is_some())
            + u8::from(self.compaction_dirty_ratio_min.is_some())
            + u8::from(self.consumed.is_some())
            + u8::from(self.deleted_at_start.is_some())
            + u8::from(self.ephemeral.is_some())
            + self.lease.count()
    }

    fn put_later(&self, out: &mut Encoder<'_>) {
        if let Some(ms) = self.tombstone_retention_ms {
            out.u8(1);
            out.u64(ms);
        }
        if let Some(ms) = self.compaction_lag_min_ms {
            out.u8(2);
            out.u64(ms);
        }
        if let Some(ms) = self.compaction_lag_max_ms {
            out.u8(3);
            out.option(ms, Encoder::u64);
        }
        if let Some(ratio) = self.compaction_dirty_ratio_min {
            out.u8(4);
            out.u16(ratio);
        }
        if let Some(kept_ms) = self.consumed {
            out.u8(5);
            out.option(kept_ms, Encoder::u64);
        }
        if let Some(deleted) = self.deleted_at_start {
            out.u8(6);
            out.u8(u8::from(deleted));
        }
        if let Some(ephemeral) = self.ephemeral {
            out.u8(7);
            out.u8(u8::from(ephemeral));
        }
        self.lease.put(out);
    }

    /// What the annotations take in an entry.
    pub(crate) fn annotations_bytes(&self) -> usize {
        self.annotations.iter().map(|(key, value)| 8 + key.len() + value.len()).sum()
    }

    pub(crate) fn get(input: &mut Decoder<'_>) -> Result<StreamConfig, DecodeError> {
        let mut config = StreamConfig {
            batch_bytes_max: input.option(Decoder::u32)?,
            timestamp_source: input.option(|input| {
                Ok(if input.bool()? { TimestampSource::Append } else { TimestampSource::Producer })
            })?,
            timestamp_before_max_ms: input.option(Decoder::u64)?,
            timestamp_after_max_ms: input.option(Decoder::u64)?,
            retention_ms: input.option(|input| input.option(Decoder::u64))?,
            retention_bytes: input.option(|input| input.option(Decoder::u64))?,
            cleanup: input.option(|input| match input.u8()? {
                bits @ 0..=3 => Ok((bits & 1 != 0, bits & 2 != 0)),
                _ => Err(DecodeError::Invalid("a stream's cleanup")),
            })?,
            annotations: BTreeMap::new(),
            ..StreamConfig::default()
        };
        let count = input.u16()?;
        for _ in 0..count & !LATER {
            config.annotations.insert(input.boxed_str()?, input.boxed_str()?);
        }
        if config.annotations_bytes() > ANNOTATION_BYTES_MAX {
            return Err(DecodeError::Invalid("a stream's annotations"));
        }
        if count & LATER != 0 {
            for _ in 0..input.u8()? {
                config.get_later(input)?;
            }
        }
        Ok(config)
    }

    fn get_later(&mut self, input: &mut Decoder<'_>) -> Result<(), DecodeError> {
        match input.u8()? {
            1 => self.tombstone_retention_ms = Some(input.u64()?),
            2 => self.compaction_lag_min_ms = Some(input.u64()?),
            3 => self.compaction_lag_max_ms = Some(input.option(Decoder::u64)?),
            4 => match input.u16()? {
                ratio @ 0..=RATIO_MAX => self.compaction_dirty_ratio_min = Some(ratio),
                _ => return Err(DecodeError::Invalid("a stream's dirty ratio")),
            },
            5 => self.consumed = Some(input.option(Decoder::u64)?),
            6 => self.deleted_at_start = Some(input.bool()?),
            7 => self.ephemeral = Some(input.bool()?),
            tag => self.lease.get(tag, input)?,
        }
        Ok(())
    }
}
