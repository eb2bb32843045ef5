//! Dead letters: listed, and brought back.

use crate::client::{Client, values};
use serde_json::{Value, json};

/// Two queues whose rejected records go to a third.
fn queues() -> Client {
    let client = Client::new();
    for (name, settings) in [
        ("dead", json!({})),
        ("a", json!({"dead_letter_stream": "dead"})),
        ("b", json!({"dead_letter_stream": "dead"})),
    ] {
        client.create_queue(name, settings);
    }
    client
}

/// Sends values and rejects them.
fn bury(client: &Client, queue: &str, sent: &[&str]) {
    client.send_values(queue, sent);
    let leases: Vec<Value> = client
        .receive(queue)
        .iter()
        .map(|record| json!({"token": record["token"], "action": "reject"}))
        .collect();
    assert_eq!(leases.len(), sent.len());
    client.call("POST", &format!("/streams/{queue}/groups/default/settle"), json!({"leases": leases}));
    assert_eq!(client.broker.carry_out_moves(), sent.len());
}

#[test]
fn streams_of_dead_letters_are_listed_with_where_they_come_from() {
    let client = queues();
    bury(&client, "a", &["1", "2"]);
    bury(&client, "b", &["3"]);
    let listed = client.get("/dead-letters");
    assert_eq!(listed["next_cursor"], Value::Null);
    let [dead] = &listed["items"].as_array().unwrap()[..] else { panic!("{listed}") };
    assert_eq!((&dead["name"], &dead["source_count"]), (&json!("dead"), &json!(2)));
    assert_eq!(dead["sources"], json!(["a", "b"]));
    assert_eq!(dead["counts"]["ready"], 3);
    let shown = client.get("/streams/dead/records");
    let letter = &shown["items"][2]["dead_letter"];
    assert_eq!((&letter["reason"], &letter["source"]), (&json!("rejected"), &json!("b")));
    assert_eq!((&letter["source_offset"], &letter["deliveries"]), (&json!(0), &json!(1)));
    assert_eq!(letter["history"][0]["count"], 1);
}

