//! The definitions as the emitters want them: names in Rust's spelling, versions as ranges, defaults decided.
//!
//! Apart because here, once, everything is refused that the emitters do not handle: a definition with
//! a new feature stops the generator instead of producing a wrong codec.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use super::definitions::{self, Field as RawField, Message as RawMessage};

/// A request, its response and what both are called.
pub(super) struct Api {
    pub(super) name: String,
    pub(super) module: String,
    pub(super) key: i16,
    pub(super) request: Message,
    pub(super) response: Message,
}

/// One body: its top-level struct and the structs inside, outermost first.
pub(super) struct Message {
    pub(super) versions: Versions,
    pub(super) flexible: Option<Versions>,
    pub(super) structs: Vec<Struct>,
}

#[derive(PartialEq)]
pub(super) struct Struct {
    pub(super) name: String,
    /// Versions in which it can appear.
    pub(super) versions: Versions,
    pub(super) fields: Vec<Field>,
}

#[derive(PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Never empty, and inside the struct's versions.
    pub(super) versions: Versions,
    pub(super) nullable: Option<Versions>,
    pub(super) tag: Option<u32>,
    pub(super) ignorable: bool,
    pub(super) default: Default,
}

#[derive(Clone, PartialEq)]
pub(super) enum Kind {
    Bool,
    I8,
    I16,
    I32,
    I64,
    Uuid,
    String,
    Bytes,
    Records,
    Struct(String),
    Array(Box<Kind>),
}

/// What a field is when nobody sets it or the version lacks it.
#[derive(Clone, PartialEq)]
pub(super) enum Default {
    /// Zero, false, empty, nil, or a struct of defaults.
    Natural,
    Null,
    Int(i64),
    True,
}

/// An inclusive range of versions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Versions {
    pub(super) low: i16,
    pub(super) high: i16,
}

impl Versions {
    /// Understands `none`, `3`, `3-5` and `3+`.
    fn parse(text: &str) -> Result<Option<Self>> {
        if text == "none" {
            return Ok(None);
        }
        let (low, high) = match (text.strip_suffix('+'), text.split_once('-')) {
            (Some(low), _) => (low.parse()?, i16::MAX),
            (None, Some((low, high))) => (low.parse()?, high.parse()?),
            (None, None) => (text.parse()?, text.parse()?),
        };
        Ok(Some(Self { low, high }))
    }

    fn within(self, outer: Self) -> Option<Self> {
        let both = Self { low: self.low.max(outer.low), high: self.high.min(outer.high) };
        (both.low <= both.high).then_some(both)
    }

    /// The condition on `version` that tells this range from the rest of `known`; none when it is all of it.
    pub(super) fn condition(self, known: Self) -> Option<String> {
        let low = (self.low > known.low).then_some(self.low);
        let high = (self.high < known.high).then_some(self.high);
        match (low, high) {
            (None, None) => None,
            (Some(low), None) => Some(format!("version >= {low}")),
            (None, Some(high)) => Some(format!("version <= {high}")),
            (Some(low), Some(high)) if low == high => Some(format!("version == {low}")),
            (Some(low), Some(high)) => Some(format!("({low}..={high}).contains(&version)")),
        }
    }

    /// The condition that `version`, one of `known`, is outside of this range; none when none is.
    pub(super) fn outside(self, known: Self) -> Option<String> {
        let condition = match (self.low > known.low, self.high < known.high) {
            (false, false) => return None,
            (true, false) => format!("version < {}", self.low),
            (false, true) => format!("version > {}", self.high),
            (true, true) => format!("!({}..={}).contains(&version)", self.low, self.high),
        };
        Some(condition)
    }

    pub(super) fn prose(self) -> String {
        if self.low == self.high { self.low.to_string() } else { format!("{}–{}", self.low, self.high) }
    }
}

/// Whether strings and arrays are compact, as an expression, in the versions of a struct or field.
pub(super) fn flexible_in(message: &Message, versions: Versions) -> &'static str {
    match message.flexible.and_then(|flexible| flexible.within(versions)) {
        None => "false",
        Some(all) if all == versions => "true",
        Some(_) => "flexible",
    }
}

