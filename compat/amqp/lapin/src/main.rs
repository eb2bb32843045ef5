//! lapin as a compat client; the commands are in ../../../README.md.

mod values;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_lite::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::*;
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ErrorKind, PublisherConfirm};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::time::{Instant, sleep, timeout};
use values::{properties, shown, table};

type Outcome = Result<Value, Box<dyn std::error::Error + Send + Sync>>;

const PATIENCE: Duration = Duration::from_secs(120);
const REPLY_TO: &str = "amq.rabbitmq.reply-to";

fn say(message: &Value) {
    println!("{message}");
}

/// A member that is text; empty when it is absent.
fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}

fn flag(of: &Value, name: &str, otherwise: bool) -> bool {
    of[name].as_bool().unwrap_or(otherwise)
}

fn number(of: &Value, name: &str) -> u64 {
    of[name].as_u64().unwrap_or_default()
}

/// Collects what a queue delivers, and does with it what it was told.
#[derive(Default)]
struct Running {
    channel: Option<Channel>,
    tag: String,
    messages: Vec<Value>,
    held: Vec<Delivery>,
    cancelled: bool,
    failure: Option<lapin::Error>,
}

struct Program {
    address: String,
    connection: Connection,
    plain: Option<Channel>,
    confirming: Option<Channel>,
    consumers: HashMap<String, Arc<Mutex<Running>>>,
}

async fn dial(address: &str, vhost: &str) -> lapin::Result<Connection> {
    let vhost = if vhost.is_empty() { "/" } else { vhost }.replace('/', "%2f");
    Connection::connect(&format!("amqp://guest:guest@{address}/{vhost}"), ConnectionProperties::default()).await
}

async fn settle(held: Vec<Delivery>, how: &str) -> lapin::Result<()> {
    for delivery in held {
        if how == "ack" {
            delivery.ack(BasicAckOptions::default()).await?;
        } else {
            delivery.nack(BasicNackOptions { requeue: how == "requeue", multiple: false }).await?;
        }
    }
    Ok(())
}

/// Waits for confirms.
async fn tally(waits: Vec<PublisherConfirm>) -> Outcome {
    let (mut acked, mut nacked, mut returned) = (0, 0, Vec::new());
    for wait in waits {
        let confirmation = timeout(PATIENCE, wait).await??;
        match confirmation {
            Confirmation::Ack(_) => acked += 1,
            Confirmation::Nack(_) | Confirmation::NotRequested => nacked += 1,
        }
        if let Some(back) = confirmation.take_message() {
            let mut message = shown(&back.delivery);
            message["code"] = back.reply_code.into();
            message["text"] = back.reply_text.as_str().into();
            returned.push(message);
        }
    }
    // Which confirm has which of them is left to chance where one answer is for several.
    returned.sort_by_key(|message| message["body"].to_string());
    Ok(json!({"acked": acked, "nacked": nacked, "returned": returned}))
}

impl Program {
    /// The channel for declarations, opened again after the broker closed it.
    async fn channel(&mut self) -> lapin::Result<Channel> {
        if let Some(open) = self.plain.as_ref().filter(|channel| channel.status().connected()) {
            return Ok(open.clone());
        }
        Ok(self.plain.insert(self.connection.create_channel().await?).clone())
    }

    async fn confirms(&mut self) -> lapin::Result<Channel> {
        if let Some(open) = self.confirming.as_ref().filter(|channel| channel.status().connected()) {
            return Ok(open.clone());
        }
        let channel = self.connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(self.confirming.insert(channel).clone())
    }

