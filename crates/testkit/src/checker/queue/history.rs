//! What clients of queues did and what they were told, as the judge takes it.
//!
//! Apart from the judge because whoever drives a broker writes it: a simulator with a clock of its own, or real clients. It
//! knows of messages, deliveries and answers, and of nothing inside the broker.

use serde::{Deserialize, Serialize};

/// When something was asked and when its answer came, in microseconds of a clock that only goes on. Whatever it did, it did
/// between the two: also if there was no answer, `to` is when the broker was surely gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Span {
    /// Not before.
    pub from: u64,
    /// Not after.
    pub to: u64,
}

/// How something ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Outcome {
    /// It happened.
    Done,
    /// It did not, and will not.
    Refused,
    /// Nobody knows.
    #[default]
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
    /// Of what is ready at the places of one log, higher priorities come first, and of one priority earlier places; sends are
    /// answered with places.
    #[serde(default)]
    pub in_order: bool,
    /// One holder at a time is served, until it leaves.
    #[serde(default)]
    pub single: bool,
    /// Messages that are not delivered any more go by a route, each to all of its heirs.
    #[serde(default)]
    pub has_heirs: bool,
    /// A delivery does not say how many there were, only whether it is the first: its count is 1 or 2.
    #[serde(default)]
    pub says_again: bool,
}

impl Rules {
    /// Whether messages that are not delivered any more go anywhere.
    pub(super) fn buries(&self) -> bool {
        self.dead_letter.is_some() || self.has_heirs
    }
}

/// A message is sent. Its number is unique among all queues; one that is sent again under the same dedup id may bear it again.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
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
    /// Goes before what has a lower one.
    #[serde(default)]
    pub priority: u8,
    /// Happens with everything that bears the same number, or not at all.
    #[serde(default)]
    pub together: Option<u64>,
    /// It is what becomes of this message when that is not delivered any more; nobody sends it, so its outcome is unknown.
    #[serde(default)]
    pub heir_of: Option<u64>,
}

/// Somebody asks for messages.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
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
    /// It waits for messages since then, and nothing keeps them from it.
    #[serde(default)]
    pub waits_since: Option<u64>,
    /// How long the leases last, in microseconds.
    pub lease_us: u64,
    /// The leases end with their connection, at the latest when the broker does.
    pub connection: bool,
    /// Who asks, if that matters.
    #[serde(default)]
    pub holder: Option<u64>,
    /// So many messages of the queue may be out. One that was refused for that is `Refused`.
    #[serde(default)]
    pub leased_max: Option<u32>,
    /// Repeated by its number, it gets what it got, under the numbers of the same deliveries.
    #[serde(default)]
    pub attempt: Option<u64>,
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
    /// Happens with everything that bears the same number, or not at all.
    #[serde(default)]
    pub together: Option<u64>,
}

/// A message that is ready is taken out of its queue by its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Placed {
    /// Where it is.
    pub queue: usize,
    /// Which.
    pub message: u64,
    /// When.
    pub at: Span,
    /// It is done with; else it goes elsewhere, as by a [`Event::Redrive`] that is written down as well.
    pub settles: bool,
    /// `Refused` means that it was not ready.
    pub outcome: Outcome,
}

/// Where somebody who looks at a queue sees a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Seen {
    /// It waits.
    Ready,
    /// Somebody has it.
    Out,
    /// It is put off, or on its way elsewhere.
    Aside,
}

/// Somebody looks at messages without taking them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Look {
    /// Which queue.
    pub queue: usize,
    /// When.
    pub at: Span,
    /// What is there.
    pub messages: Vec<(u64, Seen)>,
    /// Nothing else is.
    pub is_all: bool,
}

/// A holder begins to consume, or ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Holding {
    /// Of which queue.
    pub queue: usize,
    /// Who.
    pub holder: u64,
    /// When.
    pub at: Span,
    /// It wants to be alone.
    pub exclusive: bool,
    /// How it ended.
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
    /// A message is taken out by its place.
    Placed(Placed),
    /// Messages are counted.
    Count(Count),
    /// Messages are looked at.
    Look(Look),
    /// A holder is attached.
    Attach(Holding),
    /// A holder ends, and its attachment with it.
    Leave(Holding),
    /// A holder's waits end: whoever is next may be served.
    Yield(Holding),
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
