//! Sessions of browsers: who logged in, until when, and the word that his forms must carry.
//!
//! Apart because it is a table with limits of its own: so many at once, each ends when it was not used for a while, and in
//! any case after a day. They live in memory: a restart ends them all.

use super::secret::{Digest, Token};
use millstream_types::EngineTime;
use std::collections::BTreeMap;

/// Sessions at once; one more ends the one that was not used for longest.
pub(crate) const SESSIONS_MAX: usize = 256;
/// A session that was not used for two hours has ended.
const IDLE_MS: u64 = 2 * 3_600_000;
/// Every session has ended after a day.
const LIFE_MS: u64 = 24 * 3_600_000;

/// A session as requests see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// Names it in the audit log.
    pub(crate) number: u64,
    /// What forms and unsafe requests must carry, so that no other site's page can make them.
    pub(crate) csrf: Token,
}

#[derive(Debug)]
struct Kept {
    session: Session,
    begun: EngineTime,
    used: EngineTime,
    /// For the next page.
    said: Option<String>,
}

impl Kept {
    fn has_ended(&self, now: EngineTime) -> bool {
        now.since_ms(self.used) >= IDLE_MS || now.since_ms(self.begun) >= LIFE_MS
    }
}

/// The sessions there are.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    /// By digest: to look one up tells nothing about the others' ids by its time.
    table: BTreeMap<Digest, Kept>,
    begun: u64,
}

impl Sessions {
    /// Begins a session of this id.
    pub(crate) fn begin(&mut self, now: EngineTime, id: &Token, csrf: Token) -> u64 {
        self.table.retain(|_, kept| !kept.has_ended(now));
        if self.table.len() >= SESSIONS_MAX {
            let oldest = self.table.iter().min_by_key(|(_, kept)| kept.used).map(|(digest, _)| *digest);
            self.table.remove(&oldest.expect("the table is full"));
        }
        self.begun += 1;
        let session = Session { number: self.begun, csrf };
        self.table.insert(Digest::of(id.expose()), Kept { session, begun: now, used: now, said: None });
        self.begun
    }

    /// The session of an id, which is used now.
    pub(crate) fn find(&mut self, now: EngineTime, id: &str) -> Option<Session> {
        let digest = Digest::of(id);
        let kept = self.table.get_mut(&digest)?;
        if kept.has_ended(now) {
            self.table.remove(&digest);
            return None;
        }
        kept.used = kept.used.max(now);
        Some(kept.session.clone())
    }

    /// Ends every session.
    pub(crate) fn end_all(&mut self) {
        self.table.clear();
    }

    /// Keeps a sentence for a session's next page.
    pub(crate) fn say(&mut self, number: u64, sentence: String) {
        if let Some(kept) = self.numbered(number) {
            kept.said = Some(sentence);
        }
    }

    /// Takes the sentence that was kept.
    pub(crate) fn said(&mut self, number: u64) -> Option<String> {
        self.numbered(number)?.said.take()
    }

    fn numbered(&mut self, number: u64) -> Option<&mut Kept> {
        self.table.values_mut().find(|kept| kept.session.number == number)
    }

    /// Ends a session.
    pub(crate) fn end(&mut self, id: &str) {
        self.table.remove(&Digest::of(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(number: usize) -> Token {
        Token::random([number as u128, 0])
    }

    #[test]
    fn a_session_ends_when_it_is_not_used_and_after_a_day_in_any_case() {
        let mut sessions = Sessions::default();
        let mut now = EngineTime(1_000);
        sessions.begin(now, &token(1), token(100));
        assert_eq!(sessions.find(now, token(1).expose()).map(|session| session.csrf), Some(token(100)));
        assert_eq!(sessions.find(now, token(2).expose()), None);
        for _ in 0..23 {
            now = now.after_ms(3_600_000);
            assert!(sessions.find(now, token(1).expose()).is_some(), "{now}");
        }
        assert_eq!(sessions.find(now.after_ms(3_600_000), token(1).expose()), None);
        sessions.begin(now, &token(3), token(101));
        assert_eq!(sessions.find(now.after_ms(IDLE_MS), token(3).expose()), None);
        sessions.begin(now, &token(4), token(102));
        sessions.end(token(4).expose());
        assert_eq!(sessions.find(now, token(4).expose()), None);
    }

    #[test]
    fn one_session_too_many_ends_the_one_that_was_not_used_for_longest() {
        let mut sessions = Sessions::default();
        for number in 0..=SESSIONS_MAX {
            sessions.begin(EngineTime(number as i64), &token(number), token(0));
            assert!(sessions.find(EngineTime(number as i64), token(0).expose()).is_some());
        }
        assert_eq!(sessions.table.len(), SESSIONS_MAX);
        assert_eq!(sessions.find(EngineTime(300), token(1).expose()), None);
        assert!(sessions.find(EngineTime(300), token(SESSIONS_MAX).expose()).is_some());
    }
}
