//! Publisher confirms of one channel: which messages were published, and what was said of them.
//!
//! Apart because the order rules are here: numbers start at 1, every message is confirmed once, what is complete up to a
//! number is confirmed in one word, and nothing waits for a gap before it.

use crate::codec::{Method, Output};
use std::collections::BTreeMap;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Confirms {
    /// The number of the next message.
    next: u64,
    /// All before this one were told.
    told_below: u64,
    /// Runs told out of order: first number, and the one behind the last.
    told: BTreeMap<u64, u64>,
    /// Runs that are to be told, and whether they are taken.
    news: Vec<(u64, u64, bool)>,
}

impl Default for Confirms {
    fn default() -> Confirms {
        Confirms { next: 1, told_below: 1, told: BTreeMap::new(), news: Vec::new() }
    }
}

impl Confirms {
    /// Numbers the next message.
    pub(crate) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// Notes what became of the messages from one number up to, and without, another.
    pub(crate) fn note(&mut self, from: u64, to: u64, taken: bool) {
        assert!(self.told_below <= from && from < to && to <= self.next, "each message is confirmed once");
        match self.news.last_mut() {
            Some((_, end, same)) if *end == from && *same == taken => *end = to,
            _ => self.news.push((from, to, taken)),
        }
    }

    /// Says what was noted.
    pub(crate) fn tell(&mut self, channel: u16, out: &mut Output) {
        if self.news.is_empty() {
            return;
        }
        let news = std::mem::take(&mut self.news);
        let mut acked = Vec::new();
        for (from, to, taken) in news {
            if !taken {
                for tag in from..to {
                    out.method(
                        channel,
                        &Method::BasicNack { delivery_tag: tag, multiple: false, requeue: false },
                    );
                }
            } else {
                acked.push((from, to));
            }
            self.told.insert(from, to);
        }
        let before = self.told_below;
        while let Some(end) = self.told.remove(&self.told_below) {
            self.told_below = end;
        }
        let complete = self.told_below;
        // Of what is complete now, only the part since the last word has to be said, if there is anything to say.
        let last = acked.iter().filter(|(_, to)| *to <= complete).map(|(_, to)| to - 1).max();
        if let Some(last) = last {
            out.method(channel, &Method::BasicAck { delivery_tag: last, multiple: last > before });
        }
        for tag in acked.iter().filter(|(_, to)| *to > complete).flat_map(|(from, to)| *from..*to) {
            out.method(channel, &Method::BasicAck { delivery_tag: tag, multiple: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::split_frame;
    use bytes::BytesMut;

    fn said(confirms: &mut Confirms) -> Vec<(u64, bool, bool)> {
        let mut out = Output::default();
        confirms.tell(1, &mut out);
        let mut chunks = Vec::new();
        out.drain_into(&mut chunks);
        let mut input = BytesMut::from(&chunks.concat()[..]);
        let mut said = Vec::new();
        while let Ok(Ok(frame)) = split_frame(&mut input, 100) {
            match Method::decode(&frame.payload) {
                Ok(Method::BasicAck { delivery_tag, multiple }) => said.push((delivery_tag, multiple, true)),
                Ok(Method::BasicNack { delivery_tag, multiple, .. }) => {
                    said.push((delivery_tag, multiple, false))
                }
                other => panic!("{other:?}"),
            }
        }
        said
    }

    fn published(count: u64) -> Confirms {
        let mut confirms = Confirms::default();
        assert_eq!(
            (1..=count).map(|_| confirms.number()).collect::<Vec<_>>(),
            (1..=count).collect::<Vec<_>>()
        );
        confirms
    }

    #[test]
    fn what_is_complete_is_one_word() {
        let mut confirms = published(10);
        confirms.note(1, 4, true);
        confirms.note(4, 6, true);
        assert_eq!(said(&mut confirms), [(5, true, true)]);
        confirms.note(6, 7, true);
        assert_eq!(said(&mut confirms), [(6, false, true)]);
        assert_eq!(said(&mut confirms), []);
    }

    #[test]
    fn nothing_waits_for_a_gap_and_nothing_is_told_of_a_message_that_is_under_way() {
        let mut confirms = published(6);
        confirms.note(3, 5, true);
        assert_eq!(said(&mut confirms), [(3, false, true), (4, false, true)]);
        confirms.note(1, 2, true);
        assert_eq!(said(&mut confirms), [(1, false, true)]);
        confirms.note(2, 3, true);
        confirms.note(5, 6, true);
        assert_eq!(said(&mut confirms), [(5, true, true)]);
    }

    #[test]
    fn a_refusal_is_told_before_the_word_that_would_cover_it() {
        let mut confirms = published(4);
        confirms.note(1, 2, true);
        confirms.note(2, 3, false);
        confirms.note(3, 4, true);
        assert_eq!(said(&mut confirms), [(2, false, false), (3, true, true)]);
        confirms.note(4, 5, false);
        assert_eq!(said(&mut confirms), [(4, false, false)]);
    }
}
