//! Spring AMQP and Spring Boot's health check, which use the Java client as applications do.
//!
//! Apart because the program is an application with listeners: what is checked is what its author sees.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::compat::client::Client;
use crate::compat::report::Report;

/// Runs it and counts the checks.
pub(super) fn run(mut client: Client, report: &mut Report) -> anyhow::Result<()> {
    report.scope(&client.abilities.version);
    let steps = [
        (
            "Spring Boot's health indicator says that the broker is up",
            json!({"do": "health"}),
            json!({"status": "UP", "version": true}),
        ),
        (
            "a mandatory message that nobody gets comes back and is confirmed",
            json!({"do": "send", "key": "spring-nobody"}),
            json!({"acked": true, "returned": true}),
        ),
        (
            "a listener that fails is tried three times, then its message is a dead letter",
            json!({"do": "listen"}),
            json!({"tried": ["bad", "bad", "bad", "good"], "dead": ["bad rejected from spring-orders"]}),
        ),
        (
            "a listener on a quorum queue answers by direct reply-to",
            json!({"do": "ask", "body": "ab"}),
            json!({"reply": "abab"}),
        ),
    ];
    for (name, command, wanted) in steps {
        let outcome = client.call(&command).and_then(|done: Value| {
            ensure!(done == wanted, "it did {done}, not {wanted}");
            Ok(())
        });
        report.check(name.to_owned(), outcome);
    }
    let outcome = client.close();
    report.check("the application ends in peace".to_owned(), outcome);
    Ok(())
}
