//! A client without a network: it makes requests, drives the exchange, and reads the answer.
//!
//! Apart because every test goes through it, so that each request is handled exactly as `net` would handle it.

use crate::schema;
use crate::system::TestSystem;
use millstream_console::metrics::Telemetry;
use millstream_console::{ConsoleOptions, Gate, Listener, Token};
use millstream_front::backend::{Blocking, Inbox};
use millstream_front::http::{Commands, Exchange, Outcome, Part, Refusal, Request, Response, Service};
use millstream_front::{Authorizer, Backend, Event, ReadCommand, ReadError, ReadOutcome, Watch};
use millstream_testkit::broker::{TestBroker, TestInbox};
use millstream_types::EngineTime;
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) struct Client {
    pub(crate) broker: Arc<TestBroker>,
    listener: Listener,
}

/// What logs in.
pub(crate) fn admin_token() -> Token {
    Token::parse("admin-token-of-the-tests").unwrap()
}

/// A request that may wait.
pub(crate) struct Waiting {
    /// Method and path.
    asked: (String, String),
    exchange: Option<Box<dyn Exchange>>,
    inbox: Arc<TestInbox>,
    broker: Arc<TestBroker>,
    response: Option<Response>,
    is_abandoned: bool,
    /// What of its answer it has given so far.
    parts: Vec<Part>,
    watch: Option<Watch>,
    wake_at: Option<EngineTime>,
}

impl Client {
    pub(crate) fn new() -> Client {
        let options = ConsoleOptions {
            version: "1.2.3",
            is_loopback: true,
            gate: Arc::new(Gate::new(Some(&admin_token()), None, 8080)),
            system: Arc::new(TestSystem::new()),
            listeners: vec![("http", "127.0.0.1:8080".parse().unwrap())],
        };
        Client::with(options)
    }

    pub(crate) fn with(options: ConsoleOptions) -> Client {
        let listener = Listener::new(options, Arc::new(Authorizer::local_only()));
        Client { broker: TestBroker::new(), listener }
    }

    /// One that shows what is seen of the broker.
    pub(crate) fn watched(telemetry: Arc<Telemetry>) -> Client {
        let client = Client::new();
        telemetry.add_meters(client.listener.meters().expect("operations are counted"));
        Client { listener: client.listener.with_telemetry(telemetry), ..client }
    }

    /// Looks how far streams and counters are, as the broker does every second.
    pub(crate) fn sample(&self) {
        self.listener.sample(&*self.broker);
    }

    /// Makes a request and drives it as far as it goes.
    pub(crate) fn send(&self, request: &Request<'_>) -> Waiting {
        let backend: Arc<dyn Backend> = self.broker.clone();
        let mut commands = Commands::default();
        let outcome = self.listener.start(self.broker.now(), &backend, request, &mut commands);
        let mut waiting = Waiting {
            asked: (request.method.to_owned(), request.path.to_owned()),
            exchange: None,
            inbox: Arc::default(),
            broker: self.broker.clone(),
            response: None,
            is_abandoned: false,
            parts: Vec::new(),
            watch: None,
            wake_at: None,
        };
        waiting.drive(outcome, commands);
        waiting
    }

    /// A request to an address below `/api/v1`.
    pub(crate) fn start(&self, method: &str, address: &str, body: &[u8]) -> Waiting {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let path = format!("/api/v1{path}");
        let headers: &[(&str, &[u8])] = &[("host", b"127.0.0.1:8080"), ("content-type", b"application/json")];
        self.send(&Request { method, path: &path, query, headers, body, is_tls: false, peer: None })
    }

    /// A request to any address, with these headers.
    pub(crate) fn at(&self, method: &str, address: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Waiting {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let host: &[(&str, &[u8])] = &[("host", b"127.0.0.1:8080")];
        let headers = [host, headers].concat();
        self.send(&Request { method, path, query, headers: &headers, body, is_tls: false, peer: None })
    }

    pub(crate) fn get(&self, address: &str) -> Value {
        self.start("GET", address, b"").document(200)
    }

    /// The document that answers a request which must succeed.
    pub(crate) fn call(&self, method: &str, address: &str, body: Value) -> Value {
        self.start(method, address, body.to_string().as_bytes()).document(200)
    }

    /// Status and code of a request that must be refused.
    pub(crate) fn refused(&self, method: &str, address: &str, body: &str) -> (u16, String) {
        self.start(method, address, body.as_bytes()).problem()
    }

    /// Status and code of a request that is refused before it is started.
    pub(crate) fn refuse(&self, refusal: Refusal) -> (u16, String) {
        let backend: Arc<dyn Backend> = self.broker.clone();
        let request = Request {
            method: "PUT",
            path: "/",
            query: "",
            headers: &[],
            body: b"",
            is_tls: false,
            peer: None,
        };
        problem(&self.listener.refuse(&backend, &request, refusal))
    }

    /// Creates a queue whose dead letters go to another stream, which is created as well.
    pub(crate) fn create_queue(&self, name: &str, settings: Value) {
        let mut all = json!({"leased": true});
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        self.start("PUT", &format!("/streams/{name}"), json!({"settings": all}).to_string().as_bytes())
            .document(201);
    }

    /// Sends values to a stream.
    pub(crate) fn send_values(&self, name: &str, values: &[&str]) {
        let records: Vec<Value> = values.iter().map(|value| json!({"value": value})).collect();
        self.call("POST", &format!("/streams/{name}/records"), json!({"records": records}));
    }

    /// The values of up to ten records that are received.
    pub(crate) fn receive(&self, name: &str) -> Vec<Value> {
        let received =
            self.call("POST", &format!("/streams/{name}/groups/default/receive"), json!({"records_max": 10}));
        received["records"].as_array().unwrap().clone()
    }
}

/// The values of records.
pub(crate) fn values(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["value"].as_str().expect("text")).collect()
}

