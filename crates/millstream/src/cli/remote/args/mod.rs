//! What can be said to the commands that talk to a broker.
//!
//! Apart from what they do, so that all help texts are read side by side and stay of one voice.

mod group;
mod records;
mod topic;

use clap::{Args, Subcommand};

pub(crate) use group::{GroupAction, GroupArgs, ResetArgs, TargetArgs};
pub(crate) use records::{ConsumeArgs, ProduceArgs};
pub(crate) use topic::{AlterArgs, CreateArgs, DeleteArgs, DescribeArgs, ListArgs, TopicAction, TopicArgs};

/// The commands that talk to a running broker.
#[derive(Debug, Subcommand)]
pub(crate) enum CliCommand {
    /// Create, list, describe, change and delete topics.
    Topic(TopicArgs),
    /// Store records in a topic.
    Produce(Box<ProduceArgs>),
    /// Print the records of topics.
    Consume(Box<ConsumeArgs>),
    /// List, describe, reset and delete consumer groups.
    Group(GroupArgs),
}

/// Where the broker is and how to answer; the same for all commands.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConnectArgs {
    /// Brokers to ask, as HOST:PORT; several with commas between them.
    #[arg(
        long,
        short = 'b',
        global = true,
        env = "MILLSTREAM_BOOTSTRAP",
        value_name = "HOST:PORT",
        value_delimiter = ',',
        default_value = "127.0.0.1:9092",
        value_parser = bootstrap_address
    )]
    pub(crate) bootstrap: Vec<String>,
    /// Seconds to wait for a connection or an answer.
    #[arg(
        long = "timeout",
        global = true,
        value_name = "SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(1..=3600)
    )]
    pub(crate) timeout_s: u32,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// A host and a port; the port may be left out.
fn bootstrap_address(text: &str) -> Result<String, String> {
    const PORT_DEFAULT: u16 = 9092;
    let (host, port) = match text.rsplit_once(':') {
        // The last colon of a bare IPv6 address is none of ours.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse::<u16>().map_err(|_| format!("{port:?} is not a port"))?)
        }
        _ => (text, PORT_DEFAULT),
    };
    if host.is_empty() {
        return Err("the host is missing".to_owned());
    }
    Ok(if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    })
}

/// `NAME=VALUE`, cut at the first equals sign.
pub(in crate::cli) fn name_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bootstrap_addresses_get_the_usual_port_and_ipv6_its_brackets() {
        assert_eq!(bootstrap_address("broker:19092").unwrap(), "broker:19092");
        assert_eq!(bootstrap_address("broker").unwrap(), "broker:9092");
        assert_eq!(bootstrap_address("[::1]:1").unwrap(), "[::1]:1");
        assert_eq!(bootstrap_address("::1").unwrap(), "[::1]:9092");
        assert!(bootstrap_address("broker:http").is_err());
        assert!(bootstrap_address(":9092").is_err());
    }

    #[test]
    fn a_value_may_hold_equals_signs() {
        assert_eq!(name_value("a=b=c").unwrap(), ("a".to_owned(), "b=c".to_owned()));
        assert_eq!(name_value("a=").unwrap(), ("a".to_owned(), String::new()));
        assert!(name_value("=b").is_err() && name_value("a").is_err());
    }
}
