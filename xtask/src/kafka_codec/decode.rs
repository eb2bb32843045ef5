//! Emits the `decode` function of a struct.
//!
//! Apart because reading has concerns that writing lacks: what an absent field becomes, and the least size
//! of array elements.

use std::fmt::Write as _;

use super::emit::{complete_body, takes_version};
use super::model::{Field, Kind, Message, Struct, Versions, flexible_in};

/// The function, without its struct's `impl`. `prologue` checks the version where it comes from outside.
pub(super) fn function(message: &Message, shape: &Struct, visibility: &str, prologue: &str) -> String {
    let mut body = String::new();
    let flexible = flexible_in(message, shape.versions);
    for field in shape.fields.iter().filter(|field| field.tag.is_none()) {
        let value = read(message, field, &field.kind, field.versions);
        let value = match field.versions.condition(shape.versions) {
            None => format!("{value}?"),
            Some(condition) => {
                format!("if {condition} {{ {value}? }} else {{ {} }}", field.default_expression())
            }
        };
        let _ = writeln!(body, "let {} = {value};", field.name);
    }
    let tagged: Vec<&Field> = shape.fields.iter().filter(|field| field.tag.is_some()).collect();
    let mut section = String::new();
    if tagged.is_empty() {
        section.push_str("r.skip_tagged_fields()?;");
    } else {
        section.push_str("r.tagged_fields(|r, tag| { match tag {");
        for field in &tagged {
            let _ = writeln!(body, "let mut {} = {};", field.name, field.default_expression());
            let guard = field.versions.condition(tagged_known(message, shape));
            let guard = guard.map_or(String::new(), |condition| format!(" if {condition}"));
            let value = read(message, field, &field.kind, field.versions);
            let tag = field.tag.expect("filtered on it");
            let _ = writeln!(section, "{tag}{guard} => {} = {value}?,", field.name);
        }
        section.push_str("_ => return Ok(false), } Ok(true) })?;");
    }
    match flexible {
        "true" => body.push_str(&section),
        "flexible" => {
            let _ = writeln!(body, "if flexible {{ {section} }}");
        }
        _ => {}
    }
    let names: Vec<&str> = shape.fields.iter().map(|field| field.name.as_str()).collect();
    let _ = writeln!(body, "Ok(Self {{ {} }})", names.join(", "));
    let body = complete_body(message, shape, prologue, &body);
    let version = if takes_version(&body) { "version" } else { "_version" };
    format!(
        "{visibility}fn decode({version}: i16, r: &mut Reader) -> Result<Self, DecodeError> {{ {body} }}\n"
    )
}

/// The versions that a guard on a tag need not repeat: those in which there are tags at all.
fn tagged_known(message: &Message, shape: &Struct) -> Versions {
    let flexible = message.flexible.expect("only flexible messages have tagged fields");
    Versions { low: flexible.low.max(shape.versions.low), high: flexible.high.min(shape.versions.high) }
}

/// An expression that reads a field and gives a `Result`.
fn read(message: &Message, field: &Field, kind: &Kind, versions: Versions) -> String {
    let flexible = if field.tag.is_some() { "true" } else { flexible_in(message, versions) };
    let call = |nullable: bool| match kind {
        Kind::Bool => "r.bool()".to_owned(),
        Kind::I8 => "r.i8()".to_owned(),
        Kind::I16 => "r.i16()".to_owned(),
        Kind::I32 => "r.i32()".to_owned(),
        Kind::I64 => "r.i64()".to_owned(),
        Kind::Uuid => "r.uuid()".to_owned(),
        Kind::String if nullable => format!("r.nullable_string({flexible})"),
        Kind::String => format!("r.string({flexible})"),
        Kind::Bytes => format!("r.bytes({flexible})"),
        Kind::Records => format!("r.nullable_records({flexible})"),
        Kind::Struct(name) if nullable => format!("r.nullable(|r| {name}::decode(version, r))"),
        Kind::Struct(name) => format!("{name}::decode(version, r)"),
        Kind::Array(element) => {
            let function = if nullable { "nullable_array" } else { "array" };
            let (bytes_min, closure) = match &**element {
                Kind::Struct(name) => {
                    (format!("{name}::BYTES_MIN"), format!("|r| {name}::decode(version, r)"))
                }
                Kind::String => ("1".to_owned(), format!("|r| r.string({flexible})")),
                Kind::I32 => ("4".to_owned(), "Reader::i32".to_owned()),
                Kind::Uuid => ("16".to_owned(), "Reader::uuid".to_owned()),
                Kind::I8 => ("1".to_owned(), "Reader::i8".to_owned()),
                Kind::I64 => ("8".to_owned(), "Reader::i64".to_owned()),
                other => unreachable!("no definition has an array of {}", other.rust_type()),
            };
            format!("r.{function}({flexible}, {bytes_min}, {closure})")
        }
    };
    match field.nullable {
        None => call(false),
        Some(nullable) => match nullable.condition(versions) {
            None => call(true),
            // The caller adds the question mark for the second arm's value too.
            Some(condition) => {
                format!("(if {condition} {{ {} }} else {{ {}.map(Some) }})", call(true), call(false))
            }
        },
    }
}
