//! Annotations of any length: cut into parts that fit.
//!
//! Apart because a stream's annotations have at most 4,096 bytes each, and policies and tags may have more.

use millstream_core::catalog::{ConfigChange, Setting, SettingKey, StreamConfig};

/// Bytes of one part.
const PART_BYTES: usize = 4000;

/// The annotation of a key, put together; `None` when there is none.
pub(super) fn get(config: &StreamConfig, key: &str) -> Option<String> {
    let mut text = config.annotation(key)?.to_owned();
    for part in 1.. {
        let Some(more) = config.annotation(&part_key(key, part)) else { break };
        text.push_str(more);
    }
    Some(text)
}

/// The changes that make the annotation of a key this text, or take it away.
pub(super) fn set(config: &StreamConfig, key: &str, text: Option<&str>, changes: &mut Vec<ConfigChange>) {
    let mut part = 0;
    let mut rest = text.unwrap_or_default();
    if text.is_some() {
        loop {
            let mut end = rest.len().min(PART_BYTES);
            while !rest.is_char_boundary(end) {
                end -= 1;
            }
            let (now, later) = rest.split_at(end);
            changes.push(ConfigChange::Set(Setting::Annotation(part_key(key, part).into(), now.into())));
            (part, rest) = (part + 1, later);
            if rest.is_empty() {
                break;
            }
        }
    }
    // What is left of a longer text.
    while config.annotation(&part_key(key, part)).is_some() {
        changes.push(ConfigChange::Unset(SettingKey::Annotation(part_key(key, part).into())));
        part += 1;
    }
}

fn part_key(key: &str, part: usize) -> String {
    if part == 0 { key.to_owned() } else { format!("{key}.{part}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(config: &mut StreamConfig, text: Option<&str>) {
        let mut changes = Vec::new();
        set(config, "sqs.x", text, &mut changes);
        for change in &changes {
            config.change(change).expect("parts fit");
        }
    }

    #[test]
    fn texts_of_every_length_come_back_and_leave_nothing_behind() {
        let mut config = StreamConfig::default();
        for length in [0, 1, 3999, 4000, 4001, 12_345, 8000, 5, 0] {
            let text = "ü".repeat(length / 2) + &"x".repeat(length % 2);
            apply(&mut config, Some(&text));
            assert_eq!(get(&config, "sqs.x").as_deref(), Some(&*text), "{length}");
        }
        apply(&mut config, Some(&"x".repeat(9000)));
        apply(&mut config, None);
        assert_eq!(get(&config, "sqs.x"), None);
        assert_eq!(config, StreamConfig::default());
    }
}
