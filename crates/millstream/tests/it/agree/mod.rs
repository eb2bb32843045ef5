//! API, commands and forms: the same actions by each, on a broker of its own, and what is there afterwards.
//!
//! Apart because every action is compared, not the words in which it is asked for: after each one the three brokers must show
//! the same, but for times and what is drawn by chance.

mod http;
mod ways;

use crate::process::{Broker, Scratch};
use http::{Browser, api};
use serde_json::{Value, json};
use std::time::Duration;
use ways::{Action, Way};

/// One way with its broker.
struct Side {
    name: &'static str,
    broker: Broker,
    way: Way,
    _scratch: Scratch,
}

impl Side {
    fn new(name: &'static str, way: impl FnOnce(&Broker) -> Way) -> Side {
        let scratch = Scratch::new();
        // Whatever the machine is like: no alarm comes by itself.
        let quiet = ["--alarm-disk-free-percent", "0", "--alarm-fsync-ms", "600000"];
        let broker = Broker::start(&scratch, &[&["--data-dir", "data"][..], &quiet].concat());
        let way = way(&broker);
        Side { name, broker, way, _scratch: scratch }
    }

    fn get(&self, path: &str) -> Value {
        api(&self.broker, "GET", path, None)
    }

    /// Everything that an action here may change, without times and random ids.
    fn state(&self) -> Value {
        let mut streams = serde_json::Map::new();
        for listed in self.get("/streams")["items"].as_array().unwrap() {
            let name = listed["name"].as_str().unwrap();
            let mut stream = self.get(&format!("/streams/{name}"));
            let records = self.get(&format!("/streams/{name}/records?limit=100"));
            let records: Vec<Value> = records["items"].as_array().unwrap().iter().map(record).collect();
            let redrives = self.get(&format!("/dead-letters/{name}/redrives"));
            let redrives: Vec<Value> = redrives["items"].as_array().unwrap().iter().map(redrive).collect();
            let shown = stream.as_object_mut().unwrap();
            shown.retain(|key, _| !["uid", "created_ms", "bytes", "partitions", "read_by"].contains(&&**key));
            shown.insert("records_shown".into(), records.into());
            shown.insert("redrives".into(), redrives.into());
            streams.insert(name.to_owned(), stream);
        }
        let alarms = self.get("/alarms");
        let silences: Vec<Value> = alarms["silences"]
            .as_array()
            .unwrap()
            .iter()
            .map(|silence| json!({"id": silence["id"], "reason": silence["reason"]}))
            .collect();
        json!({"streams": streams, "silences": silences})
    }

