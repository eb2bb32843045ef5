//! What moves wait for that cannot end now, and how long.
//!
//! Apart because a thousand records that cannot go to the same stream are one trouble: it is said once, and tried again
//! with one record after a pause, not with each of them.

use millstream_types::{EngineTime, LogId, StreamId};
use std::collections::BTreeMap;

/// The first pause of a trouble that may pass soon, in milliseconds; each further one is twice as long.
const PAUSE_MS: u64 = 1_000;
/// The longest pause, in milliseconds.
const PAUSE_MS_MAX: u64 = 60_000;
/// How long a record is left alone that cannot be read or that its target will never take as things are, in
/// milliseconds.
pub(super) const HOPELESS_MS: u64 = 3_600_000;
/// Troubles that are remembered; of more, some are tried again sooner.
const TROUBLES_MAX: usize = 1_024;

/// Why moves do not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    /// This stream's dead letters go to one that does not exist.
    Missing(StreamId),
    /// This stream refuses more records.
    Refusing(StreamId),
    /// A stream refuses more records that this stream's dead letters go to by their route.
    RouteRefusing(StreamId),
    /// Bytes of this log cannot be read.
    Unreadable(LogId),
    /// Records of this log cannot be what the target takes.
    Unfit(LogId),
}

#[derive(Debug, Clone, Copy)]
struct Pause {
    until: EngineTime,
    ms: u64,
}

/// All troubles.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    pauses: BTreeMap<Trouble, Pause>,
}

/// What came of noting one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Noted {
    /// How long to wait.
    pub(super) ms: u64,
    /// Nobody has heard of it yet.
    pub(super) is_news: bool,
}

impl Troubles {
    /// How long a trouble is left alone yet, in milliseconds.
    pub(super) fn left(&self, trouble: Trouble, now: EngineTime) -> Option<u64> {
        let pause = self.pauses.get(&trouble).filter(|pause| pause.until > now)?;
        Some(pause.until.since_ms(now))
    }

    /// Notes a trouble. One that is noted again after its pause waits longer.
    pub(super) fn note(&mut self, trouble: Trouble, now: EngineTime) -> Noted {
        if let Some(ms) = self.left(trouble, now) {
            return Noted { ms, is_news: false };
        }
        let before = self.pauses.remove(&trouble);
        let is_hopeless = matches!(trouble, Trouble::Unreadable(_) | Trouble::Unfit(_));
        let ms = match before {
            _ if is_hopeless => HOPELESS_MS,
            Some(before) => (before.ms * 2).min(PAUSE_MS_MAX),
            None => PAUSE_MS,
        };
        if self.pauses.len() >= TROUBLES_MAX {
            self.pauses.pop_first();
        }
        self.pauses.insert(trouble, Pause { until: now.after_ms(ms), ms });
        Noted { ms, is_news: before.is_none() || is_hopeless }
    }

    /// A trouble has passed.
    pub(super) fn over(&mut self, trouble: Trouble) {
        self.pauses.remove(&trouble);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_said_once_and_tried_again_after_longer_and_longer_pauses() {
        let mut troubles = Troubles::default();
        let full = Trouble::Refusing(StreamId(1));
        let at = |ms| EngineTime(ms);
        assert_eq!(troubles.note(full, at(0)), Noted { ms: 1_000, is_news: true });
        assert_eq!(troubles.note(full, at(400)), Noted { ms: 600, is_news: false }, "the same pause");
        assert_eq!(troubles.left(full, at(1_000)), None);
        assert_eq!(troubles.note(full, at(1_000)), Noted { ms: 2_000, is_news: false });
        let mut now = 3_000;
        for _ in 0..10 {
            now += i64::try_from(troubles.note(full, at(now)).ms).unwrap();
        }
        assert_eq!(troubles.note(full, at(now)).ms, PAUSE_MS_MAX);
        assert_eq!(troubles.left(Trouble::Refusing(StreamId(2)), at(now)), None);
        troubles.over(full);
        assert_eq!(troubles.note(full, at(now)), Noted { ms: 1_000, is_news: true });
    }

    #[test]
    fn troubles_do_not_pile_up() {
        let mut troubles = Troubles::default();
        for n in 0..5_000 {
            troubles.note(Trouble::Missing(StreamId(n)), EngineTime(0));
        }
        assert_eq!(troubles.pauses.len(), TROUBLES_MAX);
    }
}
