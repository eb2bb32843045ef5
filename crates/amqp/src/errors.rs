//! The protocol's errors: codes, texts, and the one total match from the core's errors to them.
//!
//! Apart because a new kind of error in the core must stop this front from compiling until it is answered (style
//! rule 20), and because clients look at codes and texts: they are RabbitMQ's own, word by word.

use millstream_types::ErrorKind;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal $scope:ident;)*) => {
        /// A reply code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "the names are the protocol's own")]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Its number.
            #[must_use]
            pub fn number(self) -> u16 {
                match self {
                    $(Code::$name => $code,)*
                }
            }

            /// Its name, which begins every text.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Code::$name => stringify!($name),)*
                }
            }

            /// What it ends.
            #[must_use]
            pub fn scope(self) -> Scope {
                match self {
                    $(Code::$name => Scope::$scope,)*
                }
            }
        }
    };
}

/// What an error ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The channel: a soft error.
    Channel,
    /// The connection: a hard error.
    Connection,
}

codes! {
    /// The message is too large to be taken now.
    CONTENT_TOO_LARGE = 311 Channel;
    /// No queue gets the message; only in `basic.return`.
    NO_ROUTE = 312 Channel;
    /// The broker ends the connection for reasons of its own.
    CONNECTION_FORCED = 320 Connection;
    /// There is no permission.
    ACCESS_REFUSED = 403 Channel;
    /// A queue or exchange does not exist.
    NOT_FOUND = 404 Channel;
    /// Another connection has it for itself.
    RESOURCE_LOCKED = 405 Channel;
    /// Something is not as the request assumes.
    PRECONDITION_FAILED = 406 Channel;
    /// Bytes that are no frame.
    FRAME_ERROR = 501 Connection;
    /// A frame whose payload cannot be read.
    SYNTAX_ERROR = 502 Connection;
    /// A method that is not for the broker.
    COMMAND_INVALID = 503 Connection;
    /// A channel that is not open, or is open already.
    CHANNEL_ERROR = 504 Connection;
    /// A frame that may not come now.
    UNEXPECTED_FRAME = 505 Connection;
    /// The broker lacks something.
    RESOURCE_ERROR = 506 Connection;
    /// A limit, or a rule that is not about permissions.
    NOT_ALLOWED = 530 Connection;
    /// Something that the broker does not do.
    NOT_IMPLEMENTED = 540 Connection;
    /// The broker has failed.
    INTERNAL_ERROR = 541 Connection;
}

/// An error as it is answered, but for the method that it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    /// What stands behind the code's name.
    pub(crate) text: String,
}

impl Fault {
    pub(crate) fn new(code: Code, text: impl Into<String>) -> Fault {
        Fault { code, text: text.into() }
    }

    /// `NAME - text`, as it goes over the wire, where it is cut off after 255 bytes.
    pub(crate) fn reply_text(&self) -> String {
        format!("{} - {}", self.code.name(), self.text)
    }

    pub(crate) fn no_queue(name: &str, vhost: &str) -> Fault {
        Fault::new(Code::NOT_FOUND, format!("no queue '{name}' in vhost '{vhost}'"))
    }

    /// What the core said of a queue.
    pub(crate) fn of_queue(kind: ErrorKind, name: &str, vhost: &str) -> Fault {
        match kind {
            ErrorKind::UnknownStream | ErrorKind::UnknownLog | ErrorKind::UnknownLeaseGroup => {
                Fault::no_queue(name, vhost)
            }
            kind => kind.into(),
        }
    }

    /// A method that is not for queues of type `stream`.
    pub(crate) fn not_of_streams(method: &str, name: &str, vhost: &str) -> Fault {
        Fault::not_implemented(format!(
            "{method} not supported by stream queues queue '{name}' in vhost '{vhost}'"
        ))
    }

    pub(crate) fn no_exchange(name: &str, vhost: &str) -> Fault {
        Fault::new(Code::NOT_FOUND, format!("no exchange '{name}' in vhost '{vhost}'"))
    }

    pub(crate) fn locked(name: &str, vhost: &str) -> Fault {
        Fault::new(
            Code::RESOURCE_LOCKED,
            format!(
                "cannot obtain exclusive access to locked queue '{name}' in vhost '{vhost}'. It could be originally \
                 declared on another connection or the exclusive property value does not match that of the original \
                 declaration."
            ),
        )
    }

