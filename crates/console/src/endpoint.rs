//! Operations as the outside sees them: address, parameters, body and answers, as data.
//!
//! Apart because addresses, the checks of a request, the documentation and the description for programs (`openapi.rs`) are all
//! made from it. What bodies look like is said by the very structures that they are read into or written from.

use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Describes a structure to a generator.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// An operation as the outside sees it.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// Its name, for programs.
    pub name: &'static str,
    /// Its method.
    pub method: &'static str,
    /// Its address; parts in braces stand for names.
    pub path: &'static str,
    /// The parameters of its query.
    pub query: &'static [Param],
    /// The headers that mean something to it.
    pub headers: &'static [Param],
    /// What it takes.
    pub body: Body,
    /// What it answers with when it does what it was asked for.
    pub answers: &'static [Answer],
    /// What it does, in a sentence.
    pub doc: &'static str,
}

impl Endpoint {
    /// What is the same for most: nothing but a name in the address.
    pub(crate) const PLAIN: Endpoint = Endpoint {
        name: "",
        method: "GET",
        path: "",
        query: &[],
        headers: &[],
        body: Body::None,
        answers: &[],
        doc: "",
    };
}

/// A parameter.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What it means.
    pub doc: &'static str,
}

/// What a parameter may be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number from the first to the second.
    Number(u64, u64),
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// What an operation takes in a body.
#[derive(Debug, Clone, Copy)]
pub enum Body {
    /// Nothing.
    None,
    /// A JSON object.
    Json(SchemaOf),
    /// Bytes, or lines or lists of JSON, told apart by their media types; these are described by the structure of one.
    Records(SchemaOf),
}

impl Body {
    /// Whether there may be one at all.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        !matches!(self, Body::None)
    }
}

/// An answer that says yes.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// What its body is.
    pub content: Content,
}

/// What the body of an answer is.
#[derive(Debug, Clone, Copy)]
pub enum Content {
    /// Nothing.
    Nothing,
    /// A JSON document.
    Json(SchemaOf),
    /// Server-sent events without an end, of which each has such a document.
    Events(SchemaOf),
    /// A JSON document, or such events for whoever asks for them.
    JsonOrEvents(SchemaOf),
    /// Text.
    Text,
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// A body that is read into this structure.
pub(crate) const fn json<T: JsonSchema>() -> Body {
    Body::Json(schema::<T>)
}

/// Records, each of which may be given as this structure.
pub(crate) const fn records<T: JsonSchema>() -> Body {
    Body::Records(schema::<T>)
}

/// A document made from this structure, with status 200.
pub(crate) const fn ok<T: JsonSchema>() -> Answer {
    status::<T>(200)
}

/// A document made from this structure.
pub(crate) const fn status<T: JsonSchema>(status: u16) -> Answer {
    Answer { status, content: Content::Json(schema::<T>) }
}

/// Events with documents made from this structure.
pub(crate) const fn events<T: JsonSchema>() -> Answer {
    Answer { status: 200, content: Content::Events(schema::<T>) }
}

/// A document made from this structure, or events with such.
pub(crate) const fn ok_or_events<T: JsonSchema>() -> Answer {
    Answer { status: 200, content: Content::JsonOrEvents(schema::<T>) }
}

/// It is done, and there is nothing to say.
pub(crate) const DONE: Answer = Answer { status: 204, content: Content::Nothing };

/// A parameter that is any text.
pub(crate) const fn text(name: &'static str, doc: &'static str) -> Param {
    Param { name, kind: Kind::Text, doc }
}

/// A parameter that is a whole number.
pub(crate) const fn number(name: &'static str, from: u64, to: u64, doc: &'static str) -> Param {
    Param { name, kind: Kind::Number(from, to), doc }
}

/// A parameter that is `true` or `false`.
pub(crate) const fn flag(name: &'static str, doc: &'static str) -> Param {
    Param { name, kind: Kind::Flag, doc }
}

/// A parameter that is one of some words.
pub(crate) const fn word(name: &'static str, words: &'static [&'static str], doc: &'static str) -> Param {
    Param { name, kind: Kind::Word(words), doc }
}
