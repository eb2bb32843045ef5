//! Histories survive their files and come out in the order of time.

use super::{Event, HistoryError, Merge, Op, Phase, Run, Writer};

/// A directory of this test's own, removed with it.
struct Dir(std::path::PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let path = std::env::temp_dir().join(format!("testkit-history-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Dir(path)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn files_are_merged_by_time_with_questions_before_answers() {
    let dir = Dir::new("merge");
    let write = |process: &str, times: &[(u64, Phase)]| {
        let mut at = times.iter().map(|(time, _)| *time);
        let mut writer = Writer::create(&dir.0, process, move || at.next().unwrap()).unwrap();
        for (_, phase) in times {
            writer.done(*phase, Event { op: Op::Send, topic: "t".into(), ..Event::default() }).unwrap();
        }
        writer.finish().unwrap();
        dir.0.join(format!("{process}.jsonl"))
    };
    let a = write("a", &[(1, Phase::Invoke), (5, Phase::Ok), (9, Phase::Info)]);
    let b = write("b", &[(2, Phase::Invoke), (3, Phase::Fail), (5, Phase::Invoke)]);
    let order: Vec<_> = Merge::open(&[a, b])
        .unwrap()
        .map(|event| event.map(|event| (event.time, event.process, event.phase)).unwrap())
        .collect();
    let expected = [
        (1, "a", Phase::Invoke),
        (2, "b", Phase::Invoke),
        (3, "b", Phase::Fail),
        (5, "b", Phase::Invoke),
        (5, "a", Phase::Ok),
        (9, "a", Phase::Info),
    ];
    assert_eq!(order, expected.map(|(time, process, phase)| (time, process.to_owned(), phase)));
}

#[test]
fn an_event_is_read_as_it_was_written() {
    let mut runs = Vec::new();
    for (offset, n) in [(5, 1), (6, 2), (8, 3), (9, 3)] {
        Run::push(&mut runs, offset, 4, n);
    }
    assert_eq!(runs.iter().map(|run| run.count).collect::<Vec<_>>(), [2, 1, 1]);
    let event = Event {
        time: u64::MAX,
        process: "p".into(),
        id: 3,
        op: Op::Poll,
        topic: "t".into(),
        partition: 2,
        runs,
        offset: Some(-1),
        present: Some(false),
        ..Event::default()
    };
    let line = serde_json::to_string(&event).unwrap();
    assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event, "{line}");
}

#[test]
fn lines_that_are_no_events_or_go_back_in_time_are_refused() {
    let dir = Dir::new("bad");
    let refused = |name: &str, text: &str| {
        let path = dir.0.join(name);
        std::fs::write(&path, text).unwrap();
        Merge::open(&[path]).and_then(|merge| merge.collect::<Result<Vec<_>, _>>()).unwrap_err()
    };
    let good = r#"{"time":5,"process":"p","type":"ok","op":"kill"}"#;
    let late = good.replace('5', "4");
    assert!(matches!(refused("time", &format!("{good}\n{late}\n")), HistoryError::Time { line: 2, .. }));
    assert!(matches!(refused("cut", &format!("{good}\n{{\"ti")), HistoryError::Line { line: 2, .. }));
    assert!(matches!(refused("field", "{\"tme\":1}\n"), HistoryError::Line { line: 1, .. }));
}
