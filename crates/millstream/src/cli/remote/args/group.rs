//! Arguments of `millstream group`.
//!
//! Apart because the many ways of saying where a group goes on are declared here, and exclude one another here.

use clap::{Args, Subcommand};

use super::super::moment::TimeSpec;
use super::ConnectArgs;

/// List, describe, reset and delete consumer groups.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream group list
  millstream group describe billing
  millstream group reset billing --topic orders --to-time -1h            # shows what would change
  millstream group reset billing --topic orders --to-time -1h --execute  # changes it
  millstream group delete billing")]
pub(crate) struct GroupArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    #[command(subcommand)]
    pub(crate) action: GroupAction,
}

/// What to do with groups.
#[derive(Debug, Subcommand)]
pub(crate) enum GroupAction {
    /// List all groups.
    List,
    /// Show how far groups have come, how far behind they are, and who reads what.
    Describe {
        /// The groups' names.
        #[arg(required = true, value_name = "GROUP")]
        groups: Vec<String>,
    },
    /// Move a group's committed offsets; the group must have no members.
    Reset(Box<ResetArgs>),
    /// Delete groups with their committed offsets; they must have no members.
    Delete {
        /// The groups' names.
        #[arg(required = true, value_name = "GROUP")]
        groups: Vec<String>,
    },
}

/// Arguments of `group reset`.
#[derive(Debug, Args)]
pub(crate) struct ResetArgs {
    /// The group's name.
    pub(crate) group: String,
    /// A topic to move in, as TOPIC for all its partitions or TOPIC:0,2 for some; may be given several times.
    #[arg(
        long,
        short,
        required_unless_present = "all_topics",
        value_name = "TOPIC[:PARTITIONS]",
        value_parser = topic_partitions
    )]
    pub(crate) topic: Vec<(String, Vec<i32>)>,
    /// Move in all topics that the group has committed offsets of.
    #[arg(long, conflicts_with = "topic")]
    pub(crate) all_topics: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Change the offsets; without it they are only shown.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) execute: bool,
    /// Only show what would change (the default).
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Where to.
#[derive(Debug, Clone, Copy, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct TargetArgs {
    /// To the first record that is still there.
    #[arg(long)]
    pub(crate) to_earliest: bool,
    /// To the end, past all records there are.
    #[arg(long)]
    pub(crate) to_latest: bool,
    /// To this offset, or the nearest that is there.
    #[arg(long, value_name = "OFFSET", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) to_offset: Option<i64>,
    /// To the first record at or after a moment: 2026-01-31T12:00:00Z, ms since 1970, or -15m.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) to_time: Option<TimeSpec>,
    /// Forward by this many offsets, or back by a negative number.
    #[arg(long, value_name = "COUNT", allow_hyphen_values = true)]
    pub(crate) shift_by: Option<i64>,
}

/// A topic and some of its partitions; none means all.
fn topic_partitions(text: &str) -> Result<(String, Vec<i32>), String> {
    let Some((topic, list)) = text.split_once(':') else {
        return Ok((text.to_owned(), Vec::new()));
    };
    let number = |part: &str| match part.trim().parse::<i32>() {
        Ok(number) if number >= 0 => Ok(number),
        _ => Err(format!("{part:?} is not a partition")),
    };
    Ok((topic.to_owned(), list.split(',').map(number).collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::topic_partitions;

    #[test]
    fn a_topic_may_be_narrowed_to_partitions() {
        assert_eq!(topic_partitions("orders").unwrap(), ("orders".to_owned(), vec![]));
        assert_eq!(topic_partitions("orders:0,2").unwrap(), ("orders".to_owned(), vec![0, 2]));
        assert!(topic_partitions("orders:").is_err());
        assert!(topic_partitions("orders:0,-1").is_err());
    }
}
