//! The commands on the documentation's pages do what the pages say.
//!
//! Apart because the pages are the test: each block of `sh` is run as it stands, with the broker's addresses in place of the default
//! ones, and the block of `text` behind it is what it prints. In such a block `…` stands for anything on a line, and a line of
//! nothing else for any number of lines. What is marked `again` is repeated until it prints that: it shows something that comes
//! about a moment later. What is marked `console` is not run: it starts a broker, or needs another machine.

use crate::process::{Broker, Scratch, millstream, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How often something is repeated that comes about by itself, and the pause between: a minute at least.
const TRIES: u32 = 300;
const PAUSE: Duration = Duration::from_millis(200);

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// A script of a page, and what it prints if the page says so.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    script: String,
    is_repeated: bool,
    printed: Option<String>,
}

/// The steps of a page.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else { continue };
        let body: String =
            lines.by_ref().take_while(|line| *line != "```").flat_map(|line| [line, "\n"]).collect();
        match kind {
            "sh" | "sh again" => {
                steps.push(Step { script: body, is_repeated: kind == "sh again", printed: None })
            }
            "text" => {
                let step = steps.last_mut().expect("what is printed stands behind what prints it");
                assert_eq!(step.printed.replace(body), None, "two blocks of text: {}", step.script);
            }
            _ => {}
        }
    }
    steps
}

/// Whether a text is what a page shows of it.
fn is_shown(shown: &[&str], text: &[&str]) -> bool {
    match (shown, text) {
        ([], []) => true,
        (["…", rest @ ..], _) => is_shown(rest, text) || !text.is_empty() && is_shown(shown, &text[1..]),
        ([line, rest @ ..], [first, others @ ..]) => matches(line, first) && is_shown(rest, others),
        _ => false,
    }
}

/// Whether a line is as it is shown; how many blanks are between two words does not count.
fn matches(shown: &str, line: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (shown, mut rest) = (plain(shown), plain(line));
    let parts: Vec<&str> = shown.split('…').collect();
    for (index, part) in parts.iter().enumerate() {
        let (is_first, is_last) = (index == 0, index + 1 == parts.len());
        let found = match (is_first, is_last) {
            (true, true) => return rest == *part,
            (true, false) => rest.starts_with(part).then_some(0),
            (false, true) => return rest.ends_with(part),
            (false, false) => rest.find(part),
        };
        let Some(at) = found else { return false };
        rest.drain(..at + part.len());
    }
    true
}

/// A broker on free ports, with all listeners.
fn start(scratch: &Scratch) -> Broker {
    let any = "127.0.0.1:0";
    let mut serve = millstream(scratch, &["serve", "--json", "--listen-kafka", any, "--listen-http", any]);
    serve.args(["--listen-aws", any, "--listen-amqp", any, "--listen-amqp-management", any]);
    Broker::spawn(&mut serve)
}

/// Where a broker listens for a protocol.
fn listens<'a>(broker: &'a Broker, name: &str) -> &'a str {
    broker.ready["listen"][name].as_str().unwrap()
}

/// Runs a page's steps against a broker of its own.
fn run(name: &str) {
    let page = std::fs::read_to_string(docs().join(name)).unwrap();
    let scratch = Scratch::new();
    let broker = start(&scratch);
    run_against(&broker, &scratch, &page, name, &[]);
}

/// Runs a page's steps against a broker, with further texts replaced in them.
fn run_against(broker: &Broker, scratch: &Scratch, page: &str, name: &str, replaced: &[(&str, String)]) {
    let defaults =
        [("127.0.0.1:8080", "http"), ("127.0.0.1:4566", "aws"), ("127.0.0.1:15672", "amqp_management")];
    let defaults = defaults.map(|(default, protocol)| (default, listens(broker, protocol).to_owned()));
    let binaries = Path::new(env!("CARGO_BIN_EXE_millstream")).parent().unwrap();
    let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap());
    let steps = steps(page);
    assert!(!steps.is_empty(), "{name} has nothing to run");
    for Step { script, is_repeated, printed } in steps {
        let script =
            defaults.iter().chain(replaced).fold(script, |script, (from, to)| script.replace(from, to));
        let mut shell = Command::new("sh");
        shell.args(["-euc", &script]).current_dir(scratch.path()).stdin(Stdio::null()).env("PATH", &path);
        shell.env("MILLSTREAM_SERVER", format!("http://{}", broker.http));
        shell.env("MILLSTREAM_BOOTSTRAP", &broker.kafka);
        let mut tries = if is_repeated { TRIES } else { 1 };
        loop {
            let output = shell.output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            let lines: Vec<&str> = said.lines().collect();
            let shown = printed.as_ref().map(|printed| printed.lines().collect::<Vec<_>>());
            let is_right = shown.is_none_or(|shown| is_shown(&shown, &lines));
            if output.status.success() && is_right {
                break;
            }
            tries -= 1;
            let noted = String::from_utf8_lossy(&output.stderr);
            assert!(tries > 0, "{name}:\n{script}\nis to print\n{printed:?}\nand prints\n{said}\n{noted}");
            std::thread::sleep(PAUSE);
        }
    }
}