    async fn run(&mut self, command: &Value) -> Outcome {
        let (name, queue, exchange, key) =
            (text(command, "name"), text(command, "queue"), text(command, "exchange"), text(command, "key"));
        let arguments = command["arguments"].as_object().map(table).unwrap_or_default();
        let durable = flag(command, "durable", true);
        let auto_delete = flag(command, "auto_delete", false);
        let passive = flag(command, "passive", false);
        match text(command, "do") {
            "connect" => dial(&self.address, text(command, "vhost")).await?.close(200, "".into()).await?,
            "reopen" => {
                for _ in 0..number(command, "times") {
                    let own = dial(&self.address, "").await?;
                    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
                    // A channel that is dropped is closed, which would come between.
                    let channel = own.create_channel().await?;
                    channel.queue_declare(queue.into(), options, FieldTable::default()).await?;
                    own.close(200, "".into()).await?;
                }
            }
            "exchange" => {
                let kind = match text(command, "type") {
                    "topic" => lapin::ExchangeKind::Topic,
                    "fanout" => lapin::ExchangeKind::Fanout,
                    "headers" => lapin::ExchangeKind::Headers,
                    "" | "direct" => lapin::ExchangeKind::Direct,
                    other => lapin::ExchangeKind::Custom(other.to_owned()),
                };
                let internal = flag(command, "internal", false);
                let options = ExchangeDeclareOptions { passive, durable, auto_delete, internal, nowait: false };
                self.channel().await?.exchange_declare(name.into(), kind, options, arguments).await?;
            }
            "queue" => {
                let exclusive = flag(command, "exclusive", false);
                let options = QueueDeclareOptions { passive, durable, exclusive, auto_delete, nowait: false };
                let found = self.channel().await?.queue_declare(name.into(), options, arguments).await?;
                return Ok(json!({
                    "queue": found.name().as_str(), "messages": found.message_count(), "consumers": found.consumer_count(),
                }));
            }
            "bind" => {
                let channel = self.channel().await?;
                let options = QueueBindOptions::default();
                channel.queue_bind(queue.into(), exchange.into(), key.into(), options, arguments).await?;
            }
            "unbind" => {
                let channel = self.channel().await?;
                channel.queue_unbind(queue.into(), exchange.into(), key.into(), arguments).await?;
            }
            "link" => {
                let (to, from) = (text(command, "destination"), text(command, "source"));
                let channel = self.channel().await?;
                let options = ExchangeBindOptions::default();
                channel.exchange_bind(to.into(), from.into(), key.into(), options, arguments).await?;
            }
            "delete" => {
                let channel = self.channel().await?;
                let messages = channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await?;
                return Ok(json!({"messages": messages}));
            }
            "publish" => {
                let channel = self.confirms().await?;
                let mandatory = flag(command, "mandatory", false);
                let mut waits = Vec::new();
                for message in command["messages"].as_array().into_iter().flatten() {
                    let options = BasicPublishOptions { mandatory, immediate: false };
                    let body = text(message, "body").as_bytes();
                    let sent = channel.basic_publish(exchange.into(), key.into(), options, body, properties(message));
                    waits.push(sent.await?);
                }
                return tally(waits).await;
            }
            "get" => {
                let channel = self.channel().await?;
                let got = channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await?;
                return Ok(json!({"message": got.map(|got| shown(&got.delivery))}));
            }
            "flood" => return self.flood(queue, number(command, "count"), number(command, "bytes")).await,
            "drain" => return self.drain(queue, number(command, "count"), number(command, "prefetch")).await,
            "consume" => self.consume(command, arguments).await?,
            "take" => return self.take(command).await,
            "settle" => {
                let held = std::mem::take(&mut self.running(command)?.lock().map_err(|_| "a task failed")?.held);
                settle(held, text(command, "then")).await?;
            }
            "cancel" => {
                let (channel, tag) = self.channel_of(command)?;
                channel.basic_cancel(tag.into(), BasicCancelOptions::default()).await?;
            }
            "close" => self.channel_of(command)?.0.close(200, "".into()).await?,
            "serve" => self.serve(queue).await?,
            "call" => return self.call(queue, &command["bodies"]).await,
            "stream" => return Ok(self.stream(queue, number(command, "count")).await),
            "work" => return Ok(self.work(queue, number(command, "count")).await),
            other => return Err(format!("no command {other}").into()),
        }
        Ok(json!({}))
    }

    async fn flood(&self, queue: &str, count: u64, bytes: u64) -> Outcome {
        let channel = self.connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let width = usize::try_from(bytes)?;
        let mut waits = Vec::new();
        for number in 0..count {
            let mut body = format!("{number} ").into_bytes();
            body.resize(body.len().max(width), b'x');
            let options = BasicPublishOptions::default();
            let sent = channel.basic_publish("".into(), queue.into(), options, &body, persistent());
            waits.push(sent.await?);
        }
        let outcome = tally(waits).await;
        channel.close(200, "".into()).await?;
        outcome
    }

    async fn drain(&self, queue: &str, count: u64, prefetch: u64) -> Outcome {
        let channel = self.connection.create_channel().await?;
        channel.basic_qos(u16::try_from(prefetch)?, BasicQosOptions::default()).await?;
        let options = BasicConsumeOptions::default();
        let mut consumer = channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await?;
        let (mut seen, mut in_order) = (0, true);
        while seen < count {
            let delivery = timeout(PATIENCE, consumer.next()).await?.ok_or("the consumer ended")??;
            in_order &= delivery.data.starts_with(format!("{seen} ").as_bytes());
            seen += 1;
            if seen % (prefetch / 2) == 0 || seen == count {
                delivery.ack(BasicAckOptions { multiple: true }).await?;
            }
        }
        channel.close(200, "".into()).await?;
        Ok(json!({"count": seen, "in_order": in_order}))
    }

