//! How single values are read and shown.
//!
//! Apart so that a value means the same in a file, in the environment and as a flag.

use std::ops::RangeInclusive;

/// A whole number in a range.
pub(super) fn number(text: &str, range: RangeInclusive<u64>) -> Result<u64, String> {
    let value: u64 = text.parse().map_err(|_| format!("{text:?} is not a whole number"))?;
    within(value, range)
}

/// A number of bytes in a range, as a whole number or with one of the units KiB, MiB, GiB.
pub(super) fn bytes(text: &str, range: RangeInclusive<u64>) -> Result<u64, String> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    let with_unit =
        units.iter().find_map(|(name, factor)| Some((text.strip_suffix(name)?.trim_end(), *factor)));
    let (digits, factor): (&str, u64) = with_unit.unwrap_or((text, 1));
    let value = digits.parse::<u64>().ok().and_then(|value| value.checked_mul(factor));
    let value =
        value.ok_or_else(|| format!("{text:?} is not a number of bytes, like 268435456 or 256MiB"))?;
    within(value, range)
}

fn within(value: u64, range: RangeInclusive<u64>) -> Result<u64, String> {
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(format!("{value} is not between {} and {}", range.start(), range.end()))
    }
}

/// Yes or no.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

/// One of a few words.
pub(super) fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        format!("{text:?} is not one of {}", words.join(", "))
    })
}

/// The word of a choice.
pub(super) fn word<T: PartialEq>(value: &T, choices: &[(&'static str, T)]) -> String {
    let found = choices.iter().find(|(_, choice)| choice == value);
    found.expect("every choice has a word").0.to_owned()
}

/// A host and a port; IPv6 addresses stand in brackets.
pub(super) fn host_port(text: &str) -> Result<(String, u16), String> {
    let wrong = || format!("{text:?} is not HOST:PORT, like 127.0.0.1:9092 or [::1]:9092");
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().map_err(|_| wrong())?;
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').ok_or_else(wrong)?,
        None if host.contains(':') => return Err(wrong()),
        None => host,
    };
    if bare.is_empty() { Err(wrong()) } else { Ok((bare.to_owned(), port)) }
}

/// The inverse of [`host_port`].
pub(super) fn show_host_port((host, port): &(String, u16)) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
