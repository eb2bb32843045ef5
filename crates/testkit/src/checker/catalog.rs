//! Topics: those that were made stay until somebody deletes them, and those that were deleted stay away.
//!
//! Apart because it needs names only. A topic's name in a history is never used for a second topic.

use std::collections::HashMap;

use super::{Anomalies, Anomaly, describe};
use crate::history::Event;

#[derive(Clone, Copy, Debug, Default)]
struct Life {
    created: bool,
    delete_asked: bool,
    deleted: bool,
}

#[derive(Debug, Default)]
pub(super) struct Catalog(HashMap<String, Life>);

impl Catalog {
    fn at(&mut self, topic: &str) -> &mut Life {
        self.0.entry(topic.to_owned()).or_default()
    }

    pub(super) fn created(&mut self, topic: &str) {
        self.at(topic).created = true;
    }

    pub(super) fn delete_asked(&mut self, topic: &str) {
        self.at(topic).delete_asked = true;
    }

    /// Whether the topic may be gone, and its records with it.
    pub(super) fn delete_was_asked(&self, topic: &str) -> bool {
        self.0.get(topic).is_some_and(|life| life.delete_asked)
    }

    pub(super) fn deleted(&mut self, topic: &str) {
        self.at(topic).deleted = true;
    }

    pub(super) fn seen(&mut self, event: &Event, anomalies: &mut Anomalies) {
        let life = *self.at(&event.topic);
        match event.present {
            Some(false) if life.created && !life.delete_asked => {
                anomalies.add(Anomaly::TopicLost, || describe(event));
            }
            Some(true) if life.deleted => anomalies.add(Anomaly::TopicUndead, || describe(event)),
            Some(_) => {}
            None => anomalies
                .add(Anomaly::Malformed, || format!("{} does not say whether it is there", describe(event))),
        }
    }
}
