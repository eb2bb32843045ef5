//! A client of the admin API: a request, its answer, or why there is none.
//!
//! Apart because every command speaks through it. A connection is kept for the next request; one that the broker has
//! closed meanwhile is made anew. A request whose answer did not come is not repeated: it may have taken effect.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpStream;

use super::error::ApiError;
use super::socket::Socket;
use crate::cli::output::base64;

/// What stands for itself in an address.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// Bytes of an answer that are read: more than the API ever gives.
const ANSWER_BYTES_MAX: usize = 256 << 20;
/// Items of a page of a list.
const PAGE_ITEMS: usize = 1000;
/// The port of an address without one.
const PORT_DEFAULT: u16 = 8080;
/// The port of RabbitMQ's management API.
const MANAGEMENT_PORT_DEFAULT: u16 = 15672;
/// What stands before every address of the API.
const PREFIX: &str = "/api/v1";

/// The address of a resource: the names on the way to it, and the parameters that have a value.
pub(in crate::cli) fn address(parts: &[&str], query: &[(&str, Option<String>)]) -> String {
    address_below(PREFIX, parts, query)
}

/// As [`address`], in an API whose addresses begin like this.
pub(in crate::cli) fn address_below(
    prefix: &str,
    parts: &[&str],
    query: &[(&str, Option<String>)],
) -> String {
    let mut address = prefix.to_owned();
    for part in parts {
        address.push('/');
        address.extend(utf8_percent_encode(part, ESCAPED));
    }
    let given = query.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    for (place, (name, value)) in given.enumerate() {
        address.push(if place == 0 { '?' } else { '&' });
        address.push_str(name);
        address.push('=');
        address.extend(utf8_percent_encode(value, ESCAPED));
    }
    address
}

/// A client.
pub(in crate::cli) struct Api {
    /// Host and port.
    authority: String,
    /// Where the names in all requests are; `None`: where the broker puts whoever asks.
    namespace: Option<String>,
    /// What says who asks, where the API wants to know.
    authorization: Option<String>,
    patience: Duration,
    connection: Option<SendRequest<Whole>>,
}

/// A problem, as the admin API or RabbitMQ's describes it.
#[derive(Deserialize)]
struct Problem {
    #[serde(alias = "error")]
    code: String,
    #[serde(alias = "reason")]
    detail: String,
}

impl Api {
    /// A client of the API at an address like `http://127.0.0.1:8080`.
    pub(super) fn new(server: &str, namespace: Option<String>, patience: Duration) -> Result<Api, ApiError> {
        Api::at(server, PORT_DEFAULT, namespace, patience).ok_or_else(|| ApiError::Address(server.to_owned()))
    }

    /// The same client, which says by this token who asks.
    pub(super) fn with_token(self, token: Option<String>) -> Api {
        Api { authorization: token.map(|token| format!("Bearer {token}")), ..self }
    }

    /// A client of RabbitMQ's management API at an address like `http://127.0.0.1:15672`.
    pub(in crate::cli) fn management(
        server: &str,
        (user, password): (&str, &str),
        patience: Duration,
    ) -> Result<Api, ApiError> {
        let credential = base64(format!("{user}:{password}").as_bytes());
        let authorization = Some(format!("Basic {credential}"));
        let api = Api::at(server, MANAGEMENT_PORT_DEFAULT, None, patience);
        let api = api.ok_or_else(|| ApiError::ManagementAddress(server.to_owned()))?;
        Ok(Api { authorization, ..api })
    }

    /// A client of an API at an address; `None`: it is none.
    fn at(server: &str, port_default: u16, namespace: Option<String>, patience: Duration) -> Option<Api> {
        let authority = server.strip_prefix("http://").unwrap_or(server).trim_end_matches('/');
        let parsed: http::uri::Authority = authority.parse().ok()?;
        if parsed.host().is_empty() || parsed.as_str().contains('@') {
            return None;
        }
        let port = match parsed.port() {
            Some(port) => port.as_u16(),
            // What stands behind the colon is no port.
            None if authority.ends_with(':') || authority.len() > parsed.host().len() => return None,
            None => port_default,
        };
        let authority = format!("{}:{port}", parsed.host());
        Some(Api { authority, namespace, authorization: None, patience, connection: None })
    }

