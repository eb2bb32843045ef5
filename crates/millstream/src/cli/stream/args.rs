//! Arguments of `millstream stream`.
//!
//! Apart because what can be said is read, and checked against the page about it, without what is done.

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::api::ServerArgs;
use crate::cli::moment::TimeSpec;
use crate::cli::remote::name_value;

/// List and delete streams, look at their records, publish to them, see who reads them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream stream list --prefix orders
  millstream stream browse orders --last 10 --view json
  millstream stream browse orders --time -1h --contains refund
  millstream stream publish orders --value hello --key customer-7
  millstream stream groups orders")]
pub(crate) struct StreamArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(subcommand)]
    pub(crate) action: StreamAction,
}

/// What to do with streams.
#[derive(Debug, Subcommand)]
pub(crate) enum StreamAction {
    /// List the streams of every protocol with their sizes.
    List(ListArgs),
    /// Look at records without taking them.
    Browse(BrowseArgs),
    /// Append one record.
    Publish(PublishArgs),
    /// List who reads a stream: its queue, and cursor groups.
    Groups(NameArgs),
    /// Delete streams and everything in them.
    Delete(DeleteArgs),
}

/// Arguments of `stream list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only streams whose names begin with this.
    #[arg(long)]
    pub(crate) prefix: Option<String>,
}

/// A stream's name.
#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// The stream's name.
    pub(crate) name: String,
}

/// Arguments of `stream delete`.
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The streams' names.
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
}

/// How values are shown.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum View {
    /// As what fits first.
    Auto,
    /// As JSON.
    Json,
    /// As text.
    Text,
    /// In hexadecimal digits.
    Hex,
}

/// Arguments of `stream browse`.
#[derive(Debug, Args)]
pub(crate) struct BrowseArgs {
    /// The stream's name.
    pub(crate) name: String,
    /// Records at most.
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 20)]
    pub(crate) count: usize,
    /// Only this partition.
    #[arg(long, short, value_name = "NUMBER")]
    pub(crate) partition: Option<u32>,
    /// Begin at this offset of the partition.
    #[arg(long, value_name = "OFFSET", conflicts_with_all = ["time", "last"])]
    pub(crate) offset: Option<u64>,
    /// Begin with the records of a moment.
    #[arg(long, conflicts_with = "last")]
    pub(crate) time: Option<TimeSpec>,
    /// Begin so many offsets before the end of the partition.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) last: Option<u64>,
    /// Only records with this key.
    #[arg(long, short)]
    pub(crate) key: Option<String>,
    /// Only records whose value has this text in it.
    #[arg(long, value_name = "TEXT")]
    pub(crate) contains: Option<String>,
    /// Show values decoded.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) view: Option<View>,
}

/// Arguments of `stream publish`.
#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// The stream's name.
    pub(crate) name: String,
    /// The record's value; `-` reads it from standard input, bytes as they are.
    #[arg(long, short)]
    pub(crate) value: String,
    /// Its key.
    #[arg(long, short)]
    pub(crate) key: Option<String>,
    /// A header; may be given several times.
    #[arg(long, short = 'H', value_name = "NAME=VALUE", value_parser = name_value)]
    pub(crate) header: Vec<(String, String)>,
    /// The partition; else that of its key, or any.
    #[arg(long, short, value_name = "NUMBER")]
    pub(crate) partition: Option<u32>,
}
