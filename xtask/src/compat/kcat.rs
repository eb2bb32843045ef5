//! kcat, the reader beside the clients: it shows a topic's records independently of whoever wrote them.
//!
//! Apart because it is an installed tool with an output of its own, not a program of `compat/`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use super::record::{Record, hex};

/// The installed kcat.
pub(crate) struct Kcat(pub(crate) PathBuf);

impl Kcat {
    /// Reads partition 0 of a topic from its start to its end.
    pub(crate) fn read(&self, bootstrap: &str, topic: &str) -> anyhow::Result<Vec<Record>> {
        let output = Command::new(&self.0)
            .args(["-b", bootstrap, "-C", "-t", topic, "-p", "0", "-o", "beginning", "-e", "-q"])
            .args(["-X", "check.crcs=true", "-f", "%o %T %K %S %k%s%h\n"])
            .output()
            .context("running kcat")?;
        ensure!(output.status.success(), "kcat failed: {}", String::from_utf8_lossy(&output.stderr));
        parse(&output.stdout)
    }
}

impl Kcat {
    /// Writes records with these values, compressed with lz4, in few batches.
    pub(crate) fn write_lz4(&self, bootstrap: &str, topic: &str, values: &[String]) -> anyhow::Result<()> {
        let mut child = Command::new(&self.0)
            .args(["-b", bootstrap, "-P", "-t", topic, "-p", "0", "-z", "lz4", "-X", "linger.ms=100"])
            .stdin(Stdio::piped())
            .spawn()
            .context("running kcat")?;
        let mut input = child.stdin.take().context("kcat has no standard input")?;
        for value in values {
            writeln!(input, "{value}")?;
        }
        drop(input);
        let status = child.wait()?;
        ensure!(status.success(), "kcat ended with {status}");
        Ok(())
    }

    /// Reads so many records' values as the only member of a group that begins at the start.
    pub(crate) fn read_as_group(
        &self,
        bootstrap: &str,
        topic: &str,
        group: &str,
        count: usize,
    ) -> anyhow::Result<Vec<String>> {
        let output = Command::new(&self.0)
            .args(["-b", bootstrap, "-G", group, "-q", "-e", "-c", &count.to_string()])
            .args(["-X", "auto.offset.reset=earliest", "-X", "check.crcs=true", "-f", "%s\n", topic])
            .output()
            .context("running kcat")?;
        ensure!(output.status.success(), "kcat failed: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
    }
}

/// Parses `offset timestamp key-length value-length key value headers newline`; a length of -1 is a null.
fn parse(mut bytes: &[u8]) -> anyhow::Result<Vec<Record>> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let offset = number(&mut bytes)?.try_into().context("an offset below zero")?;
        let timestamp = number(&mut bytes)?;
        let (key_length, value_length) = (number(&mut bytes)?, number(&mut bytes)?);
        let key = take(&mut bytes, key_length)?;
        let value = take(&mut bytes, value_length)?;
        let end = bytes.iter().position(|byte| *byte == b'\n').context("a record without an end of line")?;
        let text = std::str::from_utf8(&bytes[..end]).context("header names and values")?;
        bytes = &bytes[end + 1..];
        let headers =
            text.split(',').filter(|pair| !pair.is_empty()).map(header).collect::<Result<_, _>>()?;
        records.push(Record { offset, timestamp, key, value, headers });
    }
    Ok(records)
}

fn number(bytes: &mut &[u8]) -> anyhow::Result<i64> {
    let end = bytes.iter().position(|byte| *byte == b' ').context("a number without an end")?;
    let text = std::str::from_utf8(&bytes[..end])?;
    *bytes = &bytes[end + 1..];
    text.parse().with_context(|| format!("{text} is no number"))
}

fn take(bytes: &mut &[u8], length: i64) -> anyhow::Result<Option<String>> {
    let Ok(length) = usize::try_from(length) else { return Ok(None) };
    let (taken, rest) = bytes.split_at_checked(length).context("a record is cut short")?;
    *bytes = rest;
    Ok(Some(hex(taken)))
}

fn header(pair: &str) -> anyhow::Result<(String, Option<String>)> {
    let (name, value) = pair.split_once('=').context("a header without a value")?;
    Ok((name.to_owned(), (value != "NULL").then(|| hex(value.as_bytes()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_parsed_with_nulls_newlines_and_repeated_headers() {
        let records = parse(b"7 1700 -1 3 a\nbx=1,x=NULL,y=\n8 1701 0 -1 \n").unwrap();
        assert_eq!(
            records,
            [
                Record {
                    offset: 7,
                    timestamp: 1700,
                    key: None,
                    value: Some("610a62".to_owned()),
                    headers: vec![
                        ("x".to_owned(), Some("31".to_owned())),
                        ("x".to_owned(), None),
                        ("y".to_owned(), Some(String::new())),
                    ],
                },
                Record { offset: 8, timestamp: 1701, key: Some(String::new()), value: None, headers: vec![] },
            ]
        );
        assert!(parse(b"7 1700 -1 30 a\n").is_err());
    }
}
