//! `millstream consume`: prints records of topics.
//!
//! `reader` knows where it is in each partition, `print` what a record looks like, `member` how to share partitions
//! with the rest of a group.

mod member;
mod print;
mod reader;

use std::collections::BTreeMap;

use super::args::ConsumeArgs;
use super::client::{Client, TopicInfo};
use super::moment::OffsetSpec;
use super::output;
use super::place;
use super::stop::Stop;
use super::{connect, now_ms};
use print::Printer;
use reader::Reader;

/// Runs `millstream consume`.
pub(super) async fn run(args: ConsumeArgs) -> anyhow::Result<()> {
    let mut stop = Stop::on_signals()?;
    let mut client = connect(&args.connect).await?;
    let mut topics = BTreeMap::new();
    for name in &args.topics {
        topics.insert(name.clone(), client.topic(name).await?);
    }
    let mut printer = Printer::new(&args);
    if let Some(group) = &args.group {
        return member::run(&mut client, group, topics, &args, &mut printer, stop).await;
    }
    let mut reader = Reader::new(args.count, args.follow);
    for topic in topics.values() {
        let partitions = if args.partition.is_empty() { topic.indices() } else { args.partition.clone() };
        begin(&mut client, &mut reader, topic, &partitions, &args).await?;
    }
    while !reader.is_done() {
        // Nothing is lost when a round is given up: what it printed is flushed by the printer's end.
        tokio::select! {
            round = reader.round(&mut client, &mut printer) => round?,
            () = stop.wait() => break,
        }
        printer.flush()?;
    }
    Ok(printer.flush()?)
}

/// Adds partitions of a topic from where the arguments say.
async fn begin(
    client: &mut Client,
    reader: &mut Reader,
    topic: &TopicInfo,
    partitions: &[i32],
    args: &ConsumeArgs,
) -> anyhow::Result<()> {
    let spec = args.start.spec();
    for (partition, place) in place::find(client, topic, partitions, spec, now_ms()).await? {
        if let OffsetSpec::At(wanted) = spec
            && wanted != place.offset
        {
            output::note(&format!(
                "{}/{partition} holds offsets {} to {}, not {wanted}; reading from {}",
                topic.name, place.start, place.end, place.offset
            ));
        }
        reader.add(topic, partition, place.offset, place.end);
    }
    Ok(())
}
