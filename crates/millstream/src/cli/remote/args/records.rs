//! Arguments of `millstream produce` and `millstream consume`.
//!
//! Together, and apart from the rest, because what one writes the other reads: separators, headers, keys.

use std::path::PathBuf;

use clap::Args;

use super::super::moment::{OffsetSpec, TimeSpec};
use super::{ConnectArgs, name_value};

/// Store records in a topic.
///
/// Every line of standard input, or of a file, becomes one record. A record counts as stored when all replicas in
/// sync have it; repeats after a lost connection are stored once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  echo hello | millstream produce orders
  millstream produce orders --key-separator : < lines.txt        # key:value
  millstream produce orders --headers-separator '|' < lines.txt  # a=1,b=2|value
  millstream produce orders --key 42 --value '{\"paid\":true}' --header source=shop
  millstream produce images --file cat.png --whole --key cat
  millstream produce load --value x --count 1000000 --compression zstd --rate 50000

Records with a key go to the partition that Java clients would choose for it; those without
go to one partition per batch, in turn.")]
pub(crate) struct ProduceArgs {
    /// The topic, which must exist.
    pub(crate) topic: String,
    /// Key of every record.
    #[arg(long, short, conflicts_with = "key_separator")]
    pub(crate) key: Option<String>,
    /// Store this value instead of reading lines.
    #[arg(long, short, conflicts_with = "file")]
    pub(crate) value: Option<String>,
    /// What stands between key and value in a line; lines without it have no key. `\t` is a tab.
    #[arg(long, value_name = "TEXT", value_parser = separator)]
    pub(crate) key_separator: Option<String>,
    /// What stands after a line's headers, which come first as NAME=VALUE,NAME=VALUE. `\t` is a tab.
    #[arg(long, value_name = "TEXT", value_parser = separator)]
    pub(crate) headers_separator: Option<String>,
    /// A header of every record; may be given several times.
    #[arg(long, short = 'H', value_name = "NAME=VALUE", value_parser = name_value)]
    pub(crate) header: Vec<(String, String)>,
    /// Values that mean null, which deletes the key in a compacted topic.
    #[arg(long, value_name = "TEXT")]
    pub(crate) null: Option<String>,
    /// Read from this file instead of standard input.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Store the whole input as one record.
    #[arg(long, conflicts_with_all = ["value", "key_separator", "headers_separator"])]
    pub(crate) whole: bool,
    /// The partition of every record [default: chosen by key].
    #[arg(long, short, value_parser = clap::value_parser!(i32).range(0..))]
    pub(crate) partition: Option<i32>,
    /// How batches are compressed.
    #[arg(long, short = 'z', default_value = "none", value_parser = ["none", "gzip", "snappy", "lz4", "zstd"])]
    pub(crate) compression: String,
    /// Store --value this many times, or read this many lines at most.
    #[arg(long, short = 'n', value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Records per second at most.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: Option<u32>,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

/// Print the records of topics.
///
/// Prints what is stored and ends; with --follow it goes on with what comes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream consume orders
  millstream consume orders --follow --offset end
  millstream consume orders --time -15m --keys --timestamps
  millstream consume orders --partition 2 --offset -10
  millstream consume orders --group billing --follow
  millstream consume orders --count 1 --json

With --group, partitions are shared with the group's other members, reading goes on where the group
has left off, and how far it came is committed every five seconds and at the end.

With --json, each record is a line: topic, partition, offset, timestamp, timestamp_ms, key, value, headers;
bytes that are not UTF-8 are in key_base64 and value_base64 instead.")]
pub(crate) struct ConsumeArgs {
    /// The topics.
    #[arg(required = true, value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// Only these partitions; several with commas between them.
    #[arg(
        long,
        short,
        value_name = "NUMBER",
        value_delimiter = ',',
        value_parser = clap::value_parser!(i32).range(0..)
    )]
    pub(crate) partition: Vec<i32>,
    #[command(flatten)]
    pub(crate) start: StartArgs,
    /// Read as a member of this consumer group.
    #[arg(long, short, conflicts_with = "partition")]
    pub(crate) group: Option<String>,
    /// End after this many records.
    #[arg(long, short = 'n', value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Wait for new records at the end, until Ctrl-C.
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Print keys.
    #[arg(long, short)]
    pub(crate) keys: bool,
    /// Print headers, as NAME=VALUE,NAME=VALUE.
    #[arg(long, short = 'H')]
    pub(crate) headers: bool,
    /// Print timestamps.
    #[arg(long, short = 'T')]
    pub(crate) timestamps: bool,
    /// Print topic, partition and offset.
    #[arg(long, short)]
    pub(crate) offsets: bool,
    /// What stands between the parts of a line. `\t` is a tab.
    #[arg(long, value_name = "TEXT", default_value = "\\t", value_parser = separator)]
    pub(crate) separator: String,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

/// Where reading begins; with a group, where it has committed nothing yet.
#[derive(Debug, Clone, Copy, Args)]
#[group(multiple = false)]
pub(crate) struct StartArgs {
    /// Begin with the first record (the default).
    #[arg(long)]
    pub(crate) from_beginning: bool,
    /// Begin at an offset: a number, `beginning`, `end`, or -N for the last N records of each partition.
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true)]
    pub(crate) offset: Option<OffsetSpec>,
    /// Begin at a moment: 2026-01-31T12:00:00Z, ms since 1970, or -15m (ms, s, m, h, d).
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) time: Option<TimeSpec>,
}

impl StartArgs {
    /// The one way of saying it that all the others come down to.
    pub(crate) fn spec(&self) -> OffsetSpec {
        match (self.offset, self.time) {
            (Some(offset), _) => offset,
            (None, Some(time)) => OffsetSpec::Time(time),
            (None, None) => OffsetSpec::Beginning,
        }
    }
}

/// A separator with its escapes resolved.
fn separator(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        out.push(match char {
            '\\' => match chars.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('0') => '\0',
                Some('\\') => '\\',
                _ => return Err(r"after a backslash comes t, n, 0 or another backslash".to_owned()),
            },
            char => char,
        });
    }
    if out.is_empty() { Err("a separator cannot be empty".to_owned()) } else { Ok(out) }
}

#[cfg(test)]
mod tests {
    use super::separator;

    #[test]
    fn separators_may_name_what_cannot_be_typed() {
        assert_eq!(separator(r"\t").unwrap(), "\t");
        assert_eq!(separator(r"a\\b").unwrap(), r"a\b");
        assert!(separator("").is_err() && separator(r"\").is_err() && separator(r"\x").is_err());
    }
}
