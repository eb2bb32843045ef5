//! Moments and offsets as people write them, and moments as they are printed.
//!
//! Apart because it is all grammar and arithmetic: what is "now" comes as an argument. The calendar is by hand, as
//! RFC 3339 in UTC is all there is to read and print.

use std::str::FromStr;

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeSpec {
    /// Milliseconds since 1970 UTC.
    At(i64),
    /// Milliseconds before now.
    Ago(i64),
}

impl TimeSpec {
    /// In milliseconds since 1970 UTC.
    pub(super) fn resolve(self, now_ms: i64) -> i64 {
        match self {
            Self::At(ms) => ms,
            Self::Ago(ms) => now_ms.saturating_sub(ms).max(0),
        }
    }
}

impl FromStr for TimeSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a time; write 2026-01-31T12:00:00Z, milliseconds since 1970, or -15m (ms, s, m, h, d)"
            )
        };
        if let Some(span) = text.strip_prefix('-') {
            return span_ms(span).map(Self::Ago).ok_or_else(wrong);
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self::At).map_err(|_| wrong());
        }
        parse_rfc3339(text).map(Self::At).ok_or_else(wrong)
    }
}

/// How long something lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(i64);

impl Span {
    /// In milliseconds.
    pub(super) fn ms(self) -> i64 {
        self.0
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a span; write 90s, 30m, 1h30m or 2d");
        span_ms(text).map(Span).ok_or_else(wrong)
    }
}

/// A place in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OffsetSpec {
    /// The first record there is.
    Beginning,
    /// Past the last record.
    End,
    /// This offset.
    At(i64),
    /// This many before the end.
    BeforeEnd(i64),
    /// The first record at or after a moment.
    Time(TimeSpec),
}

impl FromStr for OffsetSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is not an offset; write a number, beginning, end, or -N for the last N");
        let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse::<i64>().map_err(|_| wrong()),
            false => Err(wrong()),
        };
        match text {
            "beginning" | "earliest" | "start" => Ok(Self::Beginning),
            "end" | "latest" => Ok(Self::End),
            text => match text.strip_prefix('-') {
                Some(count) => number(count).map(Self::BeforeEnd),
                None => number(text).map(Self::At),
            },
        }
    }
}

/// Milliseconds of a span like `90s` or `1h30m`.
fn span_ms(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0i64;
    while !rest.is_empty() {
        let digits = rest.find(|char: char| !char.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|char: char| char.is_ascii_digit()).unwrap_or(rest.len());
        let unit_ms: i64 = match &rest[..letters] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        rest = &rest[letters..];
        total = total.checked_add(number.checked_mul(unit_ms)?)?;
    }
    (!text.is_empty()).then_some(total)
}

const DAY_MS: i64 = 86_400_000;