    /// Gets a document.
    pub(in crate::cli) async fn get<T: DeserializeOwned>(&mut self, address: &str) -> Result<T, ApiError> {
        self.ask(Method::GET, address, None, Duration::ZERO).await
    }

    /// Ends or removes a resource.
    pub(in crate::cli) async fn delete<T: DeserializeOwned>(&mut self, address: &str) -> Result<T, ApiError> {
        self.ask(Method::DELETE, address, None, Duration::ZERO).await
    }

    /// Gets a list to its end, page by page, or as many items as are wanted.
    pub(in crate::cli) async fn list(
        &mut self,
        parts: &[&str],
        query: &[(&str, Option<String>)],
        wanted: usize,
    ) -> Result<Vec<Value>, ApiError> {
        self.gather(parts, query, wanted, Some).await
    }

    /// As [`Api::list`], and keeps of each item only what is needed of it, if it is.
    pub(in crate::cli) async fn gather<T>(
        &mut self,
        parts: &[&str],
        query: &[(&str, Option<String>)],
        wanted: usize,
        keep: impl Fn(Value) -> Option<T>,
    ) -> Result<Vec<T>, ApiError> {
        #[derive(Deserialize)]
        struct Page {
            items: Vec<Value>,
            next_cursor: Option<String>,
        }
        let mut items = Vec::new();
        let mut cursor = None;
        loop {
            let limit = (wanted - items.len()).min(PAGE_ITEMS);
            // Where to begin is for the first page alone: from then on the cursor says it.
            let is_place = |name: &str| ["offset", "time_ms", "last"].contains(&name);
            let mut query = query.to_vec();
            query.retain(|(name, _)| cursor.is_none() || !is_place(name));
            query.extend([("limit", Some(limit.to_string())), ("cursor", cursor)]);
            let page: Page = self.get(&address(parts, &query)).await?;
            items.extend(page.items.into_iter().filter_map(&keep));
            match page.next_cursor {
                Some(next) if items.len() < wanted => cursor = Some(next),
                _ => return Ok(items),
            }
        }
    }

    /// Makes a request with a body and gives the document that answers it.
    pub(in crate::cli) async fn send<T: DeserializeOwned>(
        &mut self,
        method: Method,
        address: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        self.send_and_wait(method, address, body, Duration::ZERO).await
    }

    /// As [`Api::send`], for a request that the broker itself lets wait so long.
    pub(in crate::cli) async fn send_and_wait<T: DeserializeOwned>(
        &mut self,
        method: Method,
        address: &str,
        body: &impl Serialize,
        waits: Duration,
    ) -> Result<T, ApiError> {
        let body = serde_json::to_vec(body).expect("what a command says is made of texts, numbers and lists");
        self.ask(method, address, Some(body), waits).await
    }

    async fn ask<T: DeserializeOwned>(
        &mut self,
        method: Method,
        address: &str,
        body: Option<Vec<u8>>,
        waits: Duration,
    ) -> Result<T, ApiError> {
        let mut address = address.to_owned();
        if let Some(namespace) = &self.namespace {
            address.push(if address.contains('?') { '&' } else { '?' });
            address.push_str("namespace=");
            address.extend(utf8_percent_encode(namespace, ESCAPED));
        }
        let (status, answer) =
            self.within(waits, |api| Box::pin(api.exchange(method, address, body))).await?;
        let foreign = |what: String| ApiError::Foreign { server: self.authority.clone(), what };
        if status.is_success() {
            let answer = if answer.is_empty() { b"null" } else { &answer[..] };
            return serde_json::from_slice(answer).map_err(|error| foreign(format!("its answer is {error}")));
        }
        match serde_json::from_slice::<Problem>(&answer) {
            Ok(Problem { code, detail }) => Err(ApiError::Refused { code, detail }),
            Err(_) => Err(foreign(format!("it answers with status {status}"))),
        }
    }

