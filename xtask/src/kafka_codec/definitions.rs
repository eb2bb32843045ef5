//! Kafka's message definitions: where they come from and the shape of their JSON.
//!
//! Apart because this is the only part that knows how Kafka publishes them: as JSON with comments, inside the
//! client library's jar.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

/// One message, request or response. Properties that change nothing on the wire are left out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    pub(super) api_key: i16,
    pub(super) name: String,
    pub(super) valid_versions: String,
    pub(super) flexible_versions: String,
    #[serde(default)]
    pub(super) latest_version_unstable: bool,
    pub(super) fields: Vec<Field>,
    #[serde(default)]
    pub(super) common_structs: Vec<serde_json::Value>,
}

/// One field; `fields` holds those of its struct.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Field {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) versions: String,
    pub(super) nullable_versions: Option<String>,
    pub(super) tagged_versions: Option<String>,
    pub(super) flexible_versions: Option<String>,
    pub(super) tag: Option<u32>,
    #[serde(default)]
    pub(super) ignorable: bool,
    pub(super) default: Option<serde_json::Value>,
    #[serde(default)]
    pub(super) fields: Vec<Field>,
}

/// Brings the definitions into the build directory, unless they are there, and gives their folder. Uses Maven
/// as it is configured on the machine.
pub(super) fn fetch(root: &Path, version: &str) -> Result<PathBuf> {
    let cache = root.join("target/kafka-definitions").join(version);
    let folder = cache.join("common/message");
    if folder.join("ProduceRequest.json").exists() {
        return Ok(folder);
    }
    fs::create_dir_all(&cache)?;
    let status = Command::new("mvn")
        .args(["-q", "-B", "dependency:unpack", "-Dmdep.unpack.includes=common/message/*.json"])
        .arg(format!("-Dartifact=org.apache.kafka:kafka-clients:{version}"))
        .arg(format!("-DoutputDirectory={}", cache.display()))
        // Outside of a project the plugin leaves its marker files in the current directory.
        .current_dir(&cache)
        .status()
        .context("starting mvn, which fetches Kafka's message definitions")?;
    ensure!(status.success(), "mvn could not fetch kafka-clients {version}");
    ensure!(
        folder.join("ProduceRequest.json").exists(),
        "kafka-clients {version} holds no message definitions"
    );
    Ok(folder)
}

/// Reads one definition.
pub(super) fn read(folder: &Path, name: &str) -> Result<Message> {
    let path = folder.join(format!("{name}.json"));
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let message: Message = serde_json::from_str(&without_comments(&text))
        .with_context(|| format!("understanding {}", path.display()))?;
    ensure!(message.name == name, "{} defines {}", path.display(), message.name);
    Ok(message)
}

/// Takes `//` comments out, but not what looks like one inside a string.
fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        let mut in_string = false;
        let mut escaped = false;
        let mut end = line.len();
        for (at, c) in line.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' if in_string => escaped = true,
                '"' => in_string = !in_string,
                '/' if !in_string && line[at..].starts_with("//") => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        kept.push_str(&line[..end]);
        kept.push('\n');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::without_comments;

    #[test]
    fn comments_go_and_strings_stay() {
        let text = "{ // one\n  \"a\": \"b//c \\\" // d\" // two\n}";
        assert_eq!(without_comments(text), "{ \n  \"a\": \"b//c \\\" // d\" \n}\n");
    }
}
