//! A process around the broker, for tests: three connections, two listeners, one knob.
//!
//! Apart because there is no process here: what the API shows of one is made up.

use millstream_console::{
    Connected, ConnectionId, KnobValue, Listening, Moved, ObjectsStatus, Scrub, StorageStatus, System,
    Verification, VerificationState, WalStatus,
};
use std::sync::Mutex;

#[derive(Debug)]
pub(crate) struct TestSystem {
    open: Mutex<Vec<ConnectionId>>,
    verification: Mutex<Option<Verification>>,
    knobs: Vec<KnobValue>,
}

impl TestSystem {
    pub(crate) fn new() -> TestSystem {
        let open = [("amqp", 3), ("kafka", 1), ("kafka", 2)];
        let open = open.map(|(listener, number)| ConnectionId { listener: listener.to_owned(), number });
        let knob = KnobValue {
            key: "data_dir",
            value: "data".to_owned(),
            source: "--data-dir".to_owned(),
            is_default: false,
            unit: "",
            doc: "Where everything is.",
            cost: "",
        };
        TestSystem { open: Mutex::new(open.into()), verification: Mutex::default(), knobs: vec![knob] }
    }
}

impl System for TestSystem {
    fn listeners(&self) -> Vec<Listening> {
        let listening = |name, port| Listening {
            name,
            address: format!("127.0.0.1:{port}"),
            connections: 2,
            connections_max: 100,
        };
        vec![listening("kafka", 9092), listening("amqp", 5672)]
    }

    fn connections(&self, after: Option<&ConnectionId>, max: usize) -> Vec<Connected> {
        let open = self.open.lock().unwrap();
        let behind = open.iter().filter(|id| after.is_none_or(|after| *id > after));
        let connected =
            |id: &ConnectionId| Connected { id: id.clone(), peer: "10.0.0.1:99".to_owned(), connected_ms: 5 };
        behind.take(max).map(connected).collect()
    }

    fn close(&self, id: &ConnectionId) -> bool {
        let mut open = self.open.lock().unwrap();
        let before = open.len();
        open.retain(|known| known != id);
        open.len() < before
    }

    fn knobs(&self) -> Vec<KnobValue> {
        self.knobs.clone()
    }

    fn storage(&self) -> StorageStatus {
        let moved = || Moved { bytes_read: 0, bytes_written: 0 };
        StorageStatus {
            wal: WalStatus {
                appended_bytes: 7,
                sealed_files: 0,
                sealed_bytes: 0,
                live_bytes: 0,
                dead_files: 0,
                pinned_bytes: 0,
                prepared_files: 0,
                is_disk_full: false,
            },
            objects: ObjectsStatus { count: 0, parts: 0, bytes: 0, live_bytes: 0, dropped: 0 },
            packer: moved(),
            packer_backlog_bytes: 0,
            compaction: moved(),
            scrub: Scrub { bytes_read: 0, rounds: 0, findings: 0 },
            write_amplification: None,
        }
    }

    fn verification(&self) -> Option<Verification> {
        *self.verification.lock().unwrap()
    }

    fn verify(&self, verification: Verification) {
        *self.verification.lock().unwrap() = Some(verification);
    }

    fn end_verification(&self, number: u64) -> Option<Verification> {
        let mut kept = self.verification.lock().unwrap();
        let running =
            kept.as_mut().filter(|kept| kept.number == number && kept.state == VerificationState::Running)?;
        running.state = VerificationState::Cancelled;
        Some(*running)
    }
}