    pub(crate) fn in_exclusive_use(name: &str, vhost: &str) -> Fault {
        Fault::new(Code::ACCESS_REFUSED, format!("queue '{name}' in vhost '{vhost}' in exclusive use"))
    }

    pub(crate) fn precondition(text: impl Into<String>) -> Fault {
        Fault::new(Code::PRECONDITION_FAILED, text)
    }

    pub(crate) fn not_implemented(text: impl Into<String>) -> Fault {
        Fault::new(Code::NOT_IMPLEMENTED, text)
    }

    pub(crate) fn internal(text: impl Into<String>) -> Fault {
        Fault::new(Code::INTERNAL_ERROR, text)
    }
}

impl From<ErrorKind> for Fault {
    fn from(kind: ErrorKind) -> Fault {
        let fault = Fault::new;
        match kind {
            ErrorKind::UnknownStream | ErrorKind::UnknownLog | ErrorKind::UnknownLeaseGroup => {
                fault(Code::NOT_FOUND, "the queue has been deleted")
            }
            ErrorKind::StreamExists => {
                fault(Code::PRECONDITION_FAILED, "another queue of the name was declared meanwhile")
            }
            ErrorKind::InvalidName => fault(Code::PRECONDITION_FAILED, "no queue can have such a name"),
            ErrorKind::InvalidConfig | ErrorKind::InvalidLogCount => {
                fault(Code::PRECONDITION_FAILED, "an argument is out of range")
            }
            ErrorKind::RecordTooLarge => {
                fault(Code::PRECONDITION_FAILED, "the message is larger than its queue takes")
            }
            ErrorKind::CorruptBatch | ErrorKind::InvalidRecord | ErrorKind::InvalidTimestamp => {
                fault(Code::PRECONDITION_FAILED, "the queue's stream does not take the message")
            }
            ErrorKind::UnknownRoute => fault(Code::NOT_FOUND, "the exchange has been deleted"),
            ErrorKind::RouteDiffers => {
                fault(Code::PRECONDITION_FAILED, "another exchange of the name was declared meanwhile")
            }
            ErrorKind::RouteInUse => fault(Code::PRECONDITION_FAILED, "the exchange is in use"),
            ErrorKind::HolderExcluded => fault(Code::ACCESS_REFUSED, "the queue is in exclusive use"),
            ErrorKind::StreamInUse => fault(Code::PRECONDITION_FAILED, "the queue is in use"),
            ErrorKind::StreamNotEmpty => fault(Code::PRECONDITION_FAILED, "the queue is not empty"),
            ErrorKind::UnknownNamespace => fault(Code::NOT_FOUND, "the vhost has been deleted"),
            ErrorKind::StreamFull => fault(Code::PRECONDITION_FAILED, "the queue is full"),
            ErrorKind::Denied => fault(Code::ACCESS_REFUSED, "access refused"),
            ErrorKind::StorageFull => fault(Code::RESOURCE_ERROR, "the disk is full"),
            ErrorKind::Overloaded => fault(Code::RESOURCE_ERROR, "too much is waiting already"),
            ErrorKind::LimitExceeded | ErrorKind::TooManyLeased => {
                fault(Code::RESOURCE_ERROR, "a limit of the broker is reached")
            }
            ErrorKind::ShuttingDown => fault(Code::CONNECTION_FORCED, "broker shutdown"),
            ErrorKind::CorruptStorage => {
                fault(Code::INTERNAL_ERROR, "stored data is damaged; the broker's log says which")
            }
            ErrorKind::Indeterminate => {
                fault(Code::INTERNAL_ERROR, "the storage failed while the request was under way")
            }
            // None of these is answered to what this front asks.
            ErrorKind::OffsetOutOfRange
            | ErrorKind::OutOfOrderSequence
            | ErrorKind::DuplicateSequence
            | ErrorKind::StaleProducerEpoch
            | ErrorKind::UnknownProducer
            | ErrorKind::UnknownGroup
            | ErrorKind::GroupNotEmpty
            | ErrorKind::UnknownMember
            | ErrorKind::MemberIdRequired
            | ErrorKind::FencedInstance
            | ErrorKind::StaleGeneration
            | ErrorKind::RebalanceInProgress
            | ErrorKind::InconsistentProtocol
            | ErrorKind::InvalidSessionTimeout
            | ErrorKind::GroupFull
            | ErrorKind::GroupSubscribed
            | ErrorKind::MetadataTooLarge
            | ErrorKind::InvalidObject => {
                fault(Code::INTERNAL_ERROR, "the broker refused a request of its own front")
            }
        }
    }
}
