//! A full disk: refused before anything is decided, reads go on, and writing resumes by itself (R12).

use crate::caller::{Caller, batch, options, start_with};
use millstream_core::request::Trim;
use millstream_core::{Reply, Request};
use millstream_engine::EngineOptions;
use millstream_testkit::sim_disk::{Faults, SimDisk};
use millstream_types::{ErrorKind, LogId, Offset};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn appends_are_refused_reads_go_on_and_trimming_makes_room() {
    let disk = Arc::new(SimDisk::new(1, Faults::none(24 << 20)));
    assert!(options().wal_file_bytes < 12 << 20, "several files fit");
    // No checkpoint is due by bytes: what was trimmed must come free all the same.
    let rarely = EngineOptions { checkpoint_bytes: 1 << 40, ..EngineOptions::default() };
    let engine = start_with(&disk, options(), &rarely).unwrap();
    let mut caller = Caller::new(&engine);
    let stream = caller.create("s", 1);
    let log = LogId { stream: stream.id, index: 0 };
    let mut end = 0;
    loop {
        match caller.ask(Request::Append(vec![batch(log, 1, 200_000)])) {
            Reply::Appended(results) => {
                results[0].unwrap();
                end += 1;
                assert!(end < 1000, "the disk is smaller than that");
            }
            Reply::Refused(ErrorKind::StorageFull) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(caller.read_all(log, Offset(0)), (0..end).collect::<Vec<_>>());
    let reply = caller.ask(Request::TrimLogs(vec![Trim { log, before: None }]));
    assert!(matches!(reply, Reply::Trimmed(_)), "what frees space is never refused: {reply:?}");
    let mut refused = 0;
    loop {
        match caller.ask(Request::Append(vec![batch(log, 1, 200_000)])) {
            Reply::Appended(results) => {
                assert_eq!(results[0].unwrap().base_offset, Offset(end));
                break;
            }
            Reply::Refused(ErrorKind::StorageFull) => {
                refused += 1;
                assert!(refused < 1000, "writing resumes without a restart");
                std::thread::sleep(Duration::from_millis(20));
            }
            other => panic!("{other:?}"),
        }
    }
    engine.stop().unwrap();
}
