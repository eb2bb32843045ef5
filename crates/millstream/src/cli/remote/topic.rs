//! `millstream topic`: create, list, describe, delete and alter topics.
//!
//! Apart because it is all requests and tables; nothing here outlives an answer.

use anyhow::Context;
use millstream_kafka::ErrorCode;
use serde::Serialize;

use super::args::{AlterArgs, CreateArgs, DeleteArgs, DescribeArgs, ListArgs, TopicAction, TopicArgs};
use super::client::{Client, ClientError, NewTopic, OffsetAt};
use super::connect;
use super::output::{self, Column, print_json, print_table};

/// Leaves a number to the broker.
const BROKER_DEFAULT: i16 = -1;
/// Where a setting of a topic comes from, when it was set for the topic itself.
const SOURCE_TOPIC: i8 = 1;

/// Runs `millstream topic`.
pub(super) async fn run(args: TopicArgs) -> anyhow::Result<()> {
    let json = args.connect.json;
    let mut client = connect(&args.connect).await?;
    match args.action {
        TopicAction::Create(args) => create(&mut client, args, json).await,
        TopicAction::List(args) => list(&mut client, &args, json).await,
        TopicAction::Describe(args) => describe(&mut client, &args, json).await,
        TopicAction::Delete(args) => delete(&mut client, &args, json).await,
        TopicAction::Alter(args) => alter(&mut client, &args, json).await,
    }
}

#[derive(Serialize)]
struct Changed<'a> {
    topic: &'a str,
    #[serde(flatten)]
    what: What,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Created(bool),
    Deleted(bool),
    Altered(bool),
}

/// Says what was done to a topic, or that nothing had to be.
fn report(topic: &str, what: What, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(&Changed { topic, what });
    }
    let done = match what {
        What::Created(true) => "is created",
        What::Created(false) => "exists already",
        What::Deleted(true) => "is deleted",
        What::Deleted(false) => "does not exist",
        What::Altered(_) => "is changed",
    };
    Ok(output::print(&format!("topic {topic:?} {done}\n"))?)
}

async fn create(client: &mut Client, args: CreateArgs, json: bool) -> anyhow::Result<()> {
    let new = NewTopic {
        name: args.name,
        partitions: args.partitions.unwrap_or(BROKER_DEFAULT.into()),
        replication_factor: args.replication_factor.unwrap_or(BROKER_DEFAULT),
        config: args.config,
    };
    match client.create_topic(&new).await {
        Ok(()) => report(&new.name, What::Created(true), json),
        Err(error) if args.if_not_exists && error.code() == Some(ErrorCode::TOPIC_ALREADY_EXISTS) => {
            report(&new.name, What::Created(false), json)
        }
        Err(error) => Err(error.into()),
    }
}

async fn list(client: &mut Client, args: &ListArgs, json: bool) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Listed<'a> {
        name: &'a str,
        partitions: usize,
        replication_factor: usize,
        internal: bool,
    }
    let mut topics = client.topics().await?;
    topics.retain(|topic| args.internal || !topic.internal);
    let listed: Vec<Listed<'_>> = topics
        .iter()
        .map(|topic| Listed {
            name: &topic.name,
            partitions: topic.partitions.len(),
            replication_factor: topic.partitions.first().map_or(0, |partition| partition.replicas.len()),
            internal: topic.internal,
        })
        .collect();
    if json {
        return print_json(&listed);
    }
    if listed.is_empty() {
        output::note("there are no topics yet; `millstream topic create NAME` makes one");
    }
    let columns = [Column::Text("TOPIC"), Column::Number("PARTITIONS"), Column::Number("REPLICAS")];
    let row = |topic: &Listed<'_>| {
        vec![topic.name.to_owned(), topic.partitions.to_string(), topic.replication_factor.to_string()]
    };
    Ok(print_table(&columns, listed.iter().map(row).collect())?)
}

#[derive(Serialize)]
struct Described {
    name: String,
    partitions: Vec<DescribedPartition>,
    config: Vec<Setting>,
}

#[derive(Serialize)]
struct DescribedPartition {
    partition: i32,
    leader: i32,
    replicas: Vec<i32>,
    in_sync: Vec<i32>,
    start_offset: Option<i64>,
    end_offset: Option<i64>,
}

#[derive(Serialize)]
struct Setting {
    name: String,
    value: Option<String>,
    default: bool,
}

