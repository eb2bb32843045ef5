//! Making and deleting topics, and waiting until they take records.
//!
//! Apart because none of this is timed: it uses the codec plainly, one request at a time.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use millstream_kafka::codec::frame::{read_response, write_request};
use millstream_kafka::codec::generated::api_versions::ApiVersionsRequest;
use millstream_kafka::codec::generated::create_topics::{
    CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
};
use millstream_kafka::codec::generated::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use millstream_kafka::codec::{RequestMessage, Str, Writer};

use super::{FrameReader, Pipeline, ProduceFrame, batch, connect};
use crate::clock;

/// A topic of the bench.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    /// Its name.
    pub(crate) name: String,
    /// Its partitions.
    pub(crate) partitions: usize,
    /// Per partition: the offset that the first record of the bench gets.
    pub(crate) start: Vec<i64>,
}

/// A connection for requests that are not measured.
pub(crate) struct Admin {
    address: SocketAddr,
    stream: TcpStream,
    frames: FrameReader,
    correlation_id: i32,
}

/// How long a broker may take until a new topic takes records.
const TOPIC_READY_MAX: Duration = Duration::from_secs(20);
/// How long a broker may take for a request.
const TIMEOUT_MS: i32 = 30_000;

impl Admin {
    /// Connects and asks for the API versions: a broker that answers is up.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) fn connect(address: SocketAddr) -> anyhow::Result<Admin> {
        let stream = connect(address)?;
        let mut admin = Admin { address, stream, frames: FrameReader::new(1 << 16), correlation_id: 0 };
        let request = ApiVersionsRequest {
            client_software_name: Str::from_static("millstream-bench"),
            client_software_version: Str::from_static(env!("CARGO_PKG_VERSION")),
        };
        let response = admin.call(3, &request)?;
        ensure!(response.error_code == 0, "ApiVersions was answered with error {}", response.error_code);
        Ok(admin)
    }

    /// Makes a topic and waits until every partition has taken a record.
    ///
    /// # Errors
    /// When the broker refuses it.
    pub(crate) fn create(
        &mut self,
        name: &str,
        partitions: usize,
        configs: &[(&'static str, &'static str)],
    ) -> anyhow::Result<Topic> {
        self.create_topic(name, partitions, configs)?;
        let start =
            (0..partitions).map(|partition| self.first_offset(name, partition)).collect::<Result<_, _>>();
        Ok(Topic { name: name.to_owned(), partitions, start: start? })
    }

    fn create_topic(
        &mut self,
        name: &str,
        partitions: usize,
        configs: &[(&'static str, &'static str)],
    ) -> anyhow::Result<()> {
        let config = |&(name, value)| CreatableTopicConfig {
            name: Str::from_static(name),
            value: Some(Str::from_static(value)),
        };
        let topic = CreatableTopic {
            name: Str::from(name),
            num_partitions: i32::try_from(partitions)?,
            replication_factor: 1,
            configs: configs.iter().map(config).collect(),
            ..Default::default()
        };
        let request =
            CreateTopicsRequest { topics: vec![topic], timeout_ms: TIMEOUT_MS, ..Default::default() };
        let response = self.call(5, &request)?;
        for topic in &response.topics {
            ensure!(
                topic.error_code == 0,
                "creating {name} was answered with error {} ({})",
                topic.error_code,
                topic.error_message.as_deref().unwrap_or("no message")
            );
        }
        Ok(())
    }

    /// Makes a topic without waiting for its partitions: what is timed when there are many.
    ///
    /// # Errors
    /// When the broker refuses it.
    pub(crate) fn declare(&mut self, name: &str, partitions: usize) -> anyhow::Result<()> {
        self.create_topic(name, partitions, &[])
    }

    /// Deletes a topic.
    ///
    /// # Errors
    /// When the broker refuses it.
    pub(crate) fn delete(&mut self, topic: &Topic) -> anyhow::Result<()> {
        let name = Str::from(topic.name.as_str());
        let state = DeleteTopicState { name: Some(name.clone()), ..Default::default() };
        let request =
            DeleteTopicsRequest { topics: vec![state], timeout_ms: TIMEOUT_MS, ..Default::default() };
        let response = self.call(6, &request)?;
        for answer in &response.responses {
            ensure!(
                answer.error_code == 0,
                "deleting {} was answered with error {}",
                name,
                answer.error_code
            );
        }
        Ok(())
    }

    /// Writes one record, again and again until it is taken: a broker may name a topic before it accepts writes.
    /// Returns the offset after it.
    fn first_offset(&self, name: &str, partition: usize) -> anyhow::Result<i64> {
        let frame = ProduceFrame::new(name, partition, batch(1)?)?;
        let start = clock::now();
        loop {
            let mut pipeline = Pipeline::new(connect(self.address)?, &frame, 1);
            pipeline.send(1)?;
            match pipeline.receive() {
                Ok(_) => return Ok(pipeline.last_offset() + 1),
                Err(error) if start.elapsed() > TOPIC_READY_MAX => {
                    return Err(error).with_context(|| format!("{name} takes no records"));
                }
                Err(_) => thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    fn call<M: RequestMessage>(&mut self, version: i16, body: &M) -> anyhow::Result<M::Response> {
        self.correlation_id += 1;
        let mut writer = Writer::new();
        write_request(&mut writer, version, self.correlation_id, Some("millstream-bench"), body)?;
        (&self.stream).write_all(&writer.into_bytes())?;
        let frame = loop {
            if let Some(frame) = self.frames.next() {
                break Bytes::copy_from_slice(frame);
            }
            self.frames
                .fill(&self.stream)
                .with_context(|| format!("waiting for the answer to {}", M::NAME))?;
        };
        let (correlation_id, response) = read_response(version, frame)?;
        if correlation_id != self.correlation_id {
            bail!("an answer to request {correlation_id} came for request {}", self.correlation_id);
        }
        Ok(response)
    }
}
