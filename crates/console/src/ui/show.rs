//! Numbers, sizes, times and contents as people read them.
//!
//! Apart because every page shows the same kinds of values, and the same value must look the same everywhere.

use maud::{Markup, html};
use millstream_types::EngineTime;
use serde_json::Value;

/// Characters of a value that a table shows.
const PREVIEW_CHARS: usize = 160;

/// A number of a document; what is missing is 0.
pub(super) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// A text of a document; what is missing is empty.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The items of a list.
pub(super) fn items(value: &Value) -> &[Value] {
    value["items"].as_array().map_or(&[], |items| items)
}

/// A list inside of a document.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], |items| items)
}

/// A number in groups of three digits.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A rate per second: with a decimal where that says more.
pub(super) fn rate(per_second: f64) -> String {
    if per_second > 0.0 && per_second < 10.0 {
        return format!("{per_second:.1}");
    }
    count(per_second.round() as u64)
}

/// A size in the unit that suits it.
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let mut size = number as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1023.95 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// A span of time in the unit that suits it.
pub(super) fn span(ms: u64) -> String {
    let (amount, unit) = match ms {
        0..1_000 => return format!("{ms} ms"),
        1_000..60_000 => (ms / 1_000, "s"),
        60_000..3_600_000 => (ms / 60_000, "min"),
        3_600_000..172_800_000 => (ms / 3_600_000, "h"),
        _ => (ms / 86_400_000, "days"),
    };
    format!("{amount} {unit}")
}

/// A moment, in milliseconds since 1970, and how long ago that was.
pub(super) fn moment(now: EngineTime, ms: i64) -> Markup {
    let exact = date(ms);
    let ago = match now.0.checked_sub(ms) {
        Some(ago) if ago >= 0 => format!("{} ago", span(ago.unsigned_abs())),
        _ => format!("in {}", span(ms.abs_diff(now.0))),
    };
    html! { time datetime=(exact) title=(exact) { (ago) } }
}

/// A moment of a document.
pub(super) fn moment_of(now: EngineTime, value: &Value) -> Markup {
    match value.as_i64() {
        Some(ms) => moment(now, ms),
        None => html! { "–" },
    }
}

/// A moment as RFC 3339 has it, in UTC.
pub(super) fn date(ms: i64) -> String {
    let (days, within) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    // Days since 0000-03-01 in the calendar that repeats after 400 years, 146,097 days; a year begins in March, so that the
    // day that comes every fourth year is its last.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (within / 3_600_000, within / 60_000 % 60, within / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", within % 1_000)
}

/// The beginning of a text, in one line.
pub(super) fn preview(text: &str) -> String {
    let mut short: String = text.chars().take(PREVIEW_CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The beginning of what a field of a record holds.
pub(super) fn field(record: &Value, name: &str) -> Markup {
    match (record[name].as_str(), record[format!("{name}_base64")].as_str()) {
        (Some(""), _) => html! { span.none { "empty" } },
        (Some(text), _) => html! { (preview(text)) },
        (None, Some(base64)) => html! { span.none { "base64 " } (preview(base64)) },
        (None, None) => html! { span.none { "none" } },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_sizes_have_units() {
        let counts = [0, 999, 1_000, 1_234_567].map(count);
        assert_eq!(counts, ["0", "999", "1,000", "1,234,567"]);
        let sizes = [0, 1023, 1024, 1_572_864, 1 << 30, u64::MAX].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.5 MiB", "1.0 GiB", "16384.0 PiB"]);
        let spans = [5, 5_000, 300_000, 7_200_000, 864_000_000].map(span);
        assert_eq!(spans, ["5 ms", "5 s", "5 min", "2 h", "10 days"]);
        assert_eq!([0.0, 0.25, 9.96, 1234.5].map(rate), ["0", "0.2", "10.0", "1,235"]);
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (ms, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_305_599_999, "2026-11-21T23:59:59.999Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(date(ms), expected);
        }
        assert!(date(i64::MAX).ends_with('Z') && date(i64::MIN).ends_with('Z'));
    }
}
