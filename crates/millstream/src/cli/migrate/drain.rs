//! Draining one queue: messages come from there, go here, and are acknowledged there once they are confirmed here.
//!
//! Apart because the order is here. Messages are published in the order in which they came, on one channel, and acknowledged in
//! that order: all up to the first one that is not confirmed. So an interruption at any moment loses nothing and changes no
//! order; what was confirmed and not yet acknowledged comes once more.

use super::link::Link;
use anyhow::{Context as _, bail};
use bytes::{Bytes, BytesMut};
use indicatif::ProgressBar;
use millstream_amqp::codec::{ContentHeader, Frame, FrameKind, Method, Properties, Table, TableBuilder};
use std::collections::VecDeque;
use std::time::Duration;

/// How long nothing comes before it is asked whether anything is left.
const QUIET: Duration = Duration::from_millis(200);
/// Headers that have a broker send a copy elsewhere, which it did already.
const COPIES: [&str; 2] = ["CC", "BCC"];

/// A message on its way.
struct Underway {
    /// Its tag there.
    tag: u64,
    is_confirmed: bool,
}

/// A message that is being received.
struct Arriving {
    tag: u64,
    header: Bytes,
    missing: u64,
    body: BytesMut,
}

/// A queue that is being drained.
pub(super) struct Drain<'a> {
    pub(super) queue: &'a str,
    pub(super) from: Link,
    pub(super) to: Link,
    /// It never ends by itself.
    pub(super) follows: bool,
    underway: VecDeque<Underway>,
    /// The number that the first of those was published under.
    first: u64,
    arriving: Option<Arriving>,
    drained: u64,
}

