//! Alarms: what is wrong with the broker or with what is in it, since when, and what to do.
//!
//! Apart because it is a state machine as a value: rules × observations × time → alarms and notices. It names no protocol, reads
//! no clock and sends nothing; whoever runs the broker hands it what was seen and carries its [`Notice`]s out.
//!
//! ```text
//!            reading          reading, held long enough            no reading for a while
//! (nothing) ────────► pending ────────────────────────► raised ─────────────────────────► (nothing)
//!            no reading │                                 │ notice, unless it is silenced    notice, if there was one before
//!           ◄───────────┘                                 ▼
//! ```

mod board;
mod id;
mod readings;
mod rules;
mod saved;
mod show;
#[cfg(test)]
mod tests;

pub use board::{Alarm, AlarmCounts, Board, Notice, NoticeKind, Silence, State};
pub use id::{AlarmId, Subject};
pub use readings::{Reading, readings};
pub use rules::{RULES, Rule, RuleInfo, Thresholds};
pub use saved::ANNOTATION_PREFIX;
pub(crate) use saved::REASON_BYTES_MAX;
pub(crate) use show::{ShownAlarm, ShownRule, ShownSilence};
