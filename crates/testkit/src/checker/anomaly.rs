//! What can be wrong with a history, counted, with examples.
//!
//! Apart because every check reports here and none decides how much of it is shown.

use std::collections::BTreeMap;

/// Examples kept of each kind; the rest is only counted.
const EXAMPLES_MAX: usize = 5;

/// Something that must not be. The names in brackets are those of Jepsen's checker for Kafka, where it has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Anomaly {
    /// An acknowledged record is missing below the highest one read (`lost-write`).
    LostWrite,
    /// An acknowledged record is missing at the end (`unseen`).
    Unseen,
    /// A record was read that nobody had sent, or not to there (`G1a`).
    NeverSent,
    /// A record was read whose send had certainly failed (`G1a`).
    ReadOfFailed,
    /// An offset has had two values (`inconsistent-offsets`).
    InconsistentOffsets,
    /// A value that is stored once at most has two offsets (`duplicate`).
    Duplicate,
    /// One producer's records are not in the order of its sends (`nonmonotonic-send`).
    NonmonotonicSend,
    /// A record lies before one that was acknowledged before it was sent.
    RealTime,
    /// A reader was led past records (`poll-skip`).
    PollSkip,
    /// A reader was led back (`nonmonotonic-poll`).
    NonmonotonicPoll,
    /// The high watermark or the log start went back, or behind what was acknowledged.
    WatermarkBack,
    /// The log start is further than anybody asked.
    TrimUnasked,
    /// An error with an offset that looks valid, or a success without one.
    OffsetOnError,
    /// A committed offset is lower than an acknowledged commit.
    CommitLost,
    /// A committed offset is higher than anybody committed.
    CommitInvented,
    /// A topic that was made and not deleted is gone.
    TopicLost,
    /// A topic that was deleted is there.
    TopicUndead,
    /// An idempotent producer was told that it cannot go on.
    ProducerFatal,
    /// A message was delivered while another holder had it.
    LeasedTwice,
    /// A lease was not honoured although its time was not over.
    LeaseCut,
    /// A receipt was honoured that was too old.
    StaleReceipt,
    /// A message came again that was acked, or purged.
    AckedAgain,
    /// A message came before its time.
    TooEarly,
    /// A message came after its time.
    TooLate,
    /// A delivery count, or a number of messages, is not true.
    WrongCount,
    /// A message was delivered more often than it may be.
    OverLimit,
    /// A message is in another queue for no reason.
    MovedUnasked,
    /// A message of a key was delivered before an earlier one.
    OutOfOrder,
    /// A dedup id was forgotten too early or too late.
    Forgotten,
    /// A message was ready, and not delivered to whoever asked.
    NotDelivered,
    /// A holder was served or attached beside one that is the only one, or was refused for none.
    NotAlone,
    /// A message that was acknowledged to its sender was not found at the end.
    LostMessage,
    /// The history contradicts itself: the fault is the client's, and nothing it says counts.
    Malformed,
}

impl Anomaly {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LostWrite => "lost-write",
            Self::Unseen => "unseen",
            Self::NeverSent => "never-sent",
            Self::ReadOfFailed => "read-of-failed",
            Self::InconsistentOffsets => "inconsistent-offsets",
            Self::Duplicate => "duplicate",
            Self::NonmonotonicSend => "nonmonotonic-send",
            Self::RealTime => "real-time",
            Self::PollSkip => "poll-skip",
            Self::NonmonotonicPoll => "nonmonotonic-poll",
            Self::WatermarkBack => "watermark-back",
            Self::TrimUnasked => "trim-unasked",
            Self::OffsetOnError => "offset-on-error",
            Self::CommitLost => "commit-lost",
            Self::CommitInvented => "commit-invented",
            Self::TopicLost => "topic-lost",
            Self::TopicUndead => "topic-undead",
            Self::ProducerFatal => "producer-fatal",
            Self::LeasedTwice => "leased-twice",
            Self::LeaseCut => "lease-cut",
            Self::StaleReceipt => "stale-receipt",
            Self::AckedAgain => "acked-again",
            Self::TooEarly => "too-early",
            Self::TooLate => "too-late",
            Self::WrongCount => "wrong-count",
            Self::OverLimit => "over-limit",
            Self::MovedUnasked => "moved-unasked",
            Self::OutOfOrder => "out-of-order",
            Self::Forgotten => "forgotten",
            Self::NotDelivered => "not-delivered",
            Self::NotAlone => "not-alone",
            Self::LostMessage => "lost-message",
            Self::Malformed => "malformed",
        }
    }
}

/// Anomalies by kind: how many, and the first of them in words.
#[derive(Debug, Default)]
pub struct Anomalies {
    found: BTreeMap<Anomaly, (u64, Vec<String>)>,
}

impl Anomalies {
    /// Counts one.
    pub(super) fn add(&mut self, kind: Anomaly, what: impl FnOnce() -> String) {
        let (count, examples) = self.found.entry(kind).or_default();
        *count += 1;
        if examples.len() < EXAMPLES_MAX {
            examples.push(what());
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many there are of all kinds.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.found.values().map(|(count, _)| count).sum()
    }

    /// Kinds with their counts and examples.
    pub fn iter(&self) -> impl Iterator<Item = (Anomaly, u64, &[String])> {
        self.found.iter().map(|(kind, (count, examples))| (*kind, *count, &examples[..]))
    }
}
