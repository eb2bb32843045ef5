//! The commands that talk to a broker, end to end: the real binary on both sides.

use crate::process::{Broker, Scratch, complaint, millstream, stdout};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

/// A broker and the directory that commands run in.
struct Place {
    scratch: Scratch,
    broker: Broker,
}

impl Place {
    fn new() -> Place {
        let scratch = Scratch::new();
        let broker = Broker::start(&scratch, &["--data-dir", "data"]);
        Place { scratch, broker }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = millstream(&self.scratch, args);
        command.env("MILLSTREAM_BOOTSTRAP", &self.broker.kafka);
        command
    }

    /// What a command prints.
    fn run(&self, args: &[&str]) -> String {
        stdout(&mut self.command(args))
    }

    /// The JSON that a command prints, a value per line.
    fn json(&self, args: &[&str]) -> Vec<Value> {
        let text = stdout(self.command(args).arg("--json"));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What a command says that fails.
    fn refused(&self, args: &[&str]) -> String {
        complaint(&mut self.command(args))
    }

    /// Stores lines and gives what the command printed.
    fn produce(&self, args: &[&str], lines: &str) -> String {
        let mut command = self.command(&["produce"]);
        let mut child = command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// A command that goes on until it is told to stop.
struct Following(Child, BufReader<std::process::ChildStdout>);

impl Following {
    fn start(command: &mut Command) -> Following {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Following(child, out)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.1.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Sends the signal of Ctrl-C and gives the exit code.
    fn stop(mut self) -> Option<i32> {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        // Only after a failed assertion is it still there.
        if self.0.try_wait().unwrap().is_none() {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }
}

#[test]
fn topics_are_created_listed_changed_and_deleted() {
    let place = Place::new();
    assert_eq!(place.run(&["topic", "create", "orders", "-p", "3"]), "topic \"orders\" is created\n");
    assert!(place.refused(&["topic", "create", "orders"]).contains("it exists already"));
    let again = place.json(&["topic", "create", "orders", "--if-not-exists"]);
    assert_eq!(again, [json!({"topic": "orders", "created": false})]);
    assert_eq!(place.run(&["topic", "list"]), "TOPIC   PARTITIONS  REPLICAS\norders           3         1\n");

    place.run(&["topic", "alter", "orders", "-p", "4", "-c", "retention.ms=86400000"]);
    let described = &place.json(&["topic", "describe", "orders"])[0][0];
    assert_eq!(described["partitions"].as_array().unwrap().len(), 4);
    let setting = json!([{"name": "retention.ms", "value": "86400000", "default": false}]);
    assert_eq!(described["config"], setting);
    place.run(&["topic", "alter", "orders", "--delete-config", "retention.ms"]);
    assert_eq!(place.json(&["topic", "describe", "orders"])[0][0]["config"], json!([]));
    assert!(
        place.refused(&["topic", "alter", "orders", "-p", "2"]).contains("keeps its number of partitions")
    );

    place.run(&["topic", "delete", "orders"]);
    assert_eq!(place.json(&["topic", "list"]), [json!([])]);
}

#[test]
fn what_is_produced_is_consumed_with_key_headers_and_time() {
    let place = Place::new();
    place.run(&["topic", "create", "t", "-p", "1"]);
    let said = place.produce(
        &["t", "--key-separator", ":", "--headers-separator", "|", "-H", "all=1", "--null", "-"],
        "a=x,a=y|k:v\nplain\n|gone:-\n",
    );
    assert_eq!(said, "3 records stored in \"t\": partition 0 offsets 0 to 2\n");

    let records = place.json(&["consume", "t"]);
    let header = |name: &str, value: &str| json!({"name": name, "value": value});
    assert_eq!(records.len(), 3);
    assert_eq!((&records[0]["key"], &records[0]["value"]), (&json!("k"), &json!("v")));
    assert_eq!(records[0]["headers"], json!([header("all", "1"), header("a", "x"), header("a", "y")]));
    assert_eq!((&records[1]["key"], &records[1]["value"]), (&Value::Null, &json!("plain")));
    assert_eq!((&records[2]["key"], &records[2]["value"]), (&json!("gone"), &Value::Null));
    assert_eq!(records[2]["offset"], 2);
    assert!(records.iter().all(|record| record["timestamp_ms"].as_i64().unwrap() > 1_700_000_000_000));

    let line = place.run(&["consume", "t", "-k", "-H", "-o", "--separator", " ", "-n", "1"]);
    assert_eq!(line, "t/0@0 all=1,a=x,a=y k v\n");
}

#[test]
fn reading_begins_where_asked_and_ends_at_the_end_or_the_count() {
    let place = Place::new();
    place.run(&["topic", "create", "t", "-p", "1"]);
    place.produce(&["t", "-z", "zstd"], "0\n1\n2\n3\n4\n");
    assert_eq!(place.run(&["consume", "t"]), "0\n1\n2\n3\n4\n");
    assert_eq!(place.run(&["consume", "t", "--offset", "3"]), "3\n4\n");
    assert_eq!(place.run(&["consume", "t", "--offset", "-2", "-n", "1"]), "3\n");
    assert_eq!(place.run(&["consume", "t", "--offset", "end"]), "");
    assert_eq!(place.run(&["consume", "t", "--time", "-1h"]), "0\n1\n2\n3\n4\n");
    assert_eq!(place.run(&["consume", "t", "--time", "2999-01-01"]), "");
    assert_eq!(place.run(&["consume", "t", "-p", "0", "-n", "2"]), "0\n1\n");
    assert!(place.refused(&["consume", "t", "-p", "7"]).contains("has no partition 7; it has 1"));
}

#[test]
fn many_records_are_stored_once_each_under_their_keys_partition() {
    let place = Place::new();
    place.run(&["topic", "create", "t", "-p", "4"]);
    let lines: String = (0..20_000).map(|n| format!("{}:{n}\n", n % 10)).collect();
    let said = place.produce(&["t", "--key-separator", ":", "-z", "lz4"], &lines);
    assert!(said.starts_with("20000 records stored in \"t\": "), "{said}");
    let mut last = [-1; 10];
    for line in place.run(&["consume", "t", "--keys"]).lines() {
        let (key, n) = line.split_once('\t').unwrap();
        let (key, n): (usize, i64) = (key.parse().unwrap(), n.parse().unwrap());
        assert_eq!(
            n,
            if last[key] < 0 { key as i64 } else { last[key] + 10 },
            "in order within a key, each once"
        );
        last[key] = n;
    }
    assert!(last.iter().all(|last| *last >= 19_990));
}

#[test]
fn a_whole_file_becomes_one_record_and_a_value_as_many_as_asked() {
    let place = Place::new();
    place.run(&["topic", "create", "t", "-p", "1"]);
    place.scratch.write("file", "two\nlines\n");
    place.run(&["produce", "t", "--file", "file", "--whole", "-k", "file"]);
    assert_eq!(place.json(&["consume", "t"])[0]["value"], "two\nlines\n");
    let report = &place.json(&["produce", "t", "--value", "v", "-n", "5", "--rate", "1000"])[0];
    let span = json!({"partition": 0, "records": 5, "first_offset": 1, "last_offset": 5});
    assert_eq!(report, &json!({"topic": "t", "stored": 5, "partitions": [span]}));
    assert!(place.refused(&["produce", "t", "--file", "none"]).contains("cannot read none: "));
}

#[test]
fn following_goes_on_until_it_is_told_to_stop() {
    let place = Place::new();
    place.run(&["topic", "create", "t", "-p", "1"]);
    place.produce(&["t"], "before\n");
    let mut following = Following::start(&mut place.command(&["consume", "t", "--follow"]));
    assert_eq!(following.line(), "before");
    place.produce(&["t"], "after\n");
    assert_eq!(following.line(), "after");
    assert_eq!(following.stop(), Some(0));
}

#[test]
fn a_group_goes_on_where_it_left_off_and_can_be_moved() {
    let place = Place::new();
    place.run(&["topic", "create", "t", "-p", "1"]);
    place.produce(&["t"], "0\n1\n2\n3\n");
    assert_eq!(place.run(&["consume", "t", "--group", "g", "-n", "3"]), "0\n1\n2\n");
    let described = &place.json(&["group", "describe", "g"])[0][0];
    assert_eq!((&described["lag"], &described["members"]), (&json!(1), &json!(0)));
    assert_eq!(place.run(&["consume", "t", "--group", "g"]), "3\n");

    let dry = &place.json(&["group", "reset", "g", "--topic", "t", "--shift-by", "-2"])[0];
    let step = json!({"topic": "t", "partition": 0, "from": 4, "to": 2});
    assert_eq!(dry, &json!({"group": "g", "executed": false, "partitions": [step]}));
    assert_eq!(place.run(&["consume", "t", "--group", "g"]), "", "a dry run changes nothing");
    place.run(&["group", "reset", "g", "--all-topics", "--to-offset", "1", "--execute"]);
    assert_eq!(place.run(&["consume", "t", "--group", "g"]), "1\n2\n3\n");

    assert!(place.run(&["group", "list"]).contains("g      Empty"));
    place.run(&["group", "delete", "g"]);
    assert!(place.refused(&["group", "describe", "g"]).contains("there is no group \"g\""));
}

#[test]
fn members_share_partitions_and_the_rest_takes_over_from_one_that_leaves() {
    let place = Place::new();
    place.run(&["topic", "create", "t", "-p", "2"]);
    let consume = ["consume", "t", "--group", "g", "--follow", "--offsets"];
    let mut first = Following::start(&mut place.command(&consume));
    place.run(&["produce", "t", "-p", "0", "--value", "alone"]);
    assert_eq!(first.line(), "t/0@0\talone");
    let mut second = Following::start(&mut place.command(&consume));
    // The second is in when the group has two members and neither is about to join again.
    let shared = || {
        let described = &place.json(&["group", "describe", "g"])[0][0];
        let members = described["partitions"].as_array().unwrap().iter().map(|row| row["member"].as_str());
        described["state"] == "Stable"
            && members.flatten().collect::<std::collections::BTreeSet<_>>().len() == 2
    };
    while !shared() {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let busy = place.refused(&["group", "reset", "g", "--topic", "t", "--to-earliest", "--execute"]);
    assert!(busy.contains("has 2 members"), "{busy}");
    for partition in ["0", "1"] {
        place.run(&["produce", "t", "-p", partition, "--value", partition]);
    }
    // Which member has which partition is the range assignor's choice, by member id.
    let lines = std::collections::BTreeSet::from([first.line(), second.line()]);
    assert_eq!(lines, ["t/0@1\t0", "t/1@0\t1"].map(str::to_owned).into());
    assert_eq!(first.stop(), Some(0));
    for partition in ["0", "1"] {
        place.run(&["produce", "t", "-p", partition, "--value", "rest"]);
    }
    let lines = std::collections::BTreeSet::from([second.line(), second.line()]);
    assert_eq!(
        lines,
        ["t/0@2\trest", "t/1@1\trest"].map(str::to_owned).into(),
        "nothing twice, nothing lost"
    );
    assert_eq!(second.stop(), Some(0));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let place = Place::new();
    place.run(&["topic", "create", "t", "-p", "1"]);
    place.run(&["produce", "t", "--value", "a value of some length", "-n", "50000"]);
    let mut child =
        place.command(&["consume", "t"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "a value of some length\n");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn what_was_typed_before_ctrl_c_is_stored_and_reported() {
    let place = Place::new();
    place.run(&["topic", "create", "t", "-p", "1"]);
    let mut command = place.command(&["produce", "t"]);
    let mut producing = Following::start(command.stdin(Stdio::piped()));
    let mut typed = producing.0.stdin.take().unwrap();
    typed.write_all(b"one\n").unwrap();
    let mut following = Following::start(&mut place.command(&["consume", "t", "--follow"]));
    assert_eq!(following.line(), "one", "a line is stored without waiting for the next");
    assert_eq!(following.stop(), Some(0));
    let id = producing.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(producing.line(), "1 record stored in \"t\": partition 0 offset 0");
    assert_eq!(producing.0.wait().unwrap().code(), Some(0));
    drop(typed);
}

#[test]
fn a_line_that_is_wrong_is_named_and_those_before_it_are_stored() {
    let place = Place::new();
    place.run(&["topic", "create", "t", "-p", "1"]);
    place.scratch.write("lines", "a=1|first\nno header|second\na=1|third\n");
    let said = place.refused(&["produce", "t", "--headers-separator", "|", "--file", "lines"]);
    assert_eq!(said, "millstream: line 2: header \"no header\" is not NAME=VALUE");
    assert_eq!(place.run(&["consume", "t"]), "first\n");
}

#[test]
fn failures_are_one_sentence_that_says_what_to_do() {
    let place = Place::new();
    place.run(&["topic", "create", "orders", "-p", "1"]);
    for args in [&["consume", "order"][..], &["produce", "order", "-v", "x"], &["topic", "delete", "order"]] {
        let said = place.refused(args);
        assert!(said.ends_with("there is no topic \"order\"; did you mean \"orders\"?"), "{said}");
    }
    let mut nobody = millstream(&place.scratch, &["topic", "list", "--bootstrap", "127.0.0.1:1"]);
    let said = complaint(&mut nobody);
    assert!(said.contains("no broker answers at 127.0.0.1:1 (connection refused); start one with"), "{said}");
}
