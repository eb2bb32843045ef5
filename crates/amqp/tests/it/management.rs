//! The management API, asked as tools ask it, beside clients that are connected.
//!
//! Long, because each of the resources that tools ask for is asked for as they do it.

use crate::client::{Client, Server, declare, get};
use base64::Engine as _;
use millstream_amqp::codec::{Method, Properties, Table};
use millstream_front::backend::{Blocking, Inbox};
use millstream_front::http::{Commands, Outcome, Request, Response, Service};
use millstream_front::{Authorizer, Backend, Event, ReadOutcome};
use millstream_testkit::broker::TestInbox;
use serde_json::{Value, json};
use std::sync::Arc;

/// Makes a request and drives it to its end.
fn ask(server: &Server, method: &str, address: &str, body: &Value) -> Response {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let path = format!("/api{path}");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let credential = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode("guest:guest"));
    let headers: &[(&str, &[u8])] = &[("host", b"localhost:15672"), ("authorization", credential.as_bytes())];
    let request =
        Request { method, path: &path, query, headers, body: body.as_bytes(), is_tls: false, peer: None };
    raw(server, &request)
}

fn raw(server: &Server, request: &Request<'_>) -> Response {
    let backend: Arc<dyn Backend> = server.broker.clone();
    let mut commands = Commands::default();
    let outcome = server.management().start(server.broker.now(), &backend, request, &mut commands);
    drive(server, outcome, commands)
}

/// Carries out what an exchange wants until it responds.
fn drive(server: &Server, mut outcome: Outcome, mut commands: Commands) -> Response {
    let inbox = Arc::new(TestInbox::default());
    let as_inbox: Arc<dyn Inbox> = inbox.clone();
    let mut events: Vec<Event> = Vec::new();
    loop {
        let exchange = match outcome {
            Outcome::Respond(response) => return response,
            Outcome::Wait(exchange) => exchange,
            Outcome::Part(part, _) => panic!("the API answers in one piece, not {part:?}"),
        };
        server.broker.submit(&as_inbox, std::mem::take(&mut commands.submissions));
        for read in std::mem::take(&mut commands.reads) {
            let (log, from, bytes) = *read.read.get();
            let log = server.broker.log(log).expect("it is there");
            let Ok(ReadOutcome::Data(slice)) = log.read(from, bytes, Blocking::Allowed) else {
                panic!("this broker has no disk")
            };
            events.push(Event::Read(read.tag, Ok(slice)));
        }
        events.extend(inbox.take().into_iter().map(|(tag, reply)| Event::Reply(tag, reply)));
        assert!(!events.is_empty(), "nothing that it waits for will come");
        outcome = exchange.handle(server.broker.now(), events.remove(0), &mut commands);
    }
}

fn document(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_else(|_| panic!("{response:?}"))
}

fn fetch(server: &Server, address: &str) -> Value {
    let response = ask(server, "GET", address, &Value::Null);
    assert_eq!(response.status, 200, "{address}: {response:?}");
    document(&response)
}

fn put(server: &Server, address: &str, body: Value) -> u16 {
    ask(server, "PUT", address, &body).status
}

/// Status and reason of a request that is refused.
fn refused(server: &Server, method: &str, address: &str, body: Value) -> (u16, String) {
    let response = ask(server, method, address, &body);
    (response.status, document(&response)["reason"].as_str().expect("a reason").to_owned())
}

fn names(items: &Value) -> Vec<&str> {
    items.as_array().expect("a list").iter().map(|item| item["name"].as_str().expect("a name")).collect()
}

fn body_of(client: &mut Client, queue: &str) -> Option<String> {
    let said = client.ask(&get(queue));
    said.iter().find_map(|line| line.strip_prefix("1 body ").map(str::to_owned))
}

