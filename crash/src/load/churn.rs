//! Topics that come and go under the same few names.
//!
//! Apart because a topic's life must be told from that of its predecessor of the same name: by its id.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use millstream_kafka::codec::Uuid;
use millstream_kafka::codec::generated::create_topics::{CreatableTopic, CreateTopicsRequest};
use millstream_kafka::codec::generated::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use millstream_kafka::codec::generated::metadata::{MetadataRequest, MetadataRequestTopic};
use millstream_testkit::history::{Event, Op, Phase};

use super::produce::Producer;
use super::{Hand, World};
use crate::chance::Chance;
use crate::moment::Moments;

const CREATE_VERSION: i16 = 7;
const DELETE_VERSION: i16 = 6;
const METADATA_VERSION: i16 = 12;
const UNKNOWN_TOPIC: i16 = 3;
const TIMEOUT_MS: i32 = 30_000;
const NAMES: u64 = 4;
/// Lives that are left to be read at the end.
const KEPT_MAX: usize = 12;
/// One life in so many is kept.
const KEPT_ONE_IN: u64 = 20;
const BATCHES_MAX: u64 = 4;
const RECORDS_PER_BATCH: u32 = 5;
const VALUE_BYTES: usize = 100;
const PAUSE_MS_MAX: u64 = 80;
/// The purpose of this load's chance.
const CHANCE: u64 = 3;

/// A topic that was left: its name, and its name in the history.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) name: String,
    pub(crate) life: String,
}

/// Makes, fills and deletes topics until the run is over; those that are left, and what went wrong.
pub(crate) fn run(world: &World, client: u32) -> (Vec<Kept>, anyhow::Result<()>) {
    let mut kept = Vec::new();
    let outcome = churn(world, client, &mut kept);
    (kept, outcome)
}

fn churn(world: &World, client: u32, kept: &mut Vec<Kept>) -> anyhow::Result<()> {
    let mut hand = world.hand("lean-churn")?;
    let mut chance = Chance::new(world.seed, CHANCE);
    let mut producer = Producer::new(client, "", 0);
    let mut number = 0;
    while hand.ready() {
        number += 1;
        let keep = kept.len() < KEPT_MAX && chance.below(KEPT_ONE_IN) == 0;
        let name = if keep { format!("kept-{number}") } else { format!("churn-{}", number % NAMES) };
        let life = format!("{name}~{number}");
        let Some(id) = create(&mut hand, &name, &life)? else { break };
        producer.turn_to(&name, &life);
        for _ in 0..chance.below(BATCHES_MAX) {
            if !hand.ready() {
                break;
            }
            producer.window(&mut hand, 1, RECORDS_PER_BATCH, VALUE_BYTES)?;
        }
        sleep(Duration::from_millis(chance.below(PAUSE_MS_MAX)));
        if keep {
            kept.push(Kept { name, life });
        } else if !delete(&mut hand, &name, &life, id)? {
            // The run ended while it was there: it is as good as kept.
            kept.push(Kept { name, life });
            break;
        }
    }
    hand.history.finish()?;
    Ok(())
}

fn event(op: Op, life: &str) -> Event {
    Event { op, topic: life.to_owned(), ..Event::default() }
}

/// Makes a topic, however often it takes; its id, or `None` when the run is over.
fn create(hand: &mut Hand, name: &str, life: &str) -> anyhow::Result<Option<Uuid>> {
    while hand.ready() {
        let topic = CreatableTopic {
            name: name.into(),
            num_partitions: 2,
            replication_factor: 1,
            ..Default::default()
        };
        let ask = CreateTopicsRequest { topics: vec![topic], timeout_ms: TIMEOUT_MS, validate_only: false };
        let event = hand.history.invoke(event(Op::Create, life))?;
        Moments::announce(&hand.moments.create);
        match hand.link.call(CREATE_VERSION, &ask) {
            Ok(answer) => {
                let topic = answer.topics.first().context("a CreateTopics response without topics")?;
                ensure!(topic.error_code == 0, "creating {name} was answered with {}", topic.error_code);
                hand.history.done(Phase::Ok, event)?;
                return Ok(Some(topic.topic_id));
            }
            Err(error) => hand.unknown(event, &error)?,
        }
        // Its predecessor was seen to be gone, so whatever has the name now is what was asked for.
        match find(hand, name)? {
            Some(Some(id)) => return Ok(Some(id)),
            Some(None) => {}
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// Deletes a topic, however often it takes; `false` when the run is over before it is gone.
fn delete(hand: &mut Hand, name: &str, life: &str, id: Uuid) -> anyhow::Result<bool> {
    while hand.ready() {
        let topics = vec![DeleteTopicState { name: Some(name.into()), ..Default::default() }];
        let ask = DeleteTopicsRequest { topics, timeout_ms: TIMEOUT_MS, ..Default::default() };
        // The topic itself is there until this moment.
        match find(hand, name)? {
            Some(found) => {
                exists(hand, life, found == Some(id))?;
                if found != Some(id) {
                    return Ok(true);
                }
            }
            None => return Ok(false),
        }
        if !hand.ready() {
            return Ok(false);
        }
        let event = hand.history.invoke(event(Op::Delete, life))?;
        Moments::announce(&hand.moments.delete);
        match hand.link.call(DELETE_VERSION, &ask) {
            Ok(answer) => {
                let topic = answer.responses.first().context("a DeleteTopics response without topics")?;
                ensure!(topic.error_code == 0, "deleting {name} was answered with {}", topic.error_code);
                hand.history.done(Phase::Ok, event)?;
            }
            Err(error) => hand.unknown(event, &error)?,
        }
        match find(hand, name)? {
            Some(found) => {
                exists(hand, life, found == Some(id))?;
                if found.is_none() {
                    return Ok(true);
                }
                ensure!(found == Some(id), "{name} has another id without having been created again");
            }
            None => return Ok(false),
        }
    }
    Ok(false)
}

/// Writes whether a life goes on.
pub(crate) fn exists(hand: &mut Hand, life: &str, present: bool) -> std::io::Result<()> {
    hand.history.seen(Event { present: Some(present), ..event(Op::Exists, life) })
}

/// The id of the topic that has a name now, if there is one; `None` when the run is over.
fn find(hand: &mut Hand, name: &str) -> anyhow::Result<Option<Option<Uuid>>> {
    while hand.ready() {
        if let Ok(found) = look(hand, name)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// One look at the metadata; the inner error is a connection that broke.
pub(crate) fn look(hand: &mut Hand, name: &str) -> anyhow::Result<Result<Option<Uuid>, anyhow::Error>> {
    let topic = MetadataRequestTopic { name: Some(name.into()), ..Default::default() };
    let ask =
        MetadataRequest { topics: Some(vec![topic]), allow_auto_topic_creation: false, ..Default::default() };
    let answer = match hand.link.call(METADATA_VERSION, &ask) {
        Ok(answer) => answer,
        Err(error) => return Ok(Err(error)),
    };
    let topic = answer.topics.first().context("a Metadata response without topics")?;
    match topic.error_code {
        0 => Ok(Ok(Some(topic.topic_id))),
        UNKNOWN_TOPIC => Ok(Ok(None)),
        code => anyhow::bail!("metadata of {name} was answered with {code}"),
    }
}
