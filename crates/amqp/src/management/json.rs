//! Field tables as JSON, and JSON as field tables.
//!
//! Apart because arguments and properties come and go in both shapes. A whole number is a `long`, as RabbitMQ makes it; what
//! JSON has no word for (times, bytes) is told as a number or a text.

use super::errors::Problem;
use crate::codec::{Array, ArrayBuilder, Properties, Table, TableBuilder, Value as Field};
use serde_json::{Map, Value, json};

/// Objects in objects at most; deeper ones are not tables either.
const DEPTH_MAX: usize = crate::codec::table::DEPTH_MAX - 4;

/// A field table as an object.
pub(crate) fn from_table(table: Table<'_>) -> Value {
    Value::Object(table.iter().map(|(name, value)| (name.to_owned(), from_field(value))).collect())
}

fn from_array(array: Array<'_>) -> Value {
    Value::Array(array.iter().map(from_field).collect())
}

fn from_field(field: Field<'_>) -> Value {
    match field {
        Field::Long(bytes) | Field::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned().into(),
        Field::Bool(is) => is.into(),
        Field::F32(number) => f64::from(number).into(),
        Field::F64(number) => number.into(),
        Field::Timestamp(seconds) => seconds.into(),
        Field::Table(table) => from_table(table),
        Field::Array(array) => from_array(array),
        Field::Decimal { .. } | Field::Void => Value::Null,
        Field::I8(_)
        | Field::U8(_)
        | Field::I16(_)
        | Field::U16(_)
        | Field::I32(_)
        | Field::U32(_)
        | Field::I64(_) => field.as_integer().into(),
    }
}

/// An object as a field table.
pub(crate) fn to_table(object: &Map<String, Value>) -> Result<TableBuilder, Problem> {
    table_at(object, 0)
}

fn table_at(object: &Map<String, Value>, depth: usize) -> Result<TableBuilder, Problem> {
    check_depth(depth)?;
    let mut table = TableBuilder::default();
    for (name, value) in object {
        if name.len() > 255 {
            return Err(Problem::bad_request("a name in a table is longer than 255 bytes"));
        }
        with_field(value, depth, |field| {
            table.put(name, field);
        })?;
    }
    Ok(table)
}

fn array_at(values: &[Value], depth: usize) -> Result<ArrayBuilder, Problem> {
    check_depth(depth)?;
    let mut array = ArrayBuilder::default();
    for value in values {
        with_field(value, depth, |field| {
            array.push(field);
        })?;
    }
    Ok(array)
}

fn check_depth(depth: usize) -> Result<(), Problem> {
    if depth > DEPTH_MAX {
        return Err(Problem::bad_request("tables are nested too deeply"));
    }
    Ok(())
}

fn with_field(value: &Value, depth: usize, put: impl FnOnce(Field<'_>)) -> Result<(), Problem> {
    match value {
        Value::Null => put(Field::Void),
        Value::Bool(is) => put(Field::Bool(*is)),
        Value::Number(number) => match number.as_i64() {
            Some(number) => put(Field::I64(number)),
            None => put(Field::F64(number.as_f64().unwrap_or(f64::NAN))),
        },
        Value::String(text) => put(Field::Long(text.as_bytes())),
        Value::Object(object) => put(Field::Table(table_at(object, depth + 1)?.table())),
        Value::Array(values) => put(Field::Array(array_at(values, depth + 1)?.array())),
    }
    Ok(())
}

/// A message's properties as an object; none at all are a list, as in RabbitMQ.
pub(crate) fn from_properties(properties: &Properties<'_>) -> Value {
    let mut object = Map::new();
    let texts = [
        ("content_type", properties.content_type),
        ("content_encoding", properties.content_encoding),
        ("correlation_id", properties.correlation_id),
        ("reply_to", properties.reply_to),
        ("expiration", properties.expiration),
        ("message_id", properties.message_id),
        ("type", properties.message_type),
        ("user_id", properties.user_id),
        ("app_id", properties.app_id),
        ("cluster_id", properties.cluster_id),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            object.insert(name.to_owned(), text.into());
        }
    }
    let numbers = [
        ("delivery_mode", properties.delivery_mode.map(u64::from)),
        ("priority", properties.priority.map(u64::from)),
        ("timestamp", properties.timestamp),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            object.insert(name.to_owned(), number.into());
        }
    }
    if let Some(headers) = properties.headers {
        object.insert("headers".to_owned(), from_table(headers));
    }
    if object.is_empty() { Value::Array(Vec::new()) } else { Value::Object(object) }
}