    /// Waits until what goes on by itself is over: no record is on its way, no redrive under way.
    fn rest(&self) -> Value {
        for _ in 0..1200 {
            let state = self.state();
            let is_at_rest = state["streams"].as_object().unwrap().values().all(|stream| {
                let is_over = |redrive: &Value| redrive["state"] != "running";
                stream["counts"]["moving"] == 0 && stream["redrives"].as_array().unwrap().iter().all(is_over)
            });
            if is_at_rest {
                return state;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{}: it does not come to rest: {}", self.name, self.state());
    }

    /// Rejects what a queue has: dead letters are made by consumers, and the same way everywhere.
    fn reject(&self, queue: &str, count: usize) {
        let group = format!("/streams/{queue}/groups/default");
        let wish = json!({"records_max": 10, "timeout_ms": 3_600_000});
        let received = api(&self.broker, "POST", &format!("{group}/receive"), Some(&wish));
        let records = received["records"].as_array().unwrap();
        assert_eq!(records.len(), count, "{}: {received}", self.name);
        let leases: Vec<Value> =
            records.iter().map(|record| json!({"token": record["token"], "action": "reject"})).collect();
        api(&self.broker, "POST", &format!("{group}/settle"), Some(&json!({"leases": leases})));
    }
}

/// What must be the same of a record.
fn record(shown: &Value) -> Value {
    let own = |header: &&Value| header["name"] == "from";
    let headers: Vec<&Value> = shown["headers"].as_array().unwrap().iter().filter(own).collect();
    json!({
        "place": [shown["partition"], shown["offset"]], "key": shown["key"], "value": shown["value"], "headers": headers,
        "state": shown["state"], "delivery_count": shown["delivery_count"],
        "died": [shown["dead_letter"]["reason"], shown["dead_letter"]["source"]],
    })
}

/// What must be the same of a redrive.
fn redrive(shown: &Value) -> Value {
    let of = ["number", "state", "moved", "total", "target"];
    of.iter().map(|name| ((*name).to_owned(), shown[*name].clone())).collect::<serde_json::Map<_, _>>().into()
}

fn sides() -> [Side; 3] {
    [
        Side::new("the API", |_| Way::Api),
        Side::new("commands", |_| Way::Commands(Scratch::new())),
        Side::new("forms", |broker| Way::Forms(Browser::new(broker))),
    ]
}

#[test]
fn api_commands_and_forms_leave_the_same_behind_after_every_action() {
    let sides = sides();
    let same = |done: &str| -> Value {
        let mut states = sides.each_ref().map(Side::rest);
        // Read views follow what was answered; a slow machine shows that.
        for _ in 0..1200 {
            if states[1..].iter().all(|state| *state == states[0]) {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
            states = sides.each_ref().map(Side::rest);
        }
        let [api, commands, forms] = states;
        assert_eq!(commands, api, "commands, then the API, after {done}");
        assert_eq!(forms, api, "forms, then the API, after {done}");
        api
    };
    let act = |action: Action| -> Value {
        sides.iter().for_each(|side| side.way.act(&side.broker, action));
        same(&format!("{action:?}"))
    };
    let reject = |count: usize| {
        sides.iter().for_each(|side| side.reject("orders", count));
        same("rejecting")
    };
    // Where the state is also looked at itself, so that three ways that do nothing do not agree.
    let counts = |state: &Value, stream: &str| state["streams"][stream]["counts"]["ready"].clone();
    let setting = |state: &Value, name: &str| state["streams"]["orders"]["settings"][name]["value"].clone();

    act(Action::Create { queue: "dead", dead_letters: None });
    let state = act(Action::Create { queue: "orders", dead_letters: Some("dead") });
    assert_eq!(
        (setting(&state, "dead_letter_stream"), setting(&state, "delivery_limit")),
        (json!("dead"), json!(3))
    );
    for (key, value) in [("k0", "a & b = <c>"), ("k1", "{\"n\": 1}"), ("k2", "ü")] {
        act(Action::Publish { stream: "orders", key, value });
    }
    let state = act(Action::Set { stream: "orders", setting: "lease_timeout_ms", value: 45_000 });
    assert_eq!((counts(&state, "orders"), setting(&state, "lease_timeout_ms")), (json!(3), json!(45_000)));
    let state = act(Action::Pause { queue: "orders" });
    assert_eq!(setting(&state, "paused"), true);
    act(Action::Resume { queue: "orders" });

    let state = reject(3);
    assert_eq!((counts(&state, "orders"), counts(&state, "dead")), (json!(0), json!(3)));
    let state = act(Action::Discard { dead_letters: "dead", key: "k1", offset: 1 });
    assert_eq!(counts(&state, "dead"), 2);
    let state = act(Action::Redrive { dead_letters: "dead" });
    assert_eq!((counts(&state, "orders"), counts(&state, "dead")), (json!(2), json!(0)));
    let state = act(Action::Purge { queue: "orders" });
    assert_eq!(counts(&state, "orders"), 0);

    act(Action::Set { stream: "orders", setting: "consumed_retention_ms", value: 86_400_000 });
    act(Action::Publish { stream: "orders", key: "k3", value: "again" });
    act(Action::Purge { queue: "orders" });
    let state = act(Action::Replay { queue: "orders" });
    assert_ne!(counts(&state, "orders"), 0, "what is kept can be replayed");
    let state = act(Action::Silence { rule: "no_consumer", reason: "a quiet day", hours: 2 });
    assert_eq!(state["silences"], json!([{"id": "no_consumer", "reason": "a quiet day"}]));
    act(Action::EndSilence { rule: "no_consumer" });
    let state = act(Action::Delete { stream: "orders" });
    assert_eq!(state["streams"].as_object().unwrap().len(), 1);
}
