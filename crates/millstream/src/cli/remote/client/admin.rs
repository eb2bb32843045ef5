//! Creating, changing and deleting topics, and reading their configuration.
//!
//! Apart because these go to the controller, and their answers carry the broker's own words for what is wrong.

use std::time::Duration;

use millstream_kafka::codec::generated::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use millstream_kafka::codec::generated::create_topics::{
    CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
};
use millstream_kafka::codec::generated::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use millstream_kafka::codec::generated::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult,
};
use millstream_kafka::codec::generated::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};

use super::{Client, ClientError, check};

/// How long a broker may take to make a change known everywhere.
const CHANGE_TIMEOUT_MS: i32 = 30_000;
/// The kind of resource that is a topic, where configurations are concerned.
const RESOURCE_TOPIC: i8 = 2;
/// What to do with a configuration's value.
const CONFIG_SET: i8 = 0;
const CONFIG_DELETE: i8 = 1;

/// How a topic is to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewTopic {
    /// Its name.
    pub(crate) name: String,
    /// Number of partitions; −1 leaves it to the broker.
    pub(crate) partitions: i32,
    /// Number of brokers that hold each; −1 leaves it to the broker.
    pub(crate) replication_factor: i16,
    /// Configuration, as names and values.
    pub(crate) config: Vec<(String, String)>,
}

impl Client {
    /// Creates a topic. Not repeated on its own: after a lost answer the topic may exist.
    pub(crate) async fn create_topic(&mut self, new: &NewTopic) -> Result<(), ClientError> {
        let topic = CreatableTopic {
            name: new.name.as_str().into(),
            num_partitions: new.partitions,
            replication_factor: new.replication_factor,
            assignments: Vec::new(),
            configs: new
                .config
                .iter()
                .map(|(name, value)| CreatableTopicConfig {
                    name: name.as_str().into(),
                    value: Some(value.as_str().into()),
                })
                .collect(),
        };
        let request =
            CreateTopicsRequest { topics: vec![topic], timeout_ms: CHANGE_TIMEOUT_MS, validate_only: false };
        let response = self.controller().await?.call_waiting(CHANGE_WAIT, |_| request).await?;
        let answer = response.topics.first().ok_or_else(|| no_answer("CreateTopics"))?;
        let what = || format!("topic {:?} is not created", new.name);
        check(answer.error_code, answer.error_message.as_deref(), what)
    }

    /// Deletes a topic and all that is stored in it.
    pub(crate) async fn delete_topic(&mut self, name: &str) -> Result<(), ClientError> {
        let ask = |version| {
            let mut request = DeleteTopicsRequest { timeout_ms: CHANGE_TIMEOUT_MS, ..Default::default() };
            if version >= 6 {
                request.topics = vec![DeleteTopicState { name: Some(name.into()), ..Default::default() }];
            } else {
                request.topic_names = vec![name.into()];
            }
            request
        };
        let response = self.controller().await?.call_waiting(CHANGE_WAIT, ask).await?;
        let answer = response.responses.first().ok_or_else(|| no_answer("DeleteTopics"))?;
        let what = || format!("topic {name:?} is not deleted");
        check(answer.error_code, answer.error_message.as_deref(), what)
    }

    /// Gives a topic more partitions: `count` in all.
    pub(crate) async fn grow_topic(&mut self, name: &str, count: i32) -> Result<(), ClientError> {
        let topic = CreatePartitionsTopic { name: name.into(), count, assignments: None };
        let request = CreatePartitionsRequest {
            topics: vec![topic],
            timeout_ms: CHANGE_TIMEOUT_MS,
            validate_only: false,
        };
        let response = self.controller().await?.call_waiting(CHANGE_WAIT, |_| request).await?;
        let answer = response.results.first().ok_or_else(|| no_answer("CreatePartitions"))?;
        let what = || format!("topic {name:?} keeps its number of partitions");
        check(answer.error_code, answer.error_message.as_deref(), what)
    }

    /// Sets and removes configuration of a topic, all or nothing.
    pub(crate) async fn configure_topic(
        &mut self,
        name: &str,
        set: &[(String, String)],
        remove: &[String],
    ) -> Result<(), ClientError> {
        let set = set.iter().map(|(name, value)| AlterableConfig {
            name: name.as_str().into(),
            config_operation: CONFIG_SET,
            value: Some(value.as_str().into()),
        });
        let remove = remove.iter().map(|name| AlterableConfig {
            name: name.as_str().into(),
            config_operation: CONFIG_DELETE,
            value: None,
        });
        let resource = AlterConfigsResource {
            resource_type: RESOURCE_TOPIC,
            resource_name: name.into(),
            configs: set.chain(remove).collect(),
        };
        let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
        let response = self.controller().await?.call_waiting(CHANGE_WAIT, |_| request).await?;
        let answer = response.responses.first().ok_or_else(|| no_answer("IncrementalAlterConfigs"))?;
        let what = || format!("topic {name:?} keeps its configuration");
        check(answer.error_code, answer.error_message.as_deref(), what)
    }

    /// The configuration of a topic, defaults included.
    pub(crate) async fn topic_config(
        &mut self,
        name: &str,
    ) -> Result<Vec<DescribeConfigsResourceResult>, ClientError> {
        self.retrying(async |client| {
            let ask = |_| DescribeConfigsRequest {
                resources: vec![DescribeConfigsResource {
                    resource_type: RESOURCE_TOPIC,
                    resource_name: name.into(),
                    configuration_keys: None,
                }],
                ..Default::default()
            };
            let response = client.any().await?.call(ask).await?;
            let answer = response.results.into_iter().next().ok_or_else(|| no_answer("DescribeConfigs"))?;
            let what = || format!("configuration of topic {name:?}");
            check(answer.error_code, answer.error_message.as_deref(), what)?;
            Ok(answer.configs)
        })
        .await
    }
}

/// What a broker may take, for the wait.
const CHANGE_WAIT: Duration = Duration::from_millis(CHANGE_TIMEOUT_MS.unsigned_abs() as u64);

fn no_answer(what: &'static str) -> ClientError {
    ClientError::Nonsense {
        address: "the broker".to_owned(),
        what,
        reason: "the topic is not in it".to_owned(),
    }
}
