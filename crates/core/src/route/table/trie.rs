//! Patterns over words, in a trie.
//!
//! Apart because finding them is an automaton with a bound that has to be argued. A pattern is put in order first: of
//! wildcards that follow one another all `*` come before, and one `#` stands for all (`#.*.#` says "one word or more", and so
//! does `*.#`). So no `#` follows another wildcard's `#`, and the node after a `#` has words for children, nothing else.
//!
//! A key is read word by word, and the nodes of all patterns that fit so far are held together; each at most once, since a
//! node is reached from its parent alone. A node after `#` that was reached stays for the rest of the key: it takes any
//! word. So a key of n words costs at most n times as many steps as the trie has nodes, whatever the patterns are, and never
//! more than [`ROUTE_STEPS_MAX`](millstream_types::limits::ROUTE_STEPS_MAX) in all; there is no going back and trying again. Ordinary tables hold few nodes at a time:
//! those whose pattern began like the key.

use super::hits::Hits;
use super::words::{self, Words};
use super::{Held, Set, each};
use crate::hash::HashSeed;
use crate::route::radix::spread;
use alloc::sync::Arc;
use alloc::vec::Vec;
use hashbrown::HashSet;
use millstream_types::{ErrorKind, planted};

/// So many nodes after `#` are told apart by looking at each.
const STAYING_FEW: usize = 16;

#[derive(Debug, Clone, Default)]
pub(super) struct Trie {
    root: Arc<Node>,
}

#[derive(Debug, Clone, Default)]
struct Node {
    words: Words<Arc<Node>>,
    /// After `*`.
    one: Option<Arc<Node>>,
    /// After `#`.
    any: Option<Arc<Node>>,
    /// Patterns that end here.
    here: Set,
}

/// A pattern's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    Word(&'a [u8]),
    One,
    Any,
}

/// The parts of a pattern, its wildcards put in order.
fn parts(pattern: &[u8]) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut any = false;
    for word in pattern.split(|byte| *byte == b'.') {
        match word {
            b"#" if planted!(WildcardTakesOneWord) => parts.push(Part::One),
            b"#" => any = true,
            b"*" => parts.push(Part::One),
            word => {
                if core::mem::take(&mut any) {
                    parts.push(Part::Any);
                }
                parts.push(Part::Word(word));
            }
        }
    }
    if any {
        parts.push(Part::Any);
    }
    parts
}

impl Trie {
    pub(super) fn bind(&mut self, seed: HashSeed, held: Held) {
        let binding = held.binding.clone();
        let mut node = Arc::make_mut(&mut self.root);
        for part in parts(&binding.key) {
            let child = match part {
                Part::Word(word) => {
                    node.words.get_or_insert(words::hash(seed, word), word, Arc::<Node>::default)
                }
                Part::One => node.one.get_or_insert_default(),
                Part::Any => node.any.get_or_insert_default(),
            };
            node = Arc::make_mut(child);
        }
        node.here.insert(spread(held.number), held);
    }

    pub(super) fn unbind(&mut self, seed: HashSeed, number: u64, pattern: &[u8]) {
        unbind(Arc::make_mut(&mut self.root), seed, number, &parts(pattern));
    }

    pub(super) fn find(&self, seed: HashSeed, key: &[u8], hits: &mut Hits) -> Result<(), ErrorKind> {
        let mut walk = Walk::new(seed);
        let mut at: Vec<&Node> = Vec::new();
        let mut next: Vec<&Node> = Vec::new();
        walk.reach(&self.root, &mut at);
        for word in key.split(|byte| *byte == b'.') {
            let hash = words::hash(seed, word);
            // Nodes that come to stay with this word take the next one.
            let staying = walk.staying.len();
            for index in 0..at.len() + staying {
                let node = if index < at.len() { at[index] } else { walk.staying[index - at.len()] };
                hits.step()?;
                if let Some(child) = node.words.get(hash, word) {
                    walk.reach(child, &mut next);
                }
                if let Some(child) = &node.one {
                    walk.reach(child, &mut next);
                }
            }
            at.clear();
            core::mem::swap(&mut at, &mut next);
            if at.is_empty() && walk.staying.is_empty() {
                break;
            }
        }
        for node in at.into_iter().chain(walk.ends) {
            hits.all(&node.here)?;
        }
        Ok(())
    }

    pub(super) fn each(&self, visit: &mut impl FnMut(&Held)) {
        let mut left: Vec<&Node> = alloc::vec![&self.root];
        while let Some(node) = left.pop() {
            each(&node.here, visit);
            node.words.each(&mut |child| left.push(child));
            left.extend([&node.one, &node.any].into_iter().flatten().map(|child| &**child));
        }
    }
}

/// Nodes after `#` that a walk has reached.
struct Walk<'a> {
    /// Those with children: each takes any word, and stays.
    staying: Vec<&'a Node>,
    /// Those where patterns end, which match however the key goes on.
    ends: Vec<&'a Node>,
    /// All of them, the first few.
    few: Vec<&'a Node>,
    /// Where all of them are in memory, once there are more.
    many: HashSet<usize, HashSeed>,
}

impl<'a> Walk<'a> {
    fn new(seed: HashSeed) -> Walk<'a> {
        let many = HashSet::with_hasher(seed);
        Walk { staying: Vec::new(), ends: Vec::new(), few: Vec::new(), many }
    }

    /// The key so far leads to a node, and so to the one after its `#`, which takes no word as well.
    fn reach(&mut self, node: &'a Node, next: &mut Vec<&'a Node>) {
        next.push(node);
        let Some(any) = &node.any else { return };
        if self.is_new(any) {
            if !any.words.is_empty() {
                self.staying.push(any);
            }
            if !any.here.is_empty() {
                self.ends.push(any);
            }
        }
    }

    fn is_new(&mut self, node: &'a Node) -> bool {
        if self.many.is_empty() {
            if self.few.iter().any(|known| core::ptr::eq(*known, node)) {
                return false;
            }
            if self.few.len() < STAYING_FEW {
                self.few.push(node);
                return true;
            }
            self.many.extend(self.few.drain(..).map(|known| core::ptr::from_ref(known).addr()));
        }
        self.many.insert(core::ptr::from_ref(node).addr())
    }
}

/// Takes a binding out from below a node; true when nothing is left of the node.
fn unbind(node: &mut Node, seed: HashSeed, number: u64, parts: &[Part<'_>]) -> bool {
    let below = |child: &mut Arc<Node>, rest| unbind(Arc::make_mut(child), seed, number, rest);
    match parts {
        [] => {
            node.here.remove(spread(number));
        }
        [Part::Word(word), rest @ ..] => {
            let hash = words::hash(seed, word);
            let child = node.words.get_mut(hash, word).expect("the pattern is there");
            if below(child, rest) {
                node.words.remove(hash, word);
            }
        }
        [part @ (Part::One | Part::Any), rest @ ..] => {
            let child = if *part == Part::One { &mut node.one } else { &mut node.any };
            if below(child.as_mut().expect("the pattern is there"), rest) {
                *child = None;
            }
        }
    }
    node.here.is_empty() && node.words.is_empty() && node.one.is_none() && node.any.is_none()
}
