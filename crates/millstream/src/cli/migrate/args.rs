//! Arguments of `millstream migrate`.
//!
//! Apart because what can be said is read, and checked against the page about it, without what is done.

use clap::{Args, Subcommand};

/// Take over what another broker has: what is declared, and messages.
#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    #[command(subcommand)]
    pub(crate) from: MigrateFrom,
}

/// From which broker.
#[derive(Debug, Subcommand)]
pub(crate) enum MigrateFrom {
    /// Copy exchanges, queues, bindings and policies of a running RabbitMQ, then drain its queues into this broker's.
    Rabbitmq(RabbitmqArgs),
}

/// Arguments of `migrate rabbitmq`.
#[derive(Debug, Args)]
#[command(after_help = "\
Can be interrupted and run again at any time: what is declared already is left alone, and a message is acknowledged there only once it is
stored here.

Examples:
  millstream migrate rabbitmq --from amqp://admin:secret@rabbit
  millstream migrate rabbitmq --from amqp://admin:secret@rabbit/shop --only definitions
  millstream migrate rabbitmq --from amqp://admin:secret@rabbit/shop --queue orders --follow")]
pub(crate) struct RabbitmqArgs {
    /// The RabbitMQ to take over, as amqp://USER:PASSWORD@HOST:PORT/VHOST; without a virtual host all are.
    #[arg(long, env = "MILLSTREAM_MIGRATE_FROM", value_name = "URL", hide_env_values = true)]
    pub(crate) from: String,
    /// Its management API [default: port 15672 of the same host].
    #[arg(long, value_name = "URL")]
    pub(crate) from_management: Option<String>,
    /// Where this broker speaks AMQP.
    #[arg(long, value_name = "URL", default_value = "amqp://guest:guest@127.0.0.1:5672")]
    pub(crate) to: String,
    /// This broker's management API [default: port 15672 of the same host].
    #[arg(long, value_name = "URL")]
    pub(crate) to_management: Option<String>,
    /// Only what is declared, or only messages.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) only: Option<Part>,
    /// Drain only this queue; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub(crate) queue: Vec<String>,
    /// Go on draining what is still published there, until Ctrl-C.
    #[arg(long)]
    pub(crate) follow: bool,
    /// Messages that are on their way at once; so many may be there twice after an interruption.
    #[arg(long, value_name = "COUNT", default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) window: u16,
    /// Seconds to wait for a connection or an answer.
    #[arg(
        long = "timeout",
        value_name = "SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(1..=3600)
    )]
    pub(crate) timeout_s: u32,
    /// Print what was done as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A part of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// What is declared.
    Definitions,
    /// Messages.
    Messages,
}
