//! Tags: words that owners put on queues, stored and shown.
//!
//! Apart because they have limits of their own and are no attributes.

use crate::sqs::errors::SqsError;
use crate::sqs::limits::{TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX, TAGS_MAX};
use std::collections::BTreeMap;

/// The tags of a queue.
pub(crate) type TagMap = BTreeMap<String, String>;

/// Refuses tags that a queue may not have.
///
/// # Errors
/// `InvalidParameterValue` with the rule that is broken.
pub(crate) fn check_tags(tags: &TagMap) -> Result<(), SqsError> {
    let refuse = |message: String| Err(SqsError::InvalidParameterValue(message));
    if tags.len() > TAGS_MAX {
        return refuse(format!(
            "Too many tags added for queue. Maximum number of tags allowed is {TAGS_MAX}."
        ));
    }
    for (key, value) in tags {
        if !(1..=TAG_KEY_CHARS_MAX).contains(&key.chars().count()) {
            return refuse(format!(
                "Tag keys must be between 1 and {TAG_KEY_CHARS_MAX} characters in length."
            ));
        }
        if value.chars().count() > TAG_VALUE_CHARS_MAX {
            return refuse(format!("Tag values may not be longer than {TAG_VALUE_CHARS_MAX} characters."));
        }
        if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
            return refuse("Tag keys beginning with 'aws:' are reserved.".to_owned());
        }
    }
    Ok(())
}
