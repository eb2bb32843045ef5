//! Copying what is declared: virtual hosts, policies, exchanges, queues and bindings, one after another over both management
//! APIs.
//!
//! Apart because nothing of it concerns messages. Each object is declared on its own, so that one that cannot be taken over (a queue
//! of type stream, say) keeps nothing else from coming, and is named at the end.

use super::super::amqp::management;
use super::super::api::{Api, ApiError};
use super::super::output;
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What is taken of an export; users stay where they are, as their passwords would.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Definitions {
    vhosts: Vec<Map<String, Value>>,
    policies: Vec<Map<String, Value>>,
    parameters: Vec<Map<String, Value>>,
    exchanges: Vec<Map<String, Value>>,
    queues: Vec<Map<String, Value>>,
    bindings: Vec<Map<String, Value>>,
    users: Vec<Map<String, Value>>,
}

/// What became of them.
#[derive(Debug, Default)]
pub(super) struct Copied {
    pub(super) declared: u64,
    /// What could not be, and why.
    pub(super) refused: Vec<String>,
    /// Users there, none of which was copied.
    pub(super) users: usize,
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// One thing to declare: method, address, description, and what to call it.
type Task = (Method, String, Value, String);

impl Definitions {
    /// Gets what is declared there, in one virtual host or in all.
    pub(super) async fn fetch(api: &mut Api, vhost: Option<&str>) -> Result<Definitions, ApiError> {
        let mut definitions: Definitions = api.get(&management(&["definitions"], &[])).await?;
        if let Some(vhost) = vhost {
            let is_of = |object: &Map<String, Value>| text(object, "vhost") == vhost;
            definitions.vhosts.retain(|object| text(object, "name") == vhost);
            for kind in [
                &mut definitions.policies,
                &mut definitions.parameters,
                &mut definitions.exchanges,
                &mut definitions.queues,
                &mut definitions.bindings,
            ] {
                kind.retain(is_of);
            }
        }
        Ok(definitions)
    }

    /// The virtual hosts.
    pub(super) fn vhosts(&self) -> Vec<String> {
        self.vhosts.iter().map(|object| text(object, "name").to_owned()).collect()
    }

    /// In which order what is declared.
    fn tasks(&self) -> Vec<Task> {
        let mut tasks: Vec<Task> = Vec::new();
        let mut put = |parts: &[&str], body: Value, what: String| {
            tasks.push((Method::PUT, management(parts, &[]), body, what));
        };
        for vhost in &self.vhosts {
            let name = text(vhost, "name");
            put(&["vhosts", name], json!({}), format!("virtual host {name:?}"));
        }
        let named = |object: &Map<String, Value>, kind: &str| {
            format!("{kind} {:?} in {:?}", text(object, "name"), text(object, "vhost"))
        };
        for policy in &self.policies {
            let parts = ["policies", text(policy, "vhost"), text(policy, "name")];
            put(&parts, Value::Object(policy.clone()), named(policy, "policy"));
        }
        for parameter in self.parameters.iter().filter(|it| text(it, "component") == "operator_policy") {
            let parts = ["operator-policies", text(parameter, "vhost"), text(parameter, "name")];
            let body = parameter.get("value").cloned().unwrap_or_default();
            put(&parts, body, named(parameter, "operator's policy"));
        }
        for (kind, objects) in [("exchange", &self.exchanges), ("queue", &self.queues)] {
            let plural = format!("{kind}s");
            for object in objects {
                let parts = [&*plural, text(object, "vhost"), text(object, "name")];
                put(&parts, Value::Object(object.clone()), named(object, kind));
            }
        }
        for binding in self.bindings.iter().filter(|it| !text(it, "source").is_empty()) {
            let kind = if text(binding, "destination_type") == "queue" { "q" } else { "e" };
            let (source, to) = (text(binding, "source"), text(binding, "destination"));
            let parts = ["bindings", text(binding, "vhost"), "e", source, kind, to];
            let what = format!("binding from {source:?} to {to:?} in {:?}", text(binding, "vhost"));
            tasks.push((Method::POST, management(&parts, &[]), Value::Object(binding.clone()), what));
        }
        tasks
    }

    /// Declares everything here.
    pub(super) async fn declare(&self, api: &mut Api) -> Result<Copied, ApiError> {
        let tasks = self.tasks();
        let bar = output::progress(Some(tasks.len() as u64));
        let mut copied = Copied { users: self.users.len(), ..Copied::default() };
        for (method, address, body, what) in tasks {
            match api.send::<Value>(method, &address, &body).await {
                Ok(_) => copied.declared += 1,
                Err(ApiError::Refused { detail, .. }) => copied.refused.push(format!("{what}: {detail}")),
                Err(error) => return Err(error),
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(copied)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_declared_before_what_needs_them_and_users_never() {
        let definitions: Definitions = serde_json::from_value(json!({
            "users": [{"name": "admin", "password_hash": "x"}],
            "vhosts": [{"name": "/"}],
            "policies": [{"vhost": "/", "name": "p", "pattern": "", "definition": {"max-length": 1}}],
            "parameters": [
                {"vhost": "/", "component": "operator_policy", "name": "o", "value": {"pattern": ""}},
                {"vhost": "/", "component": "federation-upstream", "name": "f", "value": {}},
            ],
            "exchanges": [{"vhost": "/", "name": "e", "type": "topic"}],
            "queues": [{"vhost": "/", "name": "a/b"}],
            "bindings": [{"vhost": "/", "source": "e", "destination": "a/b", "destination_type": "queue",
                "routing_key": "#", "arguments": {}}],
        }))
        .unwrap();
        let addresses: Vec<String> =
            definitions.tasks().into_iter().map(|(_, address, ..)| address).collect();
        assert_eq!(
            addresses,
            [
                "/api/vhosts/%2F",
                "/api/policies/%2F/p",
                "/api/operator-policies/%2F/o",
                "/api/exchanges/%2F/e",
                "/api/queues/%2F/a%2Fb",
                "/api/bindings/%2F/e/e/q/a%2Fb",
            ]
        );
    }
}
