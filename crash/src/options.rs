//! What a run can be told.
//!
//! Apart because the task that starts it passes the same words on.

use std::path::PathBuf;

/// Kills a broker under load and judges what its clients saw.
#[derive(clap::Parser, Clone, Debug)]
#[command(name = "millstream-crash")]
pub struct Options {
    /// Times the broker is killed
    #[arg(long, default_value_t = 15)]
    pub cycles: u32,
    /// Decides when and how it is killed; without it the clock does
    #[arg(long)]
    pub seed: Option<u64>,
    /// Whose clients use the broker; all: one run after the other
    #[arg(long, value_enum, default_value_t = Front::All)]
    pub front: Front,
    /// How long the broker lives between kills, on average
    #[arg(long, default_value_t = 1.0)]
    pub seconds_per_cycle: f64,
    /// Keep the data directory and the history of a good run
    #[arg(long)]
    pub keep: bool,
    /// Cut acknowledged records off the log before the last start: the run succeeds when that is found
    #[arg(long)]
    pub plant_loss: bool,
    /// Only judge the history in this folder, as a run that was kept left it
    #[arg(long)]
    pub judge: Option<PathBuf>,
    /// The broker's binary
    #[arg(long)]
    pub broker: PathBuf,
    /// A Python that has confluent-kafka and aiokafka
    #[arg(long)]
    pub python: PathBuf,
    /// The installed kcat
    #[arg(long)]
    pub kcat: PathBuf,
    /// The folder of the clients' programs
    #[arg(long)]
    pub programs: PathBuf,
    /// Where a folder named after the seed is made
    #[arg(long)]
    pub target: PathBuf,
}

/// Whose clients use the broker.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// Kafka's
    Kafka,
    /// Amazon SQS's
    Sqs,
    /// RabbitMQ's
    Amqp,
    /// All, one run after the other
    All,
}
