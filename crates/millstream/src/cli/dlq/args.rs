//! Arguments of `millstream dlq`.
//!
//! Apart because what can be said is read, and checked against the page about it, without what is done.

use clap::{Args, Subcommand};

use crate::cli::api::ServerArgs;

/// Look at dead letters, and bring them back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream dlq list
  millstream dlq redrive dead --rate 100
  millstream dlq redrive dead --to elsewhere --detach")]
pub(crate) struct DlqArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(subcommand)]
    pub(crate) action: DlqAction,
}

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub(crate) enum DlqAction {
    /// List the streams that dead letters go to, with their counts and where they come from.
    List,
    /// Move dead letters to where they came from, or elsewhere.
    Redrive(RedriveArgs),
}

/// Arguments of `dlq redrive`.
#[derive(Debug, Args)]
pub(crate) struct RedriveArgs {
    /// The stream with the dead letters.
    pub(crate) name: String,
    /// Move them to this stream, each to the one that it came from if this is not given.
    #[arg(long, value_name = "STREAM")]
    pub(crate) to: Option<String>,
    /// Records per second at most.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: Option<u32>,
    /// Begin it and do not wait for its end.
    #[arg(long)]
    pub(crate) detach: bool,
}
