//! Who asks: the admin token, sessions of browsers, and what is let through without either.
//!
//! Apart because every page and every operation relies on one judgement, made before anything else is looked at:
//!
//! | the request | is let through |
//! |---|---|
//! | has `Authorization` | if it is `Bearer` with the admin token; else it is refused, whoever sent it |
//! | has the cookie of a session | if that has not ended; what changes something must carry the session's word as well |
//! | is a browser's (`Origin`, `Sec-Fetch-Site`, a cookie, or it wants a page) | no |
//! | is any other, on a loopback listener | yes: without users whoever is on this machine is the one principal (R20) |
//! | is any other | no |
//!
//! A browser is told apart because it carries out what strangers' pages say; a program on this machine does what its user wants.

mod audit;
mod cookie;
mod failures;
mod secret;
mod sessions;

use audit::Audit;
pub(crate) use audit::Entry;
use core::net::IpAddr;
use failures::Failures;
use millstream_front::Principal;
use millstream_front::http::{Header, Request};
use millstream_types::EngineTime;
use secret::Digest;
pub use secret::Token;
use sessions::Sessions;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The header that carries a session's word where there is no form.
const CSRF_HEADER: &str = "x-csrf-token";

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Who {
    /// In whose name it is done.
    pub(crate) principal: Principal,
    /// How that is known.
    pub(crate) kind: Kind,
}

/// How it is known who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A program on this machine, while there are no users.
    Local,
    /// Who has the admin token.
    Admin,
    /// Somebody who logged in.
    Session {
        /// Names the session in the audit log.
        number: u64,
        /// What his forms must carry.
        csrf: Token,
    },
}

impl Kind {
    /// As the audit log names him.
    pub(crate) fn name(&self) -> String {
        match self {
            Kind::Local => "local".to_owned(),
            Kind::Admin => "admin token".to_owned(),
            Kind::Session { number, .. } => format!("session {number}"),
        }
    }

    /// Whether this is the word that his forms must carry; who has no session needs none.
    pub(crate) fn takes(&self, word: Option<&str>) -> bool {
        match self {
            Kind::Local | Kind::Admin => true,
            Kind::Session { csrf, .. } => word.is_some_and(|word| Digest::of(csrf.expose()).is_of(word)),
        }
    }
}

/// Why a request is not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It has nothing that says who asks, or only a session that has ended.
    Missing,
    /// What it has is wrong.
    Wrong,
    /// There were too many wrong ones: the address has to wait so many seconds.
    Slowed(u32),
}

