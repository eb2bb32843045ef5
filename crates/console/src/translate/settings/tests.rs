//! The table knows every setting of the core, and what it shows it can read.

use super::*;

/// Every key but annotations. The match is total, so that a key that the core adds stops here.
fn row_of(key: &K) -> Option<&'static SettingRow> {
    match key {
        K::Annotation(_) => None,
        K::BatchBytesMax
        | K::TimestampSource
        | K::TimestampBeforeMaxMs
        | K::TimestampAfterMaxMs
        | K::RetentionMs
        | K::RetentionBytes
        | K::Cleanup
        | K::TombstoneRetentionMs
        | K::CompactionLagMinMs
        | K::CompactionLagMaxMs
        | K::CompactionDirtyRatioMin
        | K::Consumed
        | K::DeletedAtStart
        | K::Ephemeral
        | K::Lease(
            LK::Enabled
            | LK::TimeoutMs
            | LK::DeliveryLimit
            | LK::DeadLetter
            | LK::DeadLetterRoute
            | LK::DelayMs
            | LK::TimeToLiveMs
            | LK::LengthMax
            | LK::Overflow
            | LK::SingleHolder
            | LK::Paused
            | LK::Ordering
            | LK::DedupWindowMs
            | LK::LengthBytesMax
            | LK::ExpiresMs
            | LK::DeleteUnused
            | LK::SampleOneOf,
        ) => SETTINGS.iter().find(|row| row.key == *key),
    }
}

fn read(text: &str) -> Result<Changes, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[test]
fn the_table_is_in_order_and_has_a_row_for_each_key() {
    assert!(SETTINGS.is_sorted_by(|left, right| left.name < right.name));
    assert_eq!(SETTINGS.len(), 31);
    for row in SETTINGS {
        assert_eq!(row_of(&row.key).map(|found| found.name), Some(row.name));
        assert!(
            row.doc.ends_with('.') && !row.doc.contains('|') && !row.values.contains('|'),
            "{}",
            row.name
        );
    }
}

#[test]
fn what_is_shown_can_be_read_and_sets_exactly_that() {
    let config = StreamConfig::default();
    for (name, shown) in shown(&config) {
        assert!(!shown.is_set, "{name}");
        let changes =
            read(&format!("{{{name:?}: {}}}", serde_json::to_string(&shown.value).unwrap())).unwrap();
        assert_eq!(difference(&config, &changes), None, "{name}");
        let mut changed = config.clone();
        for change in changes.of(&config, &[]).unwrap() {
            changed.change(&change).unwrap();
        }
        let again = super::shown(&changed);
        assert!(again[name].is_set && again[name].value == shown.value, "{name}");
        assert_eq!(again.values().filter(|shown| shown.is_set).count(), 1, "{name}");
    }
}

#[test]
fn a_difference_names_setting_and_both_values() {
    let changes = read(r#"{"leased": false, "delay_ms": 5}"#).unwrap();
    let difference = difference(&StreamConfig::default(), &changes);
    assert_eq!(difference.as_deref(), Some("its setting \"delay_ms\" is 0, not 5"));
    assert_eq!(read(r#"{"dead_letter_stream": "dead"}"#).unwrap().dead_letter_stream(), Some("dead"));
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    for (text, part) in [
        (r#"{"colour": 1}"#, "no setting \"colour\""),
        (r#"{"delay_ms": 1, "delay_ms": 1}"#, "given twice"),
        (r#"{"delay_ms": null}"#, "\"delay_ms\" takes ms, not null"),
        (r#"{"leased": 1}"#, "takes true or false, not 1"),
        (r#"{"overflow": "burst"}"#, "`slow_down`, `sample`, not \"burst\""),
        (r#"{"batch_bytes_max": 4294967296}"#, "takes bytes"),
        (r#"{"delay_ms": [1]}"#, "null, true, false"),
        (r#"[]"#, "settings by their names"),
    ] {
        let error = read(text).expect_err(text);
        assert!(error.contains(part), "{error}");
    }
    let config = StreamConfig::default();
    for text in
        [r#"{"delivery_limit": 0}"#, r#"{"delay_ms": 99999999999999}"#, r#"{"dead_letter_stream": ""}"#]
    {
        let problem = read(text).unwrap().of(&config, &[]).unwrap_err();
        assert_eq!(problem.code, Code::InvalidSetting, "{text}");
    }
    let unset = Changes::default().of(&config, &["delay".to_owned()]).unwrap_err();
    assert_eq!(unset.code, Code::InvalidSetting);
}
