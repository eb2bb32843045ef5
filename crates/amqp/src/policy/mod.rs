//! Policies: settings for all queues and exchanges whose names match, from outside of their declarations.
//!
//! Apart because they are kept, changed and matched in one place, whoever asks. The core knows no policies: each is an
//! annotation of its virtual host's namespace (`amqp.policy.NAME`, `amqp.operator-policy.NAME`: pattern, what it applies to,
//! priority and definition as JSON), and what follows from them is carried out as changes of streams and routes, when one is
//! declared and when a policy changes (`carry_out.rs`). Of the policies that match, the one with the largest priority counts,
//! of equal ones the one whose name comes first; beside it one of the operator's.

mod carry_out;
mod definition;

pub(crate) use carry_out::carry_out;
pub(crate) use definition::{Definition, check_definition};

use crate::translate::QueueType;
use fancy_regex::{Regex, RegexBuilder};
use millstream_core::catalog::{Annotations, NamespaceEntry};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Steps that matching one name may take; a pattern that needs more does not match.
const MATCH_STEPS_MAX: usize = 20_000;
/// Bytes of a pattern.
const PATTERN_BYTES_MAX: usize = 1024;
/// Bytes of compiled patterns, of each.
const PATTERN_COMPILED_BYTES_MAX: usize = 256 << 10;
/// Namespaces whose policies are kept compiled.
const KEPT_MAX: usize = 64;

/// Whose policy it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Those who use the broker.
    User,
    /// Those who run it.
    Operator,
}

impl Owner {
    /// What the key of its annotation begins with.
    fn prefix(self) -> &'static str {
        match self {
            Owner::User => "amqp.policy.",
            Owner::Operator => "amqp.operator-policy.",
        }
    }

    /// The key of a policy's annotation.
    pub(crate) fn key(self, name: &str) -> Box<str> {
        format!("{}{name}", self.prefix()).into()
    }
}

/// What a policy applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ApplyTo {
    /// Queues and exchanges.
    All,
    /// Queues of every type.
    Queues,
    /// Exchanges.
    Exchanges,
    /// Queues of type classic.
    ClassicQueues,
    /// Queues of type quorum.
    QuorumQueues,
    /// Queues of type stream.
    Streams,
}

impl ApplyTo {
    fn takes_queue(self, queue_type: QueueType) -> bool {
        match self {
            ApplyTo::All | ApplyTo::Queues => true,
            ApplyTo::Exchanges => false,
            ApplyTo::ClassicQueues => queue_type == QueueType::Classic,
            ApplyTo::QuorumQueues => queue_type == QueueType::Quorum,
            ApplyTo::Streams => queue_type == QueueType::Stream,
        }
    }

    fn takes_exchanges(self) -> bool {
        matches!(self, ApplyTo::All | ApplyTo::Exchanges)
    }
}

/// A policy as it is kept and shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Document {
    pub(crate) pattern: String,
    pub(crate) apply_to: ApplyTo,
    pub(crate) priority: i64,
    pub(crate) definition: Definition,
}

/// One policy.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) name: Arc<str>,
    pub(crate) pattern: Regex,
    pub(crate) apply_to: ApplyTo,
    pub(crate) priority: i64,
    pub(crate) definition: Definition,
}

impl Policy {
    fn matches(&self, name: &str) -> bool {
        // One that takes too many steps is as one that does not match: there is nobody to tell.
        self.pattern.is_match(name).unwrap_or(false)
    }

    pub(crate) fn document(&self) -> Document {
        Document {
            pattern: self.pattern.as_str().to_owned(),
            apply_to: self.apply_to,
            priority: self.priority,
            definition: self.definition.clone(),
        }
    }
}

/// A pattern, compiled within bounds.
///
/// # Errors
/// Why it is none.
pub(crate) fn pattern(text: &str) -> Result<Regex, String> {
    if text.len() > PATTERN_BYTES_MAX {
        return Err(format!("it is longer than {PATTERN_BYTES_MAX} bytes"));
    }
    let mut builder = RegexBuilder::new(text);
    builder.backtrack_limit(MATCH_STEPS_MAX).delegate_size_limit(PATTERN_COMPILED_BYTES_MAX);
    builder.build().map_err(|error| error.to_string())
}

/// All policies of a namespace, those that count first.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    user: Vec<Policy>,
    operator: Vec<Policy>,
}

