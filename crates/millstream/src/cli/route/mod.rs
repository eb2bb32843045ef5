//! `millstream route`: routes and bindings of every protocol.
//!
//! Apart from `amqp` because these are the broker's own words for them, and because AMQP's are spoken to any broker of that
//! protocol.

mod args;

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub(super) use args::RouteArgs;
use args::{BindArgs, CreateArgs, DeleteArgs, NameArgs, ResolveArgs, RouteAction};

use super::api::{self, Api, address};
use super::output::{self, Column, print_json, print_table};

/// All there are.
const ALL: usize = usize::MAX;

/// Runs `millstream route`.
pub(super) fn run(args: RouteArgs) -> anyhow::Result<()> {
    let json = args.server.json;
    let mut api = args.server.api()?;
    api::run(async {
        match args.action {
            RouteAction::List => list(&mut api, json).await,
            RouteAction::Bindings(args) => bindings(&mut api, &args, json).await,
            RouteAction::Create(args) => create(&mut api, &args, json).await,
            RouteAction::Bind(args) => bind(&mut api, &args, json).await,
            RouteAction::Unbind(args) => unbind(&mut api, &args, json).await,
            RouteAction::Resolve(args) => resolve(&mut api, &args, json).await,
            RouteAction::Delete(args) => delete(&mut api, &args, json).await,
        }
    })
}

async fn list(api: &mut Api, json: bool) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Listed {
        name: String,
        r#match: String,
        alternate: Option<String>,
        binding_count: u64,
    }
    let routes = api.list(&["routes"], &[], ALL).await?;
    if json {
        return print_json(&routes);
    }
    if routes.is_empty() {
        output::note("there are no routes");
    }
    let columns =
        [Column::Text("ROUTE"), Column::Text("MATCH"), Column::Number("BINDINGS"), Column::Text("ALTERNATE")];
    let row = |route: Value| -> anyhow::Result<Vec<String>> {
        let Listed { name, r#match: how, alternate, binding_count } = serde_json::from_value(route)?;
        Ok(vec![name, how, binding_count.to_string(), alternate.unwrap_or_else(|| "-".to_owned())])
    };
    let rows: Result<Vec<_>, _> = routes.into_iter().map(row).collect();
    Ok(print_table(&columns, rows?)?)
}

async fn bindings(api: &mut Api, args: &NameArgs, json: bool) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Bound {
        stream: Option<String>,
        route: Option<String>,
        key: Option<String>,
        headers: Option<Value>,
        weight: Option<u32>,
    }
    let bindings = api.list(&["routes", &args.name, "bindings"], &[], ALL).await?;
    if json {
        return print_json(&bindings);
    }
    if bindings.is_empty() {
        output::note(&format!("{:?} leads nowhere", args.name));
    }
    let columns = [Column::Text("TO"), Column::Text("NAME"), Column::Text("KEY"), Column::Text("CONDITION")];
    let row = |binding: Value| -> anyhow::Result<Vec<String>> {
        let Bound { stream, route, key, headers, weight } = serde_json::from_value(binding)?;
        let kind = if stream.is_some() { "stream" } else { "route" };
        let name = stream.or(route).unwrap_or_default();
        let condition =
            headers.map(|headers| headers.to_string()).or(weight.map(|weight| format!("weight {weight}")));
        let none = || "-".to_owned();
        Ok(vec![kind.to_owned(), name, key.unwrap_or_else(none), condition.unwrap_or_else(none)])
    };
    let rows: Result<Vec<_>, _> = bindings.into_iter().map(row).collect();
    Ok(print_table(&columns, rows?)?)
}

async fn create(api: &mut Api, args: &CreateArgs, json: bool) -> anyhow::Result<()> {
    let body = json!({ "match": args.how.word(), "alternate": args.alternate });
    let answer: Value = api.send(Method::PUT, &address(&["routes", &args.name], &[]), &body).await?;
    report(&answer, json, &format!("route {:?} is there", args.name))
}

async fn bind(api: &mut Api, args: &BindArgs, json: bool) -> anyhow::Result<()> {
    let answer: Value =
        api.send(Method::POST, &address(&["routes", &args.name, "bindings"], &[]), &binding(args)).await?;
    let was_there = if answer["is_new"] == true { "is bound" } else { "was bound already" };
    report(&answer, json, &format!("route {:?} {was_there}", args.name))
}

async fn unbind(api: &mut Api, args: &BindArgs, json: bool) -> anyhow::Result<()> {
    let answer: Value =
        api.send(Method::POST, &address(&["routes", &args.name, "unbind"], &[]), &binding(args)).await?;
    let was_there = if answer["was_bound"] == true { "is bound no more" } else { "was not bound" };
    report(&answer, json, &format!("route {:?} {was_there}", args.name))
}

fn binding(args: &BindArgs) -> Value {
    json!({ "stream": args.to_stream, "route": args.to_route, "key": args.key })
}

async fn resolve(api: &mut Api, args: &ResolveArgs, json: bool) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Resolved {
        streams: Vec<String>,
    }
    let headers: Map<String, Value> =
        args.header.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    let body = json!({ "key": args.key, "headers": headers });
    let answer: Value =
        api.send(Method::POST, &address(&["routes", &args.name, "resolve"], &[]), &body).await?;
    if json {
        return print_json(&answer);
    }
    let Resolved { streams } = serde_json::from_value(answer)?;
    if streams.is_empty() {
        output::note("it would go nowhere");
    }
    let lines: String = streams.iter().map(|stream| format!("{stream}\n")).collect();
    Ok(output::print(&lines)?)
}

async fn delete(api: &mut Api, args: &DeleteArgs, json: bool) -> anyhow::Result<()> {
    let query = [("if_unused", args.if_unused.then(|| "true".to_owned()))];
    api.delete::<Value>(&address(&["routes", &args.name], &query)).await?;
    report(&json!({ "deleted": args.name }), json, &format!("route {:?} is deleted", args.name))
}

/// Says what was done.
fn report(answer: &Value, json: bool, sentence: &str) -> anyhow::Result<()> {
    if json { print_json(answer) } else { Ok(output::print(&format!("{sentence}\n"))?) }
}
