//! Topics, their partitions and who leads them, as a broker tells.
//!
//! Apart because nearly every command starts here, and because this is where a mistyped name is noticed.

use millstream_kafka::ErrorCode;
use millstream_kafka::codec::Uuid;
use millstream_kafka::codec::generated::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseTopic,
};

use super::{Client, ClientError, check};

/// How many similar names an error names.
const NEAR_MAX: usize = 3;

/// A topic.
#[derive(Clone, Debug)]
pub(crate) struct TopicInfo {
    /// Its name.
    pub(crate) name: String,
    /// Its id; nil from brokers that have none.
    pub(crate) id: Uuid,
    /// Whether it belongs to the broker itself.
    pub(crate) internal: bool,
    /// Its partitions by number, ascending.
    pub(crate) partitions: Vec<PartitionInfo>,
}

/// A partition.
#[derive(Clone, Debug)]
pub(crate) struct PartitionInfo {
    /// Its number.
    pub(crate) index: i32,
    /// The broker that leads it; −1 when none does.
    pub(crate) leader: i32,
    /// Brokers that hold it.
    pub(crate) replicas: Vec<i32>,
    /// Those that are up to date.
    pub(crate) in_sync: Vec<i32>,
}

impl TopicInfo {
    /// The partition of that number.
    pub(crate) fn partition(&self, index: i32) -> Result<&PartitionInfo, ClientError> {
        self.partitions.iter().find(|partition| partition.index == index).ok_or_else(|| {
            ClientError::UnknownPartition {
                topic: self.name.clone(),
                partition: index,
                count: self.partitions.len(),
            }
        })
    }

    /// The numbers of its partitions, ascending.
    pub(crate) fn indices(&self) -> Vec<i32> {
        self.partitions.iter().map(|partition| partition.index).collect()
    }
}

impl Client {
    /// All topics, by name.
    pub(crate) async fn topics(&mut self) -> Result<Vec<TopicInfo>, ClientError> {
        let response = self.retrying(async |client| client.metadata(None).await).await?;
        let mut topics = Vec::with_capacity(response.topics.len());
        for topic in response.topics {
            // One that is being created or deleted right now has an error and no partitions.
            if topic.error_code == 0 {
                topics.extend(info(topic));
            }
        }
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    /// One topic, which must exist.
    pub(crate) async fn topic(&mut self, name: &str) -> Result<TopicInfo, ClientError> {
        let found = self.retrying(async |client| client.find_topic(name).await).await?;
        match found {
            Some(topic) => Ok(topic),
            None => {
                let names = self.topics().await?.into_iter().map(|topic| topic.name);
                Err(ClientError::UnknownTopic { name: name.to_owned(), near: near(name, names) })
            }
        }
    }

    /// One topic, if it exists. Asking creates nothing, whatever the broker's settings.
    pub(super) async fn find_topic(&mut self, name: &str) -> Result<Option<TopicInfo>, ClientError> {
        let response = self.metadata(Some(name)).await?;
        let Some(topic) = response.topics.into_iter().find(|topic| topic.name.as_deref() == Some(name))
        else {
            return Ok(None);
        };
        if ErrorCode(topic.error_code) == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION {
            return Ok(None);
        }
        check(topic.error_code, None, || format!("topic {name:?}"))?;
        Ok(info(topic))
    }

    /// Asks any broker; learns where the brokers are.
    pub(super) async fn metadata(&mut self, name: Option<&str>) -> Result<MetadataResponse, ClientError> {
        let ask = |version: i16| MetadataRequest {
            topics: name
                .map(|name| vec![MetadataRequestTopic { topic_id: Uuid::NIL, name: Some(name.into()) }]),
            // Before version 4 a client could not decline.
            allow_auto_topic_creation: version < 4,
            ..Default::default()
        };
        let response = self.any().await?.call(ask).await?;
        let what = || "asking for the cluster's topics".to_owned();
        check(response.error_code, None, what)?;
        self.learn_brokers(&response);
        Ok(response)
    }
}

fn info(topic: MetadataResponseTopic) -> Option<TopicInfo> {
    let name = topic.name?.to_string();
    let mut partitions: Vec<PartitionInfo> = topic
        .partitions
        .into_iter()
        .map(|partition| PartitionInfo {
            index: partition.partition_index,
            leader: partition.leader_id,
            replicas: partition.replica_nodes,
            in_sync: partition.isr_nodes,
        })
        .collect();
    partitions.sort_by_key(|partition| partition.index);
    Some(TopicInfo { name, id: topic.topic_id, internal: topic.is_internal, partitions })
}

/// The names that `name` may have been meant to be, the nearest first.
fn near(name: &str, names: impl Iterator<Item = String>) -> Vec<String> {
    // A third of the letters wrong is the most that still reads as a slip.
    let distance_max = (name.chars().count() / 3).max(1);
    let wanted = name.to_lowercase();
    let mut found: Vec<(usize, String)> = names
        .filter_map(|candidate| {
            let other = candidate.to_lowercase();
            let distance = strsim::osa_distance(&wanted, &other);
            let part_of = wanted.len() >= 3 && (other.contains(&wanted) || wanted.contains(&other));
            (distance <= distance_max || part_of).then_some((distance, candidate))
        })
        .collect();
    found.sort();
    found.into_iter().take(NEAR_MAX).map(|(_, candidate)| candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn near_names_are_slips_and_parts_the_nearest_first() {
        let names = || ["orders", "order-events", "payments", "Order"].into_iter().map(str::to_owned);
        assert_eq!(near("oders", names()), ["orders"]);
        assert_eq!(near("order", names()), ["Order", "orders", "order-events"]);
        assert!(near("zebra", names()).is_empty());
    }
}
