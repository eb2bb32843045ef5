//! That the page about the commands and the commands are the same.
//!
//! Apart because it looks at all commands at once, and at a file outside of the crate.

use std::collections::BTreeSet;

use clap::{Arg, Command, CommandFactory};

use super::Cli;
use crate::config::KNOBS;

const PAGE: &str = include_str!("../../../../docs/cli.md");

/// Commands that the page about settings tells of, and those that need no page.
const ELSEWHERE: [&str; 4] = ["serve", "config", "version", "help"];

/// All commands that do something with a broker or its data, as they are typed, with their own options and arguments.
fn commands() -> Vec<(String, Command)> {
    fn walk(path: &str, command: &Command, found: &mut Vec<(String, Command)>) {
        let named = |command: &&Command| !ELSEWHERE.contains(&command.get_name());
        let mut within = command.get_subcommands().filter(named).peekable();
        if within.peek().is_none() {
            found.push((path.to_owned(), command.clone()));
        }
        within.for_each(|command| walk(&format!("{path} {}", command.get_name()), command, found));
    }
    let mut found = Vec::new();
    walk("millstream", &Cli::command(), &mut found);
    found
}

/// The part of the page below a command's heading.
fn section(path: &str) -> &'static str {
    let heading = format!("## `{path}`\n");
    let (_, after) = PAGE.split_once(&heading).unwrap_or_else(|| panic!("{path} has no section"));
    after.split("\n## ").next().unwrap()
}

#[test]
fn every_command_has_a_section_and_every_section_a_command() {
    let typed: BTreeSet<String> = commands().into_iter().map(|(path, _)| path).collect();
    let written: BTreeSet<String> = PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("## `millstream ")?.strip_suffix('`'))
        .map(|rest| format!("millstream {rest}"))
        .collect();
    assert_eq!(typed, written);
}

/// Whether the argument comes from the knobs' table; those are told of beside the settings.
fn is_setting(argument: &Arg) -> bool {
    argument.get_id() == "config" && argument.get_env().is_some()
        || KNOBS.iter().any(|knob| argument.get_id() == knob.key)
}

#[test]
fn every_option_is_in_the_table_of_its_command_and_nothing_else_is() {
    let shared = ["--bootstrap", "--server", "--namespace", "--timeout", "--json", "--help", "--version"];
    for (path, command) in commands() {
        let options: BTreeSet<String> = command
            .get_arguments()
            .filter(|argument| !is_setting(argument))
            .filter_map(|argument| Some(format!("--{}", argument.get_long()?)))
            .filter(|option| !shared.contains(&option.as_str()))
            .collect();
        let written: BTreeSet<String> = section(&path)
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split(['`', ' ']).next())
            .map(str::to_owned)
            .collect();
        assert_eq!(options, written, "{path}");
    }
    for option in &shared[..5] {
        assert!(PAGE.contains(&format!("| `{option}")), "{option}");
    }
}

#[test]
fn every_option_says_what_it_does() {
    for (path, command) in commands() {
        assert!(command.get_about().is_some(), "{path}");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{path} {}", argument.get_id());
        }
    }
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}
