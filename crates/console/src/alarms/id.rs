//! What an alarm is about, and the name it has.
//!
//! Apart because a name stands in addresses and in what survives restarts: it is short, made of letters and digits, and the same
//! for the same thing, whatever clients have called that.

use super::rules::Rule;
use siphasher::sip::SipHasher13;
use std::fmt;
use std::hash::Hasher;
use std::sync::Arc;

/// What an alarm is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The broker or its machine.
    Broker,
    /// A stream, its own queue included.
    Stream {
        /// The name of its namespace.
        namespace: Arc<str>,
        /// Its name.
        stream: Arc<str>,
    },
    /// A group that reads a stream by offset.
    Group {
        /// The name of its namespace.
        namespace: Arc<str>,
        /// The name of the stream.
        stream: Arc<str>,
        /// Its name.
        group: Arc<str>,
    },
}

/// Names an alarm: its rule, and 64 bits of what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlarmId {
    /// The rule.
    pub rule: Rule,
    /// A hash of the subject. Who makes two streams of one hash hides one alarm behind the other; nothing else depends on it.
    pub subject: u64,
}

impl AlarmId {
    /// The name of an alarm.
    #[must_use]
    pub fn new(rule: Rule, subject: &Subject) -> AlarmId {
        let (namespace, stream, group) = match subject {
            Subject::Broker => ("", "", ""),
            Subject::Stream { namespace, stream } => (&**namespace, &**stream, ""),
            Subject::Group { namespace, stream, group } => (&**namespace, &**stream, &**group),
        };
        // The same in every process: it is written down.
        let mut hasher = SipHasher13::new_with_keys(0x616c_6172, 0x6d73);
        for part in [namespace, stream, group] {
            hasher.write_usize(part.len());
            hasher.write(part.as_bytes());
        }
        AlarmId { rule, subject: hasher.finish() }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<AlarmId> {
        let (rule, subject) = text.split_once('.')?;
        let is_plain =
            subject.len() == 16 && subject.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let subject = u64::from_str_radix(subject, 16).ok().filter(|_| is_plain)?;
        Some(AlarmId { rule: Rule::by_name(rule)?, subject })
    }
}

impl fmt::Display for AlarmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:016x}", self.rule.info().name, self.subject)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Broker => f.write_str("the broker"),
            Subject::Stream { namespace, stream } => {
                write!(f, "stream {stream:?} in namespace {namespace:?}")
            }
            Subject::Group { namespace, stream, group } => {
                write!(f, "group {group:?} on stream {stream:?} in namespace {namespace:?}")
            }
        }
    }
}
