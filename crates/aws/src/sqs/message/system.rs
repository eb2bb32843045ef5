//! The one system attribute that a sender may set: the trace header.
//!
//! Apart because it looks like a message attribute, but follows other rules: it does not count against the size, has a
//! sum of its own, and only this name is known.

use super::attribute::{Attribute, RawAttribute, attributes};
use crate::sqs::errors::SqsError;
use crate::sqs::limits::MESSAGE_ATTRIBUTES_MAX;
use crate::value::Map;

/// Its name.
pub(crate) const TRACE_HEADER: &str = "AWSTraceHeader";

/// The trace header among the system attributes of a message to be sent; its type is always `String`.
///
/// # Errors
/// When there is another system attribute, or it is not text.
pub(crate) fn trace_header<'a>(
    raw: Map<'a, RawAttribute<'a>, MESSAGE_ATTRIBUTES_MAX>,
) -> Result<Option<Attribute<'a>>, SqsError> {
    let mut attributes = attributes(raw)?;
    if let Some(other) = attributes.iter().find(|attribute| attribute.name != TRACE_HEADER) {
        let message = format!("Message system attribute name '{}' is invalid.", other.name);
        return Err(SqsError::InvalidParameterValue(message));
    }
    match attributes.pop() {
        Some(header) if header.data_type != "String" => {
            let message = format!("Message system attribute '{TRACE_HEADER}' must be of type 'String'.");
            Err(SqsError::InvalidParameterValue(message))
        }
        header => Ok(header),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trace_header_of_text_is_taken() {
        let check = |json: &'static str| trace_header(serde_json::from_str(json).unwrap());
        assert_eq!(check("{}"), Ok(None));
        let header = check(r#"{"AWSTraceHeader":{"DataType":"String","StringValue":"Root=1"}}"#).unwrap();
        assert_eq!(header.unwrap().value.as_bytes(), b"Root=1");
        for (json, sentence) in [
            (r#"{"Hello":{"DataType":"String","StringValue":"x"}}"#, "name 'Hello' is invalid"),
            (r#"{"AWSTraceHeader":{"DataType":"Number","StringValue":"1"}}"#, "must be of type 'String'"),
        ] {
            let error = format!("{:?}", check(json).unwrap_err());
            assert!(error.contains(sentence), "{error}");
        }
    }
}
