//! Emits random constructors for the tests: messages whose every value the version can carry.
//!
//! Apart because this part of the output is test code: round trips over all APIs and versions need values, and
//! values need to know which fields a version has.

use std::fmt::Write as _;

use super::emit::takes_version;
use super::model::{Api, Field, Kind, Struct};

/// The constructors of one API.
pub(super) fn api(api: &Api) -> String {
    let mut source = format!(
        "use millstream_kafka::codec::generated::{}::*;\n\nuse crate::random::{{Gen, Random}};\n\n",
        api.module
    );
    for shape in &api.request.structs {
        constructor(&mut source, shape);
    }
    for shape in &api.response.structs {
        if api.request.structs.iter().all(|other| other.name != shape.name) {
            constructor(&mut source, shape);
        }
    }
    source
}

/// The list of modules, and the visit.
pub(super) fn modules(apis: &[Api]) -> String {
    let mut source = String::new();
    for api in apis {
        let _ = writeln!(source, "mod {};", api.module);
    }
    source.push_str("\nuse crate::random::Visitor;\n\nuse millstream_kafka::codec::generated as codec;\n\n");
    source.push_str(
        "/// Shows every message type to the visitor.\npub(crate) fn visit(visitor: &mut impl Visitor) {\n",
    );
    for api in apis {
        for message in [&api.request, &api.response] {
            let _ = writeln!(source, "visitor.message::<codec::{}::{}>();", api.module, message.top().name);
        }
    }
    source + "}\n"
}

fn constructor(out: &mut String, shape: &Struct) {
    let mut body = String::new();
    for field in &shape.fields {
        let value = value(field);
        let value = match field.versions.condition(shape.versions) {
            None => value,
            Some(condition) => format!("if {condition} {{ {value} }} else {{ default.{} }}", field.name),
        };
        let _ = writeln!(body, "{}: {value},", field.name);
    }
    let default = if body.contains("default.") { "let default = Self::default();\n" } else { "" };
    let version = if takes_version(&body) { "version" } else { "_version" };
    let _ = writeln!(
        out,
        "impl Random for {} {{ fn random(g: &mut Gen, {version}: i16) -> Self {{ {default} Self {{ {body} }} }} }}\n",
        shape.name
    );
}

fn value(field: &Field) -> String {
    let plain = plain(&field.kind);
    match field.nullable {
        None => plain,
        Some(nullable) => match nullable.condition(field.versions) {
            None => format!("g.nullable(|g| {plain})"),
            Some(condition) => {
                format!("if {condition} {{ g.nullable(|g| {plain}) }} else {{ Some({plain}) }}")
            }
        },
    }
}

fn plain(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "g.bool()".to_owned(),
        Kind::I8 => "g.i8()".to_owned(),
        Kind::I16 => "g.i16()".to_owned(),
        Kind::I32 => "g.i32()".to_owned(),
        Kind::I64 => "g.i64()".to_owned(),
        Kind::Uuid => "g.uuid()".to_owned(),
        Kind::String => "g.string()".to_owned(),
        Kind::Bytes => "g.bytes()".to_owned(),
        Kind::Records => "g.records()".to_owned(),
        Kind::Struct(name) => format!("{name}::random(g, version)"),
        Kind::Array(element) => format!("g.array(|g| {})", plain(element)),
    }
}
