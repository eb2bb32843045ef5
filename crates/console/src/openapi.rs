//! The description of the API for programs: an OpenAPI 3.1 document.
//!
//! Apart because it is made of what is there anyway and decides nothing: the table of operations, the structures that bodies are
//! read into and written from, and the codes of problems. So it cannot say something else than the handlers do.

use crate::endpoint::{Answer, Body, Content, Endpoint, Kind, Param, SchemaOf};
use crate::errors::{Code, Document};
use crate::ops::ENDPOINTS;
use crate::query::NAMESPACE;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";
/// Records one to a line.
const LINES: &str = "application/x-ndjson";
/// The bytes of one record.
const BYTES: &str = "application/octet-stream";
const EVENTS: &str = "text/event-stream";

/// Statuses that only what is sent in a body, or what changes something, can have.
const OF_CHANGES: [u16; 4] = [409, 413, 415, 422];

/// The document, for a broker of this version.
#[must_use]
pub fn document(version: &str) -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.for_serialize().into_generator();
    // What is sent stands where it is taken: each is for one operation.
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut given = settings.for_deserialize().into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in &ENDPOINTS {
        let operation = operation(endpoint, &mut generator, &mut given);
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[endpoint.method.to_lowercase()] = operation;
    }
    let problem = Document::json_schema(&mut generator);
    let mut schemas = generator.take_definitions(true);
    schemas.insert("Problem".to_owned(), problem.to_value());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Millstream",
            "version": version,
            "description": "Streams, queues and routes of a broker, whichever protocol made them.",
        },
        "paths": paths,
        "components": {"schemas": schemas, "responses": responses()},
    })
}

fn operation(endpoint: &Endpoint, shown: &mut SchemaGenerator, given: &mut SchemaGenerator) -> Value {
    let mut parameters: Vec<Value> = names(endpoint.path).map(in_path).collect();
    let namespace = Param {
        name: NAMESPACE,
        kind: Kind::Text,
        doc: "the namespace that the names are in, if it is not one's own",
    };
    parameters.extend(endpoint.query.iter().chain([&namespace]).map(|param| parameter(param, "query")));
    parameters.extend(endpoint.headers.iter().map(|param| parameter(param, "header")));
    let mut operation = json!({
        "operationId": endpoint.name,
        "summary": endpoint.doc,
        "parameters": parameters,
        "responses": answers(endpoint, shown),
    });
    let content = match endpoint.body {
        Body::None => return operation,
        Body::Json(of) => json!({JSON: {"schema": of(given)}}),
        Body::Records(of) => {
            let record = of(given);
            json!({
                JSON: {"schema": {"anyOf": [record.clone(), {"type": "array", "items": record, "minItems": 1}]}},
                LINES: {"schema": {"type": "string"}},
                BYTES: {"schema": {"type": "string", "format": "binary"}},
            })
        }
    };
    operation["requestBody"] = json!({"content": content, "required": false});
    operation
}

/// The names that stand in braces in an address.
fn names(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn in_path(name: &str) -> Value {
    let schema = match name {
        "partition" => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
        "offset" | "number" => json!({"type": "integer", "minimum": 0, "maximum": i64::MAX}),
        _ => json!({"type": "string", "minLength": 1}),
    };
    json!({"name": name, "in": "path", "required": true, "schema": schema})
}

fn parameter(param: &Param, place: &str) -> Value {
    let schema = match param.kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Number(from, to) => json!({"type": "integer", "minimum": from, "maximum": to}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Word(words) => json!({"type": "string", "enum": words}),
    };
    json!({"name": param.name, "in": place, "description": param.doc, "schema": schema})
}

fn answers(endpoint: &Endpoint, shown: &mut SchemaGenerator) -> Map<String, Value> {
    let mut answers = Map::new();
    for answer in endpoint.answers {
        answers.insert(answer.status.to_string(), described(answer, shown));
    }
    let is_look = endpoint.method == "GET";
    for status in statuses().filter(|status| !is_look || !OF_CHANGES.contains(status)) {
        // What answers with a problem's status and something else says so itself.
        answers
            .entry(status.to_string())
            .or_insert_with(|| json!({"$ref": format!("#/components/responses/{status}")}));
    }
    answers
}

fn described(answer: &Answer, shown: &mut SchemaGenerator) -> Value {
    let mut document = |of: SchemaOf| json!({"schema": of(shown)});
    let events = || json!({"schema": {"type": "string"}});
    let content = match answer.content {
        Content::Nothing => return json!({"description": "It is done."}),
        Content::Json(of) => json!({JSON: document(of)}),
        Content::Events(_) => json!({EVENTS: events()}),
        Content::JsonOrEvents(of) => json!({JSON: document(of), EVENTS: events()}),
        Content::Text => json!({"text/plain": {"schema": {"type": "string"}}}),
    };
    json!({"description": "It is so.", "content": content})
}

/// Every status of a problem, each once.
fn statuses() -> impl Iterator<Item = u16> {
    let mut statuses: Vec<u16> = Code::ALL.iter().map(|code| code.status()).collect();
    statuses.dedup();
    statuses.into_iter()
}

/// What problems look like, by their statuses.
fn responses() -> Map<String, Value> {
    let response = |status: u16| {
        let codes = Code::ALL.iter().filter(|code| code.status() == status);
        let description: Vec<String> =
            codes.map(|code| format!("`{}`: {}", code.word(), code.title())).collect();
        let schema = json!({"$ref": "#/components/schemas/Problem"});
        let mut response =
            json!({"description": description.join(" "), "content": {PROBLEM: {"schema": schema}}});
        if status == 503 {
            let schema = json!({"type": "integer", "minimum": 1});
            response["headers"] = json!({"Retry-After": {"description": "seconds", "schema": schema}});
        }
        (status.to_string(), response)
    };
    statuses().map(response).collect()
}
