//! One route as everyone may know it: its name, how it matches, and its table.
//!
//! Apart because sessions hold this and match by it on their own time (R15). It is immutable; a change makes a new one, which
//! shares all but a few nodes of its table with the one before.

use super::binding::Binding;
use super::table::Table;
use crate::catalog::check_name;
use crate::codec::{DecodeError, Decoder, Encoder};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use millstream_types::limits::{NAME_BYTES_MAX, ROUTE_ANNOTATIONS_BYTES_MAX};
use millstream_types::{EngineTime, ErrorKind, Namespace, RouteId};

/// What everyone may know of a route without asking the shard.
#[derive(Debug, Clone)]
pub struct RouteEntry {
    /// Its id, never used again after it is deleted.
    pub id: RouteId,
    /// Where its name lives. Routes and streams of the same name have nothing to do with each other.
    pub namespace: Namespace,
    /// Its name.
    pub name: Arc<str>,
    /// How it was set up.
    pub config: Arc<RouteConfig>,
    /// When it was created.
    pub created: EngineTime,
    /// Another one after each change, as long as the process runs.
    pub version: u64,
    pub(super) table: Table,
}

/// How a route was set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteConfig {
    /// How it matches.
    pub match_kind: MatchKind,
    /// Only other routes lead to it; fronts refuse to publish to it.
    pub internal: bool,
    /// It is deleted when the last of its bindings goes.
    pub delete_when_unbound: bool,
    /// Its records may carry a delay of their own. Read by fronts alone, which mark them so.
    pub delay: bool,
    /// It is in memory only, with its bindings, and gone with the process (R18).
    pub ephemeral: bool,
    /// The route, by name in the same namespace, that a record goes to when this one takes it nowhere.
    pub alternate: Option<Arc<str>>,
    /// What fronts want back, at most 16 KiB. Never read here.
    pub annotations: BTreeMap<Box<str>, Box<str>>,
}

/// How a route matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatchKind {
    /// Bindings whose key is the record's.
    Exact,
    /// Bindings whose key is a pattern of the record's: words between dots, `*` for one word, `#` for none or more. Words may
    /// be empty.
    Pattern,
    /// Bindings whose headers the record has.
    Headers,
    /// All bindings.
    Everything,
    /// One binding, by a hash: the same for the same thing that is hashed, as long as the bindings stay. A binding that comes or
    /// goes moves only what it gets or had.
    Hash {
        /// What is hashed.
        by: HashBy,
        /// Bindings get shares as large as their weights; otherwise equal ones.
        weighted: bool,
    },
}

/// What is hashed to choose a binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashBy {
    /// The record's key.
    Key,
    /// The header of this name; if it is missing, nothing.
    Header(Box<str>),
    /// What the front calls by this name.
    Property(Box<str>),
    /// The random number that comes with the record.
    Random,
}

impl RouteConfig {
    /// A route that matches in this way, and nothing else.
    #[must_use]
    pub fn new(match_kind: MatchKind) -> RouteConfig {
        RouteConfig {
            match_kind,
            internal: false,
            delete_when_unbound: false,
            delay: false,
            ephemeral: false,
            alternate: None,
            annotations: BTreeMap::new(),
        }
    }

    fn annotations_bytes(&self) -> usize {
        self.annotations.iter().map(|(key, value)| 8 + key.len() + value.len()).sum()
    }

    /// `InvalidConfig` when something is out of bounds.
    pub(super) fn check(&self) -> Result<(), ErrorKind> {
        let hashed = match &self.match_kind {
            MatchKind::Hash { by: HashBy::Header(name) | HashBy::Property(name), .. } => name.len(),
            _ => 0,
        };
        let fits = hashed <= NAME_BYTES_MAX
            && self.alternate.as_ref().is_none_or(|name| name.len() <= NAME_BYTES_MAX)
            && self.annotations_bytes() <= ROUTE_ANNOTATIONS_BYTES_MAX;
        if fits { Ok(()) } else { Err(ErrorKind::InvalidConfig) }
    }

    /// Bytes that [`RouteConfig::put`] writes at most, whatever is set.
    pub(super) const BYTES_MAX: usize = 32 + 2 * NAME_BYTES_MAX + ROUTE_ANNOTATIONS_BYTES_MAX;

    /// Bytes that [`RouteConfig::put`] writes at most.
    pub(super) fn bytes(&self) -> usize {
        32 + 2 * NAME_BYTES_MAX + self.annotations_bytes()
    }

