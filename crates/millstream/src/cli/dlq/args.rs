//! Arguments of `millstream dlq`.
//!
//! Apart because what can be said is read, and checked against the page about it, without what is done.

use clap::{Args, Subcommand};

use crate::cli::api::ServerArgs;
use crate::cli::moment::TimeSpec;

/// Look at dead letters, bring them back, or be done with them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream dlq list
  millstream dlq show dead --reason limit --since -1h
  millstream dlq redrive dead --rate 100
  millstream dlq redrive dead --source orders --to orders-retry
  millstream dlq discard dead --reason expired")]
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
    /// Show dead letters with reason, source, deliveries and time.
    Show(ShowArgs),
    /// Move dead letters, all or some, to where they came from, or elsewhere.
    Redrive(RedriveArgs),
    /// Be done with dead letters, all or some.
    Discard(DiscardArgs),
}

/// Which dead letters are meant.
#[derive(Debug, Clone, Default, Args)]
#[group(id = "which", multiple = true)]
pub(crate) struct FilterArgs {
    /// Only those that died for this reason.
    #[arg(long, value_parser = ["rejected", "expired", "limit", "length"])]
    pub(crate) reason: Option<String>,
    /// Only those of this stream.
    #[arg(long, value_name = "STREAM")]
    pub(crate) source: Option<String>,
    /// Only those with this key.
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// Only those that died at this moment or later: 2026-01-31T12:00:00Z, ms since 1970, or -15m.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) since: Option<TimeSpec>,
    /// Only those that died before this moment.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) until: Option<TimeSpec>,
}

impl FilterArgs {
    /// Whether all are meant.
    pub(crate) fn is_empty(&self) -> bool {
        let FilterArgs { reason, source, key, since, until } = self;
        reason.is_none() && source.is_none() && key.is_none() && since.is_none() && until.is_none()
    }
}

/// Arguments of `dlq show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The stream with the dead letters.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Dead letters at most.
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: u32,
}

/// Arguments of `dlq redrive`.
#[derive(Debug, Args)]
pub(crate) struct RedriveArgs {
    /// The stream with the dead letters.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Move them to this stream, each to the one that it came from if this is not given.
    #[arg(long, value_name = "STREAM")]
    pub(crate) to: Option<String>,
    /// Records per second at most.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: Option<u32>,
    /// Begin to move all of them, and do not wait for the end.
    #[arg(long, conflicts_with = "which")]
    pub(crate) detach: bool,
    /// End the redrive that is under way instead; what it has moved stays moved.
    #[arg(long, conflicts_with_all = ["which", "to", "rate", "detach"])]
    pub(crate) cancel: bool,
}

/// Arguments of `dlq discard`.
#[derive(Debug, Args)]
pub(crate) struct DiscardArgs {
    /// The stream with the dead letters.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// All that are ready.
    #[arg(long, required_unless_present = "which", conflicts_with = "which")]
    pub(crate) all: bool,
}
