//! What keeps a broker from serving, in sentences.
//!
//! Apart because `/readyz`, the metrics and the page about it say the same.

use super::process::Health;

impl Health {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.missing().is_empty()
    }

    /// What is missing.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let all = [
            (
                self.storage_failed,
                "Storage has failed: nothing is acknowledged any more, and the process ends.",
            ),
            (self.is_disk_full, "The disk is full: nothing is stored until there is room."),
            (self.is_draining, "The broker was told to stop, and finishes what is under way."),
        ];
        all.into_iter().filter(|(is_so, _)| *is_so).map(|(_, sentence)| sentence).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_in_sentences() {
        assert!(Health::default().is_ready());
        let health = Health { is_disk_full: true, is_draining: true, ..Health::default() };
        assert!(!health.is_ready() && health.missing().len() == 2);
        assert!(health.missing().iter().all(|sentence| sentence.ends_with('.')));
        assert!(!Health { storage_failed: true, ..Health::default() }.is_ready());
    }
}
