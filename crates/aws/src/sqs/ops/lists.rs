//! Lists of queues, a page at a time.
//!
//! Apart because two operations have them, with the same limits and tokens. A token is the last name that was given, in
//! base64: what was created or deleted meanwhile does not disturb it.

use crate::sqs::errors::SqsError;
use crate::sqs::limits::LISTED_MAX;
use crate::step::Output;
use crate::value::{Int, Text};
use crate::xml::Xml;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::Serialize;

/// Which page is wanted.
pub(super) struct Page {
    /// Names after this one.
    after: Option<String>,
    max: usize,
    /// Whether more than fits is told of: only who asks in pages gets a token.
    has_limit: bool,
}

impl Page {
    /// Reads a wish for a page.
    pub(super) fn new(token: Option<&Text<'_>>, max: Option<Int>) -> Result<Page, SqsError> {
        let after = match token.filter(|token| !token.is_empty()) {
            None => None,
            Some(token) => {
                let name = BASE64.decode(token.as_bytes()).ok().and_then(|name| String::from_utf8(name).ok());
                let reason = "Invalid or expired next token.";
                Some(name.ok_or_else(|| SqsError::InvalidParameterValue(reason.to_owned()))?)
            }
        };
        let wanted = max.map_or(LISTED_MAX, |Int(max)| max);
        let max_count = usize::try_from(wanted).ok().filter(|_| (1..=LISTED_MAX).contains(&wanted));
        let max_count = max_count.ok_or_else(|| {
            SqsError::InvalidParameterValue(format!(
                "Value for parameter MaxResults is invalid. Reason: MaxResults must be an integer between 1 and \
                 {LISTED_MAX}."
            ))
        })?;
        Ok(Page { after, max: max_count, has_limit: max.is_some() })
    }

    /// The page of names that come in their order, and the token of the next one.
    pub(super) fn of<T>(
        &self,
        queues: impl Iterator<Item = T>,
        name: impl Fn(&T) -> &str,
    ) -> (Vec<T>, Option<String>) {
        let after = self.after.as_deref();
        let mut queues = queues.filter(|queue| after.is_none_or(|after| name(queue) > after));
        let page: Vec<T> = queues.by_ref().take(self.max).collect();
        let more = self.has_limit && queues.next().is_some();
        let token = page.last().filter(|_| more).map(|last| BASE64.encode(name(last)));
        (page, token)
    }
}

/// Addresses of queues.
#[derive(Serialize)]
pub(super) struct Urls {
    #[serde(rename = "QueueUrls", skip_serializing_if = "Option::is_none")]
    urls: Option<Vec<String>>,
    /// Another action's name for the same, which is always there.
    #[serde(rename = "queueUrls", skip_serializing_if = "Option::is_none")]
    sources: Option<Vec<String>>,
    #[serde(rename = "NextToken", skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Urls {
    /// ListQueues' answer; an empty list is left out.
    pub(super) fn queues(urls: Vec<String>, next_token: Option<String>) -> Urls {
        Urls { urls: Some(urls).filter(|urls| !urls.is_empty()), sources: None, next_token }
    }

    /// ListDeadLetterSourceQueues' answer.
    pub(super) fn sources(urls: Vec<String>, next_token: Option<String>) -> Urls {
        Urls { urls: None, sources: Some(urls), next_token }
    }
}

impl Output for Urls {
    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("nothing but texts")
    }

    fn xml(&self, xml: &mut Xml) {
        for url in self.urls.iter().chain(&self.sources).flatten() {
            xml.element("QueueUrl", url);
        }
        xml.optional("NextToken", self.next_token.as_deref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_repeat() {
        let names: Vec<String> = (0..25).map(|n| format!("q{n:02}")).collect();
        let mut seen = Vec::new();
        let mut token = None;
        loop {
            let text = token.as_deref().map(Text::from);
            let page = Page::new(text.as_ref(), Some(Int(10))).unwrap();
            let (page, next) = page.of(names.iter(), |name| name);
            seen.extend(page.into_iter().cloned());
            let Some(next) = next else { break };
            token = Some(next);
        }
        assert_eq!(seen, names);
        let (all, next) = Page::new(None, None).unwrap().of(names.iter(), |name| name);
        assert_eq!((all.len(), next), (25, None));
    }

    #[test]
    fn sizes_and_tokens_are_checked() {
        for max in [0, -1, 1001] {
            assert!(Page::new(None, Some(Int(max))).is_err(), "{max}");
        }
        assert!(Page::new(Some(&Text::from("%%")), None).is_err());
        assert!(Page::new(Some(&Text::from("")), Some(Int(1000))).is_ok());
    }
}
