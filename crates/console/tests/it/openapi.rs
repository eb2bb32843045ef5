//! The description of the API: that it says everything, and nothing that is not so.

use crate::client::Client;
use crate::schema::description;
use millstream_console::{Body, ENDPOINTS};
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn every_operation_is_described_with_its_parameters_and_answers() {
    let description = description();
    assert_eq!(description["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for endpoint in &ENDPOINTS {
        let operation = &description["paths"][endpoint.path][endpoint.method.to_lowercase()];
        assert_eq!(operation["operationId"], endpoint.name);
        assert!(ids.insert(endpoint.name));
        let parameters = operation["parameters"].as_array().unwrap();
        let of = |place: &str| parameters.iter().filter(|parameter| parameter["in"] == place).count();
        assert_eq!(of("path"), endpoint.path.matches('{').count(), "{}", endpoint.name);
        assert_eq!(of("query"), endpoint.query.len() + 1, "{}: its own, and the namespace", endpoint.name);
        assert_eq!(of("header"), endpoint.headers.len(), "{}", endpoint.name);
        let takes_json = &operation["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(!takes_json.is_null(), endpoint.body.is_taken(), "{}", endpoint.name);
        assert!(!endpoint.answers.is_empty(), "{}", endpoint.name);
        for answer in endpoint.answers {
            assert!(!operation["responses"][answer.status.to_string()].is_null(), "{}", endpoint.name);
        }
        assert!(!operation["responses"]["404"].is_null(), "{}: refusals are described", endpoint.name);
    }
    let described: usize =
        description["paths"].as_object().unwrap().values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(described, ENDPOINTS.len());
}

/// Every reference in a document.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_structure_has_a_name_of_its_own() {
    let description = description();
    let mut found = Vec::new();
    references(description, &mut found);
    assert!(found.len() > 100);
    for reference in found {
        assert!(description.pointer(&reference[1..]).is_some(), "{reference}");
    }
    for name in description["components"]["schemas"].as_object().unwrap().keys() {
        // What comes second under a name gets a number.
        assert!(!name.ends_with(|last: char| last.is_ascii_digit()), "{name} needs a name of its own");
    }
}

#[test]
fn it_is_served_as_it_is_made() {
    let client = Client::new();
    assert_eq!(client.get("/openapi.json"), *description());
}

#[test]
fn addresses_that_look_alike_are_told_apart() {
    let taken = |endpoint: &&millstream_console::Endpoint| matches!(endpoint.body, Body::Records(_));
    assert_eq!(ENDPOINTS.iter().filter(taken).count(), 1);
    let addresses: BTreeSet<(&str, &str)> =
        ENDPOINTS.iter().map(|endpoint| (endpoint.method, endpoint.path)).collect();
    assert_eq!(addresses.len(), ENDPOINTS.len());
}
