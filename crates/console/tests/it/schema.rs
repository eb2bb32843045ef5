//! Whether answers are what the description of the API says: a small reader of JSON schemas.
//!
//! Apart because every test's answers go through it. It knows the words that the description uses, and refuses others, so that
//! nothing is overlooked.

use millstream_console::openapi_document;
use millstream_front::http::Response;
use serde_json::Value;
use std::sync::OnceLock;

/// The description of the API.
pub(crate) fn description() -> &'static Value {
    static DESCRIPTION: OnceLock<Value> = OnceLock::new();
    DESCRIPTION.get_or_init(|| openapi_document("1.2.3"))
}

/// Says nothing if an answer is as it is described, and panics otherwise.
pub(crate) fn check(method: &str, path: &str, response: &Response) {
    // Pages are described by nothing but themselves.
    let is_api = ["/api/", "/v1/", "/healthz", "/readyz"].iter().any(|prefix| path.starts_with(prefix));
    if !is_api {
        return;
    }
    let Some(operation) = operation(method, path) else {
        assert!(response.status >= 400, "nothing is said of {method} {path}");
        return;
    };
    let described = &operation["responses"][response.status.to_string()];
    assert!(!described.is_null(), "status {} of {method} {path} is not described", response.status);
    let described = resolve(described);
    let Some(content_type) = response.header("content-type") else {
        assert!(described["content"].is_null() && response.body.is_empty(), "{method} {path}");
        return;
    };
    let schema = &described["content"][content_type]["schema"];
    assert!(!schema.is_null(), "{content_type} of {method} {path}, {}, is not described", response.status);
    if content_type.ends_with("json") {
        let document = serde_json::from_slice(&response.body).expect("JSON");
        if let Err(why) = fits(schema, &document) {
            panic!("{method} {path} answers with what is not described: {why}\n{document:#}");
        }
    }
}

/// What is said of an operation.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let paths = description()["paths"].as_object().expect("paths");
    let is_it = |form: &str| {
        let (form, path): (Vec<&str>, Vec<&str>) = (form.split('/').collect(), path.split('/').collect());
        let fits = |(form, part): (&&str, &&str)| form == part || (form.starts_with('{') && !part.is_empty());
        form.len() == path.len() && form.iter().zip(&path).all(fits)
    };
    // An address with a name in it may look like another without.
    let found = paths.iter().filter(|(form, _)| is_it(form));
    let operations = found.map(|(_, operations)| &operations[method.to_lowercase()]);
    operations.into_iter().find(|operation| !operation.is_null())
}

fn resolve(described: &'static Value) -> &'static Value {
    match described["$ref"].as_str() {
        Some(reference) => description().pointer(&reference[1..]).expect("it leads somewhere"),
        None => described,
    }
}

/// Why a value does not fit a schema.
pub(crate) fn fits(schema: &'static Value, value: &Value) -> Result<(), String> {
    let words = match schema {
        Value::Bool(true) => return Ok(()),
        Value::Object(words) => words,
        other => return Err(format!("{other} is no schema")),
    };
    for (word, said) in words {
        match &**word {
            "description" | "title" | "format" | "default" => {}
            "$ref" => fits(resolve(schema), value)?,
            "type" => {
                let types: Vec<&Value> = said.as_array().map_or(vec![said], |types| types.iter().collect());
                let is_one = types.iter().any(|named| is_type(named.as_str().expect("a name"), value));
                check_that(is_one, || format!("{value} is no {said}"))?;
            }
            "enum" => {
                let values = said.as_array().expect("values");
                check_that(values.contains(value), || format!("{value} is none of {said}"))?;
            }
            "const" => check_that(said == value, || format!("{value} is not {said}"))?,
            "minimum" => {
                let number = value.as_f64().unwrap_or(f64::MAX);
                check_that(number >= said.as_f64().expect("a number"), || format!("{value} is too small"))?;
            }
            "maximum" => {
                let number = value.as_f64().unwrap_or(f64::MIN);
                check_that(number <= said.as_f64().expect("a number"), || format!("{value} is too large"))?;
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    fits(said, item)?;
                }
            }
            "required" => {
                for name in said.as_array().expect("names") {
                    let name = name.as_str().expect("a name");
                    check_that(value.get(name).is_some(), || format!("{name:?} is missing in {value}"))?;
                }
            }
            "properties" => {
                for (name, schema) in said.as_object().expect("properties") {
                    if let Some(value) = value.get(name) {
                        fits(schema, value).map_err(|why| format!("{name}: {why}"))?;
                    }
                }
            }
            "additionalProperties" => {
                let known = words.get("properties").and_then(Value::as_object);
                for (name, value) in value.as_object().into_iter().flatten() {
                    if known.is_none_or(|known| !known.contains_key(name)) {
                        check_that(*said != Value::Bool(false), || format!("{name:?} is not described"))?;
                        fits(said, value)?;
                    }
                }
            }
            "anyOf" | "oneOf" => {
                let any = said.as_array().expect("schemas").iter().any(|schema| fits(schema, value).is_ok());
                check_that(any, || format!("{value} fits none of {said}"))?;
            }
            "allOf" => {
                for schema in said.as_array().expect("schemas") {
                    fits(schema, value)?;
                }
            }
            other => return Err(format!("the word {other:?} of a schema is not known")),
        }
    }
    Ok(())
}

fn check_that(is_so: bool, why_not: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(why_not()) }
}

fn is_type(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}