impl Policies {
    /// Those that are in a namespace's annotations.
    pub(crate) fn of(annotations: &Annotations) -> Policies {
        let of = |owner: Owner| {
            let mut policies: Vec<Policy> = annotations
                .iter()
                .filter_map(|(key, text)| {
                    let name = key.strip_prefix(owner.prefix())?;
                    // What was stored was checked before.
                    let Document { pattern: text, apply_to, priority, definition } =
                        serde_json::from_str(text).ok()?;
                    Some(Policy {
                        name: name.into(),
                        pattern: pattern(&text).ok()?,
                        apply_to,
                        priority,
                        definition,
                    })
                })
                .collect();
            policies.sort_by(|a, b| b.priority.cmp(&a.priority).then_with(|| a.name.cmp(&b.name)));
            policies
        };
        Policies { user: of(Owner::User), operator: of(Owner::Operator) }
    }

    /// All of an owner, those that count first.
    pub(crate) fn all(&self, owner: Owner) -> &[Policy] {
        match owner {
            Owner::User => &self.user,
            Owner::Operator => &self.operator,
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.user.is_empty() && self.operator.is_empty()
    }

    /// The policies that count for a queue.
    pub(crate) fn of_queue(&self, name: &str, queue_type: QueueType) -> (Option<&Policy>, Option<&Policy>) {
        let first = |policies: &'_ [Policy]| {
            policies.iter().position(|policy| policy.apply_to.takes_queue(queue_type) && policy.matches(name))
        };
        (first(&self.user).map(|at| &self.user[at]), first(&self.operator).map(|at| &self.operator[at]))
    }

    /// The policy that counts for an exchange.
    pub(crate) fn of_exchange(&self, name: &str) -> Option<&Policy> {
        self.user.iter().find(|policy| policy.apply_to.takes_exchanges() && policy.matches(name))
    }
}

/// What policies were compiled from, and they.
type Compiled = (Arc<NamespaceEntry>, Arc<Policies>);

/// Compiled policies, kept as long as their namespaces stay as they are.
#[derive(Debug, Default)]
pub(crate) struct PolicyCache(Mutex<BTreeMap<Arc<str>, Compiled>>);

impl PolicyCache {
    /// The policies of a namespace.
    pub(crate) fn of(&self, namespace: &Arc<NamespaceEntry>) -> Arc<Policies> {
        let mut kept = self.0.lock();
        if let Some((known, policies)) = kept.get(&namespace.name)
            && Arc::ptr_eq(known, namespace)
        {
            return policies.clone();
        }
        let policies = Arc::new(Policies::of(&namespace.annotations));
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(namespace.name.clone(), (namespace.clone(), policies.clone()));
        policies
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    pub(crate) fn policies(of: &[(Owner, &str, serde_json::Value)]) -> Policies {
        let annotations =
            of.iter().map(|(owner, name, document)| (owner.key(name), document.to_string().into()));
        Policies::of(&annotations.collect())
    }

    #[test]
    fn the_largest_priority_counts_then_the_first_name() {
        let policy = |pattern: &str, apply_to: &str, priority: i64| json!({"pattern": pattern, "apply-to": apply_to, "priority": priority, "definition": {}});
        let policies = policies(&[
            (Owner::User, "b", policy("^o", "all", 1)),
            (Owner::User, "a", policy("rders$", "queues", 1)),
            (Owner::User, "c", policy("^orders$", "quorum_queues", 2)),
            (Owner::User, "d", policy("^(?!orders)", "exchanges", 3)),
            (Owner::Operator, "o", policy("^orders$", "classic_queues", 0)),
        ]);
        let of = |name, queue_type| {
            let (policy, operator) = policies.of_queue(name, queue_type);
            (policy.map(|policy| policy.name.to_string()), operator.map(|policy| policy.name.to_string()))
        };
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(of("orders", QueueType::Classic), (some("a"), some("o")));
        assert_eq!(of("orders", QueueType::Quorum), (some("c"), None));
        assert_eq!(of("other", QueueType::Classic), (some("b"), None));
        assert_eq!(of("xyz", QueueType::Classic), (None, None));
        assert_eq!(policies.of_exchange("orders").map(|policy| &*policy.name), Some("b"));
        assert_eq!(policies.of_exchange("events").map(|policy| &*policy.name), Some("d"));
    }

    #[test]
    fn patterns_are_bounded() {
        assert!(pattern("(").is_err() && pattern(&"a".repeat(2000)).is_err());
        assert!(pattern("(a{1000}){1000}").is_err(), "it would be large");
        let slow = pattern("^(?=(a+)+$)(a|a)*\\1b").unwrap();
        let is_match = slow.is_match(&"a".repeat(200)).unwrap_or(false);
        assert!(!is_match, "it gives up");
    }
}