    fn running(&self, command: &Value) -> Result<&Arc<Mutex<Running>>, String> {
        let consumer = text(command, "consumer");
        self.consumers.get(consumer).ok_or_else(|| format!("no consumer {consumer}"))
    }

    fn channel_of(&self, command: &Value) -> Result<(Channel, String), String> {
        let running = self.running(command)?.lock().map_err(|_| "a task failed")?;
        Ok((running.channel.clone().ok_or("no channel")?, running.tag.clone()))
    }

    async fn consume(&mut self, command: &Value, arguments: FieldTable) -> lapin::Result<()> {
        let channel = self.connection.create_channel().await?;
        let prefetch = u16::try_from(number(command, "prefetch")).unwrap_or(u16::MAX);
        if prefetch > 0 {
            channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
        }
        let (no_ack, exclusive) = (flag(command, "no_ack", false), flag(command, "exclusive", false));
        let options = BasicConsumeOptions { no_ack, exclusive, ..BasicConsumeOptions::default() };
        let queue = text(command, "queue");
        let mut deliveries = channel.basic_consume(queue.into(), "".into(), options, arguments).await?;
        let then = command["then"].as_str().unwrap_or("ack").to_owned();
        let running = Arc::new(Mutex::new(Running {
            channel: Some(channel),
            tag: deliveries.tag().as_str().to_owned(),
            ..Running::default()
        }));
        self.consumers.insert(text(command, "consumer").to_owned(), running.clone());
        tokio::spawn(async move {
            loop {
                let next = deliveries.next().await;
                let held = {
                    let mut running = running.lock().expect("nothing fails with it");
                    match next {
                        None => {
                            running.cancelled = true;
                            return;
                        }
                        Some(Err(error)) => {
                            running.failure = Some(error);
                            return;
                        }
                        Some(Ok(delivery)) => {
                            running.messages.push(shown(&delivery));
                            if !no_ack {
                                running.held.push(delivery);
                            }
                            if then == "hold" { Vec::new() } else { std::mem::take(&mut running.held) }
                        }
                    }
                };
                if let Err(error) = settle(held, &then).await {
                    running.lock().expect("nothing fails with it").failure = Some(error);
                }
            }
        });
        Ok(())
    }

    async fn take(&self, command: &Value) -> Outcome {
        let count = usize::try_from(number(command, "count"))?;
        let until = Instant::now() + Duration::from_millis(number(command, "wait_ms"));
        let running = self.running(command)?;
        loop {
            {
                let mut running = running.lock().map_err(|_| "a task failed")?;
                if let Some(failure) = running.failure.take() {
                    return Err(failure.into());
                }
                if running.messages.len() >= count || running.cancelled || Instant::now() > until {
                    let count = count.min(running.messages.len());
                    let messages: Vec<Value> = running.messages.drain(..count).collect();
                    return Ok(json!({"messages": messages, "cancelled": running.cancelled}));
                }
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    async fn serve(&self, queue: &str) -> lapin::Result<()> {
        let channel = self.connection.create_channel().await?;
        let options = BasicConsumeOptions::default();
        let mut requests = channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await?;
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                let request = request?;
                let body = String::from_utf8_lossy(&request.data).to_uppercase();
                let reply_to = request.properties.reply_to().clone().unwrap_or_default();
                let mut answer = BasicProperties::default();
                if let Some(id) = request.properties.correlation_id() {
                    answer = answer.with_correlation_id(id.clone());
                }
                let options = BasicPublishOptions::default();
                channel.basic_publish("".into(), reply_to, options, body.as_bytes(), answer).await?;
                request.ack(BasicAckOptions::default()).await?;
            }
            Ok::<(), lapin::Error>(())
        });
        Ok(())
    }

