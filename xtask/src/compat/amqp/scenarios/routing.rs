//! Connecting, exchanges of every type, and what a message keeps on its way.
//!
//! Apart because nothing here waits: what was confirmed is in its queues.

use anyhow::ensure;
use serde_json::{Value, json};

use super::Bench;
use crate::compat::amqp::calls::{
    bind, body, call, exchange, get, holds, publish, publish_all, queue, refused,
};

/// Messages over a consistent hash: enough that both queues get some.
const HASHED: usize = 200;

pub(super) fn run(bench: &mut Bench<'_>) {
    bench.check("a virtual host that does not exist is refused", vhost);
    bench.check("an exclusive queue can be declared again as soon as its connection is closed", exclusive);
    bench.check("direct, topic, fanout and headers exchanges, and those that are always there", types);
    bench.check("exchanges lead to exchanges, to an alternate, and delete themselves", chains);
    bench.check("a consistent hash gives each message to one queue", hash);
    bench.check("properties and headers of every type come back as they were", properties);
}

fn vhost(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    call(&mut bench.client, &json!({"do": "connect", "vhost": "/"}))?;
    refused(&mut bench.client, &json!({"do": "connect", "vhost": "no-such-host"}), 530).map(drop)
}

fn exclusive(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let name = bench.name("exclusive");
    call(&mut bench.client, &json!({"do": "reopen", "queue": name, "times": 20}))?;
    refused(&mut bench.client, &json!({"do": "queue", "name": name, "passive": true}), 404).map(drop)
}

fn types(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let names = ["red", "green", "all"].map(|name| bench.name(name));
    let [red, green, all] = &names;
    let [direct, topic, fanout, headers] =
        ["direct", "topic", "fanout", "headers"].map(|kind| (kind, bench.name(kind)));
    let client = &mut bench.client;
    names.iter().try_for_each(|name| queue(client, name, &json!({})))?;
    for (kind, name) in [&direct, &topic, &fanout, &headers] {
        exchange(client, name, kind)?;
    }
    bind(client, red, &direct.1, "red")?;
    bind(client, green, &direct.1, "green")?;
    bind(client, all, &direct.1, "red")?;
    bind(client, all, &direct.1, "green")?;
    publish(client, &direct.1, "red", &["1"])?;
    publish(client, &direct.1, "green", &["2"])?;
    publish(client, &direct.1, "blue", &["nobody"])?;
    for (name, bodies) in [(red, &["1"][..]), (green, &["2"]), (all, &["1", "2"])] {
        holds(client, name, bodies)?;
    }
    bind(client, red, &topic.1, "*.red.#")?;
    bind(client, green, &topic.1, "#.green")?;
    bind(client, all, &topic.1, "#")?;
    for key in ["a.red", "a.red.b.c", "red", "green", "a.b.green", "a.red.green", ""] {
        publish(client, &topic.1, key, &[key])?;
    }
    holds(client, red, &["a.red", "a.red.b.c", "a.red.green"])?;
    holds(client, green, &["green", "a.b.green", "a.red.green"])?;
    holds(client, all, &["a.red", "a.red.b.c", "red", "green", "a.b.green", "a.red.green", ""])?;
    names.iter().try_for_each(|name| bind(client, name, &fanout.1, "ignored"))?;
    publish(client, &fanout.1, "other", &["to all"])?;
    names.iter().try_for_each(|name| holds(client, name, &["to all"]))?;
    let criteria = [
        (red, json!({"x-match": "all", "colour": "red", "size": 5})),
        (green, json!({"x-match": "any", "colour": "green", "size": 5})),
    ];
    for (name, arguments) in criteria {
        let command = json!({"do": "bind", "queue": name, "exchange": headers.1, "arguments": arguments});
        call(client, &command)?;
    }
    let message = |body: &str, headers: Value| json!({"body": body, "headers": headers});
    let messages = vec![
        message("both", json!({"colour": "red", "size": 5, "more": true})),
        message("size", json!({"size": 5})),
        message("colour", json!({"colour": "green"})),
        message("neither", json!({"colour": "blue", "size": "5"})),
    ];
    publish_all(client, &headers.1, "", messages)?;
    holds(client, red, &["both"])?;
    holds(client, green, &["both", "size", "colour"])?;
    bind(client, red, "amq.topic", &format!("{}.#", names[0]))?;
    publish(client, "amq.topic", &format!("{}.x", names[0]), &["predeclared"])?;
    call(
        client,
        &json!({"do": "unbind", "queue": red, "exchange": "amq.topic", "key": format!("{}.#", names[0])}),
    )?;
    publish(client, "amq.topic", &format!("{}.x", names[0]), &["no more"])?;
    publish(client, "", red, &["by its name"])?;
    holds(client, red, &["predeclared", "by its name"])
}

