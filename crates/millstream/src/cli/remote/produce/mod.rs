//! `millstream produce`: stores lines, files or one repeated value.
//!
//! Apart because its parts run at their own speeds: `input` as fast as lines come, `pace` as fast as allowed, `sender`
//! as fast as the broker stores. Here they are brought together, and what was read before a failure is still stored.

mod input;
mod pace;
mod sender;

use std::time::Duration;

use millstream_types::batch::Compression;
use serde::Serialize;

use super::args::ProduceArgs;
use super::line::{LineFormat, NewRecord};
use super::output::{self, print_json};
use super::stop::Stop;
use super::{connect, now_ms};
use input::Input;
use pace::Pace;
use sender::{Sender, Span};

/// How long a record may wait for others to share its batch when the input pauses.
const LINGER: Duration = Duration::from_millis(5);

/// Runs `millstream produce`.
pub(super) async fn run(args: ProduceArgs) -> anyhow::Result<()> {
    let compression = compression_named(&args.compression);
    let format = LineFormat {
        key_separator: args.key_separator,
        headers_separator: args.headers_separator,
        null: args.null,
        key: args.key,
        headers: args.header,
    };
    // The input first: a file that is not there should cost no connection.
    let mut input = match args.value {
        Some(value) => Input::repeated(value.into_bytes(), args.count.unwrap_or(1)),
        None => Input::read(args.file.as_deref(), args.whole, args.count)?,
    };
    let mut stop = Stop::on_signals()?;
    let mut client = connect(&args.connect).await?;
    let mut sender = Sender::new(&mut client, &args.topic, args.partition, compression).await?;
    let mut pace = args.rate.map(Pace::new);
    let progress = if input.is_typed() { None } else { Some(output::progress(args.count)) };

    let mut line = 0u64;
    let failed = loop {
        let next = match input.ready() {
            Some(next) => next,
            None => match tokio::time::timeout(LINGER, input.next()).await {
                Ok(next) => next,
                Err(_) => {
                    if let Err(error) = sender.flush(&mut client).await {
                        break Some(error);
                    }
                    tokio::select! {
                        next = input.next() => next,
                        () = stop.wait() => Ok(None),
                    }
                }
            },
        };
        let bytes = match next {
            Ok(Some(bytes)) if !stop.is_set() => bytes,
            Ok(_) => break None,
            Err(error) => break Some(error),
        };
        line += 1;
        let record: Result<NewRecord, _> = format.parse(&bytes);
        let record = match record {
            Ok(record) => record,
            Err(wrong) => break Some(anyhow::anyhow!("line {line}: {wrong}")),
        };
        if let Some(pace) = &mut pace
            && !pace.is_due()
        {
            // Whoever is made to wait must not hold back what came before.
            if let Err(error) = sender.flush(&mut client).await {
                break Some(error);
            }
            tokio::select! {
                () = pace.wait() => {}
                () = stop.wait() => break None,
            }
        }
        if let Err(error) = sender.push(&mut client, record, now_ms()).await {
            break Some(error);
        }
        if let Some(progress) = &progress {
            progress.set_position(sender.stored());
        }
    };
    let flushed = match failed {
        None => sender.flush(&mut client).await,
        // What was read before a line that is wrong is stored; after a failure to store nothing more is tried.
        Some(error) if error.is::<super::client::ClientError>() => Err(error),
        Some(error) => sender.flush(&mut client).await.and(Err(error)),
    };
    if let Some(progress) = &progress {
        progress.finish_and_clear();
    }
    report(&sender, args.connect.json)?;
    flushed
}

#[derive(Serialize)]
struct Report<'a> {
    topic: &'a str,
    stored: u64,
    partitions: Vec<&'a Span>,
}

fn report(sender: &Sender, json: bool) -> anyhow::Result<()> {
    let stored = sender.stored();
    let spans: Vec<&Span> = sender.spans().collect();
    if json {
        return print_json(&Report { topic: sender.topic(), stored, partitions: spans });
    }
    let mut text = match stored {
        1 => format!("1 record stored in {:?}", sender.topic()),
        count => format!("{count} records stored in {:?}", sender.topic()),
    };
    let shown = |span: &&Span| match (span.first_offset, span.last_offset) {
        (Some(first), Some(last)) if first == last => format!("partition {} offset {first}", span.partition),
        (Some(first), Some(last)) => format!("partition {} offsets {first} to {last}", span.partition),
        _ => format!("partition {}", span.partition),
    };
    if !spans.is_empty() {
        let spans: Vec<String> = spans.iter().map(shown).collect();
        text = format!("{text}: {}", spans.join(", "));
    }
    Ok(output::print(&format!("{text}\n"))?)
}

fn compression_named(name: &str) -> Compression {
    Compression::ALL
        .into_iter()
        .find(|compression| compression.name() == name)
        .expect("the argument's values are the names of all codecs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_can_be_named() {
        for compression in Compression::ALL {
            assert_eq!(compression_named(compression.name()), compression);
        }
    }
}