impl Api {
    pub(super) fn load(folder: &Path, name: &str) -> Result<Self> {
        let request = definitions::read(folder, &format!("{name}Request"))?;
        let response = definitions::read(folder, &format!("{name}Response"))?;
        let key = request.api_key;
        // A version marked unstable in the request is not served and may change; the response does not repeat
        // the mark.
        let unstable = request.latest_version_unstable;
        let (request, response) = (Message::new(&request, unstable)?, Message::new(&response, unstable)?);
        ensure!(request.versions == response.versions, "{name}: request and response differ in versions");
        ensure!(
            request.flexible == response.flexible,
            "{name}: request and response differ in flexible versions"
        );
        for outer in &request.structs {
            let clash = response.structs.iter().find(|inner| inner.name == outer.name);
            ensure!(
                clash.is_none_or(|inner| inner == outer),
                "{name}: two structs are called {}",
                outer.name
            );
        }
        Ok(Self { name: name.to_owned(), module: snake_case(name), key, request, response })
    }
}

impl Message {
    fn new(raw: &RawMessage, unstable: bool) -> Result<Self> {
        let name = &raw.name;
        ensure!(raw.common_structs.is_empty(), "{name} has common structs, which need scopes of their own");
        let mut versions =
            Versions::parse(&raw.valid_versions)?.with_context(|| format!("{name} is gone"))?;
        versions.high -= i16::from(unstable);
        let flexible =
            Versions::parse(&raw.flexible_versions)?.and_then(|flexible| flexible.within(versions));
        let mut message = Self { versions, flexible, structs: Vec::new() };
        message.add_struct(name, &raw.fields, versions).with_context(|| format!("in {name}"))?;
        Ok(message)
    }

    pub(super) fn top(&self) -> &Struct {
        &self.structs[0]
    }

    pub(super) fn by_name(&self, name: &str) -> &Struct {
        self.structs.iter().find(|inner| inner.name == name).expect("every struct was added with its field")
    }

    fn add_struct(&mut self, name: &str, raw: &[RawField], versions: Versions) -> Result<()> {
        ensure!(self.structs.iter().all(|other| other.name != name), "two structs are called {name}");
        let place = self.structs.len();
        self.structs.push(Struct { name: name.to_owned(), versions, fields: Vec::new() });
        for raw in raw {
            let field = Field::new(raw, versions).with_context(|| format!("in {name}.{}", raw.name))?;
            let Some(field) = field else { continue };
            if let Some(inner) = field.kind.struct_name() {
                self.add_struct(inner, &raw.fields, field.versions)?;
            }
            self.structs[place].fields.push(field);
        }
        Ok(())
    }
}

impl Field {
    /// None when no version has the field.
    fn new(raw: &RawField, outer: Versions) -> Result<Option<Self>> {
        let parse = |text: &Option<String>| Versions::parse(text.as_deref().unwrap_or("none"));
        let Some(versions) = Versions::parse(&raw.versions)?.and_then(|versions| versions.within(outer))
        else {
            return Ok(None);
        };
        ensure!(raw.flexible_versions.is_none(), "has flexible versions of its own");
        let kind = Kind::parse(&raw.kind)?;
        let nullable = parse(&raw.nullable_versions)?.and_then(|nullable| nullable.within(versions));
        let tagged = parse(&raw.tagged_versions)?.and_then(|tagged| tagged.within(versions));
        ensure!(tagged.is_none_or(|tagged| tagged == versions), "is tagged in some of its versions only");
        let tag = if tagged.is_some() { Some(raw.tag.context("is tagged without a tag")?) } else { None };
        let default = default_value(raw, &kind)?;
        ensure!(default != Default::Null || nullable.is_some(), "is null by default and not nullable");
        match kind {
            Kind::Bytes => ensure!(nullable.is_none(), "nullable bytes are not supported"),
            Kind::Records => {
                ensure!(nullable == Some(versions), "records that are not nullable are not supported")
            }
            Kind::Struct(_) => {
                ensure!(
                    nullable.is_none_or(|nullable| nullable == versions),
                    "a struct is nullable in parts"
                );
                ensure!(tag.is_none() || nullable.is_none(), "a struct is tagged and nullable");
            }
            _ => {}
        }
        let name = snake_case(&raw.name);
        ensure!(!["r", "w", "version", "flexible", "type"].contains(&name.as_str()), "needs another name");
        Ok(Some(Self { name, kind, versions, nullable, tag, ignorable: raw.ignorable, default }))
    }

