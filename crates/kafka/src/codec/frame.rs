//! Headers: what stands before a body in a frame, in either direction.
//!
//! Apart because it is the one part of the protocol that must be understood before API and version are known to be
//! supported, and because of its exceptions:
//!
//! ```text
//! request    i32 size | i16 api key | i16 version | i32 correlation id | i16-length client id | (tags) | body
//! response   i32 size | i32 correlation id | (tags) | body
//! ```
//!
//! Tags are there when the API's version is flexible. The client id keeps its two-byte length even then, and the
//! response to ApiVersions never has tags: its reader does not yet know which version the broker speaks.

use bytes::Bytes;

use super::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Writer};

/// What a request says before its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHeader {
    /// The API, one that this codec has.
    pub api: ApiKey,
    /// The version of the API that the body is in and the answer must be in; not checked.
    pub version: i16,
    /// What the answer repeats.
    pub correlation_id: i32,
    /// What the client calls itself. A slice of the frame: copy it to keep it.
    pub client_id: Option<Str>,
}

impl RequestHeader {
    /// Reads the header; the reader then stands at the body.
    ///
    /// A header of an ApiVersions request whose version the codec lacks ends with the correlation id: that
    /// request must be answered (with version 0 and UNSUPPORTED_VERSION), and nobody knows what follows. For other
    /// APIs the whole header is read whatever the version, as if flexible versions stay so.
    ///
    /// # Errors
    /// [`DecodeError::UnknownApi`] for a key this codec lacks, others when the frame is no request.
    pub fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
        let key = r.i16()?;
        let version = r.i16()?;
        let correlation_id = r.i32()?;
        let api = ApiKey::from_id(key).ok_or(DecodeError::UnknownApi { key })?;
        if api == ApiKey::ApiVersions && !api.versions().contains(&version) {
            return Ok(Self { api, version, correlation_id, client_id: None });
        }
        let client_id = r.nullable_string(false)?;
        if api.is_flexible(version) {
            r.skip_tagged_fields()?;
        }
        Ok(Self { api, version, correlation_id, client_id })
    }

    /// Writes the header as a client does.
    ///
    /// # Errors
    /// When the client id is too long.
    pub fn encode(&self, w: &mut Writer) -> Result<(), EncodeError> {
        w.i16(self.api.id());
        w.i16(self.version);
        w.i32(self.correlation_id);
        w.nullable_string(false, self.client_id.as_deref())?;
        if self.api.is_flexible(self.version) {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Writes a complete response frame, size included.
///
/// # Errors
/// When the version cannot carry the body; the writer is then unchanged.
pub fn write_response<M: Message>(
    w: &mut Writer,
    version: i16,
    correlation_id: i32,
    body: &M,
) -> Result<(), EncodeError> {
    w.frame(|w| {
        w.i32(correlation_id);
        if response_header_is_flexible(M::API, version) {
            w.uvarint(0);
        }
        body.encode(version, w)
    })
}

/// Writes a complete request frame, size included: what a client sends.
///
/// # Errors
/// When the version cannot carry the body; the writer is then unchanged.
pub fn write_request<M: RequestMessage>(
    w: &mut Writer,
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
    body: &M,
) -> Result<(), EncodeError> {
    let header = RequestHeader { api: M::API, version, correlation_id, client_id: client_id.map(Str::from) };
    w.frame(|w| {
        header.encode(w)?;
        body.encode(version, w)
    })
}

/// Reads a response frame (without its size) that is known to be an `M` of that version; gives the correlation
/// id too. What a client does.
///
/// # Errors
/// When the bytes are no such response.
pub fn read_response<M: Message>(version: i16, frame: Bytes) -> Result<(i32, M), DecodeError> {
    let mut r = Reader::new(frame);
    let correlation_id = r.i32()?;
    if response_header_is_flexible(M::API, version) {
        r.skip_tagged_fields()?;
    }
    Ok((correlation_id, M::decode(version, &mut r)?))
}

fn response_header_is_flexible(api: ApiKey, version: i16) -> bool {
    api != ApiKey::ApiVersions && api.is_flexible(version)
}