/// A moment as `2026-01-31T12:00:00.000Z`; one outside the years 0 to 9999 as its milliseconds.
pub(super) fn format_rfc3339(ms: i64) -> String {
    let (year, month, day) = civil(ms.div_euclid(DAY_MS));
    if !(0..=9999).contains(&year) {
        return ms.to_string();
    }
    let of_day = ms.rem_euclid(DAY_MS);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, milli) = (of_day / 1000 % 60, of_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Milliseconds since 1970 of an RFC 3339 time. The time of day may be left out (midnight UTC) or have a blank
/// before it; a leap second is the second before it.
fn parse_rfc3339(text: &str) -> Option<i64> {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let mut date = date.splitn(3, '-');
    let (year, month, day) = (fixed(date.next()?, 4)?, fixed(date.next()?, 2)?, fixed(date.next()?, 2)?);
    let days = days_since_1970(year, month, day);
    // A date that does not exist comes back as another.
    if civil(days) != (year, month, day) {
        return None;
    }
    let of_day = time.map_or(Some(0), time_of_day_ms)?;
    Some(days * DAY_MS + of_day)
}

/// Milliseconds since midnight UTC of `12:00:00.25+01:00`; before midnight and after the next, by the zone.
fn time_of_day_ms(text: &str) -> Option<i64> {
    let zone_at = text.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = text.split_at(zone_at);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (fixed(parts.next()?, 2)?, fixed(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |second| fixed(second, 2))?;
    let millis: i64 = match fraction.bytes().all(|byte| byte.is_ascii_digit()) && !fraction.is_empty() {
        true => format!("{fraction:0<3}")[..3].parse().ok()?,
        false => return None,
    };
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let zone_minutes = match zone {
        "Z" | "z" => 0,
        zone => {
            let (hours, minutes) = zone[1..].split_once(':')?;
            let (hours, minutes) = (fixed(hours, 2)?, fixed(minutes, 2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            if zone.starts_with('-') { -(hours * 60 + minutes) } else { hours * 60 + minutes }
        }
    };
    Some(((hour * 60 + minute - zone_minutes) * 60 + second.min(59)) * 1000 + millis)
}

/// A number of exactly so many digits.
fn fixed(text: &str, digits: usize) -> Option<i64> {
    let right = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    right.then(|| text.parse().ok()).flatten()
}

/// Years are counted from March, so that the leap day is a year's last, in eras of 400 years, which are all alike.
const ERA_DAYS: i64 = 146_097;
/// Days from the first of March of the year 0 to 1970.
const EPOCH_DAYS: i64 = 719_468;

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    // Months from March on have 31, 30, 31, 30, 31 days, over and over; this line goes through their sums.
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH_DAYS
}

fn civil(days_since_1970: i64) -> (i64, i64, i64) {
    let days = days_since_1970 + EPOCH_DAYS;
    let (era, of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    // Leap days before this one in the era are taken out, so that all years have 365 days.
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = (march_month + 2) % 12 + 1;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_date_number_or_span() {
        let at = |text: &str| text.parse::<TimeSpec>().map(|time| time.resolve(10_000_000));
        assert_eq!(at("1970-01-01T00:00:00Z"), Ok(0));
        assert_eq!(at("2000-02-29T23:59:59.5Z"), Ok(951_868_799_500));
        assert_eq!(at("2026-01-31T12:00:00+02:00"), Ok(1_769_853_600_000));
        assert_eq!(at("2026-01-31 10:00Z"), Ok(1_769_853_600_000));
        assert_eq!(at("2026-01-31"), Ok(1_769_817_600_000));
        assert_eq!(at("1700000000000"), Ok(1_700_000_000_000));
        assert_eq!(at("-5m"), Ok(9_700_000));
        assert_eq!(at("-1h30m"), Ok(4_600_000));
        assert_eq!(at("-250ms"), Ok(9_999_750));
        assert_eq!(at("-1000d"), Ok(0), "nothing was stored before 1970");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "-",
            "-5",
            "-m",
            "-5w",
            "5m",
            "now",
            "2026-02-30",
            "2025-02-29T00:00:00Z",
            "2026-13-01",
            "2026-1-1",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+1:00",
            "-99999999999999d",
            "99999999999999999999",
            "2026-01-01T00:00:00+é",
        ] {
            assert!(text.parse::<TimeSpec>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn printed_times_are_read_back() {
        assert_eq!(format_rfc3339(951_868_799_500), "2000-02-29T23:59:59.500Z");
        assert_eq!(format_rfc3339(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(format_rfc3339(i64::MAX), i64::MAX.to_string());
        // Every day of more than a leap cycle.
        for day in -80_000..100_000 {
            let ms = day * DAY_MS + 12_345_678;
            assert_eq!(parse_rfc3339(&format_rfc3339(ms)), Some(ms));
        }
    }

    #[test]
    fn offsets_are_numbers_words_or_counted_from_the_end() {
        let spec = |text: &str| text.parse::<OffsetSpec>();
        assert_eq!(spec("0"), Ok(OffsetSpec::At(0)));
        assert_eq!(spec("-10"), Ok(OffsetSpec::BeforeEnd(10)));
        assert_eq!(spec("beginning"), Ok(OffsetSpec::Beginning));
        assert_eq!(spec("end"), Ok(OffsetSpec::End));
        for text in ["", "-", "--1", "+1", "1.5", "middle", "99999999999999999999"] {
            assert!(spec(text).is_err(), "{text:?}");
        }
    }
}
