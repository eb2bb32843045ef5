//! What a record looks like.
//!
//! Apart because scripts read it: a line for people has the parts that were asked for, in a fixed order (timestamp,
//! place, headers, key, value), a line of JSON always has them all.

use std::io::{self, BufWriter, Stdout, Write};

use indicatif::ProgressBar;
use millstream_types::batch::RecordView;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::super::args::ConsumeArgs;
use super::super::moment::format_rfc3339;
use super::super::output::{base64, progress_beside_output};

/// Where a record is.
pub(super) struct Place<'a> {
    /// Its topic.
    pub(super) topic: &'a str,
    /// Its partition.
    pub(super) partition: i32,
    /// Its offset.
    pub(super) offset: i64,
}

/// Prints records as the arguments say.
#[derive(Debug)]
pub(super) struct Printer<W: Write = Stdout> {
    out: BufWriter<W>,
    parts: Parts,
    progress: ProgressBar,
}

/// What is printed of a record.
#[derive(Clone, Debug)]
struct Parts {
    json: bool,
    keys: bool,
    headers: bool,
    timestamps: bool,
    offsets: bool,
    separator: String,
}

impl Printer {
    /// A printer to standard output.
    pub(super) fn new(args: &ConsumeArgs) -> Self {
        let parts = Parts {
            json: args.connect.json,
            keys: args.keys,
            headers: args.headers,
            timestamps: args.timestamps,
            offsets: args.offsets,
            separator: args.separator.clone(),
        };
        let progress = progress_beside_output(args.count);
        Self { out: BufWriter::new(io::stdout()), parts, progress }
    }
}

impl<W: Write> Printer<W> {
    /// Prints one record; it may stay in memory until the next flush.
    pub(super) fn print(&mut self, place: &Place<'_>, record: &RecordView<'_>) -> io::Result<()> {
        let Self { out, parts, progress } = self;
        progress.inc(1);
        if parts.json {
            serde_json::to_writer(&mut *out, &Line { place, record })?;
        } else {
            print_text(out, parts, place, record)?;
        }
        out.write_all(b"\n")
    }

    /// Hands everything over.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn print_text(
    out: &mut impl Write,
    parts: &Parts,
    place: &Place<'_>,
    record: &RecordView<'_>,
) -> io::Result<()> {
    let separator = parts.separator.as_bytes();
    if parts.timestamps {
        match record.timestamp.0 {
            -1 => out.write_all(b"-")?,
            ms => out.write_all(format_rfc3339(ms).as_bytes())?,
        }
        out.write_all(separator)?;
    }
    if parts.offsets {
        write!(out, "{}/{}@{}", place.topic, place.partition, place.offset)?;
        out.write_all(separator)?;
    }
    if parts.headers {
        for (index, (name, value)) in record.headers.enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(out, "{comma}{name}=")?;
            out.write_all(value.unwrap_or_default())?;
        }
        out.write_all(separator)?;
    }
    if parts.keys {
        out.write_all(record.key.unwrap_or_default())?;
        out.write_all(separator)?;
    }
    out.write_all(record.value.unwrap_or_default())
}

struct Line<'a, 'r> {
    place: &'a Place<'a>,
    record: &'a RecordView<'r>,
}

impl Serialize for Line<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { place, record } = self;
        let time = Some(record.timestamp.0).filter(|ms| *ms >= 0);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("topic", place.topic)?;
        map.serialize_entry("partition", &place.partition)?;
        map.serialize_entry("offset", &place.offset)?;
        map.serialize_entry("timestamp", &time.map(format_rfc3339))?;
        map.serialize_entry("timestamp_ms", &time)?;
        bytes_entry(&mut map, "key", "key_base64", record.key)?;
        bytes_entry(&mut map, "value", "value_base64", record.value)?;
        let headers: Vec<Header<'_>> = record.headers.map(|(name, value)| Header { name, value }).collect();
        map.serialize_entry("headers", &headers)?;
        map.end()
    }
}

/// A header; a list of them keeps order and duplicates, which an object would not.
struct Header<'a> {
    name: &'a str,
    value: Option<&'a [u8]>,
}

impl Serialize for Header<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", self.name)?;
        bytes_entry(&mut map, "value", "value_base64", self.value)?;
        map.end()
    }
}

fn bytes_entry<M: SerializeMap>(
    map: &mut M,
    text: &'static str,
    encoded: &'static str,
    bytes: Option<&[u8]>,
) -> Result<(), M::Error> {
    match bytes.map(|bytes| std::str::from_utf8(bytes).map_err(|_| bytes)) {
        None => map.serialize_entry(text, &None::<&str>),
        Some(Ok(string)) => map.serialize_entry(text, string),
        Some(Err(bytes)) => map.serialize_entry(encoded, &base64(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_types::RecordTime;
    use millstream_types::batch::{BatchBuilder, Compression, OpenLimits, open};

    const PLACE: Place<'_> = Place { topic: "t", partition: 2, offset: 7 };

    fn printed(parts: Parts, key: Option<&[u8]>, value: Option<&[u8]>, time: i64) -> Vec<u8> {
        let mut batch = BatchBuilder::new();
        batch.push(RecordTime(time), key, value, &[("h", Some(b"1")), ("h", None)]).unwrap();
        let batch = open(&batch.finish(Compression::None).unwrap(), OpenLimits::default()).unwrap();
        let mut printer = Printer { out: BufWriter::new(Vec::new()), parts, progress: ProgressBar::hidden() };
        printer.print(&PLACE, &batch.iter().next().unwrap().unwrap()).unwrap();
        printer.out.into_inner().unwrap()
    }

    fn parts(json: bool, all: bool) -> Parts {
        let separator = "|".to_owned();
        Parts { json, keys: all, headers: all, timestamps: all, offsets: all, separator }
    }

    #[test]
    fn a_line_has_the_parts_that_were_asked_for_and_bytes_as_they_are() {
        assert_eq!(printed(parts(false, false), Some(b"k"), Some(b"\xff"), 0), b"\xff\n");
        let all = printed(parts(false, true), Some(b"k"), Some(b"v"), 0);
        assert_eq!(String::from_utf8(all).unwrap(), "1970-01-01T00:00:00.000Z|t/2@7|h=1,h=|k|v\n");
        assert_eq!(printed(parts(false, true), None, None, -1), b"-|t/2@7|h=1,h=||\n");
    }

    #[test]
    fn json_tells_null_from_empty_and_keeps_bytes() {
        let line = printed(parts(true, false), Some(b""), Some(b"\xff\xfe\xfd"), 5);
        let expected = concat!(
            r#"{"topic":"t","partition":2,"offset":7,"timestamp":"1970-01-01T00:00:00.005Z","timestamp_ms":5,"#,
            r#""key":"","value_base64":"//79","headers":[{"name":"h","value":"1"},{"name":"h","value":null}]}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(line).unwrap(), expected);
        let line = String::from_utf8(printed(parts(true, false), None, None, -1)).unwrap();
        assert!(line.contains(r#""timestamp":null,"timestamp_ms":null,"key":null,"value":null"#), "{line}");
    }
}
