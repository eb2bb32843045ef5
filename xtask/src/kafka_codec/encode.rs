//! Emits the `encode` function of a struct.
//!
//! Apart because writing has concerns that reading lacks: values that the version cannot carry.

use std::fmt::Write as _;

use super::emit::{complete_body, takes_version};
use super::model::{Field, Kind, Message, Struct, flexible_in};

/// The function, without its struct's `impl`. `prologue` checks the version where it comes from outside.
pub(super) fn function(message: &Message, shape: &Struct, visibility: &str, prologue: &str) -> String {
    let mut body = String::new();
    for field in shape.fields.iter().filter(|field| field.tag.is_none()) {
        let write = write(message, shape, field);
        let _ = match (field.versions.condition(shape.versions), field.ignorable) {
            (None, _) => writeln!(body, "{write}"),
            (Some(condition), true) => writeln!(body, "if {condition} {{ {write} }}"),
            (Some(condition), false) => {
                writeln!(body, "if {condition} {{ {write} }} else if {}", refuse(shape, field))
            }
        };
    }
    let tagged: Vec<&Field> = shape.fields.iter().filter(|field| field.tag.is_some()).collect();
    let section = if tagged.is_empty() { "w.uvarint(0);".to_owned() } else { tags(message, shape, &tagged) };
    match flexible_in(message, shape.versions) {
        "true" => body.push_str(&section),
        "flexible" => {
            let _ = writeln!(body, "if flexible {{ {section} }}");
            for field in &tagged {
                let absent = format!("if !flexible && {}", refuse(shape, field));
                if !field.ignorable {
                    body.push_str(&absent);
                }
            }
        }
        _ => {}
    }
    body.push_str("Ok(())");
    let body = complete_body(message, shape, prologue, &body);
    let version = if takes_version(&body) { "version" } else { "_version" };
    format!(
        "{visibility}fn encode(&self, {version}: i16, w: &mut Writer) -> Result<(), EncodeError> {{ {body} }}\n"
    )
}

/// The rest of an `if` that refuses a value the version cannot carry.
fn refuse(shape: &Struct, field: &Field) -> String {
    format!(
        "{} {{ return Err(EncodeError::FieldNotInVersion {{ field: \"{}.{}\", version }}); }}\n",
        field.is_set_expression(),
        shape.name,
        field.name
    )
}

/// The tagged section: how many are set, then those.
fn tags(message: &Message, shape: &Struct, tagged: &[&Field]) -> String {
    let mut section = String::new();
    let mut counts = Vec::new();
    let mut writes = String::new();
    let mut by_tag = tagged.to_vec();
    by_tag.sort_by_key(|field| field.tag);
    let flexible = message.flexible.expect("only flexible messages have tagged fields");
    for field in by_tag {
        let set = field.is_set_expression();
        // Only flexible versions come here, so that a field which all of them have needs no condition.
        let everywhere = field.versions.low <= flexible.low.max(shape.versions.low)
            && field.versions.high >= flexible.high.min(shape.versions.high);
        let condition = if everywhere { None } else { field.versions.condition(shape.versions) };
        let has = format!("has_{}", field.name);
        let _ = match &condition {
            None => writeln!(section, "let {has} = {set};"),
            Some(condition) => writeln!(section, "let {has} = {condition} && {set};"),
        };
        counts.push(format!("u32::from({has})"));
        let write = write(message, shape, field);
        let tag = field.tag.expect("only tagged fields come here");
        let _ = writeln!(writes, "if {has} {{ w.tagged({tag}, |w| {{ {write} Ok(()) }})?; }}");
        if let (false, Some(_)) = (field.ignorable, &condition) {
            let _ = writeln!(writes, "if !{has} && {}", refuse(shape, field));
        }
    }
    let _ = writeln!(section, "w.uvarint({});", counts.join(" + "));
    section + &writes
}

/// Statements that write a field in a version that has it.
fn write(message: &Message, shape: &Struct, field: &Field) -> String {
    let flexible = if field.tag.is_some() { "true" } else { flexible_in(message, field.versions) };
    let name = format!("self.{}", field.name);
    let nullable = field.nullable.is_some();
    let part_null = field.nullable.and_then(|nullable| nullable.outside(field.versions));
    // A null where some versions have none: refuse it there first, then write as if it were nullable. In
    // those versions the bytes of a value are the same either way.
    let guard = part_null.map_or(String::new(), |condition| {
        format!(
            "if {condition} && {name}.is_none() {{ return Err(EncodeError::NullNotInVersion {{ \
             field: \"{}.{}\", version }}); }}\n",
            shape.name, field.name
        )
    });
    let write = match &field.kind {
        Kind::Bool => format!("w.bool({name});"),
        Kind::I8 => format!("w.i8({name});"),
        // Remembered by the writer, for whoever counts errors.
        Kind::I16 if field.name == "error_code" && field.tag.is_none() => format!("w.error_code({name});"),
        Kind::I16 => format!("w.i16({name});"),
        Kind::I32 => format!("w.i32({name});"),
        Kind::I64 => format!("w.i64({name});"),
        Kind::Uuid => format!("w.uuid({name});"),
        Kind::String if nullable => format!("w.nullable_string({flexible}, {name}.as_deref())?;"),
        Kind::String => format!("w.string({flexible}, &{name})?;"),
        Kind::Bytes => format!("w.bytes({flexible}, &{name})?;"),
        Kind::Records => format!("w.nullable_records({flexible}, {name}.as_ref())?;"),
        Kind::Struct(_) if nullable => {
            format!("w.nullable({name}.as_ref(), |w, value| value.encode(version, w))?;")
        }
        Kind::Struct(_) => format!("{name}.encode(version, w)?;"),
        Kind::Array(element) => {
            let closure = match &**element {
                Kind::Struct(_) => "|w, element| element.encode(version, w)".to_owned(),
                Kind::String => format!("|w, element| w.string({flexible}, element)"),
                other => {
                    format!("|w, element| {{ w.{}(*element); Ok(()) }}", other.rust_type().to_lowercase())
                }
            };
            if nullable {
                format!(
                    "match &{name} {{ Some(elements) => w.array({flexible}, elements, {closure})?, \
                     None => w.null({flexible}), }}"
                )
            } else {
                format!("w.array({flexible}, &{name}, {closure})?;")
            }
        }
    };
    guard + &write
}
