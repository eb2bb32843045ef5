//! What the broker itself says that it offers, asked with one ApiVersions request.
//!
//! Apart because it decides which checks apply: what a broker does not offer is reported, not failed.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// ApiVersions, version 0, correlation id 7, no client id; before it its length.
const REQUEST: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];
const CONSUMER_GROUP_HEARTBEAT: u16 = 68;
const ANSWER_BYTES_MAX: u32 = 64 * 1024;

/// The group protocols, by the names that clients give them.
pub(super) fn group_protocols(bootstrap: &str) -> anyhow::Result<Vec<String>> {
    let offered = api_keys(bootstrap).context("asking the broker for its API versions")?;
    let mut protocols = vec!["classic".to_owned()];
    protocols.extend(offered.contains(&CONSUMER_GROUP_HEARTBEAT).then(|| "consumer".to_owned()));
    Ok(protocols)
}

fn api_keys(bootstrap: &str) -> anyhow::Result<Vec<u16>> {
    let mut stream = TcpStream::connect(bootstrap)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(&REQUEST)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    ensure!((10..=ANSWER_BYTES_MAX).contains(&length), "an answer of {length} bytes");
    let mut answer = vec![0; length.try_into()?];
    stream.read_exact(&mut answer)?;
    // Correlation id (4 bytes), error (2), count (4), then key, lowest and highest version (2 each).
    ensure!(answer[..6] == [0, 0, 0, 7, 0, 0], "the answer begins with {:?}", &answer[..6]);
    Ok(answer[10..].chunks_exact(6).map(|entry| u16::from_be_bytes([entry[0], entry[1]])).collect())
}