/// A test for each page, and the list of them.
macro_rules! pages {
    ($($name:ident: $page:literal;)*) => {
        $(#[test]
        fn $name() {
            run($page);
        })*

        const RUN: &[&str] = &[$($page),*];
    };
}

pages! {
    a_work_queue_in_five_minutes: "tasks/work-queue.md";
    replay_after_a_bug_fix: "tasks/replay.md";
    watch_lag: "tasks/lag.md";
    dead_letters: "tasks/dead-letters.md";
    one_stream_three_protocols: "tasks/three-protocols.md";
    plain_http: "http.md";
}

#[test]
fn moving_from_rabbitmq() {
    let (old_scratch, new_scratch) = (Scratch::new(), Scratch::new());
    // Another broker of ours stands for RabbitMQ; a real one is moved from by hand.
    let (old, new) = (start(&old_scratch), start(&new_scratch));
    let (server, management) =
        (format!("http://{}", old.http), format!("http://{}", listens(&old, "amqp_management")));
    let on_old = |args: &[&str]| {
        let mut command = millstream(&old_scratch, args);
        command.env("MILLSTREAM_SERVER", &server).env("MILLSTREAM_AMQP_MANAGEMENT", &management);
        stdout(&mut command)
    };
    on_old(&["amqp", "queue", "declare", "orders"]);
    for value in ["first", "second"] {
        on_old(&["queue", "send", "orders", "--value", value]);
    }
    let place = |broker: &Broker, way: &str| {
        let (amqp, management) = (listens(broker, "amqp"), listens(broker, "amqp_management"));
        format!("@{amqp} --{way}-management http://{management} ")
    };
    let replaced = [("@rabbit ", place(&old, "from")), ("@mill ", place(&new, "to"))];
    let name = "migrate-rabbitmq.md";
    let page = std::fs::read_to_string(docs().join(name)).unwrap();
    run_against(&new, &new_scratch, &page, name, &replaced);
    let mut receive = millstream(&new_scratch, &["queue", "receive", "orders", "-n", "10", "--json"]);
    let moved = stdout(receive.env("MILLSTREAM_SERVER", format!("http://{}", new.http)));
    let moved: serde_json::Value = serde_json::from_str(&moved).unwrap();
    let values: Vec<&str> =
        moved.as_array().unwrap().iter().map(|record| record["value"].as_str().unwrap()).collect();
    assert_eq!(values, ["first", "second"]);
}

#[test]
fn every_page_of_a_task_is_run() {
    for entry in std::fs::read_dir(docs().join("tasks")).unwrap() {
        let page = format!("tasks/{}", entry.unwrap().file_name().to_str().unwrap());
        assert!(RUN.contains(&page.as_str()), "{page}");
    }
}

#[test]
fn a_text_is_compared_with_what_is_shown_of_it() {
    let is = |shown: &str, text: &str| {
        is_shown(&shown.lines().collect::<Vec<_>>(), &text.lines().collect::<Vec<_>>())
    };
    assert!(is("a…\n…\nz", "abc\nx\ny\nz") && is("…", "") && is("a  b", "a b") && is("…c…", "abcd"));
    assert!(!is("a", "ab") && !is("a", "a\nb") && !is("a…b", "ac") && !is("…\na", "b") && !is("", "a"));
    let page = "```sh\nx\n```\nand\n```text\ny\n```\n```console\nz\n```\n";
    let step = Step { script: "x\n".to_owned(), is_repeated: false, printed: Some("y\n".to_owned()) };
    assert_eq!(steps(page), [step]);
}