impl Waiting {
    fn drive(&mut self, mut outcome: Outcome, mut commands: Commands) {
        loop {
            match outcome {
                Outcome::Respond(response) => {
                    // What ends an answer in parts has no head of its own.
                    if self.parts.is_empty() {
                        schema::check(&self.asked.0, &self.asked.1, &response);
                    }
                    self.response = Some(response);
                    return;
                }
                Outcome::Wait(exchange) => self.exchange = Some(exchange),
                Outcome::Part(part, exchange) => {
                    if let Part::Head(head) = &part {
                        schema::check(&self.asked.0, &self.asked.1, head);
                    }
                    self.parts.push(part);
                    outcome = exchange.resume(self.broker.now(), &mut commands);
                    continue;
                }
            }
            self.watch = commands.watch.take().or(self.watch.take());
            self.wake_at = commands.wake_at.take().or(self.wake_at);
            let inbox: Arc<dyn Inbox> = self.inbox.clone();
            self.broker.submit(&inbox, std::mem::take(&mut commands.submissions));
            let reads = std::mem::take(&mut commands.reads).into_iter();
            let mut events: Vec<Event> = reads.map(|read| self.read(read)).collect();
            events.extend(self.inbox.take().into_iter().map(|(tag, reply)| Event::Reply(tag, reply)));
            events.extend(self.waited_for());
            let mut events = events.into_iter();
            let Some(event) = events.next() else { return };
            outcome = self.exchange.take().expect("it waits").handle(self.broker.now(), event, &mut commands);
            for event in events {
                outcome = match outcome {
                    Outcome::Wait(exchange) => exchange.handle(self.broker.now(), event, &mut commands),
                    // The answer to what was asked when the client went away.
                    outcome if self.is_abandoned => outcome,
                    Outcome::Respond(_) | Outcome::Part(..) => panic!("more came than was waited for"),
                };
            }
        }
    }

    fn read(&self, read: ReadCommand) -> Event {
        let (log, from, bytes) = read.read.into_inner();
        let result = match self.broker.log(log).ok_or(ReadError::Deleted) {
            Err(error) => Err(error),
            Ok(log) => match log.read(from, bytes, Blocking::Allowed) {
                Ok(ReadOutcome::Data(slice)) => Ok(slice),
                Ok(ReadOutcome::WouldBlock) => panic!("this broker has no disk"),
                Err(error) => Err(error),
            },
        };
        Event::Read(read.tag, result)
    }

    /// The watch that has ended, or the moment that has come.
    fn waited_for(&mut self) -> Option<Event> {
        let has_moved = |watch: &mut Watch| {
            let moved = |(log, seen)| self.broker.log(log).is_none_or(|log| log.high_watermark() != seen);
            watch.logs.iter().copied().any(moved)
        };
        if let Some(watch) = self.watch.take_if(has_moved) {
            self.wake_at = None;
            return Some(Event::Moved(watch.tag));
        }
        self.wake_at.take_if(|at| *at <= self.broker.now())?;
        self.watch = None;
        Some(Event::Deadline)
    }

    /// The text of what it has given so far, without its head's; for an answer in parts.
    pub(crate) fn text(&self) -> String {
        let bodies = self.parts.iter().cloned().map(Part::into_body);
        bodies.map(|body| String::from_utf8(body.to_vec()).expect("text")).collect()
    }

    /// The head of an answer in parts.
    pub(crate) fn head(&self) -> &Response {
        match &self.parts[0] {
            Part::Head(head) => head,
            Part::Piece(_) => panic!("it does not begin with its head"),
        }
    }

    /// Takes what has come meanwhile.
    pub(crate) fn go_on(&mut self) {
        let mut events: Vec<Event> =
            self.inbox.take().into_iter().map(|(tag, reply)| Event::Reply(tag, reply)).collect();
        events.extend(self.waited_for());
        for event in events {
            let mut commands = Commands::default();
            let exchange = self.exchange.take().expect("it waits");
            let outcome = exchange.handle(self.broker.now(), event, &mut commands);
            self.drive(outcome, commands);
        }
    }

    /// The client goes away.
    pub(crate) fn abandon(&mut self) {
        let mut commands = Commands::default();
        let mut exchange = self.exchange.take().expect("it waits");
        exchange.abandon(self.broker.now(), &mut commands);
        self.is_abandoned = true;
        self.drive(Outcome::Wait(exchange), commands);
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.response.is_none()
    }

    pub(crate) fn response(self) -> Response {
        self.response.expect("it is answered")
    }

    /// The document of an answer with this status.
    pub(crate) fn document(self, status: u16) -> Value {
        let response = self.response();
        let text = std::str::from_utf8(&response.body).expect("text");
        assert_eq!(response.status, status, "{text}");
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert_eq!(response.header("cache-control"), Some("no-store"));
        serde_json::from_str(text).expect("JSON")
    }

    /// Status and code of a refusal.
    pub(crate) fn problem(self) -> (u16, String) {
        problem(&self.response())
    }
}

/// Status and code of a refusal.
fn problem(response: &Response) -> (u16, String) {
    let text = std::str::from_utf8(&response.body).expect("text");
    assert!(response.status >= 400, "it should have been refused: {text}");
    assert_eq!(response.header("content-type"), Some("application/problem+json"));
    let problem: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(problem["status"], response.status);
    let detail = problem["detail"].as_str().expect("a sentence");
    assert!(detail.ends_with('.') && detail.len() < 600, "{detail}");
    (response.status, problem["code"].as_str().expect("a code").to_owned())
}