impl<'a> Drain<'a> {
    /// Begins to consume there and to publish here.
    pub(super) async fn begin(
        queue: &'a str,
        mut from: Link,
        mut to: Link,
        (window, follows): (u16, bool),
    ) -> anyhow::Result<Drain<'a>> {
        to.ask(&Method::ConfirmSelect { nowait: false }, |method| {
            matches!(method, Method::ConfirmSelectOk {})
        })
        .await?;
        declare(&mut to, queue).await.with_context(|| format!("{queue:?} is not declared here"))?;
        let qos = Method::BasicQos { prefetch_size: 0, prefetch_count: window, global: false };
        from.ask(&qos, |method| matches!(method, Method::BasicQosOk {})).await?;
        let consume = Method::BasicConsume {
            ticket: 0,
            queue,
            consumer_tag: "millstream-migrate",
            no_local: false,
            no_ack: false,
            exclusive: false,
            nowait: true,
            arguments: Table::default(),
        };
        from.send(&consume);
        from.flush().await?;
        let (underway, arriving) = (VecDeque::new(), None);
        Ok(Drain { queue, from, to, follows, underway, first: 1, arriving, drained: 0 })
    }

    /// Drains until nothing is left. Gives how many messages were moved; the links are closed.
    pub(super) async fn run(mut self, bar: &ProgressBar) -> anyhow::Result<u64> {
        loop {
            while let Some(frame) = self.from.take()? {
                self.arrived(frame)?;
            }
            while let Some(frame) = self.to.take()? {
                self.told(&frame)?;
            }
            self.acknowledge(bar);
            self.to.flush().await?;
            self.from.flush().await?;
            let is_idle = self.underway.is_empty() && self.arriving.is_none();
            tokio::select! {
                filled = self.from.fill() => filled?,
                filled = self.to.fill() => filled?,
                () = tokio::time::sleep(QUIET), if is_idle && !self.follows => {
                    if self.is_empty().await? {
                        break;
                    }
                }
            }
        }
        self.from.close().await;
        self.to.close().await;
        Ok(self.drained)
    }

    /// Whether nothing is left there. What comes while it is asked is on its way.
    async fn is_empty(&mut self) -> anyhow::Result<bool> {
        self.from.send(&passive(self.queue));
        self.from.flush().await?;
        loop {
            while let Some(frame) = self.from.take()? {
                if frame.kind == FrameKind::Method
                    && let Method::QueueDeclareOk { message_count, .. } = Method::decode(&frame.payload)?
                {
                    return Ok(message_count == 0 && self.underway.is_empty() && self.arriving.is_none());
                }
                self.arrived(frame)?;
            }
            self.to.flush().await?;
            self.from.fill().await?;
        }
    }

    /// Takes a frame of a delivery.
    fn arrived(&mut self, frame: Frame) -> anyhow::Result<()> {
        match frame.kind {
            FrameKind::Method => match Method::decode(&frame.payload)? {
                Method::BasicDeliver { delivery_tag, .. } => {
                    let (header, body) = (Bytes::new(), BytesMut::new());
                    self.arriving = Some(Arriving { tag: delivery_tag, header, missing: 0, body });
                }
                Method::BasicCancel { .. } => bail!("{:?} was deleted there", self.queue),
                _ => {}
            },
            FrameKind::Header => {
                let missing = ContentHeader::decode(&frame.payload)?.body_bytes;
                let arriving = self.arriving.as_mut().context("a header without a delivery")?;
                (arriving.header, arriving.missing) = (frame.payload, missing);
                self.forward()?;
            }
            FrameKind::Body => {
                let arriving = self.arriving.as_mut().context("a body without a delivery")?;
                let taken = frame.payload.len() as u64;
                arriving.missing =
                    arriving.missing.checked_sub(taken).context("a body longer than was said")?;
                arriving.body.extend_from_slice(&frame.payload);
                self.forward()?;
            }
            FrameKind::Heartbeat => {}
        }
        Ok(())
    }

    /// Publishes the message that is there as a whole.
    fn forward(&mut self) -> anyhow::Result<()> {
        let Some(arriving) = self.arriving.take_if(|arriving| arriving.missing == 0) else { return Ok(()) };
        let properties = ContentHeader::decode(&arriving.header)?.properties;
        let kept = properties.headers.and_then(without_copies);
        let properties = Properties {
            headers: kept.as_ref().map(TableBuilder::table).or(properties.headers),
            // Whoever published it is not who publishes it now, and says so.
            user_id: None,
            ..properties
        };
        self.to.publish(self.queue, &properties, &arriving.body.freeze());
        self.underway.push_back(Underway { tag: arriving.tag, is_confirmed: false });
        Ok(())
    }

    /// Takes what this broker says of messages.
    fn told(&mut self, frame: &Frame) -> anyhow::Result<()> {
        if frame.kind != FrameKind::Method {
            return Ok(());
        }
        match Method::decode(&frame.payload)? {
            Method::BasicAck { delivery_tag, multiple } => {
                let place =
                    delivery_tag.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
                let place =
                    place.filter(|place| *place < self.underway.len()).context("a confirm of nothing")?;
                let from = if multiple { 0 } else { place };
                self.underway.range_mut(from..=place).for_each(|message| message.is_confirmed = true);
            }
            Method::BasicNack { .. } => bail!("{:?} takes no more messages here", self.queue),
            Method::BasicReturn { .. } => bail!("{:?} was deleted here", self.queue),
            _ => {}
        }
        Ok(())
    }

    /// Acknowledges everything up to the first message that is not confirmed.
    fn acknowledge(&mut self, bar: &ProgressBar) {
        let confirmed = self.underway.iter().take_while(|message| message.is_confirmed).count();
        let Some(last) = confirmed.checked_sub(1).and_then(|last| self.underway.get(last)) else { return };
        self.from.send(&Method::BasicAck { delivery_tag: last.tag, multiple: true });
        self.underway.drain(..confirmed);
        self.first += confirmed as u64;
        self.drained += confirmed as u64;
        bar.inc(confirmed as u64);
    }
}

/// Headers without those that have a broker send copies; `None`: there are none of them. They are kept under another name.
fn without_copies(headers: Table<'_>) -> Option<TableBuilder> {
    if COPIES.iter().all(|name| headers.find(name).is_none()) {
        return None;
    }
    let mut kept = TableBuilder::default();
    for (name, value) in headers.iter() {
        let is_copies = COPIES.contains(&name);
        kept.put(if is_copies { "x-migrated-cc" } else { name }, value);
    }
    Some(kept)
}

fn passive(queue: &str) -> Method<'_> {
    Method::QueueDeclare {
        ticket: 0,
        queue,
        passive: true,
        durable: false,
        exclusive: false,
        auto_delete: false,
        nowait: false,
        arguments: Table::default(),
    }
}

async fn declare(link: &mut Link, queue: &str) -> anyhow::Result<()> {
    link.ask(&passive(queue), |method| matches!(method, Method::QueueDeclareOk { .. })).await.map(drop)
}
