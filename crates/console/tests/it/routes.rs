//! Routes and bindings over the API, and where a record would go.

use crate::client::Client;
use serde_json::{Value, json};

fn client() -> Client {
    let client = Client::new();
    for name in ["one", "two"] {
        client.start("PUT", &format!("/streams/{name}"), b"").document(201);
    }
    client
}

fn create(client: &Client, name: &str, body: Value) -> Value {
    client.start("PUT", &format!("/routes/{name}"), body.to_string().as_bytes()).document(201)
}

fn bind(client: &Client, route: &str, binding: Value) -> Value {
    client.call("POST", &format!("/routes/{route}/bindings"), binding)
}

fn resolve(client: &Client, route: &str, body: Value) -> Value {
    client.call("POST", &format!("/routes/{route}/resolve"), body)["streams"].clone()
}

#[test]
fn a_record_goes_where_it_is_said_that_it_would() {
    let client = client();
    create(&client, "keys", json!({"match": "exact", "alternate": "all"}));
    create(&client, "all", json!({"match": "everything"}));
    create(&client, "words", json!({"match": "pattern"}));
    create(&client, "heads", json!({"match": "headers"}));
    create(
        &client,
        "hashes",
        json!({"match": "hash", "hash_by": "header", "hash_name": "user", "weighted": true}),
    );
    assert_eq!(bind(&client, "keys", json!({"stream": "one", "key": "a"})), json!({"is_new": true}));
    assert_eq!(bind(&client, "keys", json!({"stream": "one", "key": "a"})), json!({"is_new": false}));
    bind(&client, "keys", json!({"route": "words", "key": "b.c"}));
    bind(&client, "all", json!({"stream": "two"}));
    bind(&client, "words", json!({"stream": "one", "key": "b.#"}));
    bind(&client, "words", json!({"stream": "two", "key": "*.c"}));
    bind(
        &client,
        "heads",
        json!({"stream": "one", "headers": {"any": true, "values": {"n": 1, "t": "x", "f": true}}}),
    );
    bind(&client, "heads", json!({"stream": "two", "headers": {"values": {"n": 1, "there": null}}}));
    bind(&client, "hashes", json!({"stream": "two", "weight": 3}));
    for (route, record, streams) in [
        ("keys", json!({"key": "a"}), json!(["one"])),
        ("keys", json!({"key": "b.c"}), json!(["one", "two"])),
        ("keys", json!({"key": "other"}), json!(["two"])),
        ("words", json!({"key": "x.y"}), json!([])),
        ("heads", json!({"headers": {"n": 1}}), json!(["one"])),
        ("heads", json!({"headers": {"n": 1, "there": "?"}}), json!(["one", "two"])),
        ("heads", json!({"headers": {"t": "y", "f": false}}), json!([])),
        ("hashes", json!({"headers": {"user": "u"}}), json!(["two"])),
    ] {
        assert_eq!(resolve(&client, route, record.clone()), streams, "{route} {record}");
    }
}

#[test]
fn routes_are_shown_as_they_were_made_and_differing_ones_are_refused() {
    let client = client();
    let made = create(&client, "hashes", json!({"match": "hash", "hash_by": "random"}));
    assert_eq!(
        (&made["match"], &made["hash_by"], &made["weighted"]),
        (&json!("hash"), &json!("random"), &json!(false))
    );
    assert_eq!(client.get("/routes/hashes"), made);
    let again = client.start("PUT", "/routes/hashes", b"{\"match\": \"hash\", \"hash_by\": \"random\"}");
    assert_eq!(again.document(200), made);
    for (body, code) in [
        ("{\"match\": \"exact\"}", (409, "route_exists")),
        ("{\"match\": \"exact\", \"hash_by\": \"key\"}", (400, "invalid_body")),
        ("{\"match\": \"hash\", \"hash_by\": \"header\"}", (400, "invalid_body")),
        ("{\"match\": \"no\"}", (400, "invalid_body")),
        ("{}", (400, "invalid_body")),
        ("{\"match\": \"exact\", \"x\": 1}", (400, "invalid_body")),
    ] {
        assert_eq!(client.refused("PUT", "/routes/hashes", body), (code.0, code.1.to_owned()), "{body}");
    }
    create(&client, "keys", json!({"match": "exact"}));
    let names: Vec<Value> = client.get("/routes")["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|route| route["name"].clone())
        .collect();
    assert_eq!(names, ["hashes", "keys"]);
    assert_eq!(client.get("/routes?prefix=k")["items"].as_array().unwrap().len(), 1);
    assert_eq!(client.refused("GET", "/routes/none", ""), (404, "unknown_route".to_owned()));
}

#[test]
fn bindings_are_listed_and_taken_back_by_what_they_are() {
    let client = client();
    create(&client, "keys", json!({"match": "exact"}));
    for key in ["a", "b", "c"] {
        bind(&client, "keys", json!({"stream": "one", "key": key}));
    }
    bind(&client, "keys", json!({"stream": "two", "key_base64": "/w=="}));
    let first = client.get("/routes/keys/bindings?limit=3");
    assert_eq!(
        first["items"][1],
        json!({"stream": "one", "route": null, "key": "b", "headers": null, "weight": null})
    );
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = client.get(&format!("/routes/keys/bindings?limit=3&cursor={cursor}"));
    assert_eq!((&rest["items"][0]["key_base64"], &rest["next_cursor"]), (&json!("/w=="), &Value::Null));
    let in_use = client.refused("DELETE", "/routes/keys?if_unused=true", "");
    assert_eq!(in_use, (409, "route_in_use".to_owned()));
    let unbind = |binding: Value| client.call("POST", "/routes/keys/unbind", binding)["was_bound"].clone();
    assert_eq!(unbind(json!({"stream": "one", "key": "b"})), true);
    assert_eq!(unbind(json!({"stream": "one", "key": "b"})), false);
    assert_eq!(client.get("/routes/keys")["binding_count"], 3);
    for (body, code) in [
        ("{}", "invalid_body"),
        ("{\"stream\": \"one\", \"route\": \"keys\"}", "invalid_body"),
        ("{\"stream\": \"none\"}", "unknown_stream"),
        ("{\"route\": \"none\"}", "unknown_route"),
        ("{\"stream\": \"one\", \"weight\": 1, \"headers\": {\"values\": {}}}", "invalid_body"),
        ("{\"stream\": \"one\", \"weight\": 3}", "invalid_setting"),
    ] {
        assert_eq!(client.refused("POST", "/routes/keys/bindings", body).1, code, "{body}");
    }
    assert_eq!(client.start("DELETE", "/routes/keys", b"").response().status, 204);
    assert_eq!(client.refused("DELETE", "/routes/keys", "").0, 404);
}
