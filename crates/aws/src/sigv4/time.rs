//! Times as signatures spell them: `20261121T143000Z`.
//!
//! Apart because a calendar is needed for nothing else here.

use millstream_types::EngineTime;

const DAY_SECONDS: i64 = 86_400;

/// Reads a time; `None` if it is none.
pub(super) fn read(text: &str) -> Option<EngineTime> {
    let bytes = text.as_bytes();
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    let number = |from: usize, to: usize| {
        let digits = &bytes[from..to];
        digits.iter().try_fold(0i64, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
        })
    };
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    let real = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    let seconds = days_until(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
    real.then_some(EngineTime(seconds * 1000))
}

/// Spells a time.
pub(super) fn spell(time: EngineTime) -> String {
    let seconds = time.0.div_euclid(1000);
    let (days, second) = (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS));
    let mut year = 1970 + days.div_euclid(366);
    while days_until(year + 1, 1, 1) <= days {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days_until(year, month + 1, 1) <= days {
        month += 1;
    }
    let day = days - days_until(year, month, 1) + 1;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970 to a day.
fn days_until(year: i64, month: i64, day: i64) -> i64 {
    let leaps = |year: i64| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leaps(year - 1) - leaps(1969);
    years + (1..month).map(|month| days_of(year, month)).sum::<i64>() + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_are_read_and_spelled() {
        for (text, seconds) in [
            ("19700101T000000Z", 0),
            ("20000229T120000Z", 951_825_600),
            ("20150830T123600Z", 1_440_938_160),
            ("20241231T235959Z", 1_735_689_599),
            ("21000301T000000Z", 4_107_542_400),
        ] {
            assert_eq!(read(text), Some(EngineTime(seconds * 1000)), "{text}");
            assert_eq!(spell(EngineTime(seconds * 1000 + 999)), text);
        }
    }

    #[test]
    fn every_day_of_two_centuries_comes_back() {
        for day in 0..73_000 {
            let time = EngineTime(day * DAY_SECONDS * 1000 + 86_399_000);
            assert_eq!(read(&spell(time)), Some(time), "day {day}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in
            ["", "20150830", "20150230T000000Z", "20151330T000000Z", "20150830t123600Z", "2015083OT123600Z"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
