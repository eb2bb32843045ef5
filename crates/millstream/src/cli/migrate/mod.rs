//! `millstream migrate`: a running RabbitMQ's declarations and messages, taken over.
//!
//! Apart because it stands between two brokers and is a client of both, of nothing but their protocols: neither has to be
//! prepared for it, and both go on serving their clients meanwhile.

mod args;
mod definitions;
mod drain;
mod link;
mod url;

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

pub(super) use args::MigrateArgs;
use args::{MigrateFrom, Part, RabbitmqArgs};
use definitions::Definitions;
use drain::Drain;
use link::Link;
use url::AmqpUrl;

use super::amqp::management;
use super::api::{self, Api};
use super::output::{self, note, print_json};

/// How much higher than that of AMQP the port of the management API is.
const MANAGEMENT_PORT_OFFSET: u16 = 10_000;

/// Runs `millstream migrate`.
pub(super) fn run(args: MigrateArgs) -> anyhow::Result<()> {
    let MigrateFrom::Rabbitmq(args) = args.from;
    api::run(rabbitmq(args))
}

/// The management API beside an AMQP address.
fn beside(url: &AmqpUrl, given: Option<&str>, patience: Duration) -> anyhow::Result<Api> {
    let server = match given {
        Some(server) => server.to_owned(),
        None => {
            let port = url.port.checked_add(MANAGEMENT_PORT_OFFSET);
            let port = port.context("where the management API is has to be said")?;
            format!("http://{}:{port}", url.host)
        }
    };
    Ok(Api::management(&server, (&url.user, &url.password), patience)?)
}

async fn rabbitmq(args: RabbitmqArgs) -> anyhow::Result<()> {
    let patience = Duration::from_secs(args.timeout_s.into());
    let (from, to) = (AmqpUrl::parse(&args.from)?, AmqpUrl::parse(&args.to)?);
    let mut there = beside(&from, args.from_management.as_deref(), patience)?;
    let mut here = beside(&to, args.to_management.as_deref(), patience)?;
    let definitions =
        Definitions::fetch(&mut there, from.vhost.as_deref()).await.context("asking RabbitMQ")?;
    let vhosts = definitions.vhosts();
    if vhosts.is_empty() {
        bail!("RabbitMQ has no virtual host {:?}", from.vhost.unwrap_or_default());
    }
    let mut refused = Vec::new();
    let mut declared = 0;
    if args.only != Some(Part::Messages) {
        let copied = definitions.declare(&mut here).await.context("declaring here")?;
        (declared, refused) = (copied.declared, copied.refused);
        refused.iter().for_each(|what| note(&format!("not taken over: {what}")));
        if copied.users > 0 {
            note(&format!("{} users were not copied, as their passwords cannot be", copied.users));
        }
    }
    let mut drained: Vec<Value> = Vec::new();
    if args.only != Some(Part::Definitions) {
        let queues = queues(&mut there, &vhosts, &args).await.context("asking RabbitMQ")?;
        drained = drain(&args, (&from, &to), queues, patience).await?;
    }
    let messages: u64 = drained.iter().filter_map(|queue| queue["messages"].as_u64()).sum();
    if args.json {
        print_json(&json!({"declared": declared, "refused": refused, "queues": drained}))?;
    } else {
        output::print(&format!(
            "{declared} things are declared, {} were not taken over; {messages} messages of {} queues were moved.\n",
            refused.len(),
            drained.len()
        ))?;
    }
    if !refused.is_empty() {
        bail!("{} things were not taken over; everything else was", refused.len());
    }
    Ok(())
}

/// A queue to drain.
struct Source {
    vhost: String,
    name: String,
    messages: u64,
}

/// The queues to drain, with how many messages are in each.
async fn queues(there: &mut Api, vhosts: &[String], args: &RabbitmqArgs) -> anyhow::Result<Vec<Source>> {
    let mut queues = Vec::new();
    for vhost in vhosts {
        let listed: Vec<Value> = there.get(&management(&["queues", vhost], &[])).await?;
        for queue in listed {
            let name = queue["name"].as_str().unwrap_or_default().to_owned();
            let is_wanted = if args.queue.is_empty() {
                // Those go with their connections, and a stream is not drained.
                queue["exclusive"] != true && queue["type"] != "stream"
            } else {
                args.queue.contains(&name)
            };
            if is_wanted {
                let messages = queue["messages"].as_u64().unwrap_or(0);
                queues.push(Source { vhost: vhost.clone(), name, messages });
            }
        }
    }
    if let Some(missing) = args.queue.iter().find(|name| queues.iter().all(|queue| queue.name != **name)) {
        bail!("there is no queue {missing:?}");
    }
    Ok(queues)
}

/// Drains queues one after another; those to be followed all at once.
async fn drain(
    args: &RabbitmqArgs,
    (from, to): (&AmqpUrl, &AmqpUrl),
    queues: Vec<Source>,
    patience: Duration,
) -> anyhow::Result<Vec<Value>> {
    let total = queues.iter().map(|queue| queue.messages).sum();
    let bar = output::progress((!args.follow).then_some(total));
    let one = async |queue: &Source| -> anyhow::Result<u64> {
        let source = Link::open(from, &queue.vhost, "RabbitMQ", patience).await?;
        let target = Link::open(to, &queue.vhost, "this broker", patience).await?;
        let drain = Drain::begin(&queue.name, source, target, (args.window, args.follow)).await?;
        drain.run(&bar).await
    };
    let mut drained = Vec::new();
    if args.follow {
        follow(&queues, one).await?;
    } else {
        for queue in &queues {
            let messages = one(queue)
                .await
                .with_context(|| format!("draining {:?} in {:?}", queue.name, queue.vhost))?;
            drained.push(json!({"vhost": queue.vhost, "queue": queue.name, "messages": messages}));
        }
    }
    let moved = bar.position();
    bar.finish_and_clear();
    if args.follow {
        drained.push(json!({"vhost": null, "queue": null, "messages": moved}));
    }
    Ok(drained)
}

/// Drains all of them until one fails or Ctrl-C. What is on its way then comes once more the next time.
async fn follow(queues: &[Source], one: impl AsyncFn(&Source) -> anyhow::Result<u64>) -> anyhow::Result<()> {
    let mut running: Vec<_> = queues.iter().map(|queue| Box::pin(one(queue))).collect();
    let all = std::future::poll_fn(|cx| {
        for drain in &mut running {
            if let std::task::Poll::Ready(outcome) = drain.as_mut().poll(cx) {
                return std::task::Poll::Ready(outcome.map(drop));
            }
        }
        std::task::Poll::Pending
    });
    tokio::select! {
        outcome = all => outcome,
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}