    pub(super) fn rust_type(&self) -> String {
        let plain = self.kind.rust_type();
        if self.nullable.is_some() { format!("Option<{plain}>") } else { plain }
    }

    /// The default as an expression.
    pub(super) fn default_expression(&self) -> String {
        match (&self.default, self.nullable.is_some(), &self.kind) {
            (Default::Null, _, _) => "None".to_owned(),
            (Default::Int(value), false, _) => match *value {
                value if value == i64::from(i32::MAX) => "i32::MAX".to_owned(),
                value if value == i64::from(i32::MIN) => "i32::MIN".to_owned(),
                i64::MAX => "i64::MAX".to_owned(),
                value => value.to_string(),
            },
            (Default::True, false, _) => "true".to_owned(),
            (_, true, kind) => format!("Some({})", natural(kind)),
            (Default::Natural, false, kind) => natural(kind).to_owned(),
        }
    }

    /// Whether `Default` can be derived as far as this field goes.
    pub(super) fn default_is_derivable(&self) -> bool {
        match self.default {
            Default::Null => true,
            Default::Natural => self.nullable.is_none(),
            Default::Int(_) | Default::True => false,
        }
    }

    /// An expression that is true when the field has another value than its default.
    pub(super) fn is_set_expression(&self) -> String {
        let name = format!("self.{}", self.name);
        match (&self.default, &self.kind) {
            (Default::Null, _) => format!("{name}.is_some()"),
            (Default::True, _) => format!("!{name}"),
            (Default::Int(_), _) => format!("{name} != {}", self.default_expression()),
            (Default::Natural, Kind::String | Kind::Bytes | Kind::Records | Kind::Array(_)) => {
                if self.nullable.is_some() {
                    format!("{name}.as_ref().is_none_or(|value| !value.is_empty())")
                } else {
                    format!("!{name}.is_empty()")
                }
            }
            (Default::Natural, Kind::Bool) => name,
            (Default::Natural, Kind::Uuid) => format!("!{name}.is_nil()"),
            (Default::Natural, Kind::Struct(kind)) => format!("{name} != {kind}::default()"),
            (Default::Natural, Kind::I8 | Kind::I16 | Kind::I32 | Kind::I64) => format!("{name} != 0"),
        }
    }
}

fn natural(kind: &Kind) -> &'static str {
    match kind {
        Kind::Bool => "false",
        Kind::I8 | Kind::I16 | Kind::I32 | Kind::I64 => "0",
        Kind::Uuid => "Uuid::NIL",
        Kind::String => "Str::new()",
        Kind::Bytes => "Bytes::new()",
        Kind::Records => "Records::default()",
        Kind::Array(_) => "Vec::new()",
        Kind::Struct(_) => "Default::default()",
    }
}

impl Kind {
    fn parse(text: &str) -> Result<Self> {
        Ok(match text {
            "bool" => Self::Bool,
            "int8" => Self::I8,
            "int16" => Self::I16,
            "int32" => Self::I32,
            "int64" => Self::I64,
            "uuid" => Self::Uuid,
            "string" => Self::String,
            "bytes" => Self::Bytes,
            "records" => Self::Records,
            _ => match text.strip_prefix("[]") {
                Some(element) => Self::Array(Box::new(Self::parse(element)?)),
                None if text.starts_with(|first: char| first.is_ascii_uppercase()) => {
                    Self::Struct(text.to_owned())
                }
                None => bail!("has type {text}, which is not supported"),
            },
        })
    }

