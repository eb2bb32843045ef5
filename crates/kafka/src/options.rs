//! What can be set of the Kafka front.
//!
//! Apart so that operations can read it without knowing the listener.

/// What can be set of the Kafka front.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// Host and port that clients are told to connect to.
    pub advertised: (String, u16),
    /// Whether naming an unknown topic in a Metadata request creates it.
    pub auto_create: bool,
    /// Partitions of a topic that is created without saying how many.
    pub default_logs: u32,
    /// The id that this broker has in clients' metadata.
    pub node_id: i32,
}
