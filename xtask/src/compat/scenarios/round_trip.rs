//! What is written with each compression comes back as it was, to the client itself, to kcat and to other clients.
//!
//! Keys, headers, empty and null fields are what client libraries encode most differently.

use serde_json::json;

use super::Bench;
use crate::compat::record::{Record, compare, hex};

const RECORDS: u64 = 40;

pub(super) fn run(bench: &mut Bench<'_>) {
    for codec in bench.client.abilities.codecs.clone() {
        let topic = bench.topic(&format!("round-trip-{codec}"));
        let outcome = one(bench, &topic, &codec);
        bench.report.check(format!("{codec}: what was written comes back, to kcat too"), outcome);
    }
    let others = bench.written.iter().filter(|(topic, _)| !topic.starts_with(bench.program.name));
    for (topic, expected) in others {
        let outcome = bench
            .client
            .call(&json!({"do": "read", "topic": topic, "partition": 0, "start": 0}))
            .and_then(|mut got| Ok(serde_json::from_value::<Vec<Record>>(got["records"].take())?))
            .and_then(|got| compare(expected, &got));
        bench.report.check(format!("reads {topic}"), outcome);
    }
}

fn one(bench: &mut Bench<'_>, topic: &str, codec: &str) -> anyhow::Result<()> {
    let mut records = records(bench.start_ms);
    if !bench.client.abilities.writes_null_headers {
        for record in &mut records {
            record.headers.retain(|(_, value)| value.is_some());
        }
    }
    bench.client.create(topic, 1)?;
    let sent = bench.client.call(
        &json!({"do": "produce", "topic": topic, "partition": 0, "codec": codec, "records": records}),
    )?;
    let offsets: Vec<u64> = serde_json::from_value(sent["offsets"].clone())?;
    anyhow::ensure!(offsets.iter().copied().eq(0..RECORDS), "offsets of the confirmations: {offsets:?}");
    let mut got = bench.client.call(&json!({"do": "read", "topic": topic, "partition": 0, "start": 0}))?;
    compare(&records, &serde_json::from_value::<Vec<Record>>(got["records"].take())?)?;
    // From the middle of a batch: whole batches are sent, the client drops what lies before.
    let mut got = bench.client.call(&json!({"do": "read", "topic": topic, "partition": 0, "start": 17}))?;
    compare(&records[17..], &serde_json::from_value::<Vec<Record>>(got["records"].take())?)?;
    compare(&records, &bench.kcat.read(bench.broker.bootstrap(), topic)?)?;
    bench.written.push((topic.to_owned(), records));
    Ok(())
}

/// Records with everything that a record may have.
fn records(start_ms: i64) -> Vec<Record> {
    let text = |text: &str| Some(hex(text.as_bytes()));
    let header =
        |name: &str, value: Option<&str>| (name.to_owned(), value.map(|value| hex(value.as_bytes())));
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let special = [
        (None, text("no key"), vec![]),
        (text("empty value"), text(""), vec![]),
        (text("no value"), None, vec![]),
        (text(""), text("empty key"), vec![]),
        (
            text("headers"),
            text("in order, one name twice"),
            vec![
                header("trace", Some("first")),
                header("trace", Some("second")),
                header("none", None),
                header("empty", Some("")),
                header("größe", Some("größer")),
            ],
        ),
        (Some(hex(&[0, 255, 128])), Some(hex(&every_byte)), vec![]),
    ];
    let long = (0..RECORDS).skip(special.len()).map(|number| {
        let value = format!("record {number}, ").repeat(usize::try_from(number * number).unwrap_or_default());
        (text(&format!("key {number}")), text(&value), vec![header("number", Some(&number.to_string()))])
    });
    (0u64..)
        .zip(start_ms..)
        .zip(special.clone().into_iter().chain(long))
        .map(|((offset, timestamp), (key, value, headers))| Record { offset, timestamp, key, value, headers })
        .collect()
}
