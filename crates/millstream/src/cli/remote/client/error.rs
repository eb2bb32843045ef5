//! What can go wrong between the command line and a broker, each as one sentence for the person at the terminal.
//!
//! Apart because two things are decided on it: what is printed, and whether trying again makes sense. Causes are not in
//! the sentences: whoever prints them prints the chain.

use std::io;

use millstream_kafka::ErrorCode;
use millstream_kafka::codec::{DecodeError, EncodeError};

/// Why a request got no usable answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// Nobody listens there, or the name does not resolve.
    #[error(
        "no broker answers at {address} ({reason}); start one with `millstream serve`, or name another with --bootstrap HOST:PORT"
    )]
    Connect {
        /// As given or advertised.
        address: String,
        /// What the operating system says.
        reason: String,
    },
    /// No answer in time.
    #[error("{address} did not answer {what} within {seconds} s")]
    Timeout {
        /// The broker.
        address: String,
        /// What was asked.
        what: &'static str,
        /// How long was waited.
        seconds: u64,
    },
    /// The broker ended the connection, or the network did.
    #[error("the connection to {address} was lost during {what}")]
    Lost {
        /// The broker.
        address: String,
        /// What was asked.
        what: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// The answer makes no sense: most likely not a broker of this protocol.
    #[error("what {address} answered to {what} is not understood ({reason}); is it a Kafka port?")]
    Nonsense {
        /// The broker.
        address: String,
        /// What was asked.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// No version of the request in common.
    #[error("the broker at {address} does not support {what}")]
    Unsupported {
        /// The broker.
        address: String,
        /// What was to be asked.
        what: &'static str,
    },
    /// The request cannot be said.
    #[error("{what} cannot be sent")]
    Encode {
        /// What was to be asked.
        what: &'static str,
        /// Why not.
        source: EncodeError,
    },
    /// There is no such topic.
    #[error("there is no topic {name:?}{}", near_sentence(near))]
    UnknownTopic {
        /// As given.
        name: String,
        /// Names that resemble it, the nearest first.
        near: Vec<String>,
    },
    /// The topic has no such partition.
    #[error("topic {topic:?} has no partition {partition}; it has {count}")]
    UnknownPartition {
        /// The topic.
        topic: String,
        /// As given.
        partition: i32,
        /// How many it has.
        count: usize,
    },
    /// The broker refused.
    #[error("{what}: {}", refusal(*code, message.as_deref()))]
    Refused {
        /// What was asked of what.
        what: String,
        /// Why, as a code.
        code: ErrorCode,
        /// Why, in the broker's words.
        message: Option<String>,
    },
}

impl ClientError {
    /// An answer that cannot be decoded.
    pub(super) fn undecodable(address: &str, what: &'static str, error: DecodeError) -> Self {
        Self::Nonsense { address: address.to_owned(), what, reason: error.to_string() }
    }

    /// Whether the same request may succeed a little later, perhaps at another broker.
    pub(crate) fn is_retriable(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Lost { .. } => true,
            Self::Refused { code, .. } => is_retriable(*code),
            Self::Connect { .. }
            | Self::Nonsense { .. }
            | Self::Unsupported { .. }
            | Self::Encode { .. }
            | Self::UnknownTopic { .. }
            | Self::UnknownPartition { .. } => false,
        }
    }

    /// The broker's code, when it is the broker who refused.
    pub(crate) fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// Turns a code and the broker's words into a result; `what` says what was asked, for the sentence.
pub(crate) fn check(
    code: i16,
    message: Option<&str>,
    what: impl FnOnce() -> String,
) -> Result<(), ClientError> {
    match ErrorCode(code) {
        ErrorCode::NONE => Ok(()),
        code => Err(ClientError::Refused {
            what: what(),
            code,
            message: message.filter(|text| !text.is_empty()).map(str::to_owned),
        }),
    }
}

/// Codes after which clients look for the leader or coordinator again and repeat the request.
fn is_retriable(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::LEADER_NOT_AVAILABLE
            | ErrorCode::NOT_LEADER_OR_FOLLOWER
            | ErrorCode::REQUEST_TIMED_OUT
            | ErrorCode::COORDINATOR_LOAD_IN_PROGRESS
            | ErrorCode::COORDINATOR_NOT_AVAILABLE
            | ErrorCode::NOT_COORDINATOR
            | ErrorCode::NOT_CONTROLLER
            | ErrorCode::FENCED_LEADER_EPOCH
            | ErrorCode::UNKNOWN_LEADER_EPOCH
            | ErrorCode::UNKNOWN_TOPIC_ID
            | ErrorCode::THROTTLING_QUOTA_EXCEEDED
    ) || matches!(code.0, NETWORK_EXCEPTION | NOT_ENOUGH_REPLICAS | NOT_ENOUGH_REPLICAS_AFTER_APPEND)
}

/// Codes that our broker never gives and others do.
const NETWORK_EXCEPTION: i16 = 13;
const NOT_ENOUGH_REPLICAS: i16 = 19;
const NOT_ENOUGH_REPLICAS_AFTER_APPEND: i16 = 20;

fn refusal(code: ErrorCode, message: Option<&str>) -> String {
    let plain = match code {
        ErrorCode::TOPIC_ALREADY_EXISTS => Some("it exists already"),
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => Some("there is no such topic or partition"),
        ErrorCode::GROUP_ID_NOT_FOUND => Some("there is no such group"),
        ErrorCode::NON_EMPTY_GROUP => Some("the group still has members; stop its consumers first"),
        ErrorCode::UNKNOWN_MEMBER_ID => Some("the group has members of its own; stop its consumers first"),
        ErrorCode::TOPIC_AUTHORIZATION_FAILED
        | ErrorCode::GROUP_AUTHORIZATION_FAILED
        | ErrorCode::CLUSTER_AUTHORIZATION_FAILED => Some("not permitted"),
        ErrorCode::MESSAGE_TOO_LARGE => Some("larger than the topic accepts"),
        ErrorCode::OFFSET_OUT_OF_RANGE => Some("the offset is outside of what is stored"),
        ErrorCode::KAFKA_STORAGE_ERROR => Some("the broker's disk is full or damaged"),
        _ => None,
    };
    match (plain, message) {
        (Some(plain), _) => plain.to_owned(),
        (None, Some(message)) => format!("{message} ({})", code.name()),
        (None, None) => format!("refused with {} ({})", code.name(), code.0),
    }
}

fn near_sentence(near: &[String]) -> String {
    match near {
        [] => "; `millstream topic list` shows all, `millstream topic create` makes one".to_owned(),
        near => {
            let names: Vec<String> = near.iter().map(|name| format!("{name:?}")).collect();
            format!("; did you mean {}?", names.join(" or "))
        }
    }
}
