//! DescribeConfigs (32), versions 1–4: the configuration of topics and of this broker.
//!
//! A topic shows every key of the topics' table with its value, type and source; with synonyms, also what the broker
//! calls the default behind it. This broker (by its node id) shows what is real about it under Kafka's names, all of it
//! read-only; the cluster-wide broker resource (an empty name) has nothing set.
//!
//! Not supported: broker loggers, client metrics and groups as resources; they are answered with INVALID_REQUEST.

use crate::codec::generated::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResponse,
    DescribeConfigsResult, DescribeConfigsSynonym,
};
use crate::codec::{ApiKey, DecodeError, Reader, Str};
use crate::errors::{ErrorCode, Failure};
use crate::ops::create_topics::{SOURCE_DEFAULT, SOURCE_TOPIC};
use crate::ops::operation;
use crate::ops::topics::find_topic;
use crate::step::{Context, Step};
use crate::translate::broker::{BrokerConfig, broker_configs};
use crate::translate::config::{TOPIC_CONFIGS, TopicConfig};
use crate::translate::topic_name_failure;
use millstream_front::registry::Operation;
use millstream_front::{Action, Resource};

pub(crate) const OPERATION: Operation = operation(
    ApiKey::DescribeConfigs,
    "Topics and this broker only; broker entries are few, real and read-only.",
);

/// Kinds of resources that are known here.
pub(crate) const RESOURCE_TOPIC: i8 = 2;
pub(crate) const RESOURCE_BROKER: i8 = 4;
/// The operator chose the value.
const SOURCE_STATIC_BROKER: i8 = 4;

/// What the request wants to see beside values.
#[derive(Clone, Copy)]
struct Include {
    synonyms: bool,
    documentation: bool,
}

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = DescribeConfigsRequest::decode(version, r)?;
    let include =
        Include { synonyms: request.include_synonyms, documentation: request.include_documentation };
    let results = request.resources.into_iter().map(|resource| describe(cx, resource, include)).collect();
    Ok(Step::respond(DescribeConfigsResponse { results, ..Default::default() }))
}

fn describe(cx: &Context, resource: DescribeConfigsResource, include: Include) -> DescribeConfigsResult {
    let described = match resource.resource_type {
        RESOURCE_TOPIC => topic(cx, &resource.resource_name, include),
        RESOURCE_BROKER => broker(cx, &resource.resource_name, include),
        other => {
            Err(Failure::new(ErrorCode::INVALID_REQUEST, format!("resources of type {other} are not known")))
        }
    };
    let wanted = resource.configuration_keys.filter(|keys| !keys.is_empty());
    let shown = |config: &DescribeConfigsResourceResult| {
        wanted.as_ref().is_none_or(|keys| keys.contains(&config.name))
    };
    let (error_code, error_message, configs) = match described {
        Ok(configs) => (0, None, configs.into_iter().filter(shown).collect()),
        Err(failure) => (failure.code.0, failure.message(), Vec::new()),
    };
    DescribeConfigsResult {
        error_code,
        error_message,
        resource_type: resource.resource_type,
        resource_name: resource.resource_name,
        configs,
    }
}

fn topic(cx: &Context, name: &str, include: Include) -> Result<Vec<DescribeConfigsResourceResult>, Failure> {
    cx.allow(Action::Describe, Resource::Stream(name))?;
    topic_name_failure(name)?;
    let config = &find_topic(cx, name)?.config;
    let entry = |row: &'static TopicConfig| {
        let value = Str::from(row.value(config));
        let synonym = |name: &'static str, value: Str, source| DescribeConfigsSynonym {
            name: Str::from_static(name),
            value: Some(value),
            source,
        };
        let own = row.is_set(config).then(|| synonym(row.name, value.clone(), SOURCE_TOPIC));
        let inherited = row.broker.map(|name| synonym(name, Str::from_static(row.default), SOURCE_DEFAULT));
        DescribeConfigsResourceResult {
            name: Str::from_static(row.name),
            config_source: if own.is_some() { SOURCE_TOPIC } else { SOURCE_DEFAULT },
            synonyms: own.into_iter().chain(inherited).filter(|_| include.synonyms).collect(),
            value: Some(value),
            read_only: false,
            is_sensitive: false,
            config_type: row.kind.code(),
            documentation: include.documentation.then(|| Str::from_static(row.doc)),
        }
    };
    Ok(TOPIC_CONFIGS.iter().map(entry).collect())
}

fn broker(cx: &Context, name: &str, include: Include) -> Result<Vec<DescribeConfigsResourceResult>, Failure> {
    cx.allow(Action::Describe, Resource::Cluster)?;
    if name.is_empty() {
        return Ok(Vec::new());
    }
    check_broker(cx, name)?;
    let entry = |config: BrokerConfig| {
        let source = if config.chosen { SOURCE_STATIC_BROKER } else { SOURCE_DEFAULT };
        let value = Str::from(config.value);
        let name = Str::from_static(config.name);
        let synonym = DescribeConfigsSynonym { name: name.clone(), value: Some(value.clone()), source };
        DescribeConfigsResourceResult {
            name,
            value: Some(value),
            read_only: true,
            config_source: source,
            is_sensitive: false,
            synonyms: include.synonyms.then_some(synonym).into_iter().collect(),
            config_type: config.kind.code(),
            documentation: include.documentation.then(|| Str::from_static(config.doc)),
        }
    };
    Ok(broker_configs(&cx.options).into_iter().map(entry).collect())
}

/// A broker resource is named by the broker's id.
pub(crate) fn check_broker(cx: &Context, name: &str) -> Result<(), Failure> {
    if name.parse() == Ok(cx.options.node_id) {
        return Ok(());
    }
    let message = format!("the only broker is {}, not {name:?}", cx.options.node_id);
    Err(Failure::new(ErrorCode::INVALID_REQUEST, message))
}
