//! Arguments of `millstream queue`.
//!
//! Apart because what can be said is read, and checked against the page about it, without what is done.

use clap::{Args, Subcommand};

use crate::cli::api::ServerArgs;
use crate::cli::moment::TimeSpec;
use crate::cli::remote::name_value;

/// List, describe, create, change, feed, work, purge and replay queues.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream queue create orders --set dead_letter_stream=dead --set delivery_limit=5
  millstream queue send orders --value hello
  millstream queue receive orders --wait 20
  millstream queue ack orders TOKEN
  millstream queue replay orders --to-time -1h
  millstream queue redrive orders --rate 100")]
pub(crate) struct QueueArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(subcommand)]
    pub(crate) action: QueueAction,
}

/// What to do with queues.
#[derive(Debug, Subcommand)]
pub(crate) enum QueueAction {
    /// List the queues with their counts.
    List(ListArgs),
    /// Show counts, partitions and settings of queues.
    Describe(DescribeArgs),
    /// Create a queue, or make one of a stream that is none.
    Create(CreateArgs),
    /// Change settings of a queue, pause it, or let it go on.
    Alter(AlterArgs),
    /// Send records to a queue.
    Send(SendArgs),
    /// Take records out of a queue for a while.
    Receive(ReceiveArgs),
    /// Be done with records that were received.
    Ack(TokensArgs),
    /// Give records back that were received.
    Release(ReleaseArgs),
    /// Be done with what is ready in a queue, or with everything.
    Purge(PurgeArgs),
    /// Let a queue go on from an earlier or later place: what comes from there on is delivered again.
    Replay(ReplayArgs),
    /// Bring a queue's dead letters back into it.
    Redrive(RedriveArgs),
}

/// Arguments of `queue list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only queues whose names begin with this.
    #[arg(long)]
    pub(crate) prefix: Option<String>,
}

/// Arguments of `queue describe`.
#[derive(Debug, Args)]
pub(crate) struct DescribeArgs {
    /// The queues' names.
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Show every setting, not only those that were set.
    #[arg(long)]
    pub(crate) all_settings: bool,
}

/// Arguments of `queue purge`.
#[derive(Debug, Args)]
pub(crate) struct PurgeArgs {
    /// The queue's name.
    pub(crate) name: String,
    /// Also with what is leased or put off.
    #[arg(long)]
    pub(crate) everything: bool,
}

/// Arguments of `queue create`.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The queue's name.
    pub(crate) name: String,
    /// A setting; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_value)]
    pub(crate) set: Vec<(String, String)>,
}

/// Arguments of `queue alter`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(crate) struct AlterArgs {
    /// The queue's name.
    pub(crate) name: String,
    /// Set a setting; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_value, group = "what")]
    pub(crate) set: Vec<(String, String)>,
    /// Put a setting back to its default; may be given several times.
    #[arg(long, value_name = "NAME", group = "what")]
    pub(crate) unset: Vec<String>,
    /// Give nobody records any more; what is leased can be settled.
    #[arg(long, conflicts_with = "resume", group = "what")]
    pub(crate) pause: bool,
    /// Give records again.
    #[arg(long, group = "what")]
    pub(crate) resume: bool,
}

/// Arguments of `queue send`.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// The queue's name.
    pub(crate) name: String,
    /// Send this value instead of a record for each line of standard input.
    #[arg(long, short)]
    pub(crate) value: Option<String>,
    /// Key of every record.
    #[arg(long, short)]
    pub(crate) key: Option<String>,
    /// A header of every record; may be given several times.
    #[arg(long, short = 'H', value_name = "NAME=VALUE", value_parser = name_value)]
    pub(crate) header: Vec<(String, String)>,
    /// Deliver the records only after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) delay: Option<u32>,
    /// 1 to 255: those of a higher one come first.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) priority: Option<u8>,
    /// Store the record only if none with this id was stored within the queue's window.
    #[arg(long, value_name = "ID", requires = "value")]
    pub(crate) dedup_id: Option<String>,
}

/// Arguments of `queue receive`.
#[derive(Debug, Args)]
pub(crate) struct ReceiveArgs {
    /// The queue's name.
    pub(crate) name: String,
    /// Records at most.
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) count: u32,
    /// Wait so many seconds for the first record.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=60))]
    pub(crate) wait: u32,
    /// Seconds until records that were not settled come back [default: the queue's].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=43_200))]
    pub(crate) lease: Option<u32>,
    /// Be done with the records once they are printed.
    #[arg(long)]
    pub(crate) ack: bool,
}

/// Arguments of `queue ack`.
#[derive(Debug, Args)]
pub(crate) struct TokensArgs {
    /// The queue's name.
    pub(crate) name: String,
    /// Tokens that `queue receive` has printed.
    #[arg(required = true, value_name = "TOKEN")]
    pub(crate) tokens: Vec<String>,
}

/// Arguments of `queue release`.
#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    #[command(flatten)]
    pub(crate) of: TokensArgs,
    /// Deliver them only after so many seconds.
    #[arg(long, value_name = "SECONDS", conflicts_with = "reject", value_parser = clap::value_parser!(u32).range(..=43_200))]
    pub(crate) delay: Option<u32>,
    /// Make dead letters of them instead.
    #[arg(long)]
    pub(crate) reject: bool,
}

/// Arguments of `queue replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The queue's name.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) to: ReplayTo,
    /// The partition of `--to-offset`.
    #[arg(long, short, value_name = "NUMBER", default_value_t = 0, requires = "to_offset")]
    pub(crate) partition: u32,
}

/// Where to.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ReplayTo {
    /// To the first record that is still there.
    #[arg(long)]
    pub(crate) to_earliest: bool,
    /// To the end, past all records there are.
    #[arg(long)]
    pub(crate) to_latest: bool,
    /// To this offset.
    #[arg(long, value_name = "OFFSET")]
    pub(crate) to_offset: Option<u64>,
    /// To the first record at or after a moment: 2026-01-31T12:00:00Z, ms since 1970, or -15m.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) to_time: Option<TimeSpec>,
}

/// Arguments of `queue redrive`.
#[derive(Debug, Args)]
pub(crate) struct RedriveArgs {
    /// The queue's name.
    pub(crate) name: String,
    /// Records per second at most.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: Option<u32>,
}
