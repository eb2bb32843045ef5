//! R6 as a table: what it means when the frames of an incarnation stop somewhere.
//!
//! Apart so that the most dangerous decision of the product, what may be dropped, is one table that can be read,
//! and that a test walks row by row: every combination of conditions matches exactly one.

/// How the walk over an incarnation's frames stopped, at position p.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    /// p is where a later file, or a checkpoint, says that these frames end.
    AtLimit,
    /// The frame before p was the closing frame of a clean stop.
    Closed,
    /// What stands at p is no whole frame of this incarnation and position.
    BadFrame,
}

/// What the search behind p found of the same (or a later) incarnation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Later {
    /// No frame.
    Nothing,
    /// Frames, none of which says that p was durable.
    Unproven,
    /// A frame that says that more than p was durable when it was written.
    ProvesDurable,
    /// The closing frame: all before it was durable.
    ClosingFrame,
}

/// What follows from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// All of it is there; go on with the next file.
    Continue,
    /// The lane ends at p, cleanly.
    CleanEnd,
    /// The lane ends at p; what stands behind was never acknowledged and is dropped, whole frames too.
    TornTail,
    /// Something that was durable is damaged or missing: stop, name it, delete nothing.
    Corrupt(&'static str),
    /// Cannot be; the walk is wrong.
    Contradiction,
}

/// The conditions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Evidence {
    pub(crate) stop: Stop,
    pub(crate) later: Later,
    /// Files of a later incarnation exist: its recovery has kept everything before its base position.
    pub(crate) successor: bool,
    /// A checkpoint knows of positions after p, which were durable when it was finished.
    pub(crate) checkpoint_beyond: bool,
}

/// One row; `None` and empty lists match anything.
struct Row {
    stop: Stop,
    later: &'static [Later],
    successor: Option<bool>,
    checkpoint_beyond: Option<bool>,
    verdict: Verdict,
}

const NO_PROOF: &[Later] = &[Later::Nothing, Later::Unproven];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    //    how it stopped         what is found behind                    successor               checkpoint beyond
    Row { stop: Stop::AtLimit,  later: &[],                       successor: Some(true),  checkpoint_beyond: None,
          verdict: Verdict::Continue },
    Row { stop: Stop::AtLimit,  later: &[],                       successor: Some(false), checkpoint_beyond: None,
          verdict: Verdict::Contradiction },
    Row { stop: Stop::Closed,   later: &[],                       successor: Some(true),  checkpoint_beyond: None,
          verdict: Verdict::Corrupt("a later start continued at another position than this closing frame's") },
    Row { stop: Stop::Closed,   later: &[Later::Nothing],         successor: Some(false), checkpoint_beyond: Some(false),
          verdict: Verdict::CleanEnd },
    Row { stop: Stop::Closed,   later: &[Later::Nothing],         successor: Some(false), checkpoint_beyond: Some(true),
          verdict: Verdict::Corrupt("a checkpoint knows of frames after this closing frame") },
    Row { stop: Stop::Closed,   later: &[Later::Unproven, Later::ProvesDurable, Later::ClosingFrame],
                                                                  successor: Some(false), checkpoint_beyond: None,
          verdict: Verdict::Corrupt("frames follow a closing frame") },
    Row { stop: Stop::BadFrame, later: &[],                       successor: Some(true),  checkpoint_beyond: None,
          verdict: Verdict::Corrupt("a later start found whole frames here") },
    Row { stop: Stop::BadFrame, later: &[Later::ProvesDurable],   successor: Some(false), checkpoint_beyond: None,
          verdict: Verdict::Corrupt("a later frame proves that this one was durable") },
    Row { stop: Stop::BadFrame, later: &[Later::ClosingFrame],    successor: Some(false), checkpoint_beyond: None,
          verdict: Verdict::Corrupt("the closing frame proves that this one was durable") },
    Row { stop: Stop::BadFrame, later: NO_PROOF,                  successor: Some(false), checkpoint_beyond: Some(true),
          verdict: Verdict::Corrupt("a checkpoint proves that this frame was durable") },
    Row { stop: Stop::BadFrame, later: NO_PROOF,                  successor: Some(false), checkpoint_beyond: Some(false),
          verdict: Verdict::TornTail },
];

impl Row {
    fn matches(&self, evidence: &Evidence) -> bool {
        self.stop == evidence.stop
            && (self.later.is_empty() || self.later.contains(&evidence.later))
            && self.successor.is_none_or(|successor| successor == evidence.successor)
            && self.checkpoint_beyond.is_none_or(|beyond| beyond == evidence.checkpoint_beyond)
    }
}

/// What the evidence means.
pub(crate) fn decide(evidence: &Evidence) -> Verdict {
    let row = ROWS.iter().find(|row| row.matches(evidence)).expect("the table is total, see its test");
    row.verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_combination() -> Vec<Evidence> {
        let mut all = Vec::new();
        for stop in [Stop::AtLimit, Stop::Closed, Stop::BadFrame] {
            for later in [Later::Nothing, Later::Unproven, Later::ProvesDurable, Later::ClosingFrame] {
                for successor in [false, true] {
                    for checkpoint_beyond in [false, true] {
                        all.push(Evidence { stop, later, successor, checkpoint_beyond });
                    }
                }
            }
        }
        all
    }

    #[test]
    fn every_combination_matches_exactly_one_row() {
        for evidence in every_combination() {
            let matching = ROWS.iter().filter(|row| row.matches(&evidence)).count();
            assert_eq!(matching, 1, "{evidence:?}");
        }
    }

    #[test]
    fn every_row_is_reached() {
        for (index, row) in ROWS.iter().enumerate() {
            assert!(every_combination().iter().any(|evidence| row.matches(evidence)), "row {index}");
        }
    }

    #[test]
    fn nothing_is_dropped_when_anything_proves_that_it_was_durable() {
        for evidence in every_combination() {
            let proof = matches!(evidence.later, Later::ProvesDurable | Later::ClosingFrame)
                || evidence.successor
                || evidence.checkpoint_beyond;
            if proof {
                assert_ne!(decide(&evidence), Verdict::TornTail, "{evidence:?}");
            }
        }
    }
}