async fn describe(client: &mut Client, args: &DescribeArgs, json: bool) -> anyhow::Result<()> {
    let mut described = Vec::with_capacity(args.names.len());
    for name in &args.names {
        described.push(describe_one(client, name, args.all_config).await?);
    }
    if json {
        return print_json(&described);
    }
    for (place, topic) in described.iter().enumerate() {
        if place > 0 {
            output::print("\n")?;
        }
        print_described(topic)?;
    }
    Ok(())
}

async fn describe_one(client: &mut Client, name: &str, all_config: bool) -> anyhow::Result<Described> {
    let topic = client.topic(name).await?;
    let starts = client.offsets(&topic, &topic.indices(), OffsetAt::Start).await?;
    let ends = client.offsets(&topic, &topic.indices(), OffsetAt::End).await?;
    let config = match client.topic_config(name).await {
        Ok(config) => config,
        // A broker without this request has nothing to show, which is no reason to hide the rest.
        Err(ClientError::Unsupported { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let partitions = topic.partitions.into_iter().map(|partition| DescribedPartition {
        partition: partition.index,
        leader: partition.leader,
        replicas: partition.replicas,
        in_sync: partition.in_sync,
        start_offset: starts.get(&partition.index).copied(),
        end_offset: ends.get(&partition.index).copied(),
    });
    let settings = config.into_iter().map(|setting| Setting {
        name: setting.name.to_string(),
        value: setting.value.map(|value| value.to_string()),
        default: setting.config_source != SOURCE_TOPIC,
    });
    Ok(Described {
        name: topic.name,
        partitions: partitions.collect(),
        config: settings.filter(|setting| all_config || !setting.default).collect(),
    })
}

fn print_described(topic: &Described) -> anyhow::Result<()> {
    output::print(&format!("topic {:?} with {} partitions\n\n", topic.name, topic.partitions.len()))?;
    let columns = [
        Column::Number("PARTITION"),
        Column::Number("LEADER"),
        Column::Text("REPLICAS"),
        Column::Text("IN SYNC"),
        Column::Number("START"),
        Column::Number("END"),
        Column::Number("RECORDS"),
    ];
    let list = |ids: &[i32]| ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",");
    let number = |number: Option<i64>| number.map_or("-".to_owned(), |number| number.to_string());
    let row = |partition: &DescribedPartition| {
        // Offsets, not records, where compaction left holes: an upper bound.
        let span =
            partition.end_offset.zip(partition.start_offset).map(|(end, start)| end.saturating_sub(start));
        vec![
            partition.partition.to_string(),
            partition.leader.to_string(),
            list(&partition.replicas),
            list(&partition.in_sync),
            number(partition.start_offset),
            number(partition.end_offset),
            number(span),
        ]
    };
    print_table(&columns, topic.partitions.iter().map(row).collect())?;
    if !topic.config.is_empty() {
        output::print("\n")?;
        let row = |setting: &Setting| vec![setting.name.clone(), setting.value.clone().unwrap_or_default()];
        let columns = [Column::Text("SETTING"), Column::Text("VALUE")];
        print_table(&columns, topic.config.iter().map(row).collect())?;
    }
    Ok(())
}

async fn delete(client: &mut Client, args: &DeleteArgs, json: bool) -> anyhow::Result<()> {
    for name in &args.names {
        match client.delete_topic(name).await {
            Ok(()) => report(name, What::Deleted(true), json)?,
            Err(error) if error.code() == Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) => {
                if !args.if_exists {
                    // Looking it up says which names are near.
                    client.topic(name).await?;
                    return Err(error.into());
                }
                report(name, What::Deleted(false), json)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn alter(client: &mut Client, args: &AlterArgs, json: bool) -> anyhow::Result<()> {
    client.topic(&args.name).await?;
    if !args.config.is_empty() || !args.delete_config.is_empty() {
        client.configure_topic(&args.name, &args.config, &args.delete_config).await?;
    }
    if let Some(partitions) = args.partitions {
        let configured = !args.config.is_empty() || !args.delete_config.is_empty();
        let grown = client.grow_topic(&args.name, partitions).await;
        if configured {
            grown.context("the settings are changed, the number of partitions is not")?;
        } else {
            grown?;
        }
    }
    report(&args.name, What::Altered(true), json)
}
