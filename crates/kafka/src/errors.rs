//! Kafka's error codes, and the one total match from the core's errors to them.
//!
//! Apart because a new kind of error in the core must stop this front from compiling until it is answered (style
//! rule 20).

use crate::codec::Str;
use millstream_types::ErrorKind;

/// An error code of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub i16);

macro_rules! codes {
    ($($name:ident = $code:literal),* $(,)?) => {
        #[allow(missing_docs, reason = "the names are the protocol's own")]
        impl ErrorCode {
            $(pub const $name: ErrorCode = ErrorCode($code);)*

            /// The protocol's name for the code.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self.0 {
                    $($code => stringify!($name),)*
                    _ => "an unknown error code",
                }
            }
        }
    };
}

codes! {
    UNKNOWN_SERVER_ERROR = -1,
    NONE = 0,
    OFFSET_OUT_OF_RANGE = 1,
    CORRUPT_MESSAGE = 2,
    UNKNOWN_TOPIC_OR_PARTITION = 3,
    LEADER_NOT_AVAILABLE = 5,
    NOT_LEADER_OR_FOLLOWER = 6,
    REQUEST_TIMED_OUT = 7,
    MESSAGE_TOO_LARGE = 10,
    OFFSET_METADATA_TOO_LARGE = 12,
    COORDINATOR_LOAD_IN_PROGRESS = 14,
    COORDINATOR_NOT_AVAILABLE = 15,
    NOT_COORDINATOR = 16,
    INVALID_TOPIC_EXCEPTION = 17,
    INVALID_REQUIRED_ACKS = 21,
    ILLEGAL_GENERATION = 22,
    INCONSISTENT_GROUP_PROTOCOL = 23,
    INVALID_GROUP_ID = 24,
    UNKNOWN_MEMBER_ID = 25,
    INVALID_SESSION_TIMEOUT = 26,
    REBALANCE_IN_PROGRESS = 27,
    INVALID_COMMIT_OFFSET_SIZE = 28,
    TOPIC_AUTHORIZATION_FAILED = 29,
    GROUP_AUTHORIZATION_FAILED = 30,
    CLUSTER_AUTHORIZATION_FAILED = 31,
    INVALID_TIMESTAMP = 32,
    UNSUPPORTED_VERSION = 35,
    TOPIC_ALREADY_EXISTS = 36,
    INVALID_PARTITIONS = 37,
    INVALID_REPLICATION_FACTOR = 38,
    INVALID_REPLICA_ASSIGNMENT = 39,
    INVALID_CONFIG = 40,
    NOT_CONTROLLER = 41,
    INVALID_REQUEST = 42,
    UNSUPPORTED_FOR_MESSAGE_FORMAT = 43,
    POLICY_VIOLATION = 44,
    OUT_OF_ORDER_SEQUENCE_NUMBER = 45,
    DUPLICATE_SEQUENCE_NUMBER = 46,
    INVALID_PRODUCER_EPOCH = 47,
    INVALID_TXN_STATE = 48,
    TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 53,
    SECURITY_DISABLED = 54,
    KAFKA_STORAGE_ERROR = 56,
    UNKNOWN_PRODUCER_ID = 59,
    NON_EMPTY_GROUP = 68,
    GROUP_ID_NOT_FOUND = 69,
    FETCH_SESSION_ID_NOT_FOUND = 70,
    INVALID_FETCH_SESSION_EPOCH = 71,
    FENCED_LEADER_EPOCH = 74,
    UNKNOWN_LEADER_EPOCH = 75,
    UNSUPPORTED_COMPRESSION_TYPE = 76,
    MEMBER_ID_REQUIRED = 79,
    GROUP_MAX_SIZE_REACHED = 81,
    FENCED_INSTANCE_ID = 82,
    GROUP_SUBSCRIBED_TO_TOPIC = 86,
    INVALID_RECORD = 87,
    THROTTLING_QUOTA_EXCEEDED = 89,
    UNKNOWN_TOPIC_ID = 100,
    MISMATCHED_ENDPOINT_TYPE = 114,
    UNSUPPORTED_ENDPOINT_TYPE = 115,
}

impl ErrorCode {
    /// Whether an answer with this code is worth counting as a failure: some are how a member learns what to do next.
    pub(crate) fn is_failure(code: i16) -> bool {
        ![ErrorCode::NONE, ErrorCode::MEMBER_ID_REQUIRED, ErrorCode::REBALANCE_IN_PROGRESS]
            .contains(&ErrorCode(code))
    }
}

