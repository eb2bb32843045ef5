//! Namespaces: spaces of names, each with a number that streams, groups and requests carry.
//!
//! Apart because every front spells them in its own way (a virtual host, an account and a region) and all of them look
//! them up here: what a namespace is called is one name, the same in every protocol. Number 0 is called
//! [`DEFAULT_NAME`] and always exists. Numbers are handed out in order and never again, so a namespace that is deleted and made anew under its
//! old name is another one.
//!
//! Deleting one is long work (R13): from the entry on that says so nobody finds it any more and nothing is created in it;
//! its routes and streams go a few per tick (see `doom.rs`), and the number with the last of them.

use crate::catalog::check_name;
use crate::catalog::config::check_annotation;
use crate::codec::{DecodeError, Decoder, Encoder};
use crate::effect::{Effects, Ticket};
use crate::entry::Entry;
use crate::hash::{HashSeed, KeyedMap};
use crate::request::{CreateNamespace, Reply};
use crate::shard::{Shard, Turn};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use millstream_types::limits::{NAMESPACE_ANNOTATION_BYTES_MAX, NAMESPACES_MAX};
use millstream_types::{EngineTime, ErrorKind, Namespace};

/// What the namespace of everyone who is not placed elsewhere is called.
pub const DEFAULT_NAME: &str = "default";

/// A front's own settings of a namespace, stored and returned, never read here.
pub type Annotations = BTreeMap<Box<str>, Box<str>>;

/// What everyone may know of a namespace without asking the shard. Immutable; a change makes a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceEntry {
    /// Its number, never used again after it is deleted.
    pub number: Namespace,
    /// Its name: UTF-8, 1 to 255 bytes, no control characters.
    pub name: Arc<str>,
    /// When it was created; 0 for the default one.
    pub created: EngineTime,
    /// What fronts keep with it.
    pub annotations: Annotations,
    /// It is being deleted: nobody finds it, and its streams go.
    pub(crate) is_going: bool,
}

/// All namespaces of a shard.
#[derive(Debug)]
pub(crate) struct Namespaces {
    entries: BTreeMap<Namespace, Arc<NamespaceEntry>>,
    names: KeyedMap<Arc<str>, Namespace>,
    /// Those that are being deleted.
    pub(super) going: BTreeSet<Namespace>,
    /// The number that the next one gets.
    pub(crate) next: Namespace,
}

impl Namespaces {
    /// Only the default one.
    pub(crate) fn new(seed: HashSeed) -> Namespaces {
        let mut namespaces = Namespaces {
            entries: BTreeMap::new(),
            names: KeyedMap::with_hasher(seed),
            going: BTreeSet::new(),
            next: Namespace(1),
        };
        namespaces.put(NamespaceEntry {
            number: Namespace::DEFAULT,
            name: DEFAULT_NAME.into(),
            created: EngineTime(0),
            annotations: Annotations::new(),
            is_going: false,
        });
        namespaces
    }

    /// Those that can be found, in the order of their numbers.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Arc<NamespaceEntry>> {
        self.entries.values().filter(|entry| !entry.is_going)
    }

    /// One that can be found.
    pub(crate) fn get(&self, number: Namespace) -> Option<&Arc<NamespaceEntry>> {
        self.entries.get(&number).filter(|entry| !entry.is_going)
    }

    /// Whether it is there, if only to be deleted.
    pub(crate) fn exists(&self, number: Namespace) -> bool {
        self.entries.contains_key(&number)
    }

    /// The first one from a number on, those that are being deleted included.
    pub(crate) fn from(&self, number: Namespace) -> Option<&NamespaceEntry> {
        self.entries.range(number..).next().map(|(_, entry)| &**entry)
    }

    fn named(&self, name: &str) -> Option<&Arc<NamespaceEntry>> {
        self.get(*self.names.get(name)?)
    }

    /// Folds what a namespace is now.
    pub(crate) fn put(&mut self, entry: NamespaceEntry) {
        let number = entry.number;
        self.note_number(number);
        if entry.is_going {
            self.going.insert(number);
            self.forget_name(&entry.name, number);
        } else {
            // As with streams: of two of the same name the larger number is the successor.
            let holder = self.names.entry(entry.name.clone()).or_insert(number);
            *holder = number.max(*holder);
        }
        self.entries.insert(number, Arc::new(entry));
    }

    /// Folds that a namespace is gone.
    pub(crate) fn remove(&mut self, number: Namespace) {
        self.note_number(number);
        self.going.remove(&number);
        if let Some(entry) = self.entries.remove(&number) {
            self.forget_name(&entry.name, number);
        }
    }

    fn note_number(&mut self, number: Namespace) {
        self.next = self.next.max(Namespace(number.0 + 1));
    }

    fn forget_name(&mut self, name: &str, number: Namespace) {
        if self.names.get(name) == Some(&number) {
            self.names.remove(name);
        }
    }
}

