//! Batches: up to ten entries, each with an id, each succeeding or failing on its own.
//!
//! Apart because three actions have them, with the same rules for ids and counts and the same shape of a reply.

use super::errors::SqsError;
use super::limits::{BATCH_ENTRIES_MAX, NAME_CHARS_MAX};
use super::queue::is_word;
use crate::fault::Blame;
use crate::json::{Object, array};
use crate::protocol::Protocol;
use crate::step::Output;
use crate::value::{List, Text};
use crate::xml::Xml;

/// Entries as they were sent.
pub(crate) type Entries<T> = List<T, BATCH_ENTRIES_MAX>;

/// An entry of a batch.
pub(crate) trait Entry<'a> {
    /// Its id.
    fn id(&self) -> Option<&Text<'a>>;
}

/// The entries with their ids. `name` is what an entry is called in the Query protocol.
///
/// # Errors
/// When there are none or too many, or an id is wrong or comes twice: then nothing of the batch happens.
pub(crate) fn entries<'a, T: Entry<'a>>(
    sent: Entries<T>,
    name: &'static str,
) -> Result<Vec<(String, T)>, SqsError> {
    if sent.sent == 0 {
        return Err(SqsError::EmptyBatchRequest(name));
    }
    if sent.sent > BATCH_ENTRIES_MAX {
        return Err(SqsError::TooManyEntriesInBatchRequest(sent.sent));
    }
    let mut entries: Vec<(String, T)> = Vec::with_capacity(sent.items.len());
    for entry in sent.items {
        let id = entry.id().map_or("", |id| id).to_owned();
        if id.len() > NAME_CHARS_MAX || !is_word(&id) {
            return Err(SqsError::InvalidBatchEntryId);
        }
        if entries.iter().any(|(known, _)| *known == id) {
            return Err(SqsError::BatchEntryIdsNotDistinct(id));
        }
        entries.push((id, entry));
    }
    Ok(entries)
}

/// One entry's success.
pub(crate) trait Success: Send {
    /// What it is called in the Query protocol.
    const NAME: &'static str;

    /// Its members.
    fn json(&self, object: &mut Object<'_>);

    /// Its elements.
    fn xml(&self, xml: &mut Xml);
}

/// A success that says no more than which entry it was.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) id: String,
}

/// One entry's failure.
#[derive(Debug)]
struct Failure {
    id: String,
    sender_fault: bool,
    code: &'static str,
    message: String,
}

/// Bytes of an entry of a reply in JSON, about.
const ENTRY_BYTES: usize = 160;

/// The reply to a batch. Both lists are there, empty or not.
#[derive(Debug)]
pub(crate) struct BatchOutput<T> {
    failed: Vec<Failure>,
    successful: Vec<T>,
}

impl<T> BatchOutput<T> {
    /// The reply to entries that each came to this, in their order.
    pub(crate) fn new(results: impl IntoIterator<Item = (String, Result<T, SqsError>)>) -> BatchOutput<T> {
        let mut output = BatchOutput { failed: Vec::new(), successful: Vec::new() };
        for (id, result) in results {
            match result {
                Ok(success) => output.successful.push(success),
                Err(error) => {
                    // The codes inside replies are the same in both protocols.
                    let fault = error.fault(Protocol::Query);
                    let sender_fault = fault.blame == Blame::Sender;
                    output.failed.push(Failure {
                        id,
                        sender_fault,
                        code: fault.code,
                        message: fault.message,
                    });
                }
            }
        }
        output
    }
}

impl<T: Success> Output for BatchOutput<T> {
    fn json(&self) -> Vec<u8> {
        let entries = self.failed.len() + self.successful.len();
        let mut out = Vec::with_capacity((entries + 1) * ENTRY_BYTES);
        let mut reply = Object::begin(&mut out);
        array(reply.member("Failed"), &self.failed, |Failure { id, sender_fault, code, message }, entry| {
            entry.text("Id", id);
            let is_fault: &[u8] = if *sender_fault { b"true" } else { b"false" };
            entry.member("SenderFault").extend_from_slice(is_fault);
            entry.text("Code", code);
            entry.text("Message", message);
        });
        array(reply.member("Successful"), &self.successful, T::json);
        reply.end();
        out
    }

    fn xml(&self, xml: &mut Xml) {
        for success in &self.successful {
            xml.open(T::NAME);
            success.xml(xml);
            xml.close(T::NAME);
        }
        for Failure { id, sender_fault, code, message } in &self.failed {
            xml.open("BatchResultErrorEntry");
            xml.element("Id", id);
            xml.element("Code", code);
            xml.element("Message", message);
            xml.element("SenderFault", if *sender_fault { "true" } else { "false" });
            xml.close("BatchResultErrorEntry");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Plain<'a> {
        #[serde(borrow, rename = "Id")]
        id: Option<Text<'a>>,
    }

    impl<'a> Entry<'a> for Plain<'a> {
        fn id(&self) -> Option<&Text<'a>> {
            self.id.as_ref()
        }
    }

    impl Success for Done {
        const NAME: &'static str = "DoneEntry";

        fn json(&self, object: &mut Object<'_>) {
            object.text("Id", &self.id);
        }

        fn xml(&self, xml: &mut Xml) {
            xml.element("Id", &self.id);
        }
    }

    fn ids(json: &str) -> Result<Vec<String>, SqsError> {
        let sent: Entries<Plain<'_>> = serde_json::from_str(json).unwrap();
        Ok(entries(sent, "PlainEntry")?.into_iter().map(|(id, _)| id).collect())
    }

    #[test]
    fn ids_are_short_words_that_come_once() {
        let long = "x".repeat(80);
        assert_eq!(
            ids(&format!(r#"[{{"Id":"a-B_9"}},{{"Id":"{long}"}}]"#)).unwrap(),
            ["a-B_9".to_owned(), long]
        );
        assert_eq!(ids("[]"), Err(SqsError::EmptyBatchRequest("PlainEntry")));
        let many = format!("[{}{{}}]", "{},".repeat(19));
        assert_eq!(ids(&many), Err(SqsError::TooManyEntriesInBatchRequest(20)));
        let longer = format!(r#"[{{"Id":"{}"}}]"#, "x".repeat(81));
        for wrong in ["[{}]", r#"[{"Id":""}]"#, r#"[{"Id":"a:b"}]"#, &*longer] {
            assert_eq!(ids(wrong), Err(SqsError::InvalidBatchEntryId), "{wrong}");
        }
        assert_eq!(
            ids(r#"[{"Id":"a"},{"Id":"b"},{"Id":"a"}]"#),
            Err(SqsError::BatchEntryIdsNotDistinct("a".to_owned()))
        );
    }

    #[test]
    fn a_batch_may_fail_in_part() {
        let failed = SqsError::MissingParameter("MessageBody");
        let results = [("a".to_owned(), Ok(Done { id: "a".to_owned() })), ("b".to_owned(), Err(failed))];
        let output = BatchOutput::new(results);
        assert_eq!(
            String::from_utf8(output.json()).unwrap(),
            r#"{"Failed":[{"Id":"b","SenderFault":true,"Code":"MissingParameter","Message":"The request must contain the parameter MessageBody."}],"Successful":[{"Id":"a"}]}"#
        );
        let mut xml = Xml::default();
        output.xml(&mut xml);
        assert_eq!(
            xml.finish(),
            "<DoneEntry><Id>a</Id></DoneEntry><BatchResultErrorEntry><Id>b</Id><Code>MissingParameter</Code>\
             <Message>The request must contain the parameter MessageBody.</Message><SenderFault>true</SenderFault>\
             </BatchResultErrorEntry>"
        );
    }
}