/// An object as a message's properties; `headers` is its table, made before.
pub(crate) fn to_properties<'a>(
    object: &'a Map<String, Value>,
    headers: Option<&'a TableBuilder>,
) -> Result<Properties<'a>, Problem> {
    let wrong = |name: &str| Problem::bad_request(format!("property '{name}' cannot be {}", object[name]));
    let text = |name: &str| match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= 255 => Ok(Some(&**text)),
        Some(_) => Err(wrong(name)),
    };
    let number = |name: &str, max: u64| match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_u64().filter(|number| *number <= max).map(Some).ok_or_else(|| wrong(name)),
    };
    let byte = |name: &str| {
        Ok::<_, Problem>(number(name, 255)?.map(|number| u8::try_from(number).expect("it was compared")))
    };
    Ok(Properties {
        content_type: text("content_type")?,
        content_encoding: text("content_encoding")?,
        headers: headers.map(TableBuilder::table),
        delivery_mode: byte("delivery_mode")?,
        priority: byte("priority")?,
        correlation_id: text("correlation_id")?,
        reply_to: text("reply_to")?,
        expiration: text("expiration")?,
        message_id: text("message_id")?,
        timestamp: number("timestamp", u64::MAX)?,
        message_type: text("type")?,
        user_id: text("user_id")?,
        app_id: text("app_id")?,
        cluster_id: text("cluster_id")?,
    })
}

/// An object, or what stands for none in tools that have lists only.
pub(crate) fn object_of(value: Option<&Value>) -> Result<Map<String, Value>, Problem> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Array(values)) if values.is_empty() => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object.clone()),
        Some(other) => Err(Problem::bad_request(format!("an object is expected where {other} stands"))),
    }
}

/// A flag, however tools write it.
pub(crate) fn flag_of(object: &Map<String, Value>, name: &str) -> Result<Option<bool>, Problem> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(is)) => Ok(Some(*is)),
        Some(Value::String(text)) if text == "true" || text == "false" => Ok(Some(text == "true")),
        Some(other) => Err(Problem::bad_request(format!("{name} must be true or false, not {other}"))),
    }
}

/// A rate of nothing, where tools expect one.
pub(crate) fn no_rate() -> Value {
    json!({"rate": 0.0})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_tables_and_back() {
        let object = json!({"a": 1, "b": "x", "c": [true, null, 1.5], "d": {"e": {}}});
        let table = to_table(object.as_object().unwrap()).unwrap();
        assert_eq!(from_table(table.table()), object);
        assert_eq!(table.table().find("a"), Some(Field::I64(1)));
        let mut deep = json!(1);
        (0..100).for_each(|_| deep = json!([deep]));
        assert!(to_table(json!({"deep": deep}).as_object().unwrap()).is_err());
    }

    #[test]
    fn properties_are_objects_and_back() {
        let object = json!({"content_type": "text/plain", "delivery_mode": 2, "timestamp": 7, "type": "t",
            "headers": {"x": 1}});
        let object = object.as_object().unwrap();
        let headers = to_table(object["headers"].as_object().unwrap()).unwrap();
        let properties = to_properties(object, Some(&headers)).unwrap();
        assert_eq!(from_properties(&properties), Value::Object(object.clone()));
        for wrong in [json!({"priority": 256}), json!({"delivery_mode": "2"}), json!({"app_id": 7})] {
            assert!(to_properties(wrong.as_object().unwrap(), None).is_err(), "{wrong}");
        }
    }
}
