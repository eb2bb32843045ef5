//! That the page of errors has every refusal of a start, and every way in which a broker ends.
//!
//! Apart because it reads sources: a refusal is a sentence where it is made, and a list of them would be out of date with the next one.

use millstream_storage::{LaneError, OpenError, ReplayError};
use millstream_types::{LogId, Offset, StreamId, WalPosition};
use std::io;
use std::sync::Arc;

const PAGE: &str = include_str!("../../../docs/errors.md");

/// Everything that is run before a broker is ready.
const SOURCES: [(&str, &str); 11] = [
    ("admin_token", include_str!("admin_token.rs")),
    ("config/file", include_str!("config/file.rs")),
    ("config/load", include_str!("config/load.rs")),
    ("credentials", include_str!("credentials.rs")),
    ("logging", include_str!("logging.rs")),
    ("notify", include_str!("notify.rs")),
    ("outbound/tls", include_str!("outbound/tls.rs")),
    ("reload", include_str!("reload.rs")),
    ("serve", include_str!("serve.rs")),
    ("signals", include_str!("signals.rs")),
    ("wiring", include_str!("wiring/mod.rs")),
];

/// No refusal: the log warns of it, and the broker runs.
const ELSEWHERE: [&str; 1] = ["the file system keeps no permissions"];

/// The text of a literal that begins behind its quote.
fn literal(source: &str) -> String {
    let (mut text, mut chars) = (String::new(), source.chars().peekable());
    while let Some(char) = chars.next().filter(|char| *char != '"') {
        match char {
            '\\' if chars.next_if_eq(&'\n').is_some() => {
                while chars.next_if(|char| *char == ' ').is_some() {}
            }
            '\\' => text.extend(chars.next()),
            char => text.push(char),
        }
    }
    text
}

/// The longest part of a format that is always there.
fn constant(format: &str) -> &str {
    let parts = format.split('{').enumerate().map(|(index, part)| {
        let part = if index == 0 { part } else { part.split_once('}').map_or("", |(_, rest)| rest) };
        part.trim_matches(|char: char| !char.is_alphanumeric())
    });
    parts.max_by_key(|part| part.len()).unwrap_or_default()
}

/// What the refusals in a source say.
fn refusals(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap();
    let mut found = Vec::new();
    for made in ["bail!(", "ensure!(", "context(", "anyhow!("] {
        for (at, _) in source.match_indices(made) {
            let rest = &source[at + made.len()..];
            // A refusal is one expression.
            let end = rest.find(";\n").unwrap_or(rest.len());
            if let Some(quote) = rest[..end].find('"') {
                found.push(literal(&rest[quote + 1..]));
            }
        }
    }
    found
}

#[test]
fn every_sentence_of_a_refused_start_is_on_the_page() {
    let page = PAGE.split_whitespace().collect::<Vec<_>>().join(" ");
    let (mut count, mut missing) = (0, Vec::new());
    for (name, source) in SOURCES {
        for refusal in refusals(source) {
            // Whatever panics is one row.
            let said = Some(constant(&refusal))
                .map(|said| if said.ends_with("panicked") { "panicked" } else { said });
            // What is shorter is a name and the error behind it.
            let said = said.filter(|said| said.len() >= 8 && !ELSEWHERE.contains(said));
            count += usize::from(said.is_some());
            missing.extend(said.filter(|said| !page.contains(said)).map(|said| format!("{name}: {said}")));
        }
    }
    assert_eq!(missing, [""; 0], "docs/errors.md does not have these");
    assert!(count > 25, "only {count} were found");
}

/// Says that an error is known here: a new one stops this from compiling until the page has it.
fn phrase_of(error: &OpenError) -> &'static str {
    match error {
        OpenError::Locked => "the data directory is locked: another process is using it",
        OpenError::Options(_) => "storage options do not fit together",
        OpenError::NewerFormat { .. } => "has format version",
        OpenError::Foreign { .. } => "belongs to another data directory",
        OpenError::Corrupt { .. } => "is damaged at offset",
        OpenError::Missing { .. } => "is missing:",
        OpenError::Hole { .. } => "has records from",
        OpenError::Io { .. } => "failed",
        OpenError::Replay { .. } => "replay stopped at position",
    }
}

fn phrase_of_end(error: &LaneError) -> &'static str {
    match error {
        LaneError::Write { .. } => "failed, the lane is stopped",
        LaneError::Sync { .. } => "failed, the lane is stopped",
        LaneError::Poisoned(_) => "the lane was stopped by an earlier failure",
    }
}

#[test]
fn every_error_of_the_storage_is_on_the_page_in_its_own_words() {
    let file = || "f".to_owned();
    let log = LogId { stream: StreamId(1), index: 0 };
    let refused = [
        OpenError::Locked,
        OpenError::Options("x"),
        OpenError::NewerFormat { file: file(), found: 2, known: 1 },
        OpenError::Foreign { file: file(), found: 2, expected: 1 },
        OpenError::Corrupt { file: file(), offset: 1, what: "x".to_owned() },
        OpenError::Missing { file: file(), why: "x".to_owned() },
        OpenError::Hole { log, expected: Offset(1), found: "x".to_owned() },
        OpenError::Io { action: "reading", file: file(), source: io::ErrorKind::Other.into() },
        OpenError::Replay { position: WalPosition(16), reason: ReplayError("x".to_owned()) },
    ];
    for error in &refused {
        let (phrase, said) = (phrase_of(error), error.to_string());
        assert!(said.contains(phrase) && PAGE.contains(phrase), "{said}");
    }
    let source = || Arc::new(io::Error::from(io::ErrorKind::Other));
    let ended = [
        LaneError::Write { file: file(), source: source() },
        LaneError::Sync { file: file(), source: source() },
        LaneError::Poisoned("x".into()),
    ];
    for error in &ended {
        let (phrase, said) = (phrase_of_end(error), error.to_string());
        let first = said.split(' ').next().unwrap_or_default();
        assert!(
            said.contains(phrase) && PAGE.contains(phrase) && PAGE.contains(&format!("| {first} ")),
            "{said}"
        );
    }
}

#[test]
fn the_constant_part_of_a_sentence_is_found() {
    assert_eq!(constant("{name}: the file {} is gone now, {why}"), "is gone now");
    assert_eq!(literal("a \\\n    b\\\"c\" d"), "a b\"c");
    assert_eq!(refusals("bail!(\"x {y}\");\nlet z = \"no\";"), ["x {y}"]);
}