/// What lets requests through. One for each listener.
#[derive(Debug)]
pub struct Gate {
    /// Of the admin token, which may be replaced while the broker runs.
    admin: Mutex<Option<Digest>>,
    /// Logs one browser in, once.
    one_time: Mutex<Option<Digest>>,
    sessions: Mutex<Sessions>,
    failures: Mutex<Failures>,
    audit: Audit,
    cookie: String,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gate {
    /// A gate with the admin token, if there is one, the token that logs one browser in, if there is one, and the port that
    /// is listened on.
    #[must_use]
    pub fn new(admin: Option<&Token>, one_time: Option<&Token>, port: u16) -> Gate {
        let digest = |token: &Token| Digest::of(token.expose());
        Gate {
            admin: Mutex::new(admin.map(digest)),
            one_time: Mutex::new(one_time.map(digest)),
            sessions: Mutex::default(),
            failures: Mutex::default(),
            audit: Audit::default(),
            cookie: cookie::name(port),
        }
    }

    /// From now on this is the admin token. Gives whether it is another one: then every session has ended, for whoever had the one
    /// before could begin some, and so has the one-time token.
    pub fn replace_admin(&self, token: &Token) -> bool {
        let digest = Digest::of(token.expose());
        let before = locked(&self.admin).replace(digest);
        let is_other = before != Some(digest);
        if is_other {
            *locked(&self.one_time) = None;
            locked(&self.sessions).end_all();
        }
        is_other
    }

    fn is_admin(&self, given: &str) -> bool {
        locked(&self.admin).is_some_and(|admin| admin.is_of(given))
    }

    /// The newest entries of the audit log before the one of a number, with their numbers.
    pub(crate) fn audited(&self, before: u64, count: usize) -> Vec<(u64, Entry)> {
        self.audit.newest(before, count)
    }

    /// Writes into the audit log.
    pub(crate) fn note(&self, entry: Entry) {
        self.audit.write(entry);
    }

    /// Keeps a sentence for the next page of a session.
    pub(crate) fn say(&self, kind: &Kind, sentence: String) {
        if let Kind::Session { number, .. } = kind {
            locked(&self.sessions).say(*number, sentence);
        }
    }

    /// The sentence that was kept for this session, once.
    pub(crate) fn said(&self, kind: &Kind) -> Option<String> {
        match kind {
            Kind::Session { number, .. } => locked(&self.sessions).said(*number),
            Kind::Local | Kind::Admin => None,
        }
    }

    /// Says who asks.
    pub(crate) fn judge(
        &self,
        now: EngineTime,
        request: &Request<'_>,
        is_loopback: bool,
    ) -> Result<Who, Refused> {
        // Everybody is the one local principal while there are no users (R20).
        let principal = Principal::local();
        Ok(Who { principal, kind: self.kind(now, request, is_loopback)? })
    }

    fn kind(&self, now: EngineTime, request: &Request<'_>, is_loopback: bool) -> Result<Kind, Refused> {
        let has = |name: &str| request.headers.iter().any(|(known, _)| *known == name);
        if has("authorization") {
            return self.bearer(now, request).map(|()| Kind::Admin);
        }
        if let Some(id) = cookie::find(request, &self.cookie) {
            let session = locked(&self.sessions).find(now, id).ok_or(Refused::Missing)?;
            return Ok(Kind::Session { number: session.number, csrf: session.csrf });
        }
        let wants_page = request.header("accept").is_some_and(|accept| accept.contains("text/html"));
        let is_browser = has("origin") || has("sec-fetch-site") || has("cookie") || wants_page;
        if is_loopback && !is_browser { Ok(Kind::Local) } else { Err(Refused::Missing) }
    }

    fn bearer(&self, now: EngineTime, request: &Request<'_>) -> Result<(), Refused> {
        let given = request.header("authorization").and_then(|header| header.split_once(' '));
        let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let given = given.map_or("", |(_, token)| token.trim());
        self.attempt(now, request, || self.is_admin(given))
    }

    /// Makes an attempt, unless its address has to wait.
    fn attempt(
        &self,
        now: EngineTime,
        request: &Request<'_>,
        try_it: impl FnOnce() -> bool,
    ) -> Result<(), Refused> {
        let wait_ms = locked(&self.failures).wait_ms(now, request.peer);
        if wait_ms > 0 {
            let seconds = u32::try_from(wait_ms.div_ceil(1000)).expect("a wait is short");
            return Err(Refused::Slowed(seconds));
        }
        if try_it() {
            locked(&self.failures).succeeded(request.peer);
            return Ok(());
        }
        locked(&self.failures).failed(now, request.peer);
        let what = format!("{} {}: a wrong credential", request.method, request.path);
        self.note(Entry { time: now, who: "nobody".to_owned(), peer: request.peer, what, status: 401 });
        Err(Refused::Wrong)
    }

    /// Begins a session for who has the admin token, or the one-time token, which is spent by it. Gives the cookie.
    pub(crate) fn log_in(
        &self,
        now: EngineTime,
        request: &Request<'_>,
        given: &str,
        mut random: impl FnMut() -> u128,
    ) -> Result<Header, Refused> {
        self.attempt(now, request, || {
            let mut one_time = locked(&self.one_time);
            if one_time.is_some_and(|token| token.is_of(given)) {
                *one_time = None;
                return true;
            }
            self.is_admin(given)
        })?;
        let [id, csrf] = [(); 2].map(|()| Token::random([random(), random()]));
        let number = locked(&self.sessions).begin(now, &id, csrf);
        let who = format!("session {number}");
        self.note(Entry { time: now, who, peer: request.peer, what: "log in".to_owned(), status: 200 });
        Ok(cookie::set(&self.cookie, &id, request.is_tls))
    }

    /// Ends the request's session, if it has one. Gives what takes the cookie away.
    pub(crate) fn log_out(&self, now: EngineTime, request: &Request<'_>, kind: &Kind) -> Header {
        if let Some(id) = cookie::find(request, &self.cookie) {
            locked(&self.sessions).end(id);
        }
        let what = "log out".to_owned();
        self.note(Entry { time: now, who: kind.name(), peer: request.peer, what, status: 200 });
        cookie::clear(&self.cookie)
    }
}

/// Whether a request changes nothing, whoever sends it.
pub(crate) fn is_safe(request: &Request<'_>) -> bool {
    matches!(request.method, "GET" | "HEAD" | "OPTIONS")
}

/// The session's word, as a request without a form carries it.
pub(crate) fn word<'a>(request: &Request<'a>) -> Option<&'a str> {
    request.header(CSRF_HEADER)
}

/// What is written into the audit log when a request is answered.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) who: String,
    pub(crate) peer: Option<IpAddr>,
    pub(crate) what: String,
}

impl Pending {
    /// Who asks for what.
    pub(crate) fn of(request: &Request<'_>, kind: &Kind) -> Pending {
        let what = format!("{} {}", request.method, request.path);
        Pending { who: kind.name(), peer: request.peer, what }
    }

    /// As an entry, once it is known what became of it.
    pub(crate) fn done(self, time: EngineTime, status: u16) -> Entry {
        let Pending { who, peer, what } = self;
        Entry { time, who, peer, what, status }
    }
}
