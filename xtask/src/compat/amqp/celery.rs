//! Celery, whose workers do with a broker what nobody would write by hand.
//!
//! Apart because its program knows tasks, not messages: what is checked is what a user of tasks sees.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::compat::broker::Broker;
use crate::compat::client::Client;
use crate::compat::report::Report;

/// Runs it and counts the checks.
pub(super) fn run(
    mut client: Client,
    broker: Option<&mut Broker>,
    report: &mut Report,
) -> anyhow::Result<()> {
    report.scope(&client.abilities.version);
    let workers = json!(["one@compat", "two@compat"]);
    // A peer's management API is nobody's to ask here.
    let queues = if broker.is_some() { json!(["celery", "other"]) } else { Value::Null };
    let steps = [
        ("two workers start and answer", json!({"do": "start"}), json!({"workers": workers})),
        (
            "they hear of each other by mingle and gossip",
            json!({"do": "neighbours"}),
            json!({"mingled": true, "joined": true}),
        ),
        (
            "a task that fails twice is retried",
            json!({"do": "retries"}),
            json!({"result": 2, "attempts": [0, 1, 2]}),
        ),
        (
            "tasks run at their time, more of them than the prefetch",
            json!({"do": "eta", "count": 20}),
            json!({"ran": 20, "too_early": 0}),
        ),
        ("a chord adds up", json!({"do": "chord", "count": 10}), json!({"total": 90})),
        ("results come back over AMQP", json!({"do": "rpc", "count": 50}), json!({"sum": 1275})),
        (
            "tasks are revoked, before their time and while they run",
            json!({"do": "revoke"}),
            json!({"later": "REVOKED", "running": "REVOKED", "noted": ["started"]}),
        ),
        (
            "Flower sees the workers, a task, and the queues by the management API",
            json!({"do": "flower"}),
            json!({"workers": workers, "state": "SUCCESS", "queues": queues}),
        ),
        (
            "tasks for later on a quorum queue wait in the broker, in queues chained by dead letters",
            json!({"do": "delayed", "seconds": [1, 2, 3]}),
            json!({"ran": 3, "too_early": 0, "left": 0}),
        ),
    ];
    for (name, command, wanted) in steps {
        let outcome = client.call(&command).and_then(|done| equal(&done, &wanted));
        report.check(name.to_owned(), outcome);
    }
    if let Some(broker) = broker {
        let done = client.call_with(&json!({"do": "long_running"}), |_| broker.crash_and_restart());
        let wanted = json!({"noted": ["started", "started", "done"], "result": 2});
        let outcome = done.and_then(|done| equal(&done, &wanted));
        report.check("a task that loses its broker is cancelled and runs again".to_owned(), outcome);
    } else {
        report.note("not checked: the broker killed under a task; it is not ours to kill");
    }
    let outcome = client.call(&json!({"do": "stop"})).and_then(|done| {
        ensure!(done["left"] == 0, "{} messages are left", done["left"]);
        Ok(())
    });
    report.check("the workers go in peace and leave nothing".to_owned(), outcome);
    let outcome = client.close();
    report.check("the client ends in peace".to_owned(), outcome);
    Ok(())
}

fn equal(done: &Value, wanted: &Value) -> anyhow::Result<()> {
    ensure!(done == wanted, "it did {done}, not {wanted}");
    Ok(())
}