#[test]
fn whoever_names_nobody_or_comes_from_elsewhere_is_refused() {
    let server = Server::new();
    let of = |headers: &[(&str, &[u8])], path: &str, method: &str| {
        raw(&server, &Request { method, path, query: "", headers, body: b"", is_tls: false, peer: None })
            .status
    };
    let host: (&str, &[u8]) = ("host", b"localhost:15672");
    let guest: (&str, &[u8]) = ("authorization", b"Basic Z3Vlc3Q6Z3Vlc3Q=");
    assert_eq!(of(&[host], "/api/overview", "GET"), 401);
    assert_eq!(of(&[host, ("authorization", b"Bearer x")], "/api/overview", "GET"), 401);
    assert_eq!(of(&[host, ("authorization", b"Basic !")], "/api/overview", "GET"), 401);
    assert_eq!(of(&[("host", b"evil.example"), guest], "/api/overview", "GET"), 403);
    assert_eq!(of(&[host, guest, ("origin", b"http://evil.example")], "/api/overview", "GET"), 403);
    assert_eq!(of(&[host, guest], "/api/overview", "GET"), 200);
    assert_eq!(of(&[host, guest], "/api/overview", "PATCH"), 405);
    assert_eq!(of(&[host, guest], "/api/nothing", "GET"), 404);
    assert_eq!(of(&[host, guest], "/", "GET"), 404);
    assert_eq!(fetch(&server, "/whoami")["name"], "guest");
}

#[test]
fn queues_are_declared_counted_purged_and_deleted() {
    let server = Server::new();
    let arguments = json!({"durable": true, "arguments": {"x-max-length": 5, "x-queue-type": "quorum"}});
    assert_eq!(put(&server, "/queues/%2F/orders", arguments.clone()), 201);
    assert_eq!(put(&server, "/queues/%2F/orders", arguments), 204);
    let (status, reason) =
        refused(&server, "PUT", "/queues/%2F/orders", json!({"arguments": {"x-max-length": 6}}));
    assert_eq!(status, 400);
    assert_eq!(
        reason,
        "inequivalent arg 'x-max-length' for queue 'orders' in vhost '/': received '6' but current is '5'"
    );
    let mut client = server.connect();
    for body in ["a", "b", "c"] {
        client.publish("", "orders", &Properties::default(), body.as_bytes());
    }
    assert_eq!(body_of(&mut client, "orders").as_deref(), Some("a"));
    let queue = fetch(&server, "/queues/%2F/orders");
    assert_eq!((&queue["messages_ready"], &queue["messages_unacknowledged"]), (&json!(2), &json!(1)));
    assert_eq!((&queue["type"], &queue["arguments"]["x-max-length"]), (&json!("quorum"), &json!(5)));
    assert_eq!(names(&fetch(&server, "/queues?name=ORD&columns=name,messages")), ["orders"]);
    assert_eq!(fetch(&server, "/queues?page=1&page_size=1")["total_count"], 1);
    assert_eq!(fetch(&server, "/vhosts/%2F")["messages"], 3);
    assert_eq!(fetch(&server, "/overview")["queue_totals"]["messages"], 3);
    assert_eq!(ask(&server, "DELETE", "/queues/%2F/orders/contents", &Value::Null).status, 204);
    assert_eq!(fetch(&server, "/queues/%2F/orders")["messages_ready"], 0);
    client.consume("orders", "worker");
    let (status, reason) = refused(&server, "DELETE", "/queues/%2F/orders?if-unused=true", Value::Null);
    assert_eq!((status, &*reason), (400, "queue 'orders' in vhost '/' in use"));
    assert_eq!(ask(&server, "DELETE", "/queues/%2F/orders", &Value::Null).status, 204);
    assert_eq!(refused(&server, "GET", "/queues/%2F/orders", Value::Null).0, 404);
    assert_eq!(refused(&server, "PUT", "/queues/%2F/amq.x", json!({})).0, 401);
    assert_eq!(refused(&server, "PUT", "/queues/none/x", json!({})).0, 404);
    assert_eq!(refused(&server, "PUT", "/queues/%2F/x", json!({"durable": 7})).0, 400);
}

