//! Arguments of `millstream topic`.
//!
//! Apart because what can be said is read, and checked against the page about it, without what is done.

use clap::{Args, Subcommand};

use super::{ConnectArgs, name_value};

/// Create, list, describe, change and delete topics.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream topic create orders --partitions 6
  millstream topic create audit --config retention.ms=604800000
  millstream topic describe orders
  millstream topic alter orders --partitions 12 --config cleanup.policy=compact
  millstream topic delete orders")]
pub(crate) struct TopicArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    #[command(subcommand)]
    pub(crate) action: TopicAction,
}

/// What to do with topics.
#[derive(Debug, Subcommand)]
pub(crate) enum TopicAction {
    /// Create a topic.
    Create(CreateArgs),
    /// List all topics.
    List(ListArgs),
    /// Show partitions, offsets and configuration of topics.
    Describe(DescribeArgs),
    /// Delete topics and everything stored in them.
    Delete(DeleteArgs),
    /// Change the number of partitions or the configuration of a topic.
    Alter(AlterArgs),
}

/// Arguments of `topic create`.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The topic's name.
    pub(crate) name: String,
    /// Number of partitions [default: the broker's].
    #[arg(long, short, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) partitions: Option<i32>,
    /// Number of brokers that hold each partition [default: the broker's].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i16).range(1..))]
    pub(crate) replication_factor: Option<i16>,
    /// A setting of the topic; may be given several times.
    #[arg(long, short, value_name = "NAME=VALUE", value_parser = name_value)]
    pub(crate) config: Vec<(String, String)>,
    /// Do nothing when the topic exists already.
    #[arg(long)]
    pub(crate) if_not_exists: bool,
}

/// Arguments of `topic list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Show the broker's own topics too.
    #[arg(long)]
    pub(crate) internal: bool,
}

/// Arguments of `topic describe`.
#[derive(Debug, Args)]
pub(crate) struct DescribeArgs {
    /// The topics' names.
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Show every setting, not only those that differ from the default.
    #[arg(long)]
    pub(crate) all_config: bool,
}

/// Arguments of `topic delete`.
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The topics' names.
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Pass over topics that do not exist.
    #[arg(long)]
    pub(crate) if_exists: bool,
}

/// Arguments of `topic alter`.
#[derive(Debug, Args)]
pub(crate) struct AlterArgs {
    /// The topic's name.
    pub(crate) name: String,
    /// Number of partitions in all; it can only grow.
    #[arg(
        long,
        short,
        value_name = "COUNT",
        value_parser = clap::value_parser!(i32).range(1..),
        required_unless_present_any = ["config", "delete_config"]
    )]
    pub(crate) partitions: Option<i32>,
    /// Set a setting; may be given several times.
    #[arg(long, short, value_name = "NAME=VALUE", value_parser = name_value)]
    pub(crate) config: Vec<(String, String)>,
    /// Put a setting back to its default; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub(crate) delete_config: Vec<String>,
}
