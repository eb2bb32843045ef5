//! A verification over two lives of a broker, on a real directory.

use super::*;
use crate::wiring::{Broker, BrokerOptions};
use millstream_core::ShardOptions;
use millstream_core::catalog::StreamConfig;
use millstream_core::log::AppendBatch;
use millstream_core::request::CreateStream;
use millstream_storage::Durability;
use millstream_types::batch::{BatchBuilder, Compression};
use millstream_types::{EngineTime, LogId, Namespace, RecordTime, StreamUid};
use std::path::Path;

/// Several steps of a verification.
const RECORDS: usize = 5;
const RECORD_BYTES: usize = 256 << 10;

fn open(directory: &Path) -> Broker {
    let options = BrokerOptions {
        durability: Durability::Fsync,
        tail_bytes: 1 << 20,
        cached_bytes_max: 1 << 20,
        wal_pool_files_max: 2,
        open_files_max: 16,
        shard: ShardOptions::default(),
        upkeep_bytes_per_second: 1 << 20,
        compaction_memory_bytes: 1 << 16,
        traces: None,
    };
    Broker::open(directory, &options).unwrap()
}

fn ask(broker: &Broker, request: Request) -> Reply {
    let grant =
        Authorizer::local_only().authorize(&Principal::local(), Action::Alter, Resource::Cluster).unwrap();
    errand::ask(&broker.backend, vec![grant.request(request)]).pop().unwrap()
}

/// Writes more than one step reads.
fn fill(broker: &Broker) {
    let create = CreateStream {
        namespace: Namespace::DEFAULT,
        name: "s".into(),
        uid: StreamUid(1),
        logs: 1,
        config: StreamConfig::default(),
    };
    let Reply::Stream(entry) = ask(broker, Request::CreateStream(Box::new(create))) else {
        panic!("it was not created")
    };
    for _ in 0..RECORDS {
        let mut builder = BatchBuilder::default();
        builder.push(RecordTime(1), None, Some(&vec![7; RECORD_BYTES]), &[]).unwrap();
        let batch = AppendBatch {
            log: LogId { stream: entry.id, index: 0 },
            records: 1,
            last_offset_delta: 0,
            max_timestamp: RecordTime(1),
            producer: None,
            marks: Vec::new(),
            bytes: builder.finish(Compression::None).unwrap(),
        };
        assert!(matches!(ask(broker, Request::Append(vec![batch])), Reply::Appended(_)));
    }
}

/// Waits, however slow the machine is.
fn wait(verifying: &Verifying, is_it: impl Fn(&Verification) -> bool) -> Verification {
    for _ in 0..6_000 {
        if let Some(last) = verifying.last().filter(&is_it) {
            return last;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it does not come: {:?}", verifying.last())
}

#[test]
fn a_verification_goes_on_where_the_last_process_has_left_it() {
    let directory = std::env::temp_dir().join(format!("millstream-verifier-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let broker = open(&directory);
    fill(&broker);
    // A start seals what the last life has written.
    broker.stop().unwrap();
    let broker = open(&directory);

    // After its first step it would rest for days.
    let verifier = broker.verifier(1).unwrap();
    let verifying = verifier.verifying();
    assert_eq!(verifying.last(), None);
    verifying.begin(Verification::begin(1, EngineTime(5)));
    let begun = wait(&verifying, |last| last.done_bytes > 0);
    assert_eq!((begun.state, begun.findings), (VerificationState::Running, 0));
    assert!(begun.done_bytes < begun.total_bytes && begun.total_bytes > (RECORDS * RECORD_BYTES) as u64);
    verifier.stop();
    broker.stop().unwrap();

    let broker = open(&directory);
    let verifier = broker.verifier(1 << 40).unwrap();
    let verifying = verifier.verifying();
    let done = wait(&verifying, |last| last.state == VerificationState::Completed);
    assert_eq!((done.number, done.started, done.findings), (1, EngineTime(5), 0));
    assert!(done.done_bytes > begun.total_bytes, "the file at hand is read again: {done:?}");
    verifying.begin(Verification::begin(2, EngineTime(6)));
    wait(&verifying, |last| last.number == 2 && last.state == VerificationState::Completed);
    assert_eq!(verifying.end(2), None, "it is over");
    verifier.stop();
    // What has become of it is written down, too.
    let namespace = broker.backend.namespace_entry(DEFAULT_NAME).unwrap();
    let text = namespace.annotations.get(VERIFICATION).unwrap();
    assert_eq!(Verification::parse(text).unwrap().state, VerificationState::Completed);
    broker.stop().unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
}
