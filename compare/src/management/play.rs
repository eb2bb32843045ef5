//! Playing scenes: requests made one after the other, and what is answered written down.
//!
//! Apart because this is the language that the files in `scenes/management` are written in, and because it is decided here what may
//! legitimately vary:
//!
//! ```text
//! PUT /api/queues/%2F/%q {"durable": true}      method, path, and what is sent
//! GET /api/queues/%2F/%q?columns=name,durable
//! as nobody:wrong GET /api/whoami               with other credentials; `as - GET …` with none
//! until [] GET /api/queues?name=%q              again until the body is that
//! ```
//!
//! `%q` is a name of the scene's own. An answer is its status, its `location` if it has one, and its body as JSON with the keys in their
//! order; the names of nodes, ports, the hashes of bindings' arguments and times are left out.

use super::http::{Answer, ask};
use crate::amqp::Patience;
use crate::{Scene, Transcript};
use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Between two tries of a request that waits for something.
const POLL: Duration = Duration::from_millis(100);
/// Values that are the broker's own.
const OWN: [&str; 4] = ["node", "timestamp", "cluster_name", "rabbitmq_version"];

/// Plays scenes, one after the other: some look at the whole broker.
///
/// # Errors
/// When a scene is not written in the language, or the broker cannot be reached.
pub fn play_all(broker: &str, scenes: &[Scene], patience: Patience) -> anyhow::Result<Vec<Transcript>> {
    scenes
        .iter()
        .enumerate()
        .map(|(number, scene)| {
            let mut lines = Vec::new();
            for step in &scene.steps {
                lines.push(format!("> {step}"));
                let answer = play(broker, &format!("scene-{number}-"), step, patience);
                lines.push(format!("< {}", answer.with_context(|| format!("scene `{}`", scene.title))?));
            }
            Ok(Transcript { title: scene.title.to_owned(), lines })
        })
        .collect()
}

#[allow(clippy::disallowed_methods, reason = "a wait for a real broker has an end in real time")]
fn now() -> Instant {
    Instant::now()
}

fn play(broker: &str, own: &str, step: &str, Patience(patience): Patience) -> anyhow::Result<String> {
    let (mut rest, mut credentials, mut wanted) = (step, Some("guest:guest"), None);
    if let Some(after) = rest.strip_prefix("until ") {
        let (body, request) = after.split_once(' ').context("`until` says no request")?;
        (wanted, rest) = (Some(body), request);
    }
    if let Some(after) = rest.strip_prefix("as ") {
        let (who, request) = after.split_once(' ').context("`as` says no request")?;
        (credentials, rest) = (Some(who).filter(|who| *who != "-"), request);
    }
    let (method, rest) = rest.split_once(' ').with_context(|| format!("`{step}` has no path"))?;
    let (path, body) = rest.split_once(' ').unwrap_or((rest, ""));
    let (path, body) = (path.replace("%q", own), body.replace("%q", own));
    let credentials = credentials.map(|credentials| STANDARD.encode(credentials));
    let until = now() + patience;
    loop {
        let answer = ask(broker, method, &path, credentials.as_deref(), &body, patience)?;
        let shown = shown(&answer, own)?;
        match wanted {
            Some(wanted) if shown.split_once(' ').map_or("", |(_, body)| body) != wanted => {
                ensure!(now() < until, "`{step}` is answered with {shown}");
                std::thread::sleep(POLL);
            }
            _ => return Ok(shown),
        }
    }
}

/// An answer as a transcript has it.
fn shown(answer: &Answer, own: &str) -> anyhow::Result<String> {
    let mut words = vec![answer.status.to_string()];
    if let Some(location) = answer.header("location") {
        words.push(format!("location={}", unhashed(location)));
    }
    if !answer.body.is_empty() {
        let is_json = answer.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        words.push(match serde_json::from_slice::<Value>(&answer.body) {
            Ok(mut body) if is_json => {
                leave_out(&mut body);
                body.to_string()
            }
            _ => format!("{:?}", String::from_utf8_lossy(&answer.body)),
        });
    }
    Ok(words.join(" ").replace(own, "%q"))
}

/// Leaves out what is the broker's own.
fn leave_out(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(leave_out),
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(text) if OWN.contains(&&**key) => "…".clone_into(text),
                    Value::String(text) if key == "properties_key" => *text = unhashed(text),
                    value if key == "ports" => *value = "…".into(),
                    value => leave_out(value),
                }
            }
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

/// A binding's key without the hash of its arguments, which is every broker's own.
fn unhashed(key: &str) -> String {
    match key.rsplit_once('~') {
        Some((before, hash)) if !hash.is_empty() => format!("{before}~…"),
        _ => match key.rsplit_once("%7E").filter(|(_, hash)| !hash.is_empty()) {
            Some((before, _)) => format!("{before}%7E…"),
            None => key.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_brokers_own_is_left_out_and_nothing_else() {
        let body =
            br#"{"name":"scene-3-a","node":"rabbit@x","properties_key":"k~aGFzaA","z":[{"timestamp":"1"}]}"#;
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let answer = Answer { status: 200, headers, body: body.to_vec() };
        let expected = r#"200 {"name":"%qa","node":"…","properties_key":"k~…","z":[{"timestamp":"…"}]}"#;
        assert_eq!(shown(&answer, "scene-3-").unwrap(), expected);
        assert_eq!((unhashed("~"), unhashed("k")), ("~".to_owned(), "k".to_owned()));
    }
}
