//! Forms: `name=value&name=value`, as the Query protocol puts parameters into bodies and addresses.
//!
//! Apart because names are paths (`Entry.2.Attribute.1.Name`) that make a tree of flat fields. A form keeps its fields as
//! they were sent, sorted by name, and reads a typed structure out of them like JSON out of text ([`Form::read`]), so
//! that each operation has one structure for both protocols. Nothing is allocated from a number that a peer names, and
//! the fields are counted before they are kept.

mod read;
#[cfg(test)]
mod tests;

pub use read::FormError;

use crate::percent::{Plus, decode};
use serde::Deserialize;
use std::borrow::Cow;

/// Fields of one form at most: ten entries with ten attributes of four fields each, and as many again.
pub const FIELDS_MAX: usize = 1024;

/// The fields of a form.
#[derive(Debug, Clone)]
pub struct Form<'a> {
    /// Sorted by name; of fields with the same name the first one counts.
    fields: Vec<(Cow<'a, str>, &'a str)>,
}

impl<'a> Form<'a> {
    /// Takes the fields of several texts, an address's query and a body say, together.
    ///
    /// # Errors
    /// When there are more than [`FIELDS_MAX`] fields, or a name is wrongly encoded.
    pub fn parse(texts: &[&'a str]) -> Result<Form<'a>, FormError> {
        let mut fields = Vec::new();
        let all = texts.iter().flat_map(|text| text.split('&')).filter(|field| !field.is_empty());
        for field in all {
            if fields.len() == FIELDS_MAX {
                return Err(FormError::new(format!("a form has at most {FIELDS_MAX} fields")));
            }
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            let name = decode(name, Plus::Space);
            fields.push((name.ok_or_else(|| FormError::new("a field's name is wrongly encoded"))?, value));
        }
        fields.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(Form { fields })
    }

    /// The value of a field.
    ///
    /// # Errors
    /// When it is wrongly encoded.
    pub fn get(&self, name: &str) -> Result<Option<Cow<'a, str>>, FormError> {
        let at = self.fields.partition_point(|(known, _)| &**known < name);
        match self.fields.get(at) {
            Some((known, value)) if known == name => {
                let wrong = || FormError::new(format!("the value of {name} is wrongly encoded"));
                decode(value, Plus::Space).ok_or_else(wrong).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Whether there is a field whose name begins so.
    fn has_prefix(&self, prefix: &str) -> bool {
        let at = self.fields.partition_point(|(known, _)| &**known < prefix);
        self.fields.get(at).is_some_and(|(known, _)| known.starts_with(prefix))
    }

    /// Reads a structure whose fields are those of the form.
    ///
    /// # Errors
    /// When a field is wrongly encoded, or is not what the structure has there.
    pub fn read<'f, T: Deserialize<'a>>(&'f self) -> Result<T, FormError>
    where
        'a: 'f,
    {
        T::deserialize(read::Node::root(self))
    }
}