#[test]
fn streams_that_a_route_leads_dead_letters_to_are_listed_a_page_at_a_time() {
    let client = Client::new();
    for name in ["x", "y", "z"] {
        client.create_queue(name, json!({}));
    }
    for (key, stream) in [("a", "x"), ("a", "z"), ("b", "y")] {
        client.broker.create_route("letters", key, stream);
    }
    client.create_queue("a", json!({"dead_letter_route": "letters\ta"}));
    client.create_queue("any", json!({"dead_letter_route": "letters"}));
    client.create_queue("lost", json!({"dead_letter_route": "nothing"}));
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = client.get(&format!("/dead-letters?limit=1{cursor}"));
        let [item] = &page["items"].as_array().unwrap()[..] else { panic!("{page}") };
        found.push((item["name"].clone(), item["sources"].clone()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let expected =
        [(json!("x"), json!(["a", "any"])), (json!("y"), json!(["any"])), (json!("z"), json!(["a", "any"]))];
    assert_eq!(found, expected);
}

#[test]
fn dead_letters_go_back_and_it_is_told_how_far_that_is() {
    let client = queues();
    bury(&client, "a", &["1", "2"]);
    bury(&client, "b", &["3"]);
    let begun = client.start("POST", "/dead-letters/dead/redrives", br#"{"per_second": 1000}"#).document(202);
    assert_eq!((&begun["number"], &begun["state"]), (&json!(1), &json!("running")));
    assert_eq!(
        (&begun["total"], &begun["target"], &begun["per_second"]),
        (&json!(3), &Value::Null, &json!(1000))
    );
    let again = client.refused("POST", "/dead-letters/dead/redrives", "{}");
    assert_eq!(again, (409, "already_under_way".to_owned()));
    client.broker.advance_ms(1_000);
    client.broker.carry_out_moves();
    client.broker.advance_ms(1_000);
    let done = client.get("/dead-letters/dead/redrives/1");
    assert_eq!((&done["state"], &done["moved"]), (&json!("completed"), &json!(3)));
    assert_eq!(client.get("/dead-letters/dead/redrives")["items"], json!([done]));
    assert_eq!(values(&client.receive("a")), ["1", "2"]);
    assert_eq!(values(&client.receive("b")), ["3"]);
}

#[test]
fn a_redrive_is_ended_and_one_elsewhere_names_its_target() {
    let client = queues();
    bury(&client, "a", &["1", "2", "3"]);
    client.create_queue("elsewhere", json!({}));
    let body = br#"{"target": "elsewhere", "per_second": 1}"#;
    let begun = client.start("POST", "/dead-letters/dead/redrives", body).document(202);
    assert_eq!(begun["target"], "elsewhere");
    client.broker.advance_ms(1_100);
    client.broker.carry_out_moves();
    let ended = client.start("DELETE", "/dead-letters/dead/redrives/1", b"").document(200);
    assert_eq!(ended["state"], "cancelled");
    let moved = ended["moved"].as_u64().unwrap();
    assert!((1..3).contains(&moved), "{moved}");
    assert_eq!(client.receive("elsewhere").len() as u64, moved);
    assert_eq!(client.receive("dead").len() as u64, 3 - moved);
    for (method, address) in
        [("GET", "/dead-letters/dead/redrives/9"), ("DELETE", "/dead-letters/dead/redrives/9")]
    {
        assert_eq!(client.refused(method, address, ""), (404, "unknown_resource".to_owned()));
    }
}

fn shown(client: &Client, filter: &str) -> Vec<String> {
    let page = client.get(&format!("/dead-letters/dead/records{filter}"));
    assert_eq!(page["next_cursor"], Value::Null);
    values(page["items"].as_array().unwrap()).into_iter().map(str::to_owned).collect()
}

#[test]
fn dead_letters_are_shown_by_reason_source_time_and_key() {
    let client = queues();
    bury(&client, "a", &["1", "2"]);
    client.broker.advance_ms(1_000);
    bury(&client, "b", &["3"]);
    client.call("POST", "/streams/dead/records", json!({"records": [{"value": "sent here", "key": "k"}]}));
    assert_eq!(shown(&client, ""), ["1", "2", "3", "sent here"]);
    assert_eq!(shown(&client, "?source=a"), ["1", "2"]);
    assert_eq!(shown(&client, "?reason=rejected&source=b"), ["3"]);
    assert_eq!(shown(&client, "?reason=expired"), [""; 0]);
    assert_eq!(shown(&client, "?key=k"), ["sent here"]);
    let later = millstream_testkit::broker::START_MS + 500;
    assert_eq!(shown(&client, &format!("?from_time_ms={later}")), ["3"]);
    assert_eq!(shown(&client, &format!("?to_time_ms={later}")), ["1", "2"]);
    let page = client.get("/dead-letters/dead/records?limit=1");
    assert_eq!(
        (&page["items"][0]["state"], &page["items"][0]["dead_letter"]["source"]),
        (&json!("ready"), &json!("a"))
    );
    let rest =
        client.get(&format!("/dead-letters/dead/records?cursor={}", page["next_cursor"].as_str().unwrap()));
    assert_eq!(rest["items"].as_array().unwrap().len(), 3);
}

#[test]
fn chosen_dead_letters_go_back_or_are_discarded_and_others_stay() {
    let client = queues();
    bury(&client, "a", &["1", "2", "3", "4"]);
    client.call("POST", "/streams/dead/groups/default/receive", json!({}));
    let codes = |address: &str, offsets: &[u64]| {
        let records: Vec<Value> =
            offsets.iter().map(|offset| json!({"partition": 0, "offset": offset})).collect();
        let answer = client.call(
            "POST",
            &format!("/dead-letters/dead/records/{address}"),
            json!({"records": records}),
        );
        let results = answer["results"].as_array().unwrap().iter().map(|result| result["code"].clone());
        results.collect::<Vec<_>>()
    };
    let null = Value::Null;
    assert_eq!(codes("redrive", &[0, 2, 9]), [json!("not_ready"), null.clone(), json!("unknown_record")]);
    assert_eq!(codes("discard", &[1, 2]), [null, json!("not_ready")]);
    assert_eq!(client.broker.carry_out_moves(), 1);
    assert_eq!(values(&client.receive("a")), ["3"]);
    assert_eq!(shown(&client, ""), ["1", "4"]);
    assert_eq!(codes("discard", &[1]), [json!("settled")]);
}

#[test]
fn very_many_records_are_looked_through_a_part_at_a_time() {
    let client = queues();
    let many: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for _ in 0..5 {
        client.send_values("dead", &many);
    }
    client.call("POST", "/streams/dead/records", json!({"records": [{"value": "it", "key": "k"}]}));
    let page = client.get("/dead-letters/dead/records?key=k");
    assert_eq!(page["items"], json!([]));
    let rest = client
        .get(&format!("/dead-letters/dead/records?key=k&cursor={}", page["next_cursor"].as_str().unwrap()));
    assert_eq!((values(rest["items"].as_array().unwrap()), &rest["next_cursor"]), (vec!["it"], &Value::Null));
}
