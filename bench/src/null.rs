//! A server that does nothing: what the client could do at most.
//!
//! Apart, and a process of its own, so that its processor time is not the client's. It answers every Produce for
//! [`TOPIC`] with success and every Fetch with the same megabyte.

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::bail;
use millstream_kafka::codec::frame::write_response;
use millstream_kafka::codec::generated::api_versions::ApiVersionsResponse;
use millstream_kafka::codec::generated::fetch::{FetchResponse, FetchableTopicResponse, PartitionData};
use millstream_kafka::codec::generated::produce::{
    PartitionProduceResponse, ProduceResponse, TopicProduceResponse,
};
use millstream_kafka::codec::{ApiKey, Message, Records, Str, Writer};

use crate::wire::{FETCH_VERSION, FrameReader, PRODUCE_VERSION, batch};

/// The topic that it has, with one partition.
pub(crate) const TOPIC: &str = "null";
/// Batches of 100 in its answer to Fetch: as many as a megabyte takes.
const BATCHES: usize = 10;
/// Where the correlation id stands in a response, after the size.
const CORRELATION_AT: usize = 4;

/// Serves until it is killed.
///
/// # Errors
/// When it cannot listen.
pub(crate) fn serve(address: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address)?;
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        thread::spawn(move || {
            let Err(error) = answer_all(&stream);
            // The end of the stream is how every run ends.
            let ended = error.downcast_ref::<io::Error>().map(io::Error::kind);
            if ended != Some(io::ErrorKind::UnexpectedEof) {
                eprintln!("a connection ended: {error:#}");
            }
        });
    }
}

fn answer_all(mut stream: &TcpStream) -> anyhow::Result<Infallible> {
    let mut produced = encoded(PRODUCE_VERSION, &produce_response())?;
    let mut fetched = encoded(FETCH_VERSION, &fetch_response()?)?;
    let mut versions = encoded(3, &ApiVersionsResponse::default())?;
    let mut frames = FrameReader::new(1 << 18);
    let mut out = Vec::new();
    loop {
        while let Some(frame) = frames.next() {
            let Some([key_high, key_low, _, _, correlation_id @ ..]) = frame.first_chunk::<8>() else {
                bail!("a request without a header");
            };
            let key = i16::from_be_bytes([*key_high, *key_low]);
            let answer = match ApiKey::from_id(key) {
                Some(ApiKey::Produce) => &mut produced,
                Some(ApiKey::Fetch) => &mut fetched,
                Some(ApiKey::ApiVersions) => &mut versions,
                _ => bail!("a request with key {key}"),
            };
            answer[CORRELATION_AT..CORRELATION_AT + 4].copy_from_slice(correlation_id);
            if answer.len() > 1 << 16 {
                stream.write_all(answer)?;
            } else {
                out.extend_from_slice(answer);
            }
        }
        stream.write_all(&out)?;
        out.clear();
        frames.fill(stream)?;
    }
}

fn encoded<M: Message>(version: i16, body: &M) -> anyhow::Result<Vec<u8>> {
    let mut writer = Writer::new();
    write_response(&mut writer, version, 0, body)?;
    Ok(writer.into_bytes().to_vec())
}

fn produce_response() -> ProduceResponse {
    let topic = TopicProduceResponse {
        name: Str::from_static(TOPIC),
        partition_responses: vec![PartitionProduceResponse::default()],
        ..Default::default()
    };
    ProduceResponse { responses: vec![topic], ..Default::default() }
}

fn fetch_response() -> anyhow::Result<FetchResponse> {
    let batch = batch(100)?;
    let records: Records = std::iter::repeat_n(batch, BATCHES).collect();
    let partition = PartitionData {
        high_watermark: 100,
        aborted_transactions: None,
        preferred_read_replica: -1,
        records: Some(records),
        ..Default::default()
    };
    let topic = FetchableTopicResponse {
        topic: Str::from_static(TOPIC),
        partitions: vec![partition],
        ..Default::default()
    };
    Ok(FetchResponse { responses: vec![topic], ..Default::default() })
}