    /// `match kind u8 (for hashes: weighted, by u8, name), flags u8, alternate, count u32, annotations`.
    pub(super) fn put(&self, out: &mut Encoder<'_>) {
        match &self.match_kind {
            MatchKind::Exact => out.u8(0),
            MatchKind::Pattern => out.u8(1),
            MatchKind::Headers => out.u8(2),
            MatchKind::Everything => out.u8(3),
            MatchKind::Hash { by, weighted } => {
                out.u8(4);
                out.u8(u8::from(*weighted));
                match by {
                    HashBy::Key => out.u8(0),
                    HashBy::Header(name) => {
                        out.u8(1);
                        out.str(name);
                    }
                    HashBy::Property(name) => {
                        out.u8(2);
                        out.str(name);
                    }
                    HashBy::Random => out.u8(3),
                }
            }
        }
        let flags = [self.internal, self.delete_when_unbound, self.delay, self.ephemeral];
        out.u8(flags.iter().rev().fold(0, |bits, flag| bits << 1 | u8::from(*flag)));
        out.option(self.alternate.as_deref(), |out, name| out.str(name));
        out.u32(u32::try_from(self.annotations.len()).expect("bounded by their bytes"));
        for (key, value) in &self.annotations {
            out.str(key);
            out.str(value);
        }
    }

    pub(super) fn get(input: &mut Decoder<'_>) -> Result<RouteConfig, DecodeError> {
        let match_kind = match input.u8()? {
            0 => MatchKind::Exact,
            1 => MatchKind::Pattern,
            2 => MatchKind::Headers,
            3 => MatchKind::Everything,
            4 => {
                let weighted = input.bool()?;
                let by = match input.u8()? {
                    0 => HashBy::Key,
                    1 => HashBy::Header(input.boxed_str()?),
                    2 => HashBy::Property(input.boxed_str()?),
                    3 => HashBy::Random,
                    _ => return Err(DecodeError::Invalid("what a route hashes")),
                };
                MatchKind::Hash { by, weighted }
            }
            _ => return Err(DecodeError::Invalid("how a route matches")),
        };
        let flags = input.u8()?;
        if flags > 7 {
            return Err(DecodeError::Invalid("a route's flags"));
        }
        let [internal, delete_when_unbound, delay] = [1, 2, 4].map(|bit| flags & bit != 0);
        let alternate = input.option(|input| input.str().map(Arc::from))?;
        let mut annotations = BTreeMap::new();
        for _ in 0..input.u32()? {
            annotations.insert(input.boxed_str()?, input.boxed_str()?);
        }
        // One in memory is never written.
        let ephemeral = false;
        let config = RouteConfig {
            match_kind,
            internal,
            delete_when_unbound,
            delay,
            ephemeral,
            alternate,
            annotations,
        };
        if config.check().is_err() {
            return Err(DecodeError::Invalid("a route's configuration"));
        }
        Ok(config)
    }
}

impl RouteEntry {
    /// How many bindings lead on from it.
    #[must_use]
    pub fn bindings_len(&self) -> usize {
        self.table.len()
    }

    /// Every binding that leads on from it, in the order in which they were made. Costs a walk over all of them.
    #[must_use]
    pub fn bindings(&self) -> Vec<Arc<Binding>> {
        self.table.bindings().into_values().collect()
    }
}

/// What of a route is persisted apart from its bindings.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteHead {
    /// Its id.
    pub id: RouteId,
    /// Where its name lives.
    pub namespace: Namespace,
    /// Its name.
    pub name: Arc<str>,
    /// When it was created.
    pub created: EngineTime,
    /// How it was set up.
    pub config: Arc<RouteConfig>,
}

impl RouteHead {
    /// Bytes that [`RouteHead::put`] writes at most.
    pub(super) fn bytes_max(name: &str, config: &RouteConfig) -> usize {
        32 + name.len() + config.bytes()
    }

    /// `id u64, namespace u32, name, created i64, config`.
    pub(super) fn put(&self, out: &mut Encoder<'_>) {
        out.u64(self.id.0);
        out.u32(self.namespace.0);
        out.str(&self.name);
        out.i64(self.created.0);
        self.config.put(out);
    }

    pub(super) fn get(input: &mut Decoder<'_>) -> Result<RouteHead, DecodeError> {
        let head = RouteHead {
            id: RouteId(input.id()?),
            namespace: Namespace(input.u32()?),
            name: input.str()?.into(),
            created: EngineTime(input.i64()?),
            config: Arc::new(RouteConfig::get(input)?),
        };
        if check_name(&head.name).is_err() {
            return Err(DecodeError::Invalid("a route's name"));
        }
        Ok(head)
    }

    /// Of an entry.
    pub(super) fn of(entry: &RouteEntry) -> RouteHead {
        RouteHead {
            id: entry.id,
            namespace: entry.namespace,
            name: entry.name.clone(),
            created: entry.created,
            config: entry.config.clone(),
        }
    }
}
