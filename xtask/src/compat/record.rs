//! The record as the clients' programs and the harness exchange it.
//!
//! Apart because every scenario and kcat's output are compared in this one shape.

use serde::{Deserialize, Serialize};

/// A record; bytes are hexadecimal text so that any language's JSON holds them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Place in the partition; what is sent has the place it is expected at.
    pub offset: u64,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// Key, or none.
    pub key: Option<String>,
    /// Value, or none.
    pub value: Option<String>,
    /// Name and value in order; a name may repeat.
    pub headers: Vec<(String, Option<String>)>,
}

/// Bytes as hexadecimal text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares what was read with what was sent and names the first difference.
pub(crate) fn compare(expected: &[Record], got: &[Record]) -> anyhow::Result<()> {
    for (want, have) in expected.iter().zip(got) {
        anyhow::ensure!(want == have, "record {} differs:\n  sent {want:?}\n  read {have:?}", want.offset);
    }
    anyhow::ensure!(expected.len() == got.len(), "{} records were sent, {} read", expected.len(), got.len());
    Ok(())
}