    async fn call(&self, queue: &str, bodies: &Value) -> Outcome {
        let channel = self.connection.create_channel().await?;
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let mut incoming = channel.basic_consume(REPLY_TO.into(), "".into(), options, FieldTable::default()).await?;
        let mut answers = Vec::new();
        for body in bodies.as_array().into_iter().flatten() {
            let id = answers.len().to_string();
            let request =
                BasicProperties::default().with_correlation_id(id.as_str().into()).with_reply_to(REPLY_TO.into());
            let body = body.as_str().unwrap_or_default().as_bytes();
            channel.basic_publish("".into(), queue.into(), BasicPublishOptions::default(), body, request).await?;
            let answer = timeout(PATIENCE, incoming.next()).await?.ok_or("the consumer ended")??;
            if answer.properties.correlation_id().as_ref().map(|told| told.as_str()) != Some(id.as_str()) {
                return Err(format!("no answer to request {id}").into());
            }
            answers.push(String::from_utf8(answer.data)?);
        }
        channel.close(200, "".into()).await?;
        Ok(json!({"answers": answers}))
    }

    /// Publishes the numbers below `count`, each until it is confirmed, through whatever happens.
    async fn stream(&self, queue: &str, count: u64) -> Value {
        let (mut done, mut connections) = (0, 0_u64);
        let until = Instant::now() + PATIENCE;
        while done < count && Instant::now() < until {
            let outcome: lapin::Result<()> = async {
                let own = dial(&self.address, "").await?;
                connections += 1;
                let channel = own.create_channel().await?;
                channel.confirm_select(ConfirmSelectOptions::default()).await?;
                while done < count {
                    let (options, body) = (BasicPublishOptions::default(), done.to_string());
                    let sent =
                        channel.basic_publish("".into(), queue.into(), options, body.as_bytes(), persistent()).await?;
                    done += u64::from(sent.await?.is_ack());
                    if done % 100 == 0 {
                        say(&json!({"event": "confirmed", "count": done}));
                    }
                    sleep(Duration::from_millis(2)).await;
                }
                own.close(200, "".into()).await
            }
            .await;
            after(outcome).await;
        }
        json!({"confirmed": done, "reconnects": connections.saturating_sub(1)})
    }

    /// Acknowledges messages until every number was seen, through whatever happens.
    async fn work(&self, queue: &str, count: u64) -> Value {
        let mut seen = std::collections::BTreeSet::new();
        let mut connections = 0_u64;
        let until = Instant::now() + PATIENCE;
        while (seen.len() as u64) < count && Instant::now() < until {
            let outcome: lapin::Result<()> = async {
                let own = dial(&self.address, "").await?;
                connections += 1;
                let channel = own.create_channel().await?;
                channel.basic_qos(50, BasicQosOptions::default()).await?;
                let options = BasicConsumeOptions::default();
                let mut deliveries =
                    channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await?;
                while (seen.len() as u64) < count {
                    let Some(delivery) = deliveries.next().await else { return Ok(()) };
                    let delivery = delivery?;
                    delivery.ack(BasicAckOptions::default()).await?;
                    seen.insert(delivery.data);
                }
                own.close(200, "".into()).await
            }
            .await;
            after(outcome).await;
        }
        json!({"seen": seen.len(), "reconnects": connections.saturating_sub(1)})
    }
}

/// Waits a little after what went wrong.
async fn after(outcome: lapin::Result<()>) {
    if let Err(error) = outcome {
        eprintln!("{error}");
        sleep(Duration::from_millis(100)).await;
    }
}

fn persistent() -> BasicProperties {
    BasicProperties::default().with_delivery_mode(2)
}

/// What the broker said when it closed a channel or the connection.
fn refusal(error: &(dyn std::error::Error + 'static)) -> Option<Value> {
    match error.downcast_ref::<lapin::Error>()?.kind() {
        ErrorKind::ProtocolError(refused) => {
            Some(json!({"code": refused.get_id(), "text": refused.get_message().as_str()}))
        }
        _ => None,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let address = std::env::args().nth(1).ok_or("the broker's address is missing")?;
    let connection = dial(&address, "").await?;
    let version =
        include_str!("../Cargo.toml").split("lapin = { version = \"=").nth(1).and_then(|rest| rest.split('"').next());
    say(
        &json!({"event": "ready", "version": format!("lapin {}", version.unwrap_or("of an unknown version")), "types": true}),
    );
    let mut program = Program { address, connection, plain: None, confirming: None, consumers: HashMap::new() };
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let command: Value = serde_json::from_str(&line)?;
        match program.run(&command).await {
            Ok(done) => say(&json!({"done": done})),
            Err(error) => match refusal(error.as_ref()) {
                Some(refused) => say(&json!({"done": {"refused": refused}})),
                None => say(&json!({"error": error.to_string()})),
            },
        }
    }
    // The runtime would wait for tasks that nobody ends.
    std::process::exit(0)
}