#[test]
fn messages_go_in_and_out_as_json() {
    let server = Server::new();
    put(&server, "/queues/%2F/q", json!({}));
    let publish = |exchange: &str, body: Value| {
        ask(&server, "POST", &format!("/exchanges/%2F/{exchange}/publish"), &body)
    };
    let message = json!({"routing_key": "q", "payload": "hello", "payload_encoding": "string",
        "properties": {"delivery_mode": 2, "headers": {"n": 1}, "content_type": "text/plain"}});
    assert_eq!(document(&publish("amq.default", message)), json!({"routed": true}));
    let binary =
        json!({"routing_key": "q", "payload": "//79", "payload_encoding": "base64", "properties": {}});
    assert_eq!(document(&publish("amq.default", binary)), json!({"routed": true}));
    let lost =
        json!({"routing_key": "nowhere", "payload": "", "payload_encoding": "string", "properties": {}});
    assert_eq!(document(&publish("amq.default", lost.clone())), json!({"routed": false}));
    assert_eq!(publish("none", lost).status, 404);
    let half = publish("amq.default", json!({"routing_key": "q", "payload": "x"}));
    let why = json!({"error": "bad_request", "reason": "[{key_missing,properties},{key_missing,payload_encoding}]"});
    assert_eq!((half.status, document(&half)), (400, why));
    let got = |ackmode: &str, count: Value| {
        let body = json!({"count": count, "ackmode": ackmode, "encoding": "auto", "truncate": 50000});
        document(&ask(&server, "POST", "/queues/%2F/q/get", &body))
    };
    let seen = got("ack_requeue_true", json!(5));
    assert_eq!(seen[0]["payload"], "hello");
    assert_eq!(
        seen[0]["properties"],
        json!({"delivery_mode": 2, "headers": {"n": 1}, "content_type": "text/plain"})
    );
    assert_eq!((&seen[0]["redelivered"], &seen[0]["message_count"]), (&json!(false), &json!(1)));
    assert_eq!((&seen[1]["payload"], &seen[1]["payload_encoding"]), (&json!("//79"), &json!("base64")));
    let taken = got("ack_requeue_false", json!("1"));
    assert_eq!((&taken[0]["payload"], &taken[0]["redelivered"]), (&json!("hello"), &json!(true)));
    assert_eq!(fetch(&server, "/queues/%2F/q")["messages_ready"], 1);
    got("reject_requeue_false", json!(9));
    assert_eq!(got("ack_requeue_true", json!(1)), json!([]));
    let wrong = json!({"count": 1, "ackmode": "x", "encoding": "auto"});
    assert_eq!(refused(&server, "POST", "/queues/%2F/q/get", wrong).0, 400);
}

#[test]
fn exchanges_and_bindings_are_made_listed_and_taken_back() {
    let server = Server::new();
    put(&server, "/queues/%2F/q", json!({}));
    assert_eq!(put(&server, "/exchanges/%2F/e", json!({"type": "topic", "arguments": []})), 201);
    assert_eq!(put(&server, "/exchanges/%2F/e", json!({"type": "topic"})), 204);
    assert_eq!(
        refused(&server, "PUT", "/exchanges/%2F/e", json!({"type": "direct"})).1,
        "inequivalent arg 'type' for exchange 'e' in vhost '/': received 'direct' but current is 'topic'"
    );
    let all = fetch(&server, "/exchanges/%2F");
    assert_eq!(
        names(&all),
        ["", "amq.direct", "amq.fanout", "amq.headers", "amq.match", "amq.rabbitmq.trace", "amq.topic", "e"]
    );
    let bind = |address: &str, body: Value| ask(&server, "POST", &format!("/bindings/%2F/{address}"), &body);
    let made = bind("e/e/q/q", json!({"routing_key": "a.*", "arguments": {}}));
    assert_eq!((made.status, made.header("location")), (201, Some("q/a.%252A")));
    assert_eq!(bind("e/amq.headers/q/q", json!({"arguments": {"x-match": "any", "n": 1}})).status, 201);
    assert_eq!(bind("e/amq.fanout/e/e", json!({"routing_key": ""})).status, 201);
    assert_eq!(bind("e/none/q/q", json!({})).status, 404);
    for nothing in
        ["/bindings/%2F/e/none/q/q", "/bindings/%2F/e/e/q/none", "/exchanges/%2F/none/bindings/source"]
    {
        assert_eq!(fetch(&server, nothing), json!([]), "{nothing}");
    }
    let of_queue = fetch(&server, "/queues/%2F/q/bindings");
    let sources: Vec<&str> =
        of_queue.as_array().unwrap().iter().map(|item| item["source"].as_str().unwrap()).collect();
    assert_eq!(sources, ["", "amq.headers", "e"]);
    assert_eq!(fetch(&server, "/exchanges/%2F/e/bindings/destination")[0]["properties_key"], "~");
    let headers = &of_queue[1];
    assert_eq!(headers["arguments"], json!({"x-match": "any", "n": 1}));
    let key = headers["properties_key"].as_str().unwrap();
    assert_eq!(fetch(&server, &format!("/bindings/%2F/e/amq.headers/q/q/{key}"))["arguments"]["n"], 1);
    let unbind =
        |address: &str| ask(&server, "DELETE", &format!("/bindings/%2F/{address}"), &Value::Null).status;
    assert_eq!(unbind(&format!("e/amq.headers/q/q/{key}")), 204);
    assert_eq!(unbind("e/e/q/q/a.*"), 204);
    assert_eq!(unbind("e/e/q/q/a.*"), 404);
    assert_eq!(unbind("e/amq.fanout/e/e/~"), 204);
    assert_eq!(ask(&server, "DELETE", "/exchanges/%2F/e?if-unused=true", &Value::Null).status, 204);
    assert_eq!(refused(&server, "DELETE", "/exchanges/%2F/amq.topic", Value::Null).0, 401);
}

