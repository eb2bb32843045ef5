//! Emits a module: the types of one API with their docs, defaults and codecs.
//!
//! Apart because it is what the output looks like; how fields are read and written is beside it. Field docs are
//! made from the wire type and versions alone: Kafka's own prose is not copied.

use std::fmt::Write as _;

use super::model::{Api, Field, Kind, Message, Struct, Versions, flexible_in};
use super::{decode, encode};

/// The module of one API.
pub(super) fn api(api: &Api) -> String {
    let mut types = String::new();
    top(&mut types, api, &api.request, "Request");
    top(&mut types, api, &api.response, "Response");
    for shape in api.request.structs.iter().skip(1) {
        nested(&mut types, api, &api.request, shape, "request");
    }
    for shape in api.response.structs.iter().skip(1) {
        // A struct that request and response share is the same in both, which loading checked.
        if api.request.structs.iter().all(|other| other.name != shape.name) {
            nested(&mut types, api, &api.response, shape, "response");
        }
    }
    let mut imports = vec!["ApiKey", "DecodeError", "EncodeError", "Message", "Reader", "RequestMessage"];
    imports.extend(["Records", "Str", "Uuid"].iter().filter(|name| words(&types).any(|word| word == **name)));
    imports.push("Writer");
    let mut source = String::from("use core::ops::RangeInclusive;\n\n");
    if words(&types).any(|found| found == "Bytes") {
        source.push_str("use bytes::Bytes;\n\n");
    }
    let _ = writeln!(source, "use crate::codec::{{{}}};\n", imports.join(", "));
    source + &types
}

/// The list of modules.
pub(super) fn modules(apis: &[Api]) -> String {
    let mut source = String::from("mod api_key;\n");
    for api in apis {
        let _ = writeln!(source, "pub mod {};", api.module);
    }
    source + "\npub use api_key::ApiKey;\n"
}

/// Whether a function body needs to know the version.
pub(super) fn takes_version(body: &str) -> bool {
    words(body).any(|word| word == "version")
}

/// The body after its `prologue`, with `flexible` defined between them where the body uses it.
pub(super) fn complete_body(message: &Message, shape: &Struct, prologue: &str, body: &str) -> String {
    if !words(body).any(|word| word == "flexible") {
        return format!("{prologue}{body}");
    }
    let flexible = message.flexible.expect("only flexible messages ask");
    let condition = flexible.condition(shape.versions).expect("asked only where versions differ");
    format!("{prologue}let flexible = {condition};\n{body}")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

fn top(out: &mut String, api: &Api, message: &Message, kind: &str) {
    let shape = message.top();
    let name = &shape.name;
    let versions = message.versions;
    let _ = writeln!(out, "/// {} {}, versions {}.", api.name, kind.to_lowercase(), versions.prose());
    definition(out, message, shape);
    let check = |error: &str| {
        format!(
            "if !Self::VERSIONS.contains(&version) {{ \
             return Err({error}::Version {{ message: \"{name}\", version }}); }}\n"
        )
    };
    let _ = writeln!(out, "impl {name} {{");
    let _ = writeln!(
        out,
        "/// The versions the codec has.\npub const VERSIONS: RangeInclusive<i16> = {}..={};\n",
        versions.low, versions.high
    );
    out.push_str("/// Decodes a body.\n///\n/// # Errors\n/// When the bytes are no such message, or the codec has no such version.\n");
    out.push_str(&decode::function(message, shape, "pub ", &check("DecodeError")));
    out.push_str("\n/// Encodes a body.\n///\n/// # Errors\n/// When the version cannot carry a value, or the codec has no such version.\n");
    out.push_str(&encode::function(message, shape, "pub ", &check("EncodeError")));
    let _ = writeln!(
        out,
        "}}\n\nimpl Message for {name} {{
            const API: ApiKey = ApiKey::{api};
            const NAME: &'static str = \"{name}\";
            const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

            fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {{
                Self::decode(version, r)
            }}

            fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {{
                self.encode(version, w)
            }}
        }}\n",
        api = api.name,
    );
    if kind == "Request" {
        let response = &api.response.top().name;
        let _ = writeln!(out, "impl RequestMessage for {name} {{ type Response = {response}; }}\n");
    }
}

