//! The actions, and the three ways in which each is carried out.
//!
//! Apart because one look must show that all three have every action: a new action does not compile before each way has it.

use super::http::{Browser, api};
use crate::process::{Broker, Scratch, millstream, stdout};
use serde_json::json;

/// Something that somebody does to a broker.
#[derive(Debug, Clone, Copy)]
pub(super) enum Action {
    /// A queue, perhaps with a stream for its dead letters.
    Create { queue: &'static str, dead_letters: Option<&'static str> },
    /// A record with a key and a header.
    Publish { stream: &'static str, key: &'static str, value: &'static str },
    /// A setting of a stream, a number.
    Set { stream: &'static str, setting: &'static str, value: u64 },
    /// Nobody gets anything from a queue.
    Pause { queue: &'static str },
    /// Consumers of a queue get records again.
    Resume { queue: &'static str },
    /// Consumers of a queue get everything again that there is.
    Replay { queue: &'static str },
    /// All dead letters go to where they came from.
    Redrive { dead_letters: &'static str },
    /// A dead letter is done with; it is named by its key, and by its offset where that is the way.
    Discard { dead_letters: &'static str, key: &'static str, offset: u64 },
    /// What is ready in a queue is done with.
    Purge { queue: &'static str },
    /// An alarm's rule is silent for hours.
    Silence { rule: &'static str, reason: &'static str, hours: u64 },
    /// It is heard again.
    EndSilence { rule: &'static str },
    /// A stream goes with everything in it.
    Delete { stream: &'static str },
}

/// A way to carry actions out.
pub(super) enum Way {
    Api,
    Commands(Scratch),
    Forms(Browser),
}

impl Way {
    pub(super) fn act(&self, broker: &Broker, action: Action) {
        match self {
            Way::Api => by_api(broker, action),
            Way::Commands(scratch) => by_command(broker, scratch, action),
            Way::Forms(browser) => by_form(broker, browser, action),
        }
    }
}

fn by_api(broker: &Broker, action: Action) {
    let (method, path, body) = match action {
        Action::Create { queue, dead_letters } => {
            let mut settings = json!({"leased": true, "consumed_retention_ms": 0, "retention_ms": null});
            if let Some(dead_letters) = dead_letters {
                settings["dead_letter_stream"] = dead_letters.into();
                settings["delivery_limit"] = 3.into();
            }
            ("PUT", format!("/streams/{queue}"), Some(json!({"settings": settings})))
        }
        Action::Publish { stream, key, value } => {
            let record =
                json!({"key": key, "value": value, "headers": [{"name": "from", "value": "a test"}]});
            ("POST", format!("/streams/{stream}/records"), Some(json!({"records": [record]})))
        }
        Action::Set { stream, setting, value } => {
            ("PATCH", format!("/streams/{stream}"), Some(json!({"settings": {setting: value}})))
        }
        Action::Pause { queue } => {
            ("PATCH", format!("/streams/{queue}/groups/default"), Some(json!({"paused": true})))
        }
        Action::Resume { queue } => {
            ("PATCH", format!("/streams/{queue}/groups/default"), Some(json!({"paused": false})))
        }
        Action::Replay { queue } => {
            ("POST", format!("/streams/{queue}/groups/default/seek"), Some(json!({"to": "start"})))
        }
        Action::Redrive { dead_letters } => {
            ("POST", format!("/dead-letters/{dead_letters}/redrives"), Some(json!({})))
        }
        Action::Discard { dead_letters, offset, .. } => {
            let body = json!({"records": [{"partition": 0, "offset": offset}]});
            ("POST", format!("/dead-letters/{dead_letters}/records/discard"), Some(body))
        }
        Action::Purge { queue } => {
            ("POST", format!("/streams/{queue}/groups/default/purge"), Some(json!({})))
        }
        Action::Silence { rule, reason, hours } => {
            let body = json!({"reason": reason, "for_ms": hours * 3_600_000});
            ("POST", format!("/alarms/{rule}/silence"), Some(body))
        }
        Action::EndSilence { rule } => ("DELETE", format!("/alarms/{rule}/silence"), None),
        Action::Delete { stream } => ("DELETE", format!("/streams/{stream}"), None),
    };
    api(broker, method, &path, body.as_ref());
}

fn by_command(broker: &Broker, scratch: &Scratch, action: Action) {
    let dead = |name: &str| format!("dead_letter_stream={name}");
    let run = |args: &[&str]| {
        let mut command = millstream(scratch, args);
        stdout(command.env("MILLSTREAM_SERVER", format!("http://{}", broker.http)));
    };
    match action {
        Action::Create { queue, dead_letters: None } => run(&["queue", "create", queue]),
        Action::Create { queue, dead_letters: Some(name) } => {
            run(&["queue", "create", queue, "--set", &dead(name), "--set", "delivery_limit=3"]);
        }
        Action::Publish { stream, key, value } => {
            run(&["stream", "publish", stream, "--key", key, "--value", value, "-H", "from=a test"]);
        }
        Action::Set { stream, setting, value } => {
            run(&["queue", "alter", stream, "--set", &format!("{setting}={value}")]);
        }
        Action::Pause { queue } => run(&["queue", "alter", queue, "--pause"]),
        Action::Resume { queue } => run(&["queue", "alter", queue, "--resume"]),
        Action::Replay { queue } => run(&["queue", "replay", queue, "--to-earliest"]),
        Action::Redrive { dead_letters } => run(&["dlq", "redrive", dead_letters]),
        Action::Discard { dead_letters, key, .. } => run(&["dlq", "discard", dead_letters, "--key", key]),
        Action::Purge { queue } => run(&["queue", "purge", queue]),
        Action::Silence { rule, reason, hours } => {
            run(&["alarm", "silence", rule, "--reason", reason, "--for", &format!("{hours}h")]);
        }
        Action::EndSilence { rule } => run(&["alarm", "silence", rule, "--end"]),
        Action::Delete { stream } => run(&["stream", "delete", stream]),
    }
}

fn by_form(broker: &Broker, browser: &Browser, action: Action) {
    let submit = |address: &str, fields: &[(&str, &str)]| browser.submit(broker, address, fields);
    match action {
        Action::Create { queue, dead_letters } => {
            let limit = dead_letters.map_or("", |_| "3");
            let dead_letters = dead_letters.unwrap_or_default();
            let of = [("dead_letter_stream", dead_letters), ("delivery_limit", limit)];
            submit(
                "/streams",
                &[&[("name", queue), ("partitions", "1"), ("kind", "queue")], &of[..]].concat(),
            );
        }
        Action::Publish { stream, key, value } => {
            let fields = [("key", key), ("value", value), ("headers", "from: a test"), ("delay_ms", "")];
            submit(&format!("/streams/{stream}/records"), &fields);
        }
        Action::Set { stream, setting, value } => {
            let fields = [("setting", setting), ("value", &*value.to_string()), ("act", "set")];
            submit(&format!("/streams/{stream}/settings"), &fields);
        }
        Action::Pause { queue } => submit(&format!("/streams/{queue}/queue"), &[("act", "pause")]),
        Action::Resume { queue } => submit(&format!("/streams/{queue}/queue"), &[("act", "resume")]),
        Action::Replay { queue } => {
            submit(&format!("/streams/{queue}/queue"), &[("act", "seek"), ("to", "start"), ("time_ms", "")]);
        }
        Action::Redrive { dead_letters } => {
            let fields = [("target", ""), ("per_second", ""), ("act", "redrive_all")];
            submit(&format!("/dead-letters/{dead_letters}"), &fields);
        }
        Action::Discard { dead_letters, offset, .. } => {
            let fields = [("at", &*format!("0:{offset}")), ("target", ""), ("act", "discard")];
            submit(&format!("/dead-letters/{dead_letters}"), &fields);
        }
        Action::Purge { queue } => submit(&format!("/streams/{queue}/queue"), &[("act", "purge")]),
        Action::Silence { rule, reason, hours } => {
            let fields =
                [("act", "silence"), ("id", rule), ("reason", reason), ("hours", &*hours.to_string())];
            submit("/alarms", &fields);
        }
        Action::EndSilence { rule } => submit("/alarms", &[("act", "unsilence"), ("id", rule)]),
        Action::Delete { stream } => submit(&format!("/streams/{stream}/delete"), &[]),
    }
}