/// Makes a namespace, unless there is one of the name.
pub(crate) fn create(
    shard: &mut Shard,
    turn: Turn,
    ticket: Ticket,
    request: CreateNamespace,
    effects: &mut Effects,
) {
    let CreateNamespace { name, annotations } = request;
    if let Err(kind) = check_name(&name).and_then(|()| check_annotations(&annotations)) {
        return refuse(shard, ticket, kind, effects);
    }
    if let Some(entry) = shard.namespaces.named(&name).cloned() {
        return effects.reply_after(ticket, shard.catalog_last, Reply::Namespace { entry, is_new: false });
    }
    let number = shard.namespaces.next;
    if shard.namespaces.entries.len() >= NAMESPACES_MAX || number.0 >= Namespace::NUMBERS_END {
        return refuse(shard, ticket, ErrorKind::LimitExceeded, effects);
    }
    let entry = NamespaceEntry { number, name, created: turn.now, annotations, is_going: false };
    put(shard, turn, ticket, entry, true, effects);
}

/// Changes annotations of a namespace.
pub(crate) fn alter(
    shard: &mut Shard,
    turn: Turn,
    ticket: Ticket,
    number: Namespace,
    changes: Vec<(Box<str>, Option<Box<str>>)>,
    effects: &mut Effects,
) {
    let Some(known) = shard.namespaces.get(number) else {
        return refuse(shard, ticket, ErrorKind::UnknownNamespace, effects);
    };
    let mut entry = (**known).clone();
    for (key, value) in changes {
        match value {
            Some(value) => entry.annotations.insert(key, value),
            None => entry.annotations.remove(&key),
        };
    }
    match check_annotations(&entry.annotations) {
        Ok(()) => put(shard, turn, ticket, entry, false, effects),
        Err(kind) => refuse(shard, ticket, kind, effects),
    }
}

/// Begins to delete a namespace.
pub(crate) fn delete(
    shard: &mut Shard,
    turn: Turn,
    ticket: Ticket,
    number: Namespace,
    effects: &mut Effects,
) {
    match shard.namespaces.get(number) {
        None => refuse(shard, ticket, ErrorKind::UnknownNamespace, effects),
        // What is placed nowhere else needs a place.
        Some(known) if known.number == Namespace::DEFAULT => {
            refuse(shard, ticket, ErrorKind::InvalidName, effects);
        }
        Some(known) => {
            let entry = NamespaceEntry { is_going: true, ..(**known).clone() };
            put(shard, turn, ticket, entry, false, effects);
        }
    }
}

fn put(
    shard: &mut Shard,
    turn: Turn,
    ticket: Ticket,
    entry: NamespaceEntry,
    is_new: bool,
    effects: &mut Effects,
) {
    shard.record(turn, Entry::NamespacePut(Box::new(entry.clone())), effects);
    effects.reply_after(ticket, turn.position, Reply::Namespace { entry: Arc::new(entry), is_new });
}

fn refuse(shard: &Shard, ticket: Ticket, kind: ErrorKind, effects: &mut Effects) {
    effects.reply_after(ticket, shard.catalog_last, Reply::Refused(kind));
}

/// What annotations take in an entry.
pub(crate) fn annotations_bytes(annotations: &Annotations) -> usize {
    annotations.iter().map(|(key, value)| 8 + key.len() + value.len()).sum()
}

fn check_annotations(annotations: &Annotations) -> Result<(), ErrorKind> {
    let each = annotations.iter().try_for_each(|(key, value)| check_annotation(key, value));
    let fits = annotations_bytes(annotations) <= NAMESPACE_ANNOTATION_BYTES_MAX;
    each.and(if fits { Ok(()) } else { Err(ErrorKind::InvalidConfig) })
}

/// `number u32, name, created i64, is going u8, count u16, then key and value each`.
pub(crate) fn put_namespace(out: &mut Encoder<'_>, entry: &NamespaceEntry) {
    out.u32(entry.number.0);
    out.str(&entry.name);
    out.i64(entry.created.0);
    out.u8(u8::from(entry.is_going));
    out.u16(u16::try_from(entry.annotations.len()).expect("annotations are bounded"));
    for (key, value) in &entry.annotations {
        out.str(key);
        out.str(value);
    }
}

pub(crate) fn get_namespace(input: &mut Decoder<'_>) -> Result<NamespaceEntry, DecodeError> {
    let mut entry = NamespaceEntry {
        number: get_number(input)?,
        name: input.str()?.into(),
        created: EngineTime(input.i64()?),
        is_going: input.bool()?,
        annotations: Annotations::new(),
    };
    for _ in 0..input.u16()? {
        entry.annotations.insert(input.boxed_str()?, input.boxed_str()?);
    }
    let is_default = entry.number == Namespace::DEFAULT;
    if check_name(&entry.name).is_err() || is_default && (entry.is_going || &*entry.name != DEFAULT_NAME) {
        return Err(DecodeError::Invalid("a namespace"));
    }
    if check_annotations(&entry.annotations).is_err() {
        return Err(DecodeError::Invalid("a namespace's annotations"));
    }
    Ok(entry)
}

/// A number that was handed out.
pub(crate) fn get_number(input: &mut Decoder<'_>) -> Result<Namespace, DecodeError> {
    let number = input.u32()?;
    if number < Namespace::NUMBERS_END {
        Ok(Namespace(number))
    } else {
        Err(DecodeError::Invalid("a namespace's number"))
    }
}
