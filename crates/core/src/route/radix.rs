//! A map from 64-bit keys to values that shares what two versions of it have in common.
//!
//! Apart because sessions hold a version of a route's table while the shard makes the next one: a change copies the few
//! nodes on the way to its key, and nothing at all while nobody else holds them (a restart folds 100,000 bindings in place).
//!
//! Four bits of the key choose at the first level, five at each of the twelve others; a key stands as high as it is alone:
//!
//! ```text
//! branch [bitmap 0b…0101] ─┬─ slot 0: leaf (key 0x0123…)
//!                          └─ slot 2: branch ─┬─ slot 7: leaf (key 0x23ab…)
//!                                             └─ slot 9: leaf (key 0x24cd…)
//! ```
//!
//! Walks are in the order of the keys. Keys that follow one another (numbers) go through [`spread`] first, or their paths
//! would be long.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

/// Levels below the first.
const DEPTH_MAX: u32 = 12;

/// See the module's documentation.
#[derive(Debug, Clone)]
pub(super) struct Radix<V> {
    root: Option<Arc<Node<V>>>,
    len: usize,
}

#[derive(Debug, Clone)]
enum Node<V> {
    Leaf {
        key: u64,
        value: V,
    },
    /// One bit per slot that has a child; children in the order of the slots. Never empty.
    Branch {
        bitmap: u32,
        children: Vec<Arc<Node<V>>>,
    },
}

