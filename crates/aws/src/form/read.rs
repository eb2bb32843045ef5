//! Reading a typed structure out of a form's flat names.
//!
//! Apart because it is the Query protocol's counterpart of a JSON parser, as a deserializer of the serde library: a
//! structure's field is `Name`, an element of a list `Name.1`, an entry of a map `Name.1.Name` with `Name.1.Value` (or
//! `Key` and `Value`), each counted from 1 without gaps. Where there is exactly one, clients leave the number out.

use super::Form;
use core::fmt;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor,
    value::StrDeserializer,
};
use serde::forward_to_deserialize_any;
use std::borrow::Cow;

/// Why a form cannot be read: a sentence for whoever sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormError(String);

impl FormError {
    pub(super) fn new(message: impl Into<String>) -> FormError {
        FormError(message.into())
    }
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for FormError {}

impl serde::de::Error for FormError {
    fn custom<T: fmt::Display>(message: T) -> FormError {
        FormError(message.to_string())
    }
}

/// A place in the tree of names.
pub(super) struct Node<'f, 'a> {
    form: &'f Form<'a>,
    /// The name so far; empty at the root.
    path: String,
}

impl<'f, 'a> Node<'f, 'a> {
    pub(super) fn root(form: &'f Form<'a>) -> Node<'f, 'a> {
        Node { form, path: String::new() }
    }

    fn child(&self, name: impl fmt::Display) -> Node<'f, 'a> {
        let path = if self.path.is_empty() { name.to_string() } else { format!("{}.{name}", self.path) };
        Node { form: self.form, path }
    }

    fn text(&self) -> Result<Option<Cow<'a, str>>, FormError> {
        self.form.get(&self.path)
    }

    /// What the names below this one begin with.
    fn prefix(&self) -> String {
        if self.path.is_empty() { String::new() } else { format!("{}.", self.path) }
    }

    fn exists(&self) -> Result<bool, FormError> {
        Ok(self.text()?.is_some() || self.form.has_prefix(&self.prefix()))
    }
}

impl<'de> Deserializer<'de> for Node<'_, 'de> {
    type Error = FormError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FormError> {
        match self.text()? {
            Some(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            Some(Cow::Owned(text)) => visitor.visit_string(text),
            None => Err(FormError(format!("{} has no value of its own", self.path))),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FormError> {
        let text = self.text()?.unwrap_or_default();
        match text.trim().parse() {
            Ok(number) => visitor.visit_i64(number),
            Err(_) => {
                let name = self.path;
                Err(FormError(format!(
                    "Value {text} for parameter {name} is invalid. Reason: Must be an integer."
                )))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FormError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, FormError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FormError> {
        visitor.visit_seq(Elements { only: self.text()?.is_some(), node: self, next: 1 })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FormError> {
        let only = self.child("Name").text()?.is_some() || self.child("Key").text()?.is_some();
        visitor.visit_map(Entries { only, node: self, next: 1, value: None })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FormError> {
        visitor.visit_map(Members { prefix: self.prefix(), node: self, at: 0, value: None })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FormError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple
        tuple_struct enum identifier
    }
}

/// The elements of a list.
struct Elements<'f, 'a> {
    node: Node<'f, 'a>,
    next: usize,
    /// The list is its one element, under its own name.
    only: bool,
}

impl<'a> SeqAccess<'a> for Elements<'_, 'a> {
    type Error = FormError;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, FormError> {
        let element = self.node.child(self.next);
        if element.exists()? {
            self.next += 1;
            return seed.deserialize(element).map(Some);
        }
        if self.next == 1 && std::mem::take(&mut self.only) {
            let node = Node { form: self.node.form, path: self.node.path.clone() };
            return seed.deserialize(node).map(Some);
        }
        Ok(None)
    }
}

/// The entries of a map.
struct Entries<'f, 'a> {
    node: Node<'f, 'a>,
    next: usize,
    /// The map is its one entry, under its own name.
    only: bool,
    value: Option<Node<'f, 'a>>,
}

impl<'a> MapAccess<'a> for Entries<'_, 'a> {
    type Error = FormError;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, FormError> {
        let mut entry = self.node.child(self.next);
        if entry.exists()? {
            self.next += 1;
        } else if self.next == 1 && std::mem::take(&mut self.only) {
            entry = Node { form: self.node.form, path: self.node.path.clone() };
        } else {
            return Ok(None);
        }
        let (name, key) = (entry.child("Name"), entry.child("Key"));
        self.value = Some(entry.child("Value"));
        let key = if key.text()?.is_some() { key } else { name };
        if key.text()?.is_none() {
            return Err(FormError(format!("{} is missing", key.path)));
        }
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<T::Value, FormError> {
        let value =
            self.value.take().ok_or_else(|| FormError::custom("a value is asked for after its key"))?;
        if !value.exists()? {
            return Err(FormError(format!("{} is missing", value.path)));
        }
        seed.deserialize(value)
    }
}

/// The members of a structure: each name directly below it once.
struct Members<'f, 'a> {
    node: Node<'f, 'a>,
    prefix: String,
    /// The first field that was not looked at.
    at: usize,
    value: Option<Node<'f, 'a>>,
}

impl<'a> MapAccess<'a> for Members<'_, 'a> {
    type Error = FormError;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, FormError> {
        let fields = &self.node.form.fields;
        if self.at == 0 {
            self.at = fields.partition_point(|(name, _)| **name < *self.prefix);
        }
        let Some(tail) = fields.get(self.at).and_then(|(name, _)| name.strip_prefix(&*self.prefix)) else {
            return Ok(None);
        };
        let head = tail.split('.').next().unwrap_or_default();
        let same =
            |tail: &str| tail.strip_prefix(head).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let following = fields[self.at..].iter();
        self.at +=
            following.take_while(|(name, _)| name.strip_prefix(&*self.prefix).is_some_and(same)).count();
        self.value = Some(self.node.child(head));
        let key: StrDeserializer<'_, FormError> = head.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<T::Value, FormError> {
        let value =
            self.value.take().ok_or_else(|| FormError::custom("a value is asked for after its key"))?;
        seed.deserialize(value)
    }
}
