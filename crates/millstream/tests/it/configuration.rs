//! `millstream config` and what it refuses.

use crate::process::{Scratch, complaint, millstream, stdout};
use serde_json::Value;

fn knob(scratch: &Scratch, key: &str, env: &[(&str, &str)], args: &[&str]) -> (Value, Value) {
    let mut command = millstream(scratch, &["config", "--json"]);
    let json: Value = serde_json::from_str(&stdout(command.args(args).envs(env.iter().copied()))).unwrap();
    let knob = json.as_array().unwrap().iter().find(|knob| knob["key"] == key).unwrap();
    (knob["value"].clone(), knob["source"].clone())
}

fn is(expected: (&str, &str)) -> (Value, Value) {
    (expected.0.into(), expected.1.into())
}

#[test]
fn flags_override_the_environment_and_the_environment_overrides_the_file() {
    let scratch = Scratch::new();
    scratch.write("m.toml", "# ours\ninterval_ms = 5\nkafka_auto_create = false\n");
    let env = [("MILLSTREAM_INTERVAL_MS", "6"), ("MILLSTREAM_CONFIG", "m.toml")];
    let of = |key, env: &[_], args: &[_]| knob(&scratch, key, env, args);
    assert_eq!(of("interval_ms", &[], &[]), is(("50", "default")));
    assert_eq!(of("interval_ms", &[], &["--config", "m.toml"]), is(("5", "m.toml:2")));
    assert_eq!(of("interval_ms", &env, &[]), is(("6", "MILLSTREAM_INTERVAL_MS")));
    assert_eq!(of("interval_ms", &env, &["--interval-ms", "7"]), is(("7", "--interval-ms")));
    assert_eq!(of("kafka_auto_create", &env, &[]), is(("false", "m.toml:3")));
    assert_eq!(of("kafka_auto_create", &env, &["--kafka-auto-create"]), is(("true", "--kafka-auto-create")));
}

#[test]
fn mistakes_are_one_sentence_that_names_the_place() {
    let scratch = Scratch::new();
    scratch.write("unknown.toml", "data_dir = \"x\"\n\nlisten_kafak = \"off\"\n");
    scratch.write("wrong.toml", "\ndurability = \"never\"\n");
    let of = |args: &[&str]| complaint(millstream(&scratch, &["serve"]).args(args));
    assert_eq!(
        of(&["--config", "unknown.toml"]),
        "millstream: unknown.toml:3: unknown key \"listen_kafak\"; did you mean \"listen_kafka\"?"
    );
    assert_eq!(
        of(&["--config", "wrong.toml"]),
        "millstream: wrong.toml:2: durability: \"never\" is not one of fsync, interval"
    );
    assert_eq!(of(&["--interval-ms", "0"]), "millstream: --interval-ms: 0 is not between 1 and 60000");
    assert!(
        of(&["--config", "missing.toml"]).starts_with("millstream: the configuration file missing.toml ")
    );
    let mut command = millstream(&scratch, &["config"]);
    assert_eq!(
        complaint(command.env("MILLSTREAM_MEMORY_BUDGET_BYTES", "lots")),
        "millstream: MILLSTREAM_MEMORY_BUDGET_BYTES: \"lots\" is not a number of bytes, like 268435456 or 256MiB"
    );
    assert!(!scratch.path().join("x").exists(), "nothing was made");
}

#[test]
fn text_help_version_and_completions_are_printed() {
    let scratch = Scratch::new();
    let of = |args: &[&str]| stdout(&mut millstream(&scratch, args));
    assert!(of(&["config"]).contains("listen_kafka = 127.0.0.1:9092   (default)\n"));
    assert!(of(&["serve", "--help"]).contains("--memory-budget-bytes <BYTES>"));
    assert_eq!(of(&["version"]), format!("millstream {}\n", env!("CARGO_PKG_VERSION")));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(of(&["completions", shell]).contains("data-dir"), "{shell}");
    }
    assert_eq!(of(&["man", "share/man1"]), "");
    let page = |name: &str| std::fs::read_to_string(scratch.path().join("share/man1").join(name)).unwrap();
    assert!(page("millstream.1").contains("SIGHUP"));
    assert!(page("millstream-serve.1").contains("memory\\-budget\\-bytes"));
    assert!(page("millstream-queue-create.1").contains(".SH SYNOPSIS"));
}