    pub(super) fn rust_type(&self) -> String {
        match self {
            Self::Bool => "bool".to_owned(),
            Self::I8 => "i8".to_owned(),
            Self::I16 => "i16".to_owned(),
            Self::I32 => "i32".to_owned(),
            Self::I64 => "i64".to_owned(),
            Self::Uuid => "Uuid".to_owned(),
            Self::String => "Str".to_owned(),
            Self::Bytes => "Bytes".to_owned(),
            Self::Records => "Records".to_owned(),
            Self::Struct(name) => name.clone(),
            Self::Array(element) => format!("Vec<{}>", element.rust_type()),
        }
    }

    /// The struct of the field or of its elements.
    pub(super) fn struct_name(&self) -> Option<&str> {
        match self {
            Self::Struct(name) => Some(name),
            Self::Array(element) => element.struct_name(),
            _ => None,
        }
    }

    /// The least bytes it takes in one version.
    pub(super) fn bytes_min(&self, message: &Message, version: i16) -> usize {
        let flexible = message.flexible.is_some_and(|range| (range.low..=range.high).contains(&version));
        match self {
            Self::Bool | Self::I8 => 1,
            Self::I16 => 2,
            Self::I32 => 4,
            Self::I64 => 8,
            Self::Uuid => 16,
            Self::String => 2 - usize::from(flexible),
            Self::Bytes | Self::Records | Self::Array(_) => {
                if flexible {
                    1
                } else {
                    4
                }
            }
            Self::Struct(name) => {
                let fields = message.by_name(name).fields.iter().filter(|field| {
                    field.tag.is_none() && (field.versions.low..=field.versions.high).contains(&version)
                });
                let bytes = fields.map(|field| match (&field.kind, field.nullable) {
                    (Self::Struct(_), Some(_)) => 1,
                    (kind, _) => kind.bytes_min(message, version),
                });
                bytes.sum::<usize>() + usize::from(flexible)
            }
        }
    }
}

fn default_value(raw: &RawField, kind: &Kind) -> Result<Default> {
    let text = match &raw.default {
        None => return Ok(Default::Natural),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    Ok(match (kind, text.as_str()) {
        (Kind::Bool, _) if text.eq_ignore_ascii_case("true") => Default::True,
        (Kind::Bool, _) if text.eq_ignore_ascii_case("false") => Default::Natural,
        (Kind::I8 | Kind::I16 | Kind::I32 | Kind::I64, _) => {
            let value = match text.strip_prefix("0x") {
                Some(digits) => i64::from_str_radix(digits, 16)?,
                None => text.parse()?,
            };
            if value == 0 { Default::Natural } else { Default::Int(value) }
        }
        (Kind::String, "") => Default::Natural,
        (Kind::String | Kind::Bytes | Kind::Records | Kind::Array(_) | Kind::Struct(_), "null") => {
            Default::Null
        }
        _ => bail!("has default {text}, which is not supported for its type"),
    })
}

/// `ThrottleTimeMs` to `throttle_time_ms`; a run of capitals counts as one word.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let after_lower = at > 0 && !letters[at - 1].is_uppercase();
        let before_lower = at > 0 && letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (after_lower || before_lower) {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::{Versions, snake_case};

    #[test]
    fn names_become_snake_case() {
        for (name, snake) in
            [("TopicId", "topic_id"), ("IPAddress", "ip_address"), ("timeoutMs", "timeout_ms")]
        {
            assert_eq!(snake_case(name), snake);
        }
    }

    #[test]
    fn conditions_are_as_short_as_what_is_known_allows() {
        let versions = |low, high| Versions { low, high };
        let condition = |low, high| versions(low, high).condition(versions(3, 13));
        assert_eq!(condition(3, 13), None);
        assert_eq!(condition(9, 13).as_deref(), Some("version >= 9"));
        assert_eq!(condition(3, 8).as_deref(), Some("version <= 8"));
        assert_eq!(condition(7, 7).as_deref(), Some("version == 7"));
        assert_eq!(condition(5, 7).as_deref(), Some("(5..=7).contains(&version)"));
        assert_eq!(Versions::parse("none").unwrap(), None);
        assert!(Versions::parse("x+").is_err());
    }
}