fn nested(out: &mut String, api: &Api, message: &Message, shape: &Struct, part: &str) {
    let name = &shape.name;
    let _ = writeln!(out, "/// Part of the {} {part}, versions {}.", api.name, shape.versions.prose());
    definition(out, message, shape);
    let _ = writeln!(out, "impl {name} {{");
    if is_element(message, name) {
        let kind = Kind::Struct(name.clone());
        let versions = shape.versions.low..=shape.versions.high;
        let bytes = versions.map(|version| kind.bytes_min(message, version)).min().unwrap_or(1);
        let _ = writeln!(
            out,
            "/// The least bytes one takes in any version.\nconst BYTES_MIN: usize = {bytes};\n"
        );
    }
    out.push_str(&decode::function(message, shape, "", ""));
    out.push('\n');
    out.push_str(&encode::function(message, shape, "", ""));
    out.push_str("}\n\n");
}

/// Whether a struct is an element of some array.
fn is_element(message: &Message, name: &str) -> bool {
    message.structs.iter().flat_map(|shape| &shape.fields).any(|field| {
        matches!(&field.kind, Kind::Array(element) if matches!(&**element, Kind::Struct(inner) if inner == name))
    })
}

/// The struct itself and its default.
fn definition(out: &mut String, message: &Message, shape: &Struct) {
    let derivable = shape.fields.iter().all(Field::default_is_derivable);
    let default = if derivable { "Default, " } else { "" };
    let _ = writeln!(out, "#[derive(Debug, Clone, {default}PartialEq, Eq)]\npub struct {} {{", shape.name);
    for field in &shape.fields {
        let _ = writeln!(out, "/// {}", field_doc(message, shape.versions, field));
        let _ = writeln!(out, "pub {}: {},", field.name, field.rust_type());
    }
    out.push_str("}\n\n");
    if !derivable {
        let _ = writeln!(out, "impl Default for {} {{ fn default() -> Self {{ Self {{", shape.name);
        for field in &shape.fields {
            let _ = writeln!(out, "{}: {},", field.name, field.default_expression());
        }
        out.push_str("} } }\n\n");
    }
}

/// Wire type, versions where they are not all, and what else is special; then the default where it is not natural.
fn field_doc(message: &Message, outer: Versions, field: &Field) -> String {
    let mut doc = wire_type(&field.kind);
    if field.versions != outer {
        let _ = write!(doc, ", versions {}", field.versions.prose());
    }
    if let Some(nullable) = field.nullable {
        doc.push_str(", nullable");
        if nullable != field.versions {
            let _ = write!(doc, " in versions {}", nullable.prose());
        }
    }
    if let Some(tag) = field.tag {
        let _ = write!(doc, ", tag {tag}");
    }
    if field.ignorable
        && (field.versions != outer || field.tag.is_some() && flexible_in(message, outer) != "true")
    {
        doc.push_str(", left out where the version lacks it");
    }
    doc.push('.');
    if !field.default_is_derivable() {
        let _ = write!(doc, " Default: `{}`.", field.default_expression());
    }
    doc
}

fn wire_type(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "Boolean".to_owned(),
        Kind::I8 => "8-bit integer".to_owned(),
        Kind::I16 => "16-bit integer".to_owned(),
        Kind::I32 => "32-bit integer".to_owned(),
        Kind::I64 => "64-bit integer".to_owned(),
        Kind::Uuid => "UUID".to_owned(),
        Kind::String => "String".to_owned(),
        Kind::Bytes => "Bytes".to_owned(),
        Kind::Records => "Record batches".to_owned(),
        Kind::Struct(_) => "Struct".to_owned(),
        Kind::Array(element) => match &**element {
            Kind::Struct(_) => "Array".to_owned(),
            other => format!("Array of {}s", wire_type(other).replace("String", "string")),
        },
    }
}
