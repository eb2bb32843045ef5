//! Configurations there and back, and those that were written before there were later settings.

use super::*;
use crate::codec::{DecodeError, Decoder, Encoder};
use alloc::vec;
use alloc::vec::Vec;

fn all() -> Vec<Setting> {
    vec![
        Setting::BatchBytesMax(7),
        Setting::TimestampSource(TimestampSource::Append),
        Setting::TimestampBeforeMaxMs(1),
        Setting::TimestampAfterMaxMs(2),
        Setting::RetentionMs(None),
        Setting::RetentionBytes(Some(3)),
        Setting::Cleanup { delete: false, compact: true },
        Setting::Annotation("key".into(), "value".into()),
        Setting::TombstoneRetentionMs(4),
        Setting::CompactionLagMinMs(5),
        Setting::CompactionLagMaxMs(Some(6)),
        Setting::CompactionLagMaxMs(None),
        Setting::CompactionDirtyRatioMin(10_000),
        Setting::Consumed(Some(8)),
        Setting::Consumed(None),
        Setting::DeletedAtStart(true),
        Setting::Lease(LeaseSetting::Enabled(true)),
        Setting::Lease(LeaseSetting::TimeoutMs(9)),
        Setting::Lease(LeaseSetting::DeliveryLimit(Some(10))),
        Setting::Lease(LeaseSetting::DeadLetter(Some("dead".into()))),
        Setting::Lease(LeaseSetting::DeadLetterRoute(Some(DeadLetterRoute {
            route: "".into(),
            key: Some("k".into()),
        }))),
        Setting::Lease(LeaseSetting::DelayMs(11)),
        Setting::Lease(LeaseSetting::TimeToLiveMs(Some(12))),
        Setting::Lease(LeaseSetting::LengthMax(Some(13))),
        Setting::Lease(LeaseSetting::Overflow(Overflow::DropOldest)),
        Setting::Lease(LeaseSetting::Overflow(Overflow::Reject)),
        Setting::Lease(LeaseSetting::Overflow(Overflow::DeadLetter)),
        Setting::Lease(LeaseSetting::SingleHolder(true)),
        Setting::Lease(LeaseSetting::Paused(true)),
        Setting::Lease(LeaseSetting::Ordering(Ordering::Unordered)),
        Setting::Lease(LeaseSetting::Ordering(Ordering::Ordered)),
        Setting::Lease(LeaseSetting::Ordering(Ordering::Fair)),
        Setting::Lease(LeaseSetting::DedupWindowMs(Some(14))),
        Setting::Lease(LeaseSetting::LengthBytesMax(Some(15))),
        Setting::Lease(LeaseSetting::ExpiresMs(Some(16))),
        Setting::Lease(LeaseSetting::DeleteUnused(true)),
        Setting::Lease(LeaseSetting::Overflow(Overflow::Block)),
        Setting::Lease(LeaseSetting::Overflow(Overflow::SlowDown)),
        Setting::Lease(LeaseSetting::Overflow(Overflow::Sample)),
        Setting::Lease(LeaseSetting::SampleOneOf(3)),
    ]
}

/// The page about formats lists the later settings by their tags.
#[test]
fn every_later_setting_is_in_the_page_about_formats() {
    let page = include_str!("../../../../../docs/formats.md");
    let (_, table) = page.split_once("| tag | setting | value |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let mut found = alloc::collections::BTreeSet::new();
    for setting in all() {
        let mut config = StreamConfig::default();
        config.set(&setting).unwrap();
        // Seven options that are absent, the count of annotations with its top bit, the count of later settings.
        if let [0, 0, 0, 0, 0, 0, 0, 0, 0x80, 1, tag, ..] = bytes(&config)[..] {
            assert!(table.contains(&alloc::format!("\n| {tag} |")), "{setting:?} has the tag {tag}");
            found.insert(tag);
        }
    }
    // One of them is never written.
    assert_eq!(found.len() + 1, table.lines().count() - 2, "{found:?}");
}

fn bytes(config: &StreamConfig) -> Vec<u8> {
    let mut bytes = Vec::new();
    config.put(&mut Encoder(&mut bytes));
    bytes
}

#[test]
fn every_setting_is_read_back_alone_and_with_all_before_it() {
    let mut together = StreamConfig::default();
    for setting in all() {
        let mut alone = StreamConfig::default();
        for config in [&mut alone, &mut together] {
            config.change(&ConfigChange::Set(setting.clone())).expect("in range");
            let written = bytes(config);
            let mut input = Decoder(&written);
            assert_eq!(StreamConfig::get(&mut input).as_ref(), Ok(&*config), "{setting:?}");
            assert!(input.is_empty());
        }
    }
}

#[test]
fn a_configuration_without_later_settings_has_the_bytes_it_always_had() {
    let mut config = StreamConfig::default();
    config.change(&ConfigChange::Set(Setting::Annotation("k".into(), "v".into()))).expect("fits");
    assert_eq!(bytes(&config), *b"\0\0\0\0\0\0\0\x01\0\x01\0\0\0k\x01\0\0\0v");
}

#[test]
fn what_cannot_be_is_refused() {
    let mut config = StreamConfig::default();
    let half = config.compaction_dirty_ratio_min();
    let over = ConfigChange::Set(Setting::CompactionDirtyRatioMin(10_001));
    assert_eq!(config.change(&over), Err(ErrorKind::InvalidConfig));
    assert_eq!((config.compaction_dirty_ratio_min(), half), (5_000, 5_000));
    let head = b"\0\0\0\0\0\0\0\0\x80\x01";
    for (tail, error) in [
        (&[9][..], DecodeError::UnknownTag(9)),
        (&[4, 0x11, 0x27], DecodeError::Invalid("a stream's dirty ratio")),
        (&[1, 0], DecodeError::Truncated),
    ] {
        let written = [head, tail].concat();
        assert_eq!(StreamConfig::get(&mut Decoder(&written)), Err(error));
    }
}
