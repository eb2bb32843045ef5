//! The flags that set knobs, made from the knobs' table.
//!
//! Apart because they are not declared but derived: a knob that is added to the table has its flag, its help and its
//! place in the precedence at once.

use crate::config::{Given, KNOBS, Kind};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use std::path::PathBuf;

/// `--config` and one flag per knob.
#[derive(Debug, Clone, Default)]
pub(super) struct KnobArgs {
    /// What was given.
    pub(super) given: Given,
}

impl Args for KnobArgs {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .env("MILLSTREAM_CONFIG")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("A configuration file (TOML); the environment and flags override it");
        KNOBS.iter().fold(command.arg(config), |command, knob| {
            let arg = Arg::new(knob.key)
                .long(knob.flag())
                .value_name(knob.value)
                .action(ArgAction::Set)
                .help(format!("{} [default: {}] [env: {}]", knob.doc, knob.default_shown(), knob.env()));
            command.arg(match knob.kind {
                Kind::Bool => arg
                    .num_args(0..=1)
                    .require_equals(true)
                    .default_missing_value("true")
                    .hide_possible_values(true)
                    .value_parser(PossibleValuesParser::new(["true", "false"])),
                Kind::Text | Kind::Number => arg,
            })
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for KnobArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let flags = KNOBS
            .iter()
            .filter_map(|knob| matches.get_one::<String>(knob.key).map(|value| (knob.key, value.clone())));
        let file = matches.get_one::<PathBuf>("config").cloned();
        Ok(KnobArgs { given: Given { file, flags: flags.collect() } })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