#[test]
fn a_policy_counts_at_once_for_queues_there_are_and_for_those_to_come() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q.old", &[]);
    client.declare("other", &[]);
    let policy = json!({"pattern": "^q\\.", "definition": {"max-length": 2, "dead-letter-exchange": ""}, "priority": 1});
    assert_eq!(put(&server, "/policies/%2F/short", policy), 201);
    client.declare("q.new", &[]);
    for queue in ["q.old", "q.new", "other"] {
        for body in ["a", "b", "c"] {
            client.publish("", queue, &Properties::default(), body.as_bytes());
        }
        client.said();
        let kept = if queue == "other" { 3 } else { 2 };
        let shown = fetch(&server, &format!("/queues/%2F/{queue}"));
        assert_eq!(shown["messages_ready"], kept, "{queue}");
        assert_eq!(shown["policy"], if queue == "other" { Value::Null } else { json!("short") });
    }
    let shown = fetch(&server, "/queues/%2F/q.old");
    assert_eq!(shown["effective_policy_definition"], json!({"max-length": 2, "dead-letter-exchange": ""}));
    assert_eq!(client.declare("q.old", &[]).len(), 1, "it is declared as before");
    let operators = json!({"pattern": "", "definition": {"max-length": 1}, "apply-to": "queues"});
    assert_eq!(put(&server, "/operator-policies/%2F/cap", operators), 201);
    assert_eq!(fetch(&server, "/queues/%2F/other")["effective_policy_definition"], json!({"max-length": 1}));
    assert_eq!(fetch(&server, "/queues/%2F/q.old")["operator_policy"], "cap");
    assert_eq!(
        fetch(&server, "/parameters/operator_policy/%2F")[0]["value"]["definition"],
        json!({"max-length": 1})
    );
    assert_eq!(fetch(&server, "/operator-policies")[0]["definition"]["max-length"], 1);
    assert_eq!(ask(&server, "DELETE", "/policies/%2F/short", &Value::Null).status, 204);
    assert_eq!(ask(&server, "DELETE", "/operator-policies/%2F/cap", &Value::Null).status, 204);
    assert_eq!(refused(&server, "DELETE", "/policies/%2F/short", Value::Null).0, 404);
    client.publish("", "q.old", &Properties::default(), b"d");
    client.publish("", "q.old", &Properties::default(), b"e");
    client.said();
    let shown = fetch(&server, "/queues/%2F/q.old");
    assert_eq!((&shown["messages_ready"], &shown["policy"]), (&json!(4), &Value::Null));
    for wrong in [
        json!({"definition": {"max-length": 1}}),
        json!({"pattern": "(", "definition": {"max-length": 1}}),
        json!({"pattern": "", "definition": {"mystery": 1}}),
        json!({"pattern": "", "definition": {"max-length": 1}, "apply-to": "cats"}),
    ] {
        assert_eq!(refused(&server, "PUT", "/policies/%2F/p", wrong.clone()).0, 400, "{wrong}");
    }
}

