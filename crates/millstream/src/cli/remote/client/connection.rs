//! One connection to one broker, with one request under way at a time.
//!
//! Apart because this is where bytes are: sizes that the broker claims are checked, every wait has an end, and each
//! request goes out in the highest version that both sides have.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use millstream_kafka::ErrorCode;
use millstream_kafka::codec::generated::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use millstream_kafka::codec::{ApiKey, Message, RequestMessage, Writer, frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::ClientError;

/// What this client calls itself.
pub(super) const CLIENT_ID: &str = "millstream-cli";
/// Largest answer that is read: above the largest batch a topic can hold, which a broker sends whole.
const RESPONSE_BYTES_MAX: usize = 160 << 20;
/// An answer's buffer starts with this much at most and grows with the bytes that really come.
const RESPONSE_BYTES_START: usize = 64 << 10;

/// A connection whose broker's versions are known.
#[derive(Debug)]
pub(crate) struct Connection {
    address: String,
    stream: TcpStream,
    versions: BTreeMap<i16, (i16, i16)>,
    correlation_id: i32,
    patience: Duration,
    /// Set while an answer is owed: a call that was given up leaves bytes behind that belong to nobody.
    owed: bool,
}

impl Connection {
    /// Connects and asks for versions. `patience` bounds this and every later call.
    pub(super) async fn open(address: &str, patience: Duration) -> Result<Self, ClientError> {
        let connect_error = |reason: String| ClientError::Connect { address: address.to_owned(), reason };
        let stream = match timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                return Err(connect_error("connection refused".to_owned()));
            }
            Ok(Err(error)) => return Err(connect_error(error.to_string())),
            Err(_) => return Err(connect_error(format!("no connection within {} s", patience.as_secs()))),
        };
        // Requests are written in one piece, so waiting for more bytes only costs time.
        stream.set_nodelay(true).map_err(|error| connect_error(error.to_string()))?;
        let mut connection = Self {
            address: address.to_owned(),
            stream,
            versions: BTreeMap::new(),
            correlation_id: 0,
            patience,
            owed: false,
        };
        connection.learn_versions().await?;
        Ok(connection)
    }

    /// Where it leads.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Whether another call can be made.
    pub(super) fn is_usable(&self) -> bool {
        !self.owed
    }

    /// Sends what `build` makes for the version in common, and waits for the answer.
    pub(super) async fn call<M: RequestMessage>(
        &mut self,
        build: impl FnOnce(i16) -> M,
    ) -> Result<M::Response, ClientError> {
        self.call_waiting(Duration::ZERO, build).await
    }

    /// [`Connection::call`] for a request that the broker may itself hold for `wait`.
    pub(super) async fn call_waiting<M: RequestMessage>(
        &mut self,
        wait: Duration,
        build: impl FnOnce(i16) -> M,
    ) -> Result<M::Response, ClientError> {
        let what = M::API.name();
        let version = self
            .version(M::API)
            .ok_or_else(|| ClientError::Unsupported { address: self.address.clone(), what })?;
        let request = build(version);
        let answer = self.exchange(version, &request, self.patience.saturating_add(wait)).await?;
        self.decode::<M::Response>(version, answer)
    }

    /// The version to use for an API, if there is one in common.
    fn version(&self, api: ApiKey) -> Option<i16> {
        let &(theirs_min, theirs_max) = self.versions.get(&api.id())?;
        let ours = api.versions();
        let version = theirs_max.min(*ours.end()).min(version_max(api));
        (version >= theirs_min && version >= *ours.start()).then_some(version)
    }

    async fn learn_versions(&mut self) -> Result<(), ClientError> {
        let ask = ApiVersionsRequest {
            client_software_name: CLIENT_ID.into(),
            client_software_version: env!("CARGO_PKG_VERSION").into(),
        };
        let highest = *ApiVersionsRequest::VERSIONS.end();
        let answer = self.exchange(highest, &ask, self.patience).await?;
        // An older broker answers a version it lacks in version 0, whatever was asked.
        let too_new = answer.get(4..6) == Some(&ErrorCode::UNSUPPORTED_VERSION.0.to_be_bytes()[..]);
        let response = if too_new {
            let answer = self.exchange(0, &ApiVersionsRequest::default(), self.patience).await?;
            self.decode::<ApiVersionsResponse>(0, answer)?
        } else {
            self.decode::<ApiVersionsResponse>(highest, answer)?
        };
        super::check(response.error_code, None, || "asking for the broker's versions".to_owned())?;
        self.versions =
            response.api_keys.iter().map(|api| (api.api_key, (api.min_version, api.max_version))).collect();
        Ok(())
    }

    /// Sends a request and reads the frame that answers it.
    async fn exchange<M: RequestMessage>(
        &mut self,
        version: i16,
        request: &M,
        patience: Duration,
    ) -> Result<Bytes, ClientError> {
        let what = M::API.name();
        if self.owed {
            let source = io::Error::other("an earlier request was given up");
            return Err(ClientError::Lost { address: self.address.clone(), what, source });
        }
        self.correlation_id = self.correlation_id.wrapping_add(1);
        let mut out = Writer::new();
        frame::write_request(&mut out, version, self.correlation_id, Some(CLIENT_ID), request)
            .map_err(|source| ClientError::Encode { what, source })?;
        self.owed = true;
        let answer =
            timeout(patience, self.send_and_receive(out.into_bytes(), what)).await.map_err(|_| {
                ClientError::Timeout { address: self.address.clone(), what, seconds: patience.as_secs() }
            })??;
        self.owed = false;
        Ok(answer)
    }

    async fn send_and_receive(&mut self, request: Bytes, what: &'static str) -> Result<Bytes, ClientError> {
        let address = &self.address;
        let lost = |source| ClientError::Lost { address: address.clone(), what, source };
        self.stream.write_all(&request).await.map_err(lost)?;
        let claimed = self.stream.read_i32().await.map_err(lost)?;
        let size = usize::try_from(claimed).ok().filter(|size| (4..=RESPONSE_BYTES_MAX).contains(size));
        let Some(size) = size else {
            let reason = format!("a frame of {claimed} bytes");
            return Err(ClientError::Nonsense { address: address.clone(), what, reason });
        };
        let mut answer = BytesMut::with_capacity(size.min(RESPONSE_BYTES_START));
        let mut rest = (&mut self.stream).take(size as u64);
        while answer.len() < size {
            if rest.read_buf(&mut answer).await.map_err(lost)? == 0 {
                return Err(lost(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Ok(answer.freeze())
    }

    fn decode<R: Message>(&self, version: i16, answer: Bytes) -> Result<R, ClientError> {
        let what = R::API.name();
        let (correlation_id, response) = frame::read_response::<R>(version, answer)
            .map_err(|error| ClientError::undecodable(&self.address, what, error))?;
        if correlation_id != self.correlation_id {
            let reason = format!("answer {correlation_id} to question {}", self.correlation_id);
            return Err(ClientError::Nonsense { address: self.address.clone(), what, reason });
        }
        Ok(response)
    }
}

/// The highest version this client uses of an API. From version 10 on, offsets of groups name topics by id only, and
/// a group may hold offsets of topics that no longer exist and so have no name to show.
fn version_max(api: ApiKey) -> i16 {
    match api {
        ApiKey::OffsetCommit | ApiKey::OffsetFetch => 9,
        _ => i16::MAX,
    }
}
