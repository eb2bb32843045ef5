//! What is counted of the operations of this front.
//!
//! Apart because a method is known by its kind here and by its row there, and the table between them is made once.

use crate::codec::MethodKind;
use crate::ops::OPERATIONS;
use millstream_front::OperationMeters;
use std::sync::Arc;

/// The front's name.
pub(crate) const NAME: &str = "amqp";

/// The meters of the operations, found by method.
#[derive(Debug)]
pub(crate) struct Meters {
    operations: Arc<OperationMeters>,
    /// In the order of the kinds; `None` for a method that is no operation of a client.
    rows: Box<[Option<usize>]>,
}

impl Default for Meters {
    fn default() -> Meters {
        let names = OPERATIONS.iter().map(|operation| operation.name);
        let row =
            |kind: &MethodKind| OPERATIONS.iter().position(|operation| operation.number == number(kind.id()));
        Meters {
            operations: Arc::new(OperationMeters::new(NAME, names)),
            rows: MethodKind::ALL.iter().map(row).collect(),
        }
    }
}

/// The number of a method in the registry.
fn number((class, method): (u16, u16)) -> i16 {
    i16::try_from(class * 256 + method).expect("classes are below 128")
}

impl Meters {
    /// For whoever shows them.
    pub(crate) fn operations(&self) -> Arc<OperationMeters> {
        self.operations.clone()
    }

    /// A method was carried out, so many microseconds after it was taken.
    pub(crate) fn answered(&self, kind: MethodKind, micros: u64) {
        use MethodKind::{BasicAck, BasicNack, BasicRecoverAsync, BasicReject};
        match self.rows[kind as usize] {
            // These have no answer, so there is nothing whose time could be taken.
            Some(row) if matches!(kind, BasicAck | BasicNack | BasicReject | BasicRecoverAsync) => {
                self.operations.taken(row);
            }
            Some(row) => self.operations.answered(row, micros),
            None => {}
        }
    }

    /// Messages were appended, so many microseconds after they had come.
    pub(crate) fn published(&self, micros: u64, messages: u64) {
        if let Some(row) = self.rows[MethodKind::BasicPublish as usize] {
            self.operations.answered_many(row, micros, messages);
        }
    }

    /// A method was taken that nobody waits for.
    pub(crate) fn taken(&self, kind: MethodKind) {
        if let Some(row) = self.rows[kind as usize] {
            self.operations.taken(row);
        }
    }

    /// A method was answered with an error; the numbers of its class and of itself.
    pub(crate) fn failed(&self, class: u16, method: u16) {
        let kind = MethodKind::ALL.iter().position(|kind| kind.id() == (class, method));
        if let Some(row) = kind.and_then(|kind| self.rows[kind]) {
            self.operations.taken(row);
            self.operations.failed(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_method_and_is_counted_by_it() {
        let meters = Meters::default();
        for (place, kind) in MethodKind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, place);
        }
        for operation in OPERATIONS {
            let kind = MethodKind::ALL.iter().find(|kind| number(kind.id()) == operation.number);
            meters.answered(*kind.expect("a method of the protocol"), 1);
        }
        let counts: Vec<_> = meters.operations.counts().collect();
        assert_eq!(counts.len(), OPERATIONS.len());
        assert!(counts.iter().all(|counts| counts.requests == 1 && counts.failures == 0));
    }
}