#[test]
fn many_queues_are_governed_in_steps() {
    let server = Server::new();
    let mut client = server.connect();
    for n in 0..1500 {
        client.declare(&format!("q{n}"), &[]);
    }
    put(
        &server,
        "/policies/%2F/all",
        json!({"pattern": ".*", "definition": {"expires": 60000}, "apply-to": "queues"}),
    );
    let all = fetch(&server, "/queues?columns=policy");
    assert_eq!(all.as_array().unwrap().len(), 1500);
    assert!(all.as_array().unwrap().iter().all(|queue| queue["policy"] == "all"));
}

#[test]
fn exchanges_get_an_alternate_by_policy_also_those_that_are_always_there() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("rest", &[]);
    put(&server, "/exchanges/%2F/unrouted", json!({"type": "fanout"}));
    ask(&server, "POST", "/bindings/%2F/e/unrouted/q/rest", &json!({}));
    put(&server, "/exchanges/%2F/events", json!({"type": "direct"}));
    let policy = json!({"pattern": "^(events|amq\\.direct)$", "apply-to": "exchanges", "definition": {"alternate-exchange": "unrouted"}});
    assert_eq!(put(&server, "/policies/%2F/ae", policy), 201);
    for exchange in ["events", "amq.direct"] {
        client.publish(exchange, "nobody", &Properties::default(), exchange.as_bytes());
        assert_eq!(body_of(&mut client, "rest").as_deref(), Some(exchange));
    }
    assert_eq!(fetch(&server, "/exchanges/%2F/events")["policy"], "ae");
    assert_eq!(fetch(&server, "/exchanges/%2F/events")["arguments"], json!({}));
    assert_eq!(put(&server, "/exchanges/%2F/events", json!({"type": "direct"})), 204);
    ask(&server, "DELETE", "/policies/%2F/ae", &Value::Null);
    client.publish("events", "nobody", &Properties::default(), b"lost");
    assert_eq!(body_of(&mut client, "rest"), None);
}

#[test]
fn an_end_in_the_middle_of_a_policy_is_made_good_at_the_next_start() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[]);
    // The policy is kept, and the process ends before any queue is looked at.
    let backend: Arc<dyn Backend> = server.broker.clone();
    let body = json!({"pattern": "", "definition": {"max-length": 1}}).to_string();
    let headers: &[(&str, &[u8])] = &[("host", b"localhost"), ("authorization", b"Basic Z3Vlc3Q6Z3Vlc3Q=")];
    let request = Request {
        method: "PUT",
        path: "/api/policies/%2F/p",
        query: "",
        headers,
        body: body.as_bytes(),
        is_tls: false,
        peer: None,
    };
    let mut commands = Commands::default();
    let waiting = server.management().start(server.broker.now(), &backend, &request, &mut commands);
    assert!(matches!(waiting, Outcome::Wait(_)));
    let inbox: Arc<dyn Inbox> = Arc::<TestInbox>::default();
    server.broker.submit(&inbox, commands.submissions);
    assert_eq!(fetch(&server, "/queues/%2F/q")["policy"], Value::Null);
    let mut commands = Commands::default();
    let authorizer = Arc::new(Authorizer::local_only());
    let outcome = millstream_amqp::settle_policies(&backend, &authorizer, &mut commands);
    assert_eq!(drive(&server, outcome, commands).status, 200);
    assert_eq!(fetch(&server, "/queues/%2F/q")["policy"], "p");
}

