//! What clients did and what was answered: one event per line of JSON, in files that any language can write.
//!
//! Apart from the checker because clients write it and only the checker interprets it. An operation is an `invoke`
//! and, later, its outcome: `ok`, `fail` (it certainly did not happen) or `info` (nobody knows). Observations that
//! nothing depends on before they are made, such as a poll, are an `ok` alone.
//!
//! ```text
//! {"time":81,"process":"fast-0","id":7,"type":"invoke","op":"send","topic":"a","partition":0,"client":3,"n":40,"count":2,"once":true}
//! {"time":95,"process":"fast-0","id":7,"type":"ok","op":"send","topic":"a","partition":0,"client":3,"n":40,"count":2,"once":true,"offset":510}
//! {"time":99,"process":"kcat","id":0,"type":"ok","op":"poll","topic":"a","partition":0,"runs":[[510,3,40,2]]}
//! ```

mod merge;
mod writer;

pub use merge::{HistoryError, Merge};
pub use writer::Writer;

use serde::{Deserialize, Serialize};

/// One line of a history. Which fields an operation uses is told at [`Op`]; the others keep their defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Event {
    /// Nanoseconds of the machine's monotonic clock, which all processes share; never less than in the line before.
    pub time: u64,
    /// Who did it; one thing at a time, unless told apart by `id`.
    pub process: String,
    /// Ties an outcome to its `invoke`; unique among the open operations of a process.
    pub id: u64,
    /// Invocation or outcome.
    #[serde(rename = "type")]
    pub phase: Phase,
    /// What was done.
    pub op: Op,
    /// The topic, by a name that is never used for another one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub topic: String,
    /// The partition.
    #[serde(skip_serializing_if = "is_default")]
    pub partition: u32,
    /// The consumer group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Who sends: with `n` the identity of a record's value.
    #[serde(skip_serializing_if = "is_default")]
    pub client: u32,
    /// The first value of a send, counted per client from 0.
    #[serde(skip_serializing_if = "is_default")]
    pub n: u64,
    /// How many consecutive values are sent.
    #[serde(skip_serializing_if = "is_default")]
    pub count: u32,
    /// The sender sees to it that a value is stored at most once and in order: it is idempotent, or never repeats.
    #[serde(skip_serializing_if = "is_default")]
    pub once: bool,
    /// An offset; absent when it is not known. An answer's -1 is written as -1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
    /// Log start offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<i64>,
    /// Offset after the last record that may be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<i64>,
    /// Records that were read, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Run>,
    /// Whether something is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub present: Option<bool>,
    /// Words for people: an error's text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Invocation or outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It is about to be asked.
    Invoke,
    /// It happened.
    #[default]
    Ok,
    /// It did not and will not happen.
    Fail,
    /// It may have happened, or may happen yet.
    Info,
}

/// What was done, and the fields that say so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// Store `count` values from `n` on of `client` in `topic`/`partition`; `ok` has the `offset` of the first, or none
    /// when the broker had them already.
    Send,
    /// Records that `process` read next in `topic`/`partition`: `runs`.
    #[default]
    Poll,
    /// `process` goes on reading `topic`/`partition` at `offset`, or wherever the broker lets it.
    Seek,
    /// `process` has read all of `topic`/`partition` since its last seek: from `low` to `high`.
    Drain,
    /// What the broker says are `low` and `high` of `topic`/`partition`.
    Bounds,
    /// Delete what is before `offset` in `topic`/`partition`; `ok` has the resulting `low`.
    Trim,
    /// Commit `offset` for `group` in `topic`/`partition`.
    Commit,
    /// What the broker says is committed by `group` in `topic`/`partition`: `offset`, -1 for nothing.
    Committed,
    /// Make `topic`.
    Create,
    /// Delete `topic`.
    Delete,
    /// Whether `topic` is `present`.
    Exists,
    /// An idempotent producer of `client` cannot go on.
    Fatal,
    /// The broker is killed.
    Kill,
    /// The broker is ready again.
    Ready,
}

/// Consecutive values at consecutive offsets; in JSON an array of the four.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(i64, u32, u64, u32)", into = "(i64, u32, u64, u32)")]
pub struct Run {
    /// Offset of the first.
    pub offset: i64,
    /// Who sent them.
    pub client: u32,
    /// The first value.
    pub n: u64,
    /// How many.
    pub count: u32,
}

impl From<(i64, u32, u64, u32)> for Run {
    fn from((offset, client, n, count): (i64, u32, u64, u32)) -> Self {
        Self { offset, client, n, count }
    }
}

impl From<Run> for (i64, u32, u64, u32) {
    fn from(run: Run) -> Self {
        (run.offset, run.client, run.n, run.count)
    }
}

impl Run {
    /// Adds a record to the runs of a poll, to the last one if it continues it.
    pub fn push(runs: &mut Vec<Run>, offset: i64, client: u32, n: u64) {
        if let Some(last) = runs.last_mut()
            && last.client == client
            && last.offset + i64::from(last.count) == offset
            && last.n + u64::from(last.count) == n
        {
            last.count += 1;
            return;
        }
        runs.push(Run { offset, client, n, count: 1 });
    }
}

#[cfg(test)]
mod tests;