/// A number as a key: every number another one, those that follow one another far apart.
pub(super) fn spread(number: u64) -> u64 {
    // Odd, so that no two numbers come to the same key; 2^64 divided by the golden ratio.
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl<V> Default for Radix<V> {
    fn default() -> Radix<V> {
        Radix { root: None, len: 0 }
    }
}

fn bit(key: u64, depth: u32) -> u32 {
    assert!(depth <= DEPTH_MAX, "two keys differ at the last level at the latest");
    let slot = (key >> (60 - 5 * depth)) & 31;
    1 << slot
}

fn place(bitmap: u32, bit: u32) -> usize {
    (bitmap & (bit - 1)).count_ones() as usize
}

impl<V> Radix<V> {
    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn get(&self, key: u64) -> Option<&V> {
        let mut node = self.root.as_deref()?;
        let mut depth = 0;
        loop {
            match node {
                Node::Leaf { key: found, value } => return (*found == key).then_some(value),
                Node::Branch { bitmap, children } => {
                    let bit = bit(key, depth);
                    if bitmap & bit == 0 {
                        return None;
                    }
                    node = &children[place(*bitmap, bit)];
                    depth += 1;
                }
            }
        }
    }

    /// The first key at or after `key`.
    pub(super) fn at_or_after(&self, key: u64) -> Option<(u64, &V)> {
        after(self.root.as_deref()?, key, 0)
    }

    /// Calls for every value, in the order of the keys, until it says false. Returns whether it never did.
    pub(super) fn each<'a>(&'a self, visit: &mut impl FnMut(&'a V) -> bool) -> bool {
        self.root.as_deref().is_none_or(|root| each(root, visit))
    }
}

impl<V: Clone> Radix<V> {
    /// The value of a key, to be changed.
    pub(super) fn get_mut(&mut self, key: u64) -> Option<&mut V> {
        // A key that is not there must not cost copies.
        self.get(key)?;
        let mut node = self.root.as_mut()?;
        let mut depth = 0;
        loop {
            match Arc::make_mut(node) {
                Node::Leaf { value, .. } => return Some(value),
                Node::Branch { bitmap, children } => {
                    node = &mut children[place(*bitmap, bit(key, depth))];
                    depth += 1;
                }
            }
        }
    }

    /// Puts a value under a key that has none.
    pub(super) fn insert(&mut self, key: u64, value: V) {
        self.len += 1;
        let leaf = Arc::new(Node::Leaf { key, value });
        match &mut self.root {
            None => self.root = Some(leaf),
            Some(root) => insert(root, key, leaf, 0),
        }
    }

    /// Takes a key's value out.
    pub(super) fn remove(&mut self, key: u64) -> Option<V> {
        let value = self.get(key)?.clone();
        self.len -= 1;
        let root = self.root.as_mut()?;
        if remove(root, key, 0) {
            self.root = None;
        }
        Some(value)
    }
}

fn after<V>(node: &Node<V>, key: u64, depth: u32) -> Option<(u64, &V)> {
    match node {
        Node::Leaf { key: found, value } => (*found >= key).then_some((*found, value)),
        Node::Branch { bitmap, children } => {
            let bit = bit(key, depth);
            let at = place(*bitmap, bit);
            let here = if bitmap & bit == 0 { None } else { after(&children[at], key, depth + 1) };
            let next = at + usize::from(bitmap & bit != 0);
            here.or_else(|| children.get(next).map(|child| first(child)))
        }
    }
}

fn first<V>(node: &Node<V>) -> (u64, &V) {
    match node {
        Node::Leaf { key, value } => (*key, value),
        Node::Branch { children, .. } => first(&children[0]),
    }
}

fn each<'a, V>(node: &'a Node<V>, visit: &mut impl FnMut(&'a V) -> bool) -> bool {
    match node {
        Node::Leaf { value, .. } => visit(value),
        Node::Branch { children, .. } => children.iter().all(|child| each(child, visit)),
    }
}

fn insert<V: Clone>(node: &mut Arc<Node<V>>, key: u64, leaf: Arc<Node<V>>, depth: u32) {
    if let Node::Leaf { key: there, .. } = **node {
        assert_ne!(there, key, "a key is put in once");
        let pair = pair(there, node.clone(), key, leaf, depth);
        *node = pair;
        return;
    }
    let Node::Branch { bitmap, children } = Arc::make_mut(node) else { return };
    let bit = bit(key, depth);
    let at = place(*bitmap, bit);
    if *bitmap & bit == 0 {
        *bitmap |= bit;
        children.insert(at, leaf);
    } else {
        insert(&mut children[at], key, leaf, depth + 1);
    }
}

/// A branch for two leaves that meet at this depth.
fn pair<V>(left: u64, a: Arc<Node<V>>, right: u64, b: Arc<Node<V>>, depth: u32) -> Arc<Node<V>> {
    let (at, to) = (bit(left, depth), bit(right, depth));
    let children = if at == to {
        vec![pair(left, a, right, b, depth + 1)]
    } else if at < to {
        vec![a, b]
    } else {
        vec![b, a]
    };
    Arc::new(Node::Branch { bitmap: at | to, children })
}

/// Removes a key that is there; true when nothing is left of the node.
fn remove<V: Clone>(node: &mut Arc<Node<V>>, key: u64, depth: u32) -> bool {
    let Node::Branch { .. } = **node else { return true };
    let Node::Branch { bitmap, children } = Arc::make_mut(node) else { return true };
    let bit = bit(key, depth);
    let at = place(*bitmap, bit);
    if remove(&mut children[at], key, depth + 1) {
        *bitmap &= !bit;
        children.remove(at);
    }
    match &children[..] {
        [] => true,
        // A leaf stands as high as it is alone, whatever was there before.
        [only] if matches!(**only, Node::Leaf { .. }) => {
            let only = only.clone();
            *node = only;
            false
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;

    #[test]
    fn it_is_the_map_that_it_says_and_old_versions_stay() {
        let mut state = 7_u64;
        let mut next = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % bound
        };
        let (mut radix, mut model) = (Radix::default(), BTreeMap::new());
        let mut kept: Vec<(Radix<u64>, BTreeMap<u64, u64>)> = Vec::new();
        for step in 0..20_000 {
            // Keys that share long beginnings, or long ends, or nothing.
            let key = match next(3) {
                0 => next(40),
                1 => next(40) << 58 | next(3),
                _ => spread(next(300)),
            };
            if let Some(value) = model.remove(&key) {
                if next(2) == 0 {
                    *radix.get_mut(key).expect("it is there") = step;
                    model.insert(key, step);
                } else {
                    assert_eq!(radix.remove(key), Some(value));
                }
            } else {
                assert!(radix.get_mut(key).is_none() && radix.remove(key).is_none());
                radix.insert(key, step);
                model.insert(key, step);
            }
            assert_eq!(radix.len(), model.len());
            if step % 500 == 0 {
                kept.push((radix.clone(), model.clone()));
            }
        }
        kept.push((radix, model));
        for (radix, model) in kept {
            let mut walked = Vec::new();
            assert!(radix.each(&mut |value| {
                walked.push(*value);
                true
            }));
            assert_eq!(walked, model.values().copied().collect::<Vec<_>>(), "in the order of the keys");
            for key in (0..50).chain((0..300).map(spread)).chain([u64::MAX]) {
                assert_eq!(radix.get(key), model.get(&key));
                let after = model.range(key..).next().map(|(key, value)| (*key, value));
                assert_eq!(radix.at_or_after(key), after);
            }
        }
    }

    #[test]
    fn what_is_emptied_is_as_new() {
        let mut radix = Radix::default();
        for key in [0, 1, 31, 32, u64::MAX] {
            radix.insert(key, ());
        }
        for key in [31, 0, u64::MAX, 32, 1] {
            assert_eq!(radix.remove(key), Some(()));
        }
        assert!(radix.is_empty() && radix.root.is_none());
    }
}