#[test]
fn connections_channels_and_consumers_are_shown_and_closed() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[]);
    client.ask(&Method::BasicQos { prefetch_size: 0, prefetch_count: 7, global: false });
    client.ask(&Method::ConfirmSelect { nowait: false });
    client.consume("q", "worker");
    client.publish("", "q", &Properties::default(), b"x");
    client.said();
    let connections = fetch(&server, "/connections");
    let name = connections[0]["name"].as_str().unwrap();
    assert_eq!((&connections[0]["user"], &connections[0]["channels"]), (&json!("guest"), &json!(1)));
    assert_eq!(connections[0]["client_properties"]["capabilities"]["consumer_cancel_notify"], true);
    let channels = fetch(&server, "/channels");
    let channel = &channels[0];
    assert_eq!((&channel["prefetch_count"], &channel["confirm"]), (&json!(7), &json!(true)));
    assert_eq!((&channel["messages_unacknowledged"], &channel["consumer_count"]), (&json!(1), &json!(1)));
    let consumers = fetch(&server, "/consumers/%2F");
    assert_eq!(
        (&consumers[0]["consumer_tag"], &consumers[0]["prefetch_count"]),
        (&json!("worker"), &json!(7))
    );
    assert_eq!(fetch(&server, "/queues/%2F/q")["consumer_details"][0]["ack_required"], true);
    let address = format!(
        "/connections/{}",
        percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC)
    );
    assert_eq!(fetch(&server, &format!("{address}/channels")).as_array().unwrap().len(), 1);
    client.ask(&Method::BasicCancel { consumer_tag: "worker", nowait: false });
    assert_eq!(fetch(&server, "/consumers"), json!([]));
    assert_eq!(ask(&server, "DELETE", &address, &Value::Null).status, 204);
    let said = client.said();
    assert!(
        said[0].contains("reply_code: 320") && said[0].contains("Closed via management plugin"),
        "{said:?}"
    );
    assert_eq!(fetch(&server, "/connections"), json!([]));
    assert_eq!(refused(&server, "DELETE", &address, Value::Null).0, 404);
}

#[test]
fn definitions_come_out_and_go_in_again() {
    let server = Server::new();
    assert_eq!(put(&server, "/vhosts/tenant", json!({})), 201);
    assert_eq!(put(&server, "/vhosts/tenant", json!({})), 204);
    for vhost in ["%2F", "tenant"] {
        put(&server, &format!("/queues/{vhost}/q"), json!({"arguments": {"x-message-ttl": 5000}}));
        put(&server, &format!("/exchanges/{vhost}/e"), json!({"type": "topic"}));
        ask(&server, "POST", &format!("/bindings/{vhost}/e/e/q/q"), &json!({"routing_key": "#"}));
        ask(&server, "POST", &format!("/bindings/{vhost}/e/amq.topic/e/e"), &json!({"routing_key": "a"}));
    }
    put(&server, "/policies/%2F/p", json!({"pattern": "^q$", "definition": {"max-length": 9}}));
    put(&server, "/operator-policies/tenant/o", json!({"pattern": "^q$", "definition": {"max-length": 8}}));
    let exported = fetch(&server, "/definitions");
    assert_eq!(exported["queues"].as_array().unwrap().len(), 2);
    assert_eq!(exported["bindings"].as_array().unwrap().len(), 4);
    let other = Server::new();
    assert_eq!(ask(&other, "POST", "/definitions", &exported).status, 204);
    assert_eq!(ask(&other, "POST", "/definitions", &exported).status, 204, "once more is as well");
    let again = fetch(&other, "/definitions");
    for kind in ["vhosts", "queues", "exchanges", "bindings", "policies", "parameters"] {
        assert_eq!(again[kind], exported[kind], "{kind}");
    }
    assert_eq!(fetch(&other, "/queues/tenant/q")["operator_policy"], "o");
    assert_eq!(fetch(&other, "/queues/%2F/q")["policy"], "p");
    let one = fetch(&server, "/definitions/tenant");
    assert!(one["queues"][0].get("vhost").is_none() && one.get("vhosts").is_none());
    put(&other, "/vhosts/copy", json!({}));
    assert_eq!(ask(&other, "POST", "/definitions/copy", &one).status, 204);
    assert_eq!(fetch(&other, "/queues/copy/q")["arguments"]["x-message-ttl"], 5000);
    let wrong = json!({"queues": [{"name": "q", "vhost": "/", "arguments": {"x-message-ttl": 1}}]});
    assert_eq!(refused(&other, "POST", "/definitions", wrong).0, 400);
    assert_eq!(ask(&other, "DELETE", "/vhosts/copy", &Value::Null).status, 204);
    assert_eq!(refused(&other, "DELETE", "/vhosts/%2F", Value::Null).0, 400);
}

#[test]
fn a_full_disk_is_an_alarm_until_there_is_room() {
    let server = Server::new();
    for is_full in [true, false] {
        server.broker.set_full(is_full);
        for address in ["/health/checks/alarms", "/health/checks/local-alarms"] {
            let answer = ask(&server, "GET", address, &Value::Null);
            assert_eq!(answer.status, if is_full { 503 } else { 200 }, "{address}");
        }
        assert_eq!(fetch(&server, "/nodes")[0]["disk_free_alarm"], is_full);
    }
}