fn chains(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let [first, second, alternate, hidden, passing] =
        ["first", "second", "alternate", "hidden", "passing"].map(|name| bench.name(name));
    let [target, lost] = ["target", "lost"].map(|name| bench.name(name));
    let client = &mut bench.client;
    queue(client, &target, &json!({}))?;
    queue(client, &lost, &json!({}))?;
    exchange(client, &alternate, "fanout")?;
    bind(client, &lost, &alternate, "")?;
    let arguments = json!({"alternate-exchange": alternate});
    call(client, &json!({"do": "exchange", "name": first, "type": "topic", "arguments": arguments}))?;
    exchange(client, &second, "direct")?;
    let link = json!({"do": "link", "destination": second, "source": first, "key": "a.*"});
    call(client, &link)?;
    call(client, &json!({"do": "link", "destination": first, "source": second, "key": "a.b"}))?;
    bind(client, &target, &second, "a.b")?;
    publish(client, &first, "a.b", &["through both"])?;
    publish(client, &first, "nowhere", &["to the alternate"])?;
    holds(client, &target, &["through both"])?;
    holds(client, &lost, &["to the alternate"])?;
    call(client, &json!({"do": "exchange", "name": hidden, "type": "fanout", "internal": true}))?;
    let direct = json!({"do": "publish", "exchange": hidden, "key": "", "messages": [{"body": "x"}]});
    refused(client, &direct, 403)?;
    call(client, &json!({"do": "exchange", "name": passing, "type": "fanout", "auto_delete": true}))?;
    bind(client, &target, &passing, "")?;
    call(client, &json!({"do": "unbind", "queue": target, "exchange": passing, "key": ""}))?;
    refused(client, &json!({"do": "exchange", "name": passing, "passive": true, "type": "fanout"}), 404)?;
    let missing = json!({"do": "publish", "exchange": passing, "key": "", "messages": [{"body": "x"}]});
    refused(client, &missing, 404).map(drop)
}

fn hash(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let (name, queues) = (bench.name("hash"), ["hash-1", "hash-2"].map(|queue| bench.name(queue)));
    let client = &mut bench.client;
    exchange(client, &name, "x-consistent-hash")?;
    for target in &queues {
        queue(client, target, &json!({}))?;
        bind(client, target, &name, "10")?;
    }
    for key in 0..HASHED {
        publish(client, &name, &format!("key-{key}"), &["x"])?;
    }
    let mut counts = Vec::new();
    for target in &queues {
        let found = call(client, &json!({"do": "queue", "name": target, "passive": true}))?;
        counts.push(usize::try_from(found["messages"].as_u64().unwrap_or_default())?);
    }
    ensure!(counts.iter().sum::<usize>() == HASHED && !counts.contains(&0), "the queues have {counts:?}");
    Ok(())
}

fn properties(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let name = bench.name("properties");
    let types = bench.client.abilities.types;
    let client = &mut bench.client;
    queue(client, &name, &json!({}))?;
    let integer = |kind: &str, value: i64| if types { json!({kind: value}) } else { json!(value) };
    let mut headers = json!({
        "text": "grüße", "yes": true, "nothing": null,
        "tiny": integer("i8", -3), "short": integer("i16", -300), "int": integer("i32", 70_000),
        "long": integer("i64", 5), "large": integer("i64", 5_000_000_000),
        "list": ["a", integer("i32", 7)], "table": {"inner": {"deep": "x"}, "n": integer("i16", 9)},
    });
    // pika writes no fractions.
    if types {
        headers["half"] = json!(0.5);
    }
    let sent = json!({
        "body": "{\"x\": 1}", "headers": headers, "content_type": "application/json", "delivery_mode": 2,
        "content_encoding": "utf-8", "priority": 3, "correlation_id": "c-1", "reply_to": "somewhere",
        "expiration": "600000", "message_id": "m-1", "timestamp": 1_700_000_000, "type": "order",
        "user_id": "guest", "app_id": "compat",
    });
    publish_all(client, "", &name, vec![sent.clone()])?;
    let got = get(client, &name)?.unwrap_or_default();
    for (property, value) in sent.as_object().into_iter().flatten() {
        ensure!(got[property] == *value, "{property} was sent as {value} and came as {}", got[property]);
    }
    ensure!(got["exchange"] == "" && got["key"] == *name && got["redelivered"] == false, "it came as {got}");
    publish(client, "", &name, &["bare"])?;
    let bare = get(client, &name)?.unwrap_or_default();
    ensure!(body(&bare)? == "bare", "it came as {bare}");
    for absent in ["content_type", "priority", "reply_to", "message_id", "timestamp", "type"] {
        ensure!(bare[absent].is_null(), "a message without {absent} came with {}", bare[absent]);
    }
    Ok(())
}
