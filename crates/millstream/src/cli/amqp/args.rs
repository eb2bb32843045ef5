//! Arguments of `millstream amqp`.
//!
//! Apart because what can be said is read, and checked against the page about it, without what is done.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::api::{Api, ApiError};
use crate::cli::remote::name_value;

/// Exchanges, queues, bindings, policies and connections of AMQP clients.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream amqp queue declare orders --argument x-max-length=1000
  millstream amqp exchange declare events --type topic
  millstream amqp binding declare events orders --key 'order.#'
  millstream amqp policy declare short --pattern '^tmp\\.' --set max-length=1000
  millstream amqp connection list")]
pub(crate) struct AmqpArgs {
    #[command(flatten)]
    pub(crate) server: ManagementArgs,
    #[command(subcommand)]
    pub(crate) kind: AmqpKind,
}

/// Where the management API is and how to answer.
#[derive(Debug, Clone, Args)]
pub(crate) struct ManagementArgs {
    /// The management API of the broker; RabbitMQ's own will do as well.
    #[arg(
        long,
        short = 'm',
        global = true,
        env = "MILLSTREAM_AMQP_MANAGEMENT",
        value_name = "URL",
        default_value = "http://127.0.0.1:15672"
    )]
    pub(crate) management: String,
    /// The virtual host that the names are in.
    #[arg(long, global = true, value_name = "NAME", default_value = "/")]
    pub(crate) vhost: String,
    /// Who asks, as USER:PASSWORD.
    #[arg(
        long,
        global = true,
        env = "MILLSTREAM_AMQP_CREDENTIAL",
        value_name = "USER:PASSWORD",
        default_value = "guest:guest",
        hide_env_values = true
    )]
    pub(crate) credential: String,
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

impl ManagementArgs {
    /// A client of the API; nothing is asked yet.
    pub(crate) fn api(&self) -> Result<Api, ApiError> {
        let credential = self.credential.split_once(':').unwrap_or((&self.credential, ""));
        Api::management(&self.management, credential, Duration::from_secs(self.timeout_s.into()))
    }
}

/// Of what.
#[derive(Debug, Subcommand)]
pub(crate) enum AmqpKind {
    /// List, declare or delete exchanges.
    #[command(subcommand)]
    Exchange(ExchangeAction),
    /// List, declare or delete queues.
    #[command(subcommand)]
    Queue(QueueAction),
    /// List, declare or delete bindings.
    #[command(subcommand)]
    Binding(BindingAction),
    /// List, declare or delete policies.
    #[command(subcommand)]
    Policy(PolicyAction),
    /// List or close connections.
    #[command(subcommand)]
    Connection(ConnectionAction),
}

/// What to do with exchanges.
#[derive(Debug, Subcommand)]
pub(crate) enum ExchangeAction {
    /// List the exchanges of the virtual host.
    List,
    /// Have an exchange, as it is described.
    Declare(DeclareExchangeArgs),
    /// Delete an exchange.
    Delete {
        /// Its name.
        name: String,
        /// Only if nothing is bound to it.
        #[arg(long)]
        if_unused: bool,
    },
}

/// Arguments of `amqp exchange declare`.
#[derive(Debug, Args)]
pub(crate) struct DeclareExchangeArgs {
    /// Its name.
    pub(crate) name: String,
    /// Its type: direct, topic, fanout, headers, x-consistent-hash, x-delayed-message …
    #[arg(long = "type", value_name = "TYPE", default_value = "direct")]
    pub(crate) exchange_type: String,
    /// Only other exchanges publish to it.
    #[arg(long)]
    pub(crate) internal: bool,
    /// It goes with its last binding.
    #[arg(long)]
    pub(crate) auto_delete: bool,
    /// An argument; a whole number, true and false are taken for what they are. May be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_value)]
    pub(crate) argument: Vec<(String, String)>,
}

/// What to do with queues.
#[derive(Debug, Subcommand)]
pub(crate) enum QueueAction {
    /// List the queues of the virtual host with their counts.
    List,
    /// Have a queue, as it is described.
    Declare(DeclareQueueArgs),
    /// Delete a queue.
    Delete {
        /// Its name.
        name: String,
        /// Only if nobody consumes from it.
        #[arg(long)]
        if_unused: bool,
        /// Only if nothing is ready in it.
        #[arg(long)]
        if_empty: bool,
    },
}

/// Arguments of `amqp queue declare`.
#[derive(Debug, Args)]
pub(crate) struct DeclareQueueArgs {
    /// Its name.
    pub(crate) name: String,
    /// It goes with its last consumer.
    #[arg(long)]
    pub(crate) auto_delete: bool,
    /// An argument; a whole number, true and false are taken for what they are. May be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_value)]
    pub(crate) argument: Vec<(String, String)>,
}

/// What a binding leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DestinationType {
    /// A queue.
    Queue,
    /// An exchange.
    Exchange,
}

/// What to do with bindings.
#[derive(Debug, Subcommand)]
pub(crate) enum BindingAction {
    /// List the bindings of the virtual host.
    List,
    /// Have a binding.
    Declare(BindingArgs),
    /// Delete the bindings between two that have this key.
    Delete(BindingArgs),
}

/// Arguments of `amqp binding declare` and `delete`.
#[derive(Debug, Args)]
pub(crate) struct BindingArgs {
    /// The exchange that it leads from.
    pub(crate) source: String,
    /// The queue or exchange that it leads to.
    pub(crate) destination: String,
    /// What it leads to.
    #[arg(long, value_enum, default_value_t = DestinationType::Queue)]
    pub(crate) to: DestinationType,
    /// Its key.
    #[arg(long, value_name = "KEY", default_value = "")]
    pub(crate) key: String,
    /// An argument; a whole number, true and false are taken for what they are. May be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_value)]
    pub(crate) argument: Vec<(String, String)>,
}

/// What to do with policies.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyAction {
    /// List the policies of the virtual host.
    List {
        /// Those of operators.
        #[arg(long)]
        operator: bool,
    },
    /// Set a policy.
    Declare(PolicyArgs),
    /// Take a policy back.
    Delete {
        /// Its name.
        name: String,
        /// It is an operator's.
        #[arg(long)]
        operator: bool,
    },
}

/// Arguments of `amqp policy declare`.
#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// Its name.
    pub(crate) name: String,
    /// A regular expression for names.
    #[arg(long, value_name = "REGEX")]
    pub(crate) pattern: String,
    /// What it sets, message-ttl=5000 say; may be given several times.
    #[arg(long, required = true, value_name = "NAME=VALUE", value_parser = name_value)]
    pub(crate) set: Vec<(String, String)>,
    /// Of the policies that match, the one with the largest counts.
    #[arg(long, value_name = "NUMBER", default_value_t = 0, allow_hyphen_values = true)]
    pub(crate) priority: i64,
    /// all, queues, exchanges, classic_queues, quorum_queues or streams.
    #[arg(long, value_name = "WHAT", default_value = "all")]
    pub(crate) apply_to: String,
    /// It is an operator's.
    #[arg(long)]
    pub(crate) operator: bool,
}

/// What to do with connections.
#[derive(Debug, Subcommand)]
pub(crate) enum ConnectionAction {
    /// List the connections to all virtual hosts.
    List,
    /// Close a connection.
    Delete {
        /// Its name, as listed.
        name: String,
    },
}