    /// Does something within the time there is.
    async fn within<'a, T>(
        &'a mut self,
        waits: Duration,
        act: impl FnOnce(&'a mut Api) -> Pin<Box<dyn Future<Output = Result<T, ApiError>> + 'a>>,
    ) -> Result<T, ApiError> {
        let (server, patience) = (self.authority.clone(), self.patience);
        let silent = |_| ApiError::Silent { server, patience };
        tokio::time::timeout(patience + waits, act(self)).await.map_err(silent)?
    }

    async fn exchange(
        &mut self,
        method: Method,
        address: String,
        body: Option<Vec<u8>>,
    ) -> Result<(StatusCode, Vec<u8>), ApiError> {
        let server = self.authority.clone();
        let lost = |why: String| ApiError::Lost { server: server.clone(), why };
        let mut request = Request::builder().method(method).uri(address).header("host", &server);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = Whole(body.map(Bytes::from));
        let request = request.body(body).map_err(|_| ApiError::Address(server.clone()))?;
        let connection = self.connected().await?;
        let sent = connection.send_request(request).await;
        let response = sent.map_err(|error| lost(error.to_string()))?;
        let status = response.status();
        Ok((status, collect(response.into_body()).await.map_err(lost)?))
    }

    /// A connection that takes a request.
    async fn connected(&mut self) -> Result<&mut SendRequest<Whole>, ApiError> {
        let is_ready = match &mut self.connection {
            Some(connection) => connection.ready().await.is_ok(),
            None => false,
        };
        if !is_ready {
            self.connection = Some(self.connect().await?);
        }
        Ok(self.connection.as_mut().expect("it was made if there was none"))
    }

    async fn connect(&self) -> Result<SendRequest<Whole>, ApiError> {
        let failed = |why: io::Error| ApiError::Connect { server: self.authority.clone(), why };
        let stream = TcpStream::connect(&self.authority).await.map_err(failed)?;
        let (sender, connection) =
            handshake(Socket::new(stream)).await.map_err(|error| failed(io::Error::other(error)))?;
        // How it ends is told to whoever waits for an answer.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }
}

/// Reads an answer to its end.
async fn collect(mut body: Incoming) -> Result<Vec<u8>, String> {
    let mut whole = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|error| error.to_string())?;
        // Trailers say nothing here.
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > ANSWER_BYTES_MAX {
            return Err("it is longer than any answer".to_owned());
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole)
}

/// A request's body, in one piece.
pub(super) struct Whole(Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_escape_names_and_leave_out_what_is_not_given() {
        assert_eq!(
            address(
                &["streams", "a/b ü"],
                &[("limit", Some("5".into())), ("cursor", None), ("key", Some("x&y".into()))]
            ),
            "/api/v1/streams/a%2Fb%20%C3%BC?limit=5&key=x%26y"
        );
        assert_eq!(address(&[], &[]), "/api/v1");
    }

    #[test]
    fn a_server_is_a_host_and_maybe_a_port() {
        let authority = |server: &str| Api::new(server, None, Duration::ZERO).map(|api| api.authority).ok();
        for (server, expected) in [
            ("http://127.0.0.1:8081", "127.0.0.1:8081"),
            ("http://broker/", "broker:8080"),
            ("broker:1", "broker:1"),
            ("http://[::1]:9", "[::1]:9"),
            ("http://[::1]", "[::1]:8080"),
        ] {
            assert_eq!(authority(server).as_deref(), Some(expected), "{server}");
        }
        for wrong in
            ["", "http://", "https://broker", "http://a/b", "http://u@h", "broker:", "broker:x", ":80"]
        {
            assert_eq!(authority(wrong), None, "{wrong}");
        }
    }
}
