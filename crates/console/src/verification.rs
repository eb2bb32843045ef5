//! A verification: everything that is stored is read and checked because somebody wants to know now.
//!
//! Apart because two sides know it: the API shows it as a job, and whoever runs the process has the thread that does it. It is
//! written down as an annotation of the default namespace, so that it goes on after a restart, at the file at hand.
//!
//! ```text
//! verification      number state started_ms done_bytes total_bytes findings place
//! ```

use millstream_types::EngineTime;
use std::fmt;

/// The key of the annotation.
pub const VERIFICATION: &str = "verification";

/// How far a verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerificationState {
    /// It is under way.
    Running,
    /// Everything was read.
    Completed,
    /// It was ended before that.
    Cancelled,
}

impl VerificationState {
    const ALL: [VerificationState; 3] =
        [VerificationState::Running, VerificationState::Completed, VerificationState::Cancelled];

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            VerificationState::Running => "running",
            VerificationState::Completed => "completed",
            VerificationState::Cancelled => "cancelled",
        }
    }
}

/// Where it goes on after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerificationPlace {
    /// At the sealed file of the write-ahead log with this sequence, or the next one.
    File(u64),
    /// At the packed object with this number, or the next one.
    Object(u64),
}

/// A verification, under way or over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verification {
    /// Counts up.
    pub number: u64,
    /// How far it is.
    pub state: VerificationState,
    /// When it began.
    pub started: EngineTime,
    /// Bytes that were read. What is at hand at a restart is read twice.
    pub done_bytes: u64,
    /// Bytes that there were to read when it began.
    pub total_bytes: u64,
    /// Places found damaged; the broker's log says which.
    pub findings: u64,
    /// Where it is.
    pub place: VerificationPlace,
}

impl Verification {
    /// One that begins now.
    #[must_use]
    pub fn begin(number: u64, started: EngineTime) -> Verification {
        Verification {
            number,
            state: VerificationState::Running,
            started,
            done_bytes: 0,
            total_bytes: 0,
            findings: 0,
            place: VerificationPlace::File(0),
        }
    }

    /// Reads what [`fmt::Display`] writes; `None`: another version has written it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Verification> {
        let mut parts = text.split(' ');
        let number = parts.next()?.parse().ok()?;
        let word = parts.next()?;
        let state = VerificationState::ALL.into_iter().find(|state| state.word() == word)?;
        let started = EngineTime(parts.next()?.parse().ok()?);
        let mut count = || parts.next()?.parse::<u64>().ok();
        let (done_bytes, total_bytes, findings) = (count()?, count()?, count()?);
        let (kind, at) = parts.next()?.split_once(':')?;
        let at = at.parse().ok()?;
        let place = match kind {
            "file" => VerificationPlace::File(at),
            "object" => VerificationPlace::Object(at),
            _ => return None,
        };
        let verification = Verification { number, state, started, done_bytes, total_bytes, findings, place };
        parts.next().is_none().then_some(verification)
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verification { number, state, started, done_bytes, total_bytes, findings, place } = self;
        let (kind, at) = match place {
            VerificationPlace::File(at) => ("file", at),
            VerificationPlace::Object(at) => ("object", at),
        };
        let state = state.word();
        write!(f, "{number} {state} {} {done_bytes} {total_bytes} {findings} {kind}:{at}", started.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_is_read_again_and_nothing_else_is() {
        let mut verification = Verification::begin(7, EngineTime(1_000));
        for state in VerificationState::ALL {
            for place in [VerificationPlace::File(3), VerificationPlace::Object(u64::MAX)] {
                verification =
                    Verification { state, place, done_bytes: 5, total_bytes: 9, findings: 1, ..verification };
                assert_eq!(Verification::parse(&verification.to_string()), Some(verification));
            }
        }
        for wrong in [
            "",
            "7 running 0 0 0 0",
            "7 asleep 0 0 0 0 file:0",
            "7 running 0 0 0 0 wall:0",
            "7 running 0 0 0 0 file:0 x",
        ] {
            assert_eq!(Verification::parse(wrong), None, "{wrong}");
        }
    }
}
