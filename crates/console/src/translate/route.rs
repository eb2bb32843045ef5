//! Routes and their bindings, as the API shows and takes them.
//!
//! Apart because a route is shown by several operations, and because a header's value has kinds that JSON has to spell: text,
//! whole numbers, other numbers, true and false. What else a protocol binds by is shown, and cannot be given here.

use super::bytes::{read, spell};
use super::scalar::Scalar;
use crate::errors::Problem;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use millstream_core::route::{
    Binding, Condition, Criteria, Destination, HashBy, Lookup, MatchKind, RouteConfig, RouteEntry, Value,
    ValueRef,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A route.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Route")]
pub(crate) struct ShownRoute {
    name: String,
    #[serde(flatten)]
    matching: Matching,
    /// The route that records go to which this one takes nowhere.
    alternate: Option<String>,
    /// Only other routes lead to it.
    internal: bool,
    /// It goes with its last binding.
    delete_when_unbound: bool,
    binding_count: usize,
    created_ms: i64,
}

/// How a route matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Matching {
    #[serde(rename = "match")]
    pub(crate) kind: MatchWord,
    /// What is hashed, for `match` = `hash`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hash_by: Option<HashWord>,
    /// The header or property that is hashed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hash_name: Option<String>,
    /// Bindings get shares as large as their weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weighted: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MatchWord {
    /// A binding's key is the record's.
    Exact,
    /// A binding's key is a pattern: words between dots, `*` for one, `#` for any number.
    Pattern,
    /// A record has the headers that a binding asks for.
    Headers,
    /// Every binding.
    Everything,
    /// One binding, by a hash.
    Hash,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HashWord {
    Key,
    Header,
    Property,
    Random,
}

impl ShownRoute {
    pub(crate) fn new(entry: &RouteEntry) -> ShownRoute {
        let config = &entry.config;
        ShownRoute {
            name: entry.name.to_string(),
            matching: Matching::of(&config.match_kind),
            alternate: config.alternate.as_deref().map(str::to_owned),
            internal: config.internal,
            delete_when_unbound: config.delete_when_unbound,
            binding_count: entry.bindings_len(),
            created_ms: entry.created.0,
        }
    }
}

impl Matching {
    fn of(kind: &MatchKind) -> Matching {
        let plain = |kind| Matching { kind, hash_by: None, hash_name: None, weighted: None };
        match kind {
            MatchKind::Exact => plain(MatchWord::Exact),
            MatchKind::Pattern => plain(MatchWord::Pattern),
            MatchKind::Headers => plain(MatchWord::Headers),
            MatchKind::Everything => plain(MatchWord::Everything),
            MatchKind::Hash { by, weighted } => {
                let (hash_by, name) = match by {
                    HashBy::Key => (HashWord::Key, None),
                    HashBy::Header(name) => (HashWord::Header, Some(name)),
                    HashBy::Property(name) => (HashWord::Property, Some(name)),
                    HashBy::Random => (HashWord::Random, None),
                };
                let hash_name = name.map(|name| name.to_string());
                Matching {
                    hash_by: Some(hash_by),
                    hash_name,
                    weighted: Some(*weighted),
                    ..plain(MatchWord::Hash)
                }
            }
        }
    }

    /// A route that matches like this, and nothing else.
    pub(crate) fn config(&self) -> Result<RouteConfig, Problem> {
        if self.kind != MatchWord::Hash && (self.hash_by.is_some() || self.weighted.is_some()) {
            return Err(Problem::field("hash_by", "is for routes that match by a hash"));
        }
        let is_named = matches!(self.hash_by, Some(HashWord::Header | HashWord::Property));
        if is_named != self.hash_name.is_some() {
            return Err(Problem::field(
                "hash_name",
                "is for `hash_by` = `header` or `property`, and needed there",
            ));
        }
        let name = || self.hash_name.as_deref().unwrap_or_default().into();
        Ok(RouteConfig::new(match self.kind {
            MatchWord::Exact => MatchKind::Exact,
            MatchWord::Pattern => MatchKind::Pattern,
            MatchWord::Headers => MatchKind::Headers,
            MatchWord::Everything => MatchKind::Everything,
            MatchWord::Hash => MatchKind::Hash {
                by: match self.hash_by.unwrap_or(HashWord::Key) {
                    HashWord::Key => HashBy::Key,
                    HashWord::Header => HashBy::Header(name()),
                    HashWord::Property => HashBy::Property(name()),
                    HashWord::Random => HashBy::Random,
                },
                weighted: self.weighted.unwrap_or(false),
            },
        }))
    }
}

/// A binding.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Binding")]
pub(crate) struct ShownBinding {
    /// The stream that it leads to; `null`: to a route.
    stream: Option<String>,
    /// The route that it leads to; `null`: to a stream.
    route: Option<String>,
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_base64: Option<String>,
    /// The headers that it asks for, if it does.
    headers: Option<ShownCriteria>,
    /// Its share, if there are shares.
    weight: Option<u32>,
    /// What a protocol has kept with it, in base64: part of what tells it from others.
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments_base64: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HeaderCriteria")]
struct ShownCriteria {
    /// One of them is enough.
    any: bool,
    /// By name; `null`: it is enough that the header is there.
    values: BTreeMap<String, Option<Scalar>>,
}

impl ShownBinding {
    /// A binding; `None` if what it leads to is gone.
    pub(crate) fn new(lookup: &dyn Lookup, binding: &Binding) -> Option<ShownBinding> {
        let (stream, route) = match binding.destination {
            Destination::Stream(id) => (Some(lookup.stream_by_id(id)?.name.to_string()), None),
            Destination::Route(id) => (None, Some(lookup.route_by_id(id)?.name.to_string())),
        };
        let (key, key_base64) = spell(Some(&binding.key));
        let (headers, weight) = match &binding.condition {
            Condition::Key => (None, None),
            Condition::Weight(weight) => (None, Some(*weight)),
            Condition::Headers(Criteria { any, pairs, .. }) => {
                let values =
                    pairs.iter().map(|(name, value)| (name.to_string(), value.as_ref().map(shown_value)));
                (Some(ShownCriteria { any: *any, values: values.collect() }), None)
            }
        };
        let arguments_base64 = (!binding.arguments.is_empty()).then(|| BASE64.encode(&binding.arguments));
        Some(ShownBinding { stream, route, key, key_base64, headers, weight, arguments_base64 })
    }
}

fn shown_value(value: &Value) -> Scalar {
    match value {
        Value::Bool(flag) => Scalar::Flag(*flag),
        Value::Int(number) | Value::Time(number) => match u64::try_from(*number) {
            Ok(number) => Scalar::Number(number),
            Err(_) => Scalar::Text(number.to_string()),
        },
        Value::Float(number) => Scalar::Text(number.to_string()),
        Value::Text(bytes) | Value::Other { bytes, .. } => {
            Scalar::Text(String::from_utf8_lossy(bytes).into_owned())
        }
    }
}

/// A binding, as it is given.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GivenBinding {
    /// The stream that it leads to.
    pub(crate) stream: Option<String>,
    /// The route that it leads to.
    pub(crate) route: Option<String>,
    key: Option<String>,
    key_base64: Option<String>,
    headers: Option<GivenCriteria>,
    weight: Option<u32>,
    arguments_base64: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GivenCriteria {
    #[serde(default)]
    any: bool,
    values: BTreeMap<String, Scalar>,
}

impl GivenBinding {
    /// The binding that leads there.
    pub(crate) fn read(self, destination: Destination) -> Result<Binding, Problem> {
        let key = read("key", self.key, self.key_base64.as_deref())?.unwrap_or_default();
        let arguments = read("arguments", None, self.arguments_base64.as_deref())?.unwrap_or_default();
        let condition = match (self.headers, self.weight) {
            (Some(_), Some(_)) => return Err(Problem::field("weight", "cannot be given with headers")),
            (None, Some(weight)) => Condition::Weight(weight),
            (None, None) => Condition::Key,
            (Some(given), None) => {
                let pairs = given.values.into_iter().map(|(name, value)| (name.into(), value_of(value)));
                Condition::Headers(Criteria { any: given.any, with_x: false, pairs: pairs.collect() })
            }
        };
        Ok(Binding { destination, key: key.into(), condition, arguments: arguments.into() })
    }
}

/// A header's value as routes compare it; `None` for nothing.
fn value_of(value: Scalar) -> Option<Value> {
    match value {
        Scalar::Null => None,
        Scalar::Flag(flag) => Some(Value::Bool(flag)),
        Scalar::Number(number) => Some(i64::try_from(number).map_or(Value::Float(number as f64), Value::Int)),
        Scalar::Text(text) => Some(Value::Text(text.into_bytes().into())),
    }
}

/// Headers of a record that is asked about.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct GivenHeaders(BTreeMap<String, Scalar>);

impl GivenHeaders {
    fn value(value: &Scalar) -> ValueRef<'_> {
        match value {
            Scalar::Null => ValueRef::Void,
            Scalar::Flag(flag) => ValueRef::Bool(*flag),
            Scalar::Number(number) => {
                i64::try_from(*number).map_or(ValueRef::Float(*number as f64), ValueRef::Int)
            }
            Scalar::Text(text) => ValueRef::Text(text.as_bytes()),
        }
    }
}

impl millstream_core::route::Headers for GivenHeaders {
    fn get(&self, name: &str) -> Option<ValueRef<'_>> {
        self.0.get(name).map(GivenHeaders::value)
    }

    fn each(&self, visit: &mut dyn FnMut(&str, ValueRef<'_>)) {
        self.0.iter().for_each(|(name, value)| visit(name, GivenHeaders::value(value)));
    }

    /// Properties are a protocol's: who asks here has none.
    fn property(&self, _: &str) -> Option<&[u8]> {
        None
    }
}
