//! Names of one directory: as seen, and as a crash may leave them.
//!
//! Apart from file bytes because names become durable with their directory, not with the file (F2).

use std::collections::BTreeMap;

use super::Rng;

/// Something that happened to a name.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Create { name: String, file: u64 },
    Rename { from: String, to: String, file: u64 },
    Remove { name: String },
}

/// One directory.
#[derive(Clone, Default)]
pub(super) struct Directory {
    durable: BTreeMap<String, u64>,
    seen: BTreeMap<String, u64>,
    /// Since the last sync, in order.
    changes: Vec<Change>,
    is_durable: bool,
}

impl Directory {
    pub(super) fn durable() -> Directory {
        Directory { is_durable: true, ..Directory::default() }
    }

    pub(super) fn get(&self, name: &str) -> Option<u64> {
        self.seen.get(name).copied()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.seen.keys().cloned().collect()
    }

    /// Files that a name leads to now, or may lead to after a crash.
    pub(super) fn files(&self) -> Vec<u64> {
        let changed = self.changes.iter().filter_map(|change| match change {
            Change::Create { file, .. } | Change::Rename { file, .. } => Some(*file),
            Change::Remove { .. } => None,
        });
        self.seen.values().chain(self.durable.values()).copied().chain(changed).collect()
    }

    pub(super) fn is_durable(&self) -> bool {
        self.is_durable
    }

    pub(super) fn make_durable(&mut self) {
        self.is_durable = true;
    }

    pub(super) fn change(&mut self, change: Change) {
        apply(&mut self.seen, &change);
        self.changes.push(change);
    }

    /// Gives a name to a file, or takes it away, durably and at once.
    pub(super) fn set(&mut self, name: &str, file: Option<u64>) {
        for names in [&mut self.seen, &mut self.durable] {
            match file {
                Some(file) => names.insert(name.to_owned(), file),
                None => names.remove(name),
            };
        }
    }

    pub(super) fn sync(&mut self) {
        self.changes.clear();
        self.durable = self.seen.clone();
    }

    /// Each change since the last sync happened or not. True when one did not.
    pub(super) fn crash(&mut self, rng: &mut Rng) -> bool {
        let mut undone = false;
        for change in std::mem::take(&mut self.changes) {
            if rng.one_in(2) {
                apply(&mut self.durable, &change);
            } else {
                undone = true;
            }
        }
        self.seen = self.durable.clone();
        undone
    }
}

fn apply(names: &mut BTreeMap<String, u64>, change: &Change) {
    match change {
        Change::Create { name, file } => {
            names.insert(name.clone(), *file);
        }
        Change::Rename { from, to, file } => {
            if names.get(from) == Some(file) {
                names.remove(from);
            }
            names.insert(to.clone(), *file);
        }
        Change::Remove { name } => {
            names.remove(name);
        }
    }
}
