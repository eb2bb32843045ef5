//! Plain requests, and a browser without scripts: cookies, forms, and the redirects behind them.
//!
//! Apart because what a page needs of its visitor is not what is compared.

use crate::process::Broker;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A machine that does other things as well gets its time.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl Answer {
    /// The first value of a header.
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// Sends a request and reads the answer to its end.
pub(super) fn send(broker: &Broker, method: &str, address: &str, headers: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(&broker.http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {address} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}",
        broker.http
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// Asks the API, which must say yes; an answer without content is null.
pub(super) fn api(broker: &Broker, method: &str, path: &str, body: Option<&Value>) -> Value {
    let headers = if body.is_some() { "content-type: application/json\r\n" } else { "" };
    let text = body.map_or(String::new(), Value::to_string);
    let answer = send(broker, method, &format!("/api/v1{path}"), headers, &text);
    assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.body);
    if answer.body.is_empty() { Value::Null } else { serde_json::from_str(&answer.body).unwrap() }
}

/// Somebody who has logged in with the printed address, in a browser that runs no script.
pub(super) struct Browser {
    cookie: String,
    /// What every form of the session has in it.
    word: String,
}

impl Browser {
    pub(super) fn new(broker: &Broker) -> Browser {
        let url = broker.ready["console_url"].as_str().unwrap();
        let (_, address) = url.split_once(&broker.http).unwrap();
        let answer = send(broker, "GET", address, "sec-fetch-site: none\r\n", "");
        assert_eq!(answer.status, 303, "{}", answer.body);
        let (cookie, _) = answer.header("set-cookie").unwrap().split_once(';').unwrap();
        let mut browser = Browser { cookie: cookie.to_owned(), word: String::new() };
        let page = browser.page(broker, "/streams");
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap();
        browser.word = rest.split_once('"').unwrap().0.to_owned();
        browser
    }

    fn headers(&self) -> String {
        format!("cookie: {}\r\nsec-fetch-site: same-origin\r\naccept: text/html\r\n", self.cookie)
    }

    /// A page that is there.
    pub(super) fn page(&self, broker: &Broker, address: &str) -> String {
        let answer = send(broker, "GET", address, &self.headers(), "");
        assert_eq!(answer.status, 200, "{address}: {}", answer.body);
        answer.body
    }

    /// Sends a form, says yes if it is asked, and looks at the page that this leads to.
    pub(super) fn submit(&self, broker: &Broker, address: &str, fields: &[(&str, &str)]) {
        let mut body = format!("csrf={}", escape(&self.word));
        for (name, value) in fields {
            body += &format!("&{name}={}", escape(value));
        }
        let headers = format!("{}content-type: application/x-www-form-urlencoded\r\n", self.headers());
        let mut answer = send(broker, "POST", address, &headers, &body);
        if answer.status == 200 && answer.body.contains("name=\"confirmed\" value=\"yes\"") {
            answer = send(broker, "POST", address, &headers, &format!("{body}&confirmed=yes"));
        }
        assert_eq!(answer.status, 303, "{address} {fields:?}: {}", answer.body);
        let next = answer.header("location").unwrap().split('#').next().unwrap();
        self.page(broker, next);
    }
}

/// A field of a form as browsers send it.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => escaped.push(byte.into()),
            b' ' => escaped.push('+'),
            _ => escaped += &format!("%{byte:02X}"),
        }
    }
    escaped
}
