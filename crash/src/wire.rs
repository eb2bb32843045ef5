//! The lean client: one connection that is made again whenever it breaks, and requests by the project's codec.
//!
//! Apart because the loads must know one thing exactly, and it is decided here: a request that was answered was, and of
//! any other nobody knows.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use millstream_kafka::codec::frame::{read_response, write_request};
use millstream_kafka::codec::{RequestMessage, Writer};

use crate::moment::Moments;

/// A broker that says nothing for this long has lost the request.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// Between two tries to connect.
const PAUSE: Duration = Duration::from_millis(5);
/// Largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A connection, when there is one.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    stream: Option<TcpStream>,
    correlation_id: i32,
}

impl Link {
    /// To an address, not connected yet.
    pub fn new(address: SocketAddr) -> Link {
        Link { address, stream: None, correlation_id: 0 }
    }

    /// Waits until there is a connection; `false` when the run is over first.
    pub fn ready(&mut self, moments: &Moments) -> bool {
        while !moments.is_over() {
            if self.connect() {
                return true;
            }
            sleep(PAUSE);
        }
        false
    }

    /// Whether there is a connection, after one try to make one.
    pub fn connect(&mut self) -> bool {
        if self.stream.is_none() {
            self.stream = self.open().ok();
        }
        self.stream.is_some()
    }

    fn open(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        Ok(stream)
    }

    /// Sends one request and waits for its answer.
    ///
    /// # Errors
    /// When the connection breaks: then nobody knows whether the request was carried out.
    pub fn call<M: RequestMessage>(&mut self, version: i16, request: &M) -> anyhow::Result<M::Response> {
        let mut answers = self.call_all(version, std::slice::from_ref(request));
        answers.pop().expect("one request has one outcome")
    }

    /// Sends all requests, then waits for all answers; one outcome each, in order.
    pub fn call_all<M: RequestMessage>(
        &mut self,
        version: i16,
        requests: &[M],
    ) -> Vec<anyhow::Result<M::Response>> {
        let mut outcomes = Vec::with_capacity(requests.len());
        if let Err(error) = self.send_all(version, requests) {
            self.stream = None;
            outcomes.push(Err(error));
        }
        while outcomes.len() < requests.len() {
            let behind = i32::try_from(requests.len() - 1 - outcomes.len()).expect("few requests at once");
            let outcome = self.receive::<M>(version, self.correlation_id.wrapping_sub(behind));
            if outcome.is_err() {
                self.stream = None;
            }
            outcomes.push(outcome);
        }
        outcomes
    }

    fn send_all<M: RequestMessage>(&mut self, version: i16, requests: &[M]) -> anyhow::Result<()> {
        let mut writer = Writer::new();
        for request in requests {
            self.correlation_id = self.correlation_id.wrapping_add(1);
            write_request(&mut writer, version, self.correlation_id, Some("millstream-crash"), request)?;
        }
        let mut stream = self.stream.as_ref().context("not connected")?;
        stream.write_all(&writer.into_bytes())?;
        Ok(())
    }

    fn receive<M: RequestMessage>(&mut self, version: i16, expected: i32) -> anyhow::Result<M::Response> {
        let mut stream = self.stream.as_ref().context("not connected")?;
        let mut size = [0; 4];
        stream.read_exact(&mut size)?;
        let size = u32::from_be_bytes(size) as usize;
        ensure!(size <= ANSWER_BYTES_MAX, "an answer of {size} bytes");
        let mut frame = vec![0; size];
        stream.read_exact(&mut frame)?;
        let (correlation_id, response) = read_response(version, Bytes::from(frame))?;
        ensure!(correlation_id == expected, "answer {correlation_id} to request {expected}");
        Ok(response)
    }
}
