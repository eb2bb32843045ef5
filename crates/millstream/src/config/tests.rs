//! The table is complete, values survive a round trip, precedence holds, errors name their place.

use super::load::Source;
use super::{Effective, Given, KNOBS, Kind, Settings, file, reference_page, values};
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_knob_is_documented_and_its_default_can_be_read_back() {
    let mut keys = BTreeSet::new();
    for knob in KNOBS {
        assert!(keys.insert(knob.key), "{} stands twice", knob.key);
        assert!(!knob.doc.is_empty() && !knob.doc.ends_with('.') && knob.cost.ends_with('.'), "{}", knob.key);
        assert!(knob.kind == Kind::Text || !knob.value.is_empty());
        let mut settings = Settings::default();
        let shown = (knob.show)(&settings);
        if !shown.is_empty() {
            (knob.set)(&mut settings, &shown).unwrap();
        }
        assert_eq!(settings, Settings::default(), "{}", knob.key);
    }
}

#[test]
fn the_reference_page_is_the_committed_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(committed == reference_page(), "run: millstream config --markdown > docs/configuration.md");
}

#[test]
fn the_environment_overrides_defaults_and_flags_override_both() {
    let env = |name: &str| match name {
        "MILLSTREAM_INTERVAL_MS" => Some("7".into()),
        "MILLSTREAM_DURABILITY" => Some("interval".into()),
        _ => None,
    };
    let given = Given { file: None, flags: vec![("interval_ms", "8".to_owned())] };
    let effective = Effective::load(&given, env).unwrap();
    assert_eq!(effective.settings.interval_ms, 8);
    let source_of = |key| &effective.sources[KNOBS.iter().position(|knob| knob.key == key).unwrap()];
    assert_eq!(*source_of("interval_ms"), Source::Flag("--interval-ms".to_owned()));
    assert_eq!(*source_of("durability"), Source::Env("MILLSTREAM_DURABILITY".to_owned()));
    assert_eq!(*source_of("data_dir"), Source::Default);
}

#[test]
fn mistakes_in_a_file_are_named_with_line_and_key() {
    let cases = [
        (
            "data_dir = \"a\"\n\ndurabilty = \"fsync\"\n",
            "f:3: unknown key \"durabilty\"; did you mean \"durability\"?",
        ),
        ("colour = 1", "f:1: unknown key \"colour\"; `millstream config` lists all keys"),
        ("# x\ninsecure = \"yes\"", "f:2: insecure must be true or false"),
        ("data_dir = 5", "f:1: data_dir must be a string in quotes"),
        ("[kafka]\nauto_create = true", "f:1: unknown key \"kafka\"; `millstream config` lists all keys"),
    ];
    for (text, error) in cases {
        assert_eq!(file::parse(text, "f").unwrap_err().to_string(), error);
    }
    let twice = file::parse("insecure = true\ninsecure = true", "f").unwrap_err().to_string();
    assert!(twice.starts_with("f:2: this is not TOML"), "{twice}");
}

#[test]
fn bytes_take_units_and_addresses_take_brackets() {
    assert_eq!(values::bytes("64 MiB", 0..=1 << 40), Ok(64 << 20));
    assert_eq!(values::bytes("123", 0..=1 << 40), Ok(123));
    for wrong in ["", "MiB", "-1", "1MB", "99999999999999999999", "18446744073709551615KiB"] {
        assert!(values::bytes(wrong, 0..=1 << 40).is_err(), "{wrong}");
    }
    assert_eq!(values::host_port("[::1]:9092"), Ok(("::1".to_owned(), 9092)));
    for wrong in ["", "9092", ":9092", "a:b", "::1:9092", "[::1:9092", "a:99999"] {
        assert!(values::host_port(wrong).is_err(), "{wrong}");
    }
}
