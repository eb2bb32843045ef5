//! Where a record of a queue is, as the API shows it.
//!
//! Apart because records, dead letters and whatever else looks at a queue show it under the same names.

use millstream_core::lease::{PeekedRecord, RecordState};
use schemars::JsonSchema;
use serde::Serialize;

/// Where a record of a queue is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "RecordState")]
pub(crate) struct ShownState {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_count: Option<u32>,
    /// When it is ready again.
    #[serde(skip_serializing_if = "Option::is_none")]
    until_ms: Option<i64>,
}

impl ShownState {
    /// A record that is done with.
    pub(crate) fn settled() -> ShownState {
        ShownState { state: "settled", delivery_count: None, until_ms: None }
    }
}

impl From<&PeekedRecord> for ShownState {
    fn from(record: &PeekedRecord) -> ShownState {
        let (state, until) = match record.state {
            RecordState::Ready => ("ready", None),
            RecordState::Leased { deadline, .. } => ("leased", deadline),
            RecordState::Delayed { until } => ("delayed", Some(until)),
            RecordState::Moving { .. } => ("moving", None),
        };
        let delivery_count = Some(record.delivery_count);
        ShownState { state, delivery_count, until_ms: until.map(|until| until.0) }
    }
}
