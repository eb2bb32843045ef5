//! HTTP over real sockets against a toy service: what clients send in every possible way, and what becomes of requests
//! that wait.

mod lifetime;
mod limits;
mod parts;
mod requests;
mod service;
mod waiting;

use crate::toy::{Client, Harness};
use millstream_net::{Front, Options};
use service::ToyService;
use std::io::Read;
use std::ops::Deref;
use std::sync::Arc;

/// A listener that speaks HTTP.
struct Web {
    harness: Harness,
    service: Arc<ToyService>,
}

impl Deref for Web {
    type Target = Harness;

    fn deref(&self) -> &Harness {
        &self.harness
    }
}

const BUDGET_BYTES: u64 = 16 << 20;
const OUTPUT_BYTES: u64 = 64 << 20;

impl Web {
    fn new(options: Options) -> Web {
        Web::with_memory(options, BUDGET_BYTES, OUTPUT_BYTES)
    }

    fn with_memory(options: Options, budget_bytes: u64, output_bytes: u64) -> Web {
        let mut made = None;
        let front = |toy: &Arc<_>| {
            let service = Arc::new(ToyService::new(Arc::clone(toy)));
            made = Some(service.clone());
            Front::Http(service)
        };
        let harness = Harness::with_front(front, options, budget_bytes, output_bytes);
        Web { harness, service: made.unwrap() }
    }

    fn ordinary() -> Web {
        Web::new(Options::default())
    }

    /// Waits until nothing of any request is held.
    fn all_memory_is_free(&self) {
        let (budget, output) = (self.budget.total_bytes(), self.output_budget.total_bytes());
        self.eventually("all memory is free", |h| {
            h.budget.free_bytes() == budget && h.output_budget.free_bytes() == output
        });
    }
}

/// A response as it came.
#[derive(Debug, PartialEq, Eq)]
struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().filter_map(|line| line.split_once(": ")).find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Client {
    /// The head of the next response, an intermediate one included.
    fn head(&mut self) -> (u16, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let status = head["HTTP/1.x ".len()..][..3].parse().unwrap();
        (status, head)
    }

    fn reply(&mut self) -> Reply {
        let (status, head) = self.head();
        let mut reply = Reply { status, head, body: Vec::new() };
        let bytes = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
        reply.body.resize(bytes, 0);
        self.stream.read_exact(&mut reply.body).unwrap();
        reply
    }

    fn request(&mut self, request: &[u8]) -> Reply {
        self.send(request);
        self.reply()
    }
}

/// A request with a body of announced length.
fn post(target: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST {target} HTTP/1.1\r\nhost: toy\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nhost: toy\r\n\r\n").into_bytes()
}
