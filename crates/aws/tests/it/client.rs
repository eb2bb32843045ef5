//! A client without a network: it spells calls in both protocols, drives the exchange, and reads the reply.
//!
//! Apart because every test of a call goes through it, so that each is made exactly as `net` would make it.

use millstream_aws::scope::Scope;
use millstream_aws::sigv4::Credentials;
use millstream_aws::{AwsOptions, Listener};
use millstream_core::Reply;
use millstream_front::backend::{Blocking, Inbox};
use millstream_front::http::{Commands, Exchange, Outcome, Refusal, Request, Response, Service};
use millstream_front::{Authorizer, Backend, Event, ReadError, ReadOutcome, Tag};
use millstream_testkit::broker::{TestBroker, TestInbox};
use millstream_types::ErrorKind;
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) const HOST: &str = "broker.test:4566";

/// Which protocol a call is made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Json,
    Query,
}

pub(crate) const BOTH: [Wire; 2] = [Wire::Json, Wire::Query];

pub(crate) struct Client {
    pub(crate) broker: Arc<TestBroker>,
    listener: Arc<Listener>,
}

/// An error as a client reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) status: u16,
    /// What the SDK reports: the older code.
    pub(crate) code: String,
    /// The name of the type; of AWS JSON alone.
    pub(crate) shape: Option<String>,
    pub(crate) message: String,
}

/// A call that waits.
pub(crate) struct Waiting {
    exchange: Option<Box<dyn Exchange>>,
    inbox: Arc<TestInbox>,
    broker: Arc<TestBroker>,
    response: Option<Response>,
}

impl Client {
    pub(crate) fn new() -> Client {
        Client::with(&TestBroker::new(), Credentials::default())
    }

    pub(crate) fn with(broker: &Arc<TestBroker>, credentials: Credentials) -> Client {
        let options = AwsOptions { host: "127.0.0.1:4566".to_owned(), credentials };
        let listener = Arc::new(Listener::new(options, Arc::new(Authorizer::local_only())));
        Client { broker: broker.clone(), listener }
    }

    /// Sends a request and drives it as far as it goes.
    pub(crate) fn send(&self, request: &Request<'_>) -> Waiting {
        let backend: Arc<dyn Backend> = self.broker.clone();
        let mut commands = Commands::default();
        let outcome = self.listener.start(self.broker.now(), &backend, request, &mut commands);
        let mut waiting =
            Waiting { exchange: None, inbox: Arc::default(), broker: self.broker.clone(), response: None };
        waiting.step(outcome, commands);
        waiting
    }

    /// A call in AWS JSON.
    pub(crate) fn json(&self, action: &str, parameters: &Value) -> Waiting {
        with_json(action, parameters, |request| self.send(request))
    }

    /// The reply to a call in AWS JSON while the shard refuses everything.
    pub(crate) fn json_while(&self, kind: ErrorKind, action: &str, parameters: &Value) -> Response {
        let backend: Arc<dyn Backend> = self.broker.clone();
        let (now, mut commands) = (self.broker.now(), Commands::default());
        let start = |request: &Request<'_>| self.listener.start(now, &backend, request, &mut commands);
        let mut outcome = with_json(action, parameters, start);
        loop {
            match outcome {
                Outcome::Respond(response) => return response,
                Outcome::Wait(exchange) => {
                    let tag = commands.submissions.remove(0).tag;
                    let refused = Event::Reply(tag, Reply::Refused(kind));
                    outcome = exchange.handle(now, refused, &mut commands);
                }
                Outcome::Part(part, _) => panic!("an action is answered in one piece, not {part:?}"),
            }
        }
    }

    /// The reply to a request that is not started.
    pub(crate) fn turned_away(&self, headers: &[(&str, &[u8])], refusal: Refusal) -> Response {
        let backend: Arc<dyn Backend> = self.broker.clone();
        let request =
            Request { method: "POST", path: "/", query: "", headers, body: b"", is_tls: false, peer: None };
        self.listener.refuse(&backend, &request, refusal)
    }

