//! One connection to an AMQP broker, as its client.
//!
//! Apart because it knows sockets and frames and nothing else: what is drained where is `drain.rs`. It has one channel, speaks
//! the AMQP front's own codec, and needs no more of the protocol than connecting.

use super::url::AmqpUrl;
use anyhow::{Context as _, bail};
use bytes::{Bytes, BytesMut};
use millstream_amqp::codec::{
    FRAME_OVERHEAD_BYTES, Frame, FrameKind, Long, Method, Output, PROTOCOL_HEADER, Properties, TableBuilder,
    Value, split_frame,
};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The channel that everything happens on.
pub(super) const CHANNEL: u16 = 1;
/// Frames that are asked for at most.
const FRAME_BYTES_MAX: u32 = 128 << 10;
/// Read at once.
const READ_BYTES: usize = 256 << 10;

/// See the module's documentation.
pub(super) struct Link {
    stream: TcpStream,
    input: BytesMut,
    pub(super) out: Output,
    pub(super) frame_max: u32,
    /// Which broker, in messages.
    who: &'static str,
    patience: Duration,
}

impl Link {
    /// Connects and opens a channel.
    pub(super) async fn open(
        url: &AmqpUrl,
        vhost: &str,
        who: &'static str,
        patience: Duration,
    ) -> anyhow::Result<Link> {
        let place = url.place();
        let connecting = tokio::time::timeout(patience, TcpStream::connect(&place));
        let stream = connecting.await.with_context(|| format!("{who} at {place} does not answer"))?;
        let stream = stream.with_context(|| format!("{who} at {place} cannot be reached"))?;
        stream.set_nodelay(true)?;
        let (input, out) = (BytesMut::new(), Output::default());
        let mut link = Link { stream, input, out, frame_max: FRAME_BYTES_MAX, who, patience };
        link.out.copy(&PROTOCOL_HEADER);
        link.expect("connection.start", |method| matches!(method, Method::ConnectionStart { .. })).await?;
        let mut capabilities = TableBuilder::default();
        capabilities
            .put("authentication_failure_close", Value::Bool(true))
            .put("consumer_cancel_notify", Value::Bool(true))
            .put("publisher_confirms", Value::Bool(true));
        let mut client = TableBuilder::default();
        client
            .put("product", Value::Long(b"millstream migrate"))
            .put("connection_name", Value::Long(b"millstream migrate"))
            .put("capabilities", Value::Table(capabilities.table()));
        let response = format!("\0{}\0{}", url.user, url.password);
        link.send(&Method::ConnectionStartOk {
            client_properties: client.table(),
            mechanism: "PLAIN",
            response: Long(response.as_bytes()),
            locale: "en_US",
        });
        let tune =
            link.expect("connection.tune", |method| matches!(method, Method::ConnectionTune { .. })).await?;
        if let Ok(Method::ConnectionTune { frame_max, .. }) = Method::decode(&tune) {
            link.frame_max = if frame_max == 0 { FRAME_BYTES_MAX } else { frame_max.min(FRAME_BYTES_MAX) };
        }
        let frame_max = link.frame_max;
        link.out.method(0, &Method::ConnectionTuneOk { channel_max: 1, frame_max, heartbeat: 0 });
        link.out.method(0, &Method::ConnectionOpen { virtual_host: vhost, capabilities: "", insist: false });
        link.expect("connection.open-ok", |method| matches!(method, Method::ConnectionOpenOk { .. })).await?;
        link.ask(&Method::ChannelOpen { out_of_band: "" }, |method| {
            matches!(method, Method::ChannelOpenOk { .. })
        })
        .await?;
        Ok(link)
    }

    /// Puts a method into what is to be sent; those of the connection go on their own channel.
    pub(super) fn send(&mut self, method: &Method<'_>) {
        let channel = if method.kind().id().0 == 10 { 0 } else { CHANNEL };
        self.out.method(channel, method);
    }

    /// Puts a message into what is to be sent.
    pub(super) fn publish(&mut self, queue: &str, properties: &Properties<'_>, body: &Bytes) {
        let publish = Method::BasicPublish {
            ticket: 0,
            exchange: "",
            routing_key: queue,
            mandatory: true,
            immediate: false,
        };
        self.send(&publish);
        self.out.content(CHANNEL, properties, body, self.frame_max);
    }

    /// Sends a method and waits for its answer, whose payload it gives.
    pub(super) async fn ask(
        &mut self,
        method: &Method<'_>,
        is_answer: impl Fn(&Method<'_>) -> bool,
    ) -> anyhow::Result<Bytes> {
        self.send(method);
        self.expect(method.kind().name(), is_answer).await
    }

    async fn expect(&mut self, what: &str, is_answer: impl Fn(&Method<'_>) -> bool) -> anyhow::Result<Bytes> {
        let (who, patience) = (self.who, self.patience);
        let waiting = async {
            self.flush().await?;
            loop {
                while let Some(frame) = self.take()? {
                    if frame.kind == FrameKind::Method && is_answer(&Method::decode(&frame.payload)?) {
                        return Ok(frame.payload);
                    }
                }
                self.fill().await?;
            }
        };
        let waited = tokio::time::timeout(patience, waiting).await;
        waited
            .with_context(|| format!("{who} did not answer {what} within {} seconds", patience.as_secs()))?
    }

    /// Sends everything that is to be sent.
    pub(super) async fn flush(&mut self) -> anyhow::Result<()> {
        let mut chunks = Vec::new();
        self.out.drain_into(&mut chunks);
        for chunk in chunks {
            self.stream.write_all(&chunk).await.with_context(|| self.lost())?;
        }
        Ok(())
    }

    fn lost(&self) -> String {
        format!("the connection to {} ended", self.who)
    }

    /// Waits for bytes.
    pub(super) async fn fill(&mut self) -> anyhow::Result<()> {
        self.input.reserve(READ_BYTES);
        let read = self.stream.read_buf(&mut self.input).await.with_context(|| self.lost())?;
        if read == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof)).with_context(|| self.lost());
        }
        Ok(())
    }

    /// The next frame that has come as a whole; one that ends channel or connection is an error.
    pub(super) fn take(&mut self) -> anyhow::Result<Option<Frame>> {
        loop {
            let bytes_max = self.frame_max.max(FRAME_OVERHEAD_BYTES as u32);
            let Ok(frame) = split_frame(&mut self.input, bytes_max)? else { return Ok(None) };
            if frame.kind == FrameKind::Heartbeat {
                continue;
            }
            if frame.kind == FrameKind::Method {
                match Method::decode(&frame.payload)? {
                    Method::ConnectionClose { reply_text, .. } | Method::ChannelClose { reply_text, .. } => {
                        bail!("{} refuses: {reply_text}", self.who)
                    }
                    Method::ConnectionBlocked { .. } | Method::ConnectionUnblocked { .. } => continue,
                    _ => {}
                }
            }
            return Ok(Some(frame));
        }
    }

    /// Says goodbye; what the other side says to it does not matter.
    pub(super) async fn close(mut self) {
        let close =
            Method::ConnectionClose { reply_code: 200, reply_text: "done", class_id: 0, method_id: 0 };
        self.send(&close);
        let answered = self
            .expect("connection.close", |method| matches!(method, Method::ConnectionCloseOk { .. }))
            .await;
        drop(answered);
    }
}
