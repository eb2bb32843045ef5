//! Direct reply-to: answers that go from one connection to another through memory, without a queue.
//!
//! Apart because nothing of it is a record: a requester consumes from a name that no queue has, its requests carry an
//! address that the broker makes up, and an answer published to that address is left here for its session, which is rung.
//! What nobody takes is lost with the connection, and what is too much is dropped, as in RabbitMQ.

use crate::limits::ANSWERS_BYTES_MAX;
use bytes::Bytes;
use millstream_front::Bell;
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The name that requesters consume from, and put into their requests.
pub(crate) const REPLY_TO: &str = "amq.rabbitmq.reply-to";
/// Bytes of answers that may wait for one session: 16 MiB, or one answer.
const WAITING_BYTES_MAX: usize = 16 << 20;

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) exchange: Box<str>,
    pub(crate) routing_key: Box<str>,
    /// The payload of its header.
    pub(crate) header: Bytes,
    pub(crate) body: Bytes,
}

/// Whoever waits for answers.
struct Requester {
    bell: Arc<dyn Bell>,
    answers: VecDeque<Answer>,
    bytes: usize,
}

/// All of them, by the random part of their addresses.
#[derive(Default)]
struct Requesters {
    by_token: BTreeMap<u128, Requester>,
    /// Bytes of the answers that wait for them together.
    bytes: usize,
}

/// See the module's documentation.
#[derive(Default)]
pub(crate) struct Replies {
    requesters: Mutex<Requesters>,
}

impl core::fmt::Debug for Replies {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Replies").field("requesters", &self.requesters.lock().by_token.len()).finish()
    }
}

/// The address of a requester.
pub(crate) fn address(token: u128) -> String {
    format!("{REPLY_TO}.{token:032x}")
}

/// The requester of an address, whether it is there or not.
pub(crate) fn token(address: &str) -> Option<u128> {
    let digits = address.strip_prefix(REPLY_TO)?.strip_prefix('.')?;
    u128::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 32)
}

impl Replies {
    /// Takes answers for a requester from now on.
    pub(crate) fn open(&self, token: u128, bell: Arc<dyn Bell>) {
        let requester = Requester { bell, answers: VecDeque::new(), bytes: 0 };
        self.requesters.lock().by_token.insert(token, requester);
    }

    /// Takes none any more.
    pub(crate) fn close(&self, token: u128) {
        let mut all = self.requesters.lock();
        let closed = all.by_token.remove(&token);
        all.bytes -= closed.map_or(0, |requester| requester.bytes);
    }

    /// Whether a requester is there.
    pub(crate) fn is_open(&self, token: u128) -> bool {
        self.requesters.lock().by_token.contains_key(&token)
    }

    /// Leaves an answer. `false` when its requester is gone.
    pub(crate) fn leave(&self, token: u128, answer: Answer) -> bool {
        let bell = {
            let mut all = self.requesters.lock();
            let left = ANSWERS_BYTES_MAX.saturating_sub(all.bytes);
            let Some(requester) = all.by_token.get_mut(&token) else { return false };
            let bytes = answer.header.len() + answer.body.len();
            let fits = bytes <= left && requester.bytes + bytes <= WAITING_BYTES_MAX;
            let bell = requester.bell.clone();
            if requester.answers.is_empty() || fits {
                requester.bytes += bytes;
                requester.answers.push_back(answer);
                all.bytes += bytes;
            }
            bell
        };
        bell.ring();
        true
    }

    /// The answers that were left.
    pub(crate) fn take(&self, token: u128) -> VecDeque<Answer> {
        let mut all = self.requesters.lock();
        let Some(requester) = all.by_token.get_mut(&token) else { return VecDeque::new() };
        let (bytes, answers) = (std::mem::take(&mut requester.bytes), std::mem::take(&mut requester.answers));
        all.bytes -= bytes;
        answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Count(AtomicUsize);
    impl Bell for Count {
        fn ring(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn answer(bytes: usize) -> Answer {
        Answer {
            exchange: "".into(),
            routing_key: "".into(),
            header: Bytes::new(),
            body: vec![0; bytes].into(),
        }
    }

    #[test]
    fn addresses_are_read_back() {
        for number in [0, 7, u128::MAX] {
            assert_eq!(token(&address(number)), Some(number));
        }
        for wrong in ["amq.rabbitmq.reply-to", "amq.rabbitmq.reply-to.", "amq.rabbitmq.reply-to.7", "orders"]
        {
            assert_eq!(token(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn answers_wait_within_bounds_and_ring() {
        let (replies, bell) = (Replies::default(), Arc::<Count>::default());
        assert!(!replies.leave(1, answer(1)));
        replies.open(1, bell.clone());
        assert!(replies.leave(1, answer(WAITING_BYTES_MAX + 1)), "one always fits");
        assert!(replies.leave(1, answer(1)));
        assert_eq!((replies.take(1).len(), replies.take(1).len()), (1, 0));
        assert!(replies.leave(1, answer(1)) && replies.is_open(1));
        assert_eq!((replies.take(1).len(), bell.0.load(Ordering::Relaxed)), (1, 3));
        assert!(replies.leave(1, answer(5)));
        replies.close(1);
        assert!(!replies.is_open(1));
        assert_eq!(replies.requesters.lock().bytes, 0);
    }
}