    /// A call in the Query protocol, its parameters flattened as the SDKs do it.
    pub(crate) fn query(&self, action: &str, parameters: &Value) -> Waiting {
        let mut fields =
            vec![("Action".to_owned(), action.to_owned()), ("Version".to_owned(), "2012-11-05".to_owned())];
        flatten(action, "", parameters, &mut fields);
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
        let body = body.join("&");
        let headers: [(&str, &[u8]); 2] = [
            ("host", HOST.as_bytes()),
            ("content-type", b"application/x-www-form-urlencoded; charset=utf-8"),
        ];
        self.send(&Request {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body: body.as_bytes(),
            is_tls: false,
            peer: None,
        })
    }

    pub(crate) fn start(&self, wire: Wire, action: &str, parameters: &Value) -> Waiting {
        match wire {
            Wire::Json => self.json(action, parameters),
            Wire::Query => self.query(action, parameters),
        }
    }

    /// The reply of a call that must be refused.
    pub(crate) fn refused(&self, wire: Wire, action: &str, parameters: &Value) -> Fault {
        let response = self.start(wire, action, parameters).response();
        fault(wire, &response)
    }

    /// The result of a call in AWS JSON that must succeed.
    pub(crate) fn call(&self, action: &str, parameters: Value) -> Value {
        self.json(action, &parameters).result()
    }

    /// Creates a queue and gives its address.
    pub(crate) fn create(&self, name: &str, attributes: Value) -> String {
        let reply = self.call("CreateQueue", json!({"QueueName": name, "Attributes": attributes}));
        reply["QueueUrl"].as_str().expect("an address").to_owned()
    }
}

impl Waiting {
    fn step(&mut self, outcome: Outcome, mut commands: Commands) {
        let mut outcome = outcome;
        loop {
            match outcome {
                Outcome::Respond(response) => {
                    self.response = Some(response);
                    return;
                }
                Outcome::Wait(exchange) => self.exchange = Some(exchange),
                Outcome::Part(part, _) => panic!("an action is answered in one piece, not {part:?}"),
            }
            let inbox: Arc<dyn Inbox> = self.inbox.clone();
            self.broker.submit(&inbox, std::mem::take(&mut commands.submissions));
            let mut events: Vec<Event> = Vec::new();
            for read in std::mem::take(&mut commands.reads) {
                events.push(self.read(read.tag, read.read.into_inner()));
            }
            events.extend(self.inbox.take().into_iter().map(|(tag, reply)| Event::Reply(tag, reply)));
            let mut events = events.into_iter();
            let Some(event) = events.next() else { return };
            outcome = self.exchange.take().expect("it waits").handle(self.broker.now(), event, &mut commands);
            for event in events {
                let Outcome::Wait(exchange) = outcome else { panic!("more came than was waited for") };
                outcome = exchange.handle(self.broker.now(), event, &mut commands);
            }
        }
    }

    fn read(
        &self,
        tag: Tag,
        (log, from, bytes): (millstream_types::LogId, millstream_types::Offset, u32),
    ) -> Event {
        let result = match self.broker.log(log).ok_or(ReadError::Deleted) {
            Err(error) => Err(error),
            Ok(log) => match log.read(from, bytes, Blocking::Allowed) {
                Ok(ReadOutcome::Data(slice)) => Ok(slice),
                Ok(ReadOutcome::WouldBlock) => panic!("this broker has no disk"),
                Err(error) => Err(error),
            },
        };
        Event::Read(tag, result)
    }

    /// Takes what has come meanwhile.
    pub(crate) fn go_on(&mut self) {
        let mut events = self.inbox.take().into_iter().map(|(tag, reply)| Event::Reply(tag, reply));
        if let Some(event) = events.next() {
            assert!(events.next().is_none(), "one thing is waited for");
            let mut commands = Commands::default();
            let exchange = self.exchange.take().expect("it waits");
            let outcome = exchange.handle(self.broker.now(), event, &mut commands);
            self.step(outcome, commands);
        }
    }