#[test]
fn checks_and_lists_of_what_is_not_there_answer() {
    let server = Server::new();
    for address in [
        "/aliveness-test/%2F",
        "/health/checks/alarms",
        "/health/checks/local-alarms",
        "/health/checks/virtual-hosts",
        "/health/checks/ready-to-serve-clients",
        "/health/checks/port-listener/5672",
        "/health/checks/protocol-listener/amqp091",
    ] {
        assert_eq!(fetch(&server, address)["status"], "ok", "{address}");
    }
    assert_eq!(ask(&server, "GET", "/health/checks/port-listener/1", &Value::Null).status, 503);
    assert_eq!(ask(&server, "GET", "/health/checks/protocol-listener/mqtt", &Value::Null).status, 503);
    for address in ["/parameters", "/topic-permissions", "/feature-flags", "/vhost-limits"] {
        assert_eq!(fetch(&server, address), json!([]), "{address}");
    }
    assert_eq!(fetch(&server, "/nodes")[0]["running"], true);
    assert_eq!(fetch(&server, "/users")[0]["tags"], json!(["administrator"]));
    assert_eq!(fetch(&server, "/permissions")[0]["configure"], ".*");
    assert_eq!(refused(&server, "PUT", "/users/new", json!({"password": "x"})).0, 501);
}

#[test]
fn queues_of_other_protocols_are_left_as_they_are() {
    let server = Server::new();
    let mut client = server.connect();
    server.broker.create_stream("topic", 1);
    put(&server, "/policies/%2F/p", json!({"pattern": ".*", "definition": {"max-length": 1}}));
    assert_eq!(client.ask(&declare("topic", Table::default())).len(), 1);
    let shown = fetch(&server, "/queues/%2F/topic");
    assert_eq!((&shown["policy"], &shown["effective_policy_definition"]), (&Value::Null, &json!({})));
    assert_eq!(ask(&server, "DELETE", "/queues/%2F/topic", &Value::Null).status, 204);
    assert!(server.broker.has_stream("topic"), "the stream is its creator's");
}

#[test]
fn a_stream_is_declared_counted_and_deleted_and_nothing_is_taken_out_of_it() {
    let server = Server::new();
    let stream = json!({"arguments": {"x-queue-type": "stream", "x-max-age": "1h"}});
    assert_eq!(put(&server, "/queues/%2F/s", stream.clone()), 201);
    assert_eq!(put(&server, "/queues/%2F/s", stream.clone()), 204);
    let mut client = server.connect();
    client.publish("", "s", &Properties::default(), b"one");
    client.publish("", "s", &Properties::default(), b"two");
    client.ask(&Method::BasicQos { prefetch_size: 0, prefetch_count: 1, global: false });
    client.consume("s", "c");
    let shown = fetch(&server, "/queues/%2F/s");
    assert_eq!(
        (&shown["type"], &shown["messages"], &shown["consumers"]),
        (&json!("stream"), &json!(2), &json!(1))
    );
    assert_eq!(shown["consumer_details"].as_array().map(Vec::len), Some(1));
    assert_eq!(names(&fetch(&server, "/queues/%2F")), ["s"]);
    let get = json!({"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"});
    for (method, address, body) in [
        ("POST", "/queues/%2F/s/get", get),
        ("DELETE", "/queues/%2F/s/contents", Value::Null),
        ("DELETE", "/queues/%2F/s?if-empty=true", Value::Null),
        ("DELETE", "/queues/%2F/s?if-unused=true", Value::Null),
    ] {
        let (status, reason) = refused(&server, method, address, body);
        assert_eq!(status, 400, "{address}: {reason}");
    }
    server.broker.create_stream("topic", 2);
    assert_eq!(put(&server, "/queues/%2F/topic", stream), 400);
    assert_eq!(ask(&server, "DELETE", "/queues/%2F/s", &Value::Null).status, 204);
    assert_eq!(
        client.said().last().map(|line| &**line),
        Some("1 BasicCancel { consumer_tag: \"c\", nowait: true }")
    );
}
