//! Space of files in which nothing lives any more: given back even when nobody writes afterwards.

use crate::caller::{Caller, batch, options, start_with};
use millstream_core::{Reply, Request};
use millstream_engine::EngineOptions;
use millstream_testkit::sim_disk::{Faults, SimDisk};
use millstream_types::LogId;
use std::sync::Arc;
use std::time::Duration;

/// How often the files are looked at, 20 ms apart.
const LOOKS_MAX: u32 = 500;

#[test]
fn a_deleted_stream_gives_its_files_back_while_nobody_writes() {
    let disk = Arc::new(SimDisk::new(3, Faults::none(96 << 20)));
    // No checkpoint is due by bytes.
    let mut engine_options = EngineOptions { checkpoint_bytes: 1 << 40, ..EngineOptions::default() };
    engine_options.upkeep.plan_interval_ms = 20;
    engine_options.upkeep.dead_bytes_max = 4 << 20;
    let engine = start_with(&disk, options(), &engine_options).unwrap();
    let mut caller = Caller::new(&engine);
    let stream = caller.create("s", 1);
    let log = LogId { stream: stream.id, index: 0 };
    for _ in 0..100 {
        let reply = caller.ask(Request::Append(vec![batch(log, 1, 200_000)]));
        assert!(matches!(reply, Reply::Appended(_)), "{reply:?}");
    }
    let sealed = || caller.handle.files().sealed().iter().map(|file| file.bytes).sum::<u64>();
    assert!(sealed() > 12 << 20, "several files are full");
    let reply = Caller::new(&engine).ask(Request::DeleteStream { stream: stream.id });
    assert!(!matches!(reply, Reply::Refused(_)), "{reply:?}");
    for _ in 0..LOOKS_MAX {
        if sealed() < 4 << 20 {
            return engine.stop().unwrap();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{} bytes of dead files are kept", sealed());
}