    /// The client goes away.
    pub(crate) fn abandon(&mut self) {
        let mut commands = Commands::default();
        let mut exchange = self.exchange.take().expect("it waits");
        exchange.abandon(self.broker.now(), &mut commands);
        let inbox: Arc<dyn Inbox> = self.inbox.clone();
        self.broker.submit(&inbox, commands.submissions);
        let events: Vec<_> = self.inbox.take();
        let mut outcome = Outcome::Wait(exchange);
        let mut commands = Commands::default();
        for (tag, reply) in events {
            // The last of them may be the answer to the call that took the wait back: nobody needs it.
            outcome = match outcome {
                Outcome::Wait(exchange) => {
                    exchange.handle(self.broker.now(), Event::Reply(tag, reply), &mut commands)
                }
                outcome => outcome,
            };
        }
        self.step(outcome, commands);
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.response.is_none()
    }

    pub(crate) fn response(self) -> Response {
        self.response.expect("it is answered")
    }

    /// The result of a call in AWS JSON that must have succeeded.
    pub(crate) fn result(self) -> Value {
        let response = self.response();
        let text = String::from_utf8(response.body.to_vec()).expect("text");
        assert_eq!(response.status, 200, "{text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") }
    }
}

/// A request in AWS JSON.
fn with_json<T>(action: &str, parameters: &Value, see: impl FnOnce(&Request<'_>) -> T) -> T {
    let target = format!("AmazonSQS.{action}");
    let body = parameters.to_string();
    let headers: [(&str, &[u8]); 3] = [
        ("host", HOST.as_bytes()),
        ("x-amz-target", target.as_bytes()),
        ("content-type", b"application/x-amz-json-1.0"),
    ];
    let body = body.as_bytes();
    see(&Request { method: "POST", path: "/", query: "", headers: &headers, body, is_tls: false, peer: None })
}

/// Reads an error reply.
pub(crate) fn fault(wire: Wire, response: &Response) -> Fault {
    let text = std::str::from_utf8(&response.body).expect("text");
    assert!(response.status >= 400, "it should have been refused: {text}");
    match wire {
        Wire::Json => {
            let body: Value = serde_json::from_str(text).expect("JSON");
            let (_, shape) = body["__type"].as_str().expect("a type").split_once('#').expect("a namespace");
            let header = response.header("x-amzn-query-error").expect("the older code");
            let (code, _) = header.split_once(';').expect("code and blame");
            let message = body["message"].as_str().expect("a message").to_owned();
            Fault { status: response.status, code: code.to_owned(), shape: Some(shape.to_owned()), message }
        }
        Wire::Query => Fault {
            status: response.status,
            code: element(text, "Code"),
            shape: None,
            message: element(text, "Message"),
        },
    }
}

/// The text of the first element of a name.
pub(crate) fn element(xml: &str, name: &str) -> String {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}"));
    let (text, _) = rest.split_once(&format!("</{name}>")).expect("it ends");
    text.replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#xD;", "\r")
        .replace("&amp;", "&")
}

/// What a list, a map or a map's entries are called in the Query protocol.
fn member(action: &str, name: &str) -> String {
    match name {
        "Entries" => format!("{action}RequestEntry"),
        "tags" => "Tag".to_owned(),
        "Actions" => "ActionName".to_owned(),
        name => name.strip_suffix('s').unwrap_or(name).to_owned(),
    }
}

fn flatten(action: &str, path: &str, value: &Value, fields: &mut Vec<(String, String)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let Value::Object(map) = value else {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        fields.push((path.to_owned(), text));
        return;
    };
    for (name, value) in map {
        match value {
            Value::Array(items) => {
                for (n, item) in (1..).zip(items) {
                    flatten(action, &below(&format!("{}.{n}", member(action, name))), item, fields);
                }
            }
            Value::Object(entries)
                if matches!(
                    &**name,
                    "Attributes" | "tags" | "Tags" | "MessageAttributes" | "MessageSystemAttributes"
                ) =>
            {
                let key = if matches!(&**name, "tags" | "Tags") { "Key" } else { "Name" };
                for (n, (name_of, value)) in (1..).zip(entries) {
                    let entry = below(&format!("{}.{n}", member(action, name)));
                    fields.push((format!("{entry}.{key}"), name_of.clone()));
                    flatten(action, &format!("{entry}.Value"), value, fields);
                }
            }
            value => flatten(action, &below(name), value, fields),
        }
    }
}

pub(crate) fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// The scope that requests without a signature are in.
pub(crate) fn scope() -> Scope {
    Scope::default()
}
