//! What clients of queues did and what they were told, as the judge takes it.
//!
//! Apart from the judge because whoever drives a broker writes it: a simulator with a clock of its own, or real clients. It
//! knows of messages, deliveries and answers, and of nothing inside the broker.

use serde::{Deserialize, Serialize};

/// When something was asked and when its answer came, in microseconds of a clock that only goes on. Whatever it did, it did
/// between the two: also if there was no answer, `to` is when the broker was surely gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Span {
    /// Not before.
    pub from: u64,
    /// Not after.
    pub to: u64,
}

/// How something ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// It happened.
    Done,
    /// It did not, and will not.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// What holds for a queue, as far as its clients were promised it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Rules {
    /// For people.
    pub name: String,
    /// Messages of a key come one after another.
    pub ordered: bool,
    /// An ack by a receipt that a newer delivery has replaced is answered like a good one.
    pub lenient: bool,
    /// An ack of a message that is gone already, acked or moved, is answered like a good one.
    #[serde(default)]
    pub gone_is_done: bool,
    /// A message is delivered so often at most.
    pub delivery_limit: Option<u32>,
    /// Where messages go that are not delivered any more.
    pub dead_letter: Option<usize>,
    /// An id is remembered so long, in microseconds.
    pub dedup_window_us: Option<u64>,
    /// The queue may be too long, and then messages are given up.
    pub gives_up: bool,
}

/// A message is sent. Its number is unique among all queues; one that is sent again under the same dedup id may bear it again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Send {
    /// Where to.
    pub queue: usize,
    /// Which.
    pub message: u64,
    /// When.
    pub at: Span,
    /// Whether it was stored.
    pub outcome: Outcome,
    /// What the answer calls the message that is stored: the same for two sends if one is a duplicate.
    pub answer: Option<u64>,
    /// Not delivered before, in microseconds.
    pub delay_us: u64,
    /// Not delivered after, in microseconds.
    pub time_to_live_us: Option<u64>,
    /// Its ordering key.
    pub key: Option<u64>,
    /// Its dedup id.
    pub dedup: Option<u64>,
}

/// Somebody asks for messages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Poll {
    /// Of which queue.
    pub queue: usize,
    /// When; if the answer says when it was decided, then that.
    pub at: Span,
    /// Whether an answer came.
    pub outcome: Outcome,
    /// So many messages at most.
    pub asked: u32,
    /// It does not wait: what is ready is delivered. Nothing is concluded from one that got less and is not.
    pub takes_all: bool,
    /// How long the leases last, in microseconds.
    pub lease_us: u64,
    /// The leases end with their connection, at the latest when the broker does.
    pub connection: bool,
    /// What came, in order.
    pub got: Vec<Got>,
}

/// One message of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Got {
    /// Which.
    pub message: u64,
    /// The number of this delivery, unique in the history.
    pub delivery: u64,
    /// What the broker says the how-many-th it is.
    pub count: u32,
    /// Where it is in its queue, if the broker says that.
    pub place: Option<u64>,
}

/// What is done with a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Act {
    /// It is done with.
    Ack {
        /// Also after its lease has ended, if nobody has it since.
        late: bool,
    },
    /// It goes back.
    Release {
        /// For so long it is not delivered, in microseconds.
        delay_us: u64,
        /// It counts as delivered.
        counts: bool,
    },
    /// It is not wanted: the dead letters, or nowhere.
    Reject,
    /// The lease ends so long from now, in microseconds, not 0.
    Renew {
        /// From now on.
        lease_us: u64,
    },
}

/// A delivery is settled, given back or prolonged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Settle {
    /// Which.
    pub delivery: u64,
    /// When.
    pub at: Span,
    /// What.
    pub act: Act,
    /// `Refused` means that the lease was not honoured.
    pub outcome: Outcome,
}

/// One thing that was asked of a whole queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Whole {
    /// Which.
    pub queue: usize,
    /// When.
    pub at: Span,
    /// How it ended.
    pub outcome: Outcome,
}

/// How many messages a queue is said to have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Count {
    /// Which.
    pub queue: usize,
    /// When.
    pub at: Span,
    /// All that are not settled: ready, out, put off.
    pub messages: u64,
    /// Those that are out.
    pub leased: u64,
}

/// One line of a history.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Event {
    /// A message is sent.
    Send(Send),
    /// Messages are asked for.
    Poll(Poll),
    /// A delivery is settled.
    Settle(Settle),
    /// Everything in a queue is settled.
    Purge(Whole),
    /// Everything that a queue ever had may come again.
    Replay(Whole),
    /// The messages of a dead-letter queue go back to where they came from.
    Redrive(Whole),
    /// Messages are counted.
    Count(Count),
    /// The broker was gone from some time on, and answered again at another.
    Restart(Span),
}

/// Everything that happened.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct History {
    /// The queues; elsewhere they are called by their place here.
    pub queues: Vec<Rules>,
    /// How exactly times can be compared, in microseconds.
    pub slack_us: u64,
    /// What happened, in any order.
    pub events: Vec<Event>,
    /// All queues were emptied at the end: what was not found then is lost.
    pub is_drained: bool,
}
