//! `millstream amqp`: what AMQP clients have declared and who is connected, over the management API.
//!
//! Apart from `millstream queue`, which speaks of every protocol's queues in the broker's own words: here everything is called
//! and set as in RabbitMQ, and the same commands work against RabbitMQ itself.

mod args;

use http::Method;
use serde_json::{Map, Value, json};

pub(super) use args::AmqpArgs;
use args::{
    AmqpKind, BindingAction, BindingArgs, ConnectionAction, DestinationType, ExchangeAction, PolicyAction,
    PolicyArgs, QueueAction,
};

use super::api::{self, Api, address_below};
use super::output::{Column, note, print_json, print_table};

/// What addresses of the API begin with.
const PREFIX: &str = "/api";

/// The address of a resource of the management API.
pub(super) fn management(parts: &[&str], query: &[(&str, Option<String>)]) -> String {
    address_below(PREFIX, parts, query)
}

/// Runs `millstream amqp`.
pub(super) fn run(args: AmqpArgs) -> anyhow::Result<()> {
    let (json, vhost) = (args.server.json, args.server.vhost.clone());
    let mut api = args.server.api()?;
    api::run(async {
        let api = &mut api;
        match args.kind {
            AmqpKind::Exchange(action) => exchange(api, &vhost, action, json).await,
            AmqpKind::Queue(action) => queue(api, &vhost, action, json).await,
            AmqpKind::Binding(action) => binding(api, &vhost, action, json).await,
            AmqpKind::Policy(action) => policy(api, &vhost, action, json).await,
            AmqpKind::Connection(action) => connection(api, action, json).await,
        }
    })
}

/// Arguments and settings as they were typed: whole numbers and flags are taken for what they are.
fn typed(pairs: &[(String, String)]) -> Value {
    let value = |text: &str| match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        text => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
    };
    Value::Object(pairs.iter().map(|(name, text)| (name.clone(), value(text))).collect::<Map<_, _>>())
}

/// A field of an item as a text for a table.
fn cell(item: &Value, name: &str) -> String {
    match &item[name] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(object) if object.is_empty() => String::new(),
        other => other.to_string(),
    }
}

/// Prints a list: what is asked for of each item, or all of it as JSON.
fn print_list(items: &Value, columns: &[(Column, &str)], json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(items);
    }
    let items = items.as_array().map_or(&[][..], Vec::as_slice);
    let rows = items.iter().map(|item| columns.iter().map(|(_, name)| cell(item, name)).collect()).collect();
    let headings: Vec<Column> = columns.iter().map(|(column, _)| *column).collect();
    Ok(print_table(&headings, rows)?)
}

/// Sends a description of what is to be there.
async fn declare(
    api: &mut Api,
    method: Method,
    address: &str,
    body: Value,
    what: &str,
    json: bool,
) -> anyhow::Result<()> {
    let _: Value = api.send(method, address, &body).await?;
    done(&format!("declared {what}"), json)
}

async fn delete(api: &mut Api, address: &str, what: &str, json: bool) -> anyhow::Result<()> {
    let _: Value = api.delete(address).await?;
    done(&format!("deleted {what}"), json)
}

fn done(text: &str, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(&json!({"done": text}));
    }
    note(text);
    Ok(())
}

fn flag(name: &'static str, is: bool) -> (&'static str, Option<String>) {
    (name, is.then(|| "true".to_owned()))
}

async fn exchange(api: &mut Api, vhost: &str, action: ExchangeAction, json: bool) -> anyhow::Result<()> {
    match action {
        ExchangeAction::List => {
            let items: Value = api.get(&management(&["exchanges", vhost], &[])).await?;
            let columns = [
                (Column::Text("EXCHANGE"), "name"),
                (Column::Text("TYPE"), "type"),
                (Column::Text("DURABLE"), "durable"),
                (Column::Text("POLICY"), "policy"),
                (Column::Text("ARGUMENTS"), "arguments"),
            ];
            print_list(&items, &columns, json)
        }
        ExchangeAction::Declare(args) => {
            let body = json!({
                "type": args.exchange_type, "durable": true, "auto_delete": args.auto_delete,
                "internal": args.internal, "arguments": typed(&args.argument),
            });
            let address = management(&["exchanges", vhost, &args.name], &[]);
            declare(api, Method::PUT, &address, body, &format!("exchange {:?}", args.name), json).await
        }
        ExchangeAction::Delete { name, if_unused } => {
            let address = management(&["exchanges", vhost, &name], &[flag("if-unused", if_unused)]);
            delete(api, &address, &format!("exchange {name:?}"), json).await
        }
    }
}