impl From<ErrorKind> for ErrorCode {
    fn from(kind: ErrorKind) -> ErrorCode {
        match kind {
            // Of a namespace that was deleted under a client nothing is there any more.
            ErrorKind::UnknownStream | ErrorKind::UnknownLog | ErrorKind::UnknownNamespace => {
                ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
            }
            ErrorKind::StreamExists => ErrorCode::TOPIC_ALREADY_EXISTS,
            ErrorKind::InvalidName => ErrorCode::INVALID_TOPIC_EXCEPTION,
            ErrorKind::InvalidLogCount => ErrorCode::INVALID_PARTITIONS,
            ErrorKind::InvalidConfig => ErrorCode::INVALID_CONFIG,
            ErrorKind::OffsetOutOfRange => ErrorCode::OFFSET_OUT_OF_RANGE,
            ErrorKind::RecordTooLarge => ErrorCode::MESSAGE_TOO_LARGE,
            ErrorKind::CorruptBatch => ErrorCode::CORRUPT_MESSAGE,
            ErrorKind::InvalidRecord => ErrorCode::INVALID_RECORD,
            ErrorKind::InvalidTimestamp => ErrorCode::INVALID_TIMESTAMP,
            ErrorKind::OutOfOrderSequence => ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
            ErrorKind::DuplicateSequence => ErrorCode::DUPLICATE_SEQUENCE_NUMBER,
            ErrorKind::StaleProducerEpoch => ErrorCode::INVALID_PRODUCER_EPOCH,
            ErrorKind::UnknownProducer => ErrorCode::UNKNOWN_PRODUCER_ID,
            ErrorKind::UnknownGroup => ErrorCode::GROUP_ID_NOT_FOUND,
            ErrorKind::GroupNotEmpty => ErrorCode::NON_EMPTY_GROUP,
            ErrorKind::UnknownMember => ErrorCode::UNKNOWN_MEMBER_ID,
            ErrorKind::MemberIdRequired => ErrorCode::MEMBER_ID_REQUIRED,
            ErrorKind::FencedInstance => ErrorCode::FENCED_INSTANCE_ID,
            ErrorKind::StaleGeneration => ErrorCode::ILLEGAL_GENERATION,
            ErrorKind::RebalanceInProgress => ErrorCode::REBALANCE_IN_PROGRESS,
            ErrorKind::InconsistentProtocol => ErrorCode::INCONSISTENT_GROUP_PROTOCOL,
            ErrorKind::InvalidSessionTimeout => ErrorCode::INVALID_SESSION_TIMEOUT,
            ErrorKind::GroupFull => ErrorCode::GROUP_MAX_SIZE_REACHED,
            ErrorKind::GroupSubscribed => ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC,
            ErrorKind::MetadataTooLarge => ErrorCode::OFFSET_METADATA_TOO_LARGE,
            ErrorKind::Denied => ErrorCode::TOPIC_AUTHORIZATION_FAILED,
            ErrorKind::StorageFull | ErrorKind::CorruptStorage => ErrorCode::KAFKA_STORAGE_ERROR,
            // No request of a client is about objects, leases or routes.
            ErrorKind::InvalidObject
            | ErrorKind::UnknownLeaseGroup
            | ErrorKind::TooManyLeased
            | ErrorKind::UnknownRoute
            | ErrorKind::RouteDiffers
            | ErrorKind::RouteInUse
            | ErrorKind::HolderExcluded
            | ErrorKind::StreamInUse
            | ErrorKind::StreamNotEmpty => ErrorCode::UNKNOWN_SERVER_ERROR,
            ErrorKind::Overloaded | ErrorKind::LimitExceeded | ErrorKind::StreamFull => {
                ErrorCode::POLICY_VIOLATION
            }
            // Both retriable: the client looks for a leader again, and finds this broker or its successor.
            ErrorKind::ShuttingDown => ErrorCode::NOT_LEADER_OR_FOLLOWER,
            ErrorKind::Indeterminate => ErrorCode::REQUEST_TIMED_OUT,
        }
    }
}

/// A refusal with a sentence for whoever reads it, as the administrative APIs carry one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: ErrorCode,
    message: String,
}

impl Failure {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Failure {
        Failure { code, message: message.into() }
    }

    /// The sentence as the wire has it.
    pub(crate) fn message(&self) -> Option<Str> {
        Some(Str::from(self.message.as_str()))
    }
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Failure {
        let message = match code {
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => "there is no such topic or partition",
            ErrorCode::UNKNOWN_TOPIC_ID => "there is no topic with this id",
            ErrorCode::TOPIC_AUTHORIZATION_FAILED => "the principal may not do this to the topic",
            ErrorCode::CLUSTER_AUTHORIZATION_FAILED => "the principal may not do this to the cluster",
            ErrorCode::KAFKA_STORAGE_ERROR => {
                "the disk is full or stored data is damaged; the broker's log says which"
            }
            ErrorCode::POLICY_VIOLATION => "a limit of the broker would be passed",
            ErrorCode::REQUEST_TIMED_OUT => {
                "the broker's storage failed; whether this took effect is not known"
            }
            ErrorCode::NOT_LEADER_OR_FOLLOWER => "the broker is stopping",
            code => code.name(),
        };
        Failure::new(code, message)
    }
}

impl From<ErrorKind> for Failure {
    fn from(kind: ErrorKind) -> Failure {
        Failure::from(ErrorCode::from(kind))
    }
}