async fn queue(api: &mut Api, vhost: &str, action: QueueAction, json: bool) -> anyhow::Result<()> {
    match action {
        QueueAction::List => {
            let items: Value = api.get(&management(&["queues", vhost], &[])).await?;
            let columns = [
                (Column::Text("QUEUE"), "name"),
                (Column::Text("TYPE"), "type"),
                (Column::Number("READY"), "messages_ready"),
                (Column::Number("UNACKED"), "messages_unacknowledged"),
                (Column::Number("CONSUMERS"), "consumers"),
                (Column::Text("POLICY"), "policy"),
                (Column::Text("ARGUMENTS"), "arguments"),
            ];
            print_list(&items, &columns, json)
        }
        QueueAction::Declare(args) => {
            let body = json!({
                "durable": true, "auto_delete": args.auto_delete, "arguments": typed(&args.argument),
            });
            let address = management(&["queues", vhost, &args.name], &[]);
            declare(api, Method::PUT, &address, body, &format!("queue {:?}", args.name), json).await
        }
        QueueAction::Delete { name, if_unused, if_empty } => {
            let query = [flag("if-unused", if_unused), flag("if-empty", if_empty)];
            delete(api, &management(&["queues", vhost, &name], &query), &format!("queue {name:?}"), json)
                .await
        }
    }
}

/// The address of all bindings between two.
fn between(vhost: &str, args: &BindingArgs) -> String {
    let kind = match args.to {
        DestinationType::Queue => "q",
        DestinationType::Exchange => "e",
    };
    management(&["bindings", vhost, "e", &args.source, kind, &args.destination], &[])
}

async fn binding(api: &mut Api, vhost: &str, action: BindingAction, json: bool) -> anyhow::Result<()> {
    match action {
        BindingAction::List => {
            let items: Value = api.get(&management(&["bindings", vhost], &[])).await?;
            let columns = [
                (Column::Text("SOURCE"), "source"),
                (Column::Text("TO"), "destination_type"),
                (Column::Text("DESTINATION"), "destination"),
                (Column::Text("KEY"), "routing_key"),
                (Column::Text("ARGUMENTS"), "arguments"),
            ];
            print_list(&items, &columns, json)
        }
        BindingAction::Declare(args) => {
            let body = json!({"routing_key": args.key, "arguments": typed(&args.argument)});
            let what = format!("binding from {:?} to {:?}", args.source, args.destination);
            declare(api, Method::POST, &between(vhost, &args), body, &what, json).await
        }
        BindingAction::Delete(args) => {
            let there: Vec<Value> = api.get(&between(vhost, &args)).await?;
            let arguments = typed(&args.argument);
            let is_meant = |item: &&Value| {
                item["routing_key"] == *args.key
                    && (args.argument.is_empty() || item["arguments"] == arguments)
            };
            let meant: Vec<&Value> = there.iter().filter(is_meant).collect();
            if meant.is_empty() {
                anyhow::bail!("there is no such binding from {:?} to {:?}", args.source, args.destination);
            }
            for item in meant {
                let key = item["properties_key"].as_str().unwrap_or_default();
                let address = address_below(&between(vhost, &args), &[key], &[]);
                let what = format!("binding from {:?} to {:?}", args.source, args.destination);
                delete(api, &address, &what, json).await?;
            }
            Ok(())
        }
    }
}

/// Where policies are.
fn policies(is_operators: bool) -> &'static str {
    if is_operators { "operator-policies" } else { "policies" }
}

async fn policy(api: &mut Api, vhost: &str, action: PolicyAction, json: bool) -> anyhow::Result<()> {
    match action {
        PolicyAction::List { operator } => {
            let items: Value = api.get(&management(&[policies(operator), vhost], &[])).await?;
            let columns = [
                (Column::Text("POLICY"), "name"),
                (Column::Text("PATTERN"), "pattern"),
                (Column::Text("APPLIES TO"), "apply-to"),
                (Column::Number("PRIORITY"), "priority"),
                (Column::Text("DEFINITION"), "definition"),
            ];
            print_list(&items, &columns, json)
        }
        PolicyAction::Declare(args) => {
            let PolicyArgs { name, pattern, set, priority, apply_to, operator } = args;
            // Of operators there are policies for queues alone.
            let apply_to = if operator && apply_to == "all" { "queues".to_owned() } else { apply_to };
            let body = json!({"pattern": pattern, "definition": typed(&set), "priority": priority, "apply-to": apply_to});
            let address = management(&[policies(operator), vhost, &name], &[]);
            declare(api, Method::PUT, &address, body, &format!("policy {name:?}"), json).await
        }
        PolicyAction::Delete { name, operator } => {
            let address = management(&[policies(operator), vhost, &name], &[]);
            delete(api, &address, &format!("policy {name:?}"), json).await
        }
    }
}

async fn connection(api: &mut Api, action: ConnectionAction, json: bool) -> anyhow::Result<()> {
    match action {
        ConnectionAction::List => {
            let items: Value = api.get(&management(&["connections"], &[])).await?;
            let columns = [
                (Column::Text("CONNECTION"), "name"),
                (Column::Text("USER"), "user"),
                (Column::Text("VHOST"), "vhost"),
                (Column::Number("CHANNELS"), "channels"),
                (Column::Text("CALLED"), "user_provided_name"),
            ];
            print_list(&items, &columns, json)
        }
        ConnectionAction::Delete { name } => {
            let address = management(&["connections", &name], &[]);
            delete(api, &address, &format!("connection {name:?}"), json).await
        }
    }
}
