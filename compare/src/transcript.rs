//! Transcripts: scenes with the answers between their steps, as they are kept in files, and compared.
//!
//! Apart because what is a finding and what is a known difference is decided here: a table of four cases.
//!
//! | this broker answers as that version | the scene says that it differs | finding |
//! |---|---|---|
//! | yes | no | none |
//! | no | yes, and the answer is the one that was looked at | none |
//! | no | no, or the answer is another one | a difference |
//! | yes | yes | a reason without a difference |

use crate::scene::Scene;

/// A scene as it was played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// The scene's title.
    pub title: String,
    /// `> step` and `< answer`.
    pub lines: Vec<String>,
}

/// What is wrong with a scene.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The scene's title.
    pub title: &'static str,
    /// The version of RabbitMQ.
    pub version: &'static str,
    /// In which way.
    pub kind: Kind,
    /// What was recorded, and what this broker answered.
    pub sides: [Vec<String>; 2],
}

/// Ways in which a scene can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It differs, and nobody has said why.
    Unexplained,
    /// It differs otherwise than it did when somebody said why.
    Changed,
    /// It is said to differ, and does not.
    NotAny,
    /// The recording does not have it, or has other steps.
    NotRecorded,
}

/// A file's text.
#[must_use]
pub fn render<'a>(transcripts: impl IntoIterator<Item = &'a Transcript>) -> String {
    let scene =
        |transcript: &Transcript| format!("== {}\n{}\n", transcript.title, transcript.lines.join("\n"));
    transcripts.into_iter().map(scene).collect::<Vec<_>>().join("\n")
}

/// A file's transcripts.
#[must_use]
pub fn parse(text: &str) -> Vec<Transcript> {
    let mut all: Vec<Transcript> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match (line.strip_prefix("== "), all.last_mut()) {
            (Some(title), _) => all.push(Transcript { title: title.to_owned(), lines: Vec::new() }),
            (None, Some(scene)) => scene.lines.push(line.to_owned()),
            (None, None) => {}
        }
    }
    all
}

fn lines<'a>(transcripts: &'a [Transcript], title: &str) -> &'a [String] {
    transcripts.iter().find(|known| known.title == title).map_or(&[], |known| &known.lines)
}

fn steps(lines: &[String]) -> impl Iterator<Item = &str> {
    lines.iter().filter_map(|line| line.strip_prefix("> "))
}

/// The reason that a scene has for differing from a version.
fn reason(scene: &Scene, version: &str) -> Option<&'static str> {
    scene.differs.iter().find(|(from, _)| from.is_empty() || *from == version).map(|(_, why)| *why)
}

/// Compares what this broker answered with what was recorded, of it and of others: versions with their recordings.
#[must_use]
pub(crate) fn findings(
    recorded: &[(&'static str, &str)],
    scenes: &[Scene],
    played: &[Transcript],
    looked_at: &[Transcript],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for &(version, text) in recorded {
        let recorded = parse(text);
        for scene in scenes {
            let (theirs, ours) = (lines(&recorded, scene.title), lines(played, scene.title));
            let kind = if !steps(theirs).eq(scene.steps.iter().copied()) {
                Kind::NotRecorded
            } else {
                match (theirs == ours, reason(scene, version)) {
                    (true, None) => continue,
                    (true, Some(_)) => Kind::NotAny,
                    (false, None) => Kind::Unexplained,
                    (false, Some(_)) if ours == lines(looked_at, scene.title) => continue,
                    (false, Some(_)) => Kind::Changed,
                }
            };
            findings.push(Finding {
                title: scene.title,
                version,
                kind,
                sides: [theirs.to_vec(), ours.to_vec()],
            });
        }
    }
    findings
}

/// The scenes that differ and why, as the table of the documentation: one row for each reason.
#[must_use]
pub fn table(scenes: &[Scene]) -> String {
    let mut reasons: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for scene in scenes {
        for (version, why) in &scene.differs {
            match reasons.iter_mut().find(|(of, known, _)| (of, known) == (version, why)) {
                Some((.., titles)) => titles.push(scene.title),
                None => reasons.push((version, why, vec![scene.title])),
            }
        }
    }
    let mut rows = vec!["| why | RabbitMQ | scenes |".to_owned(), "|---|---|---|".to_owned()];
    rows.extend(reasons.iter().map(|(version, why, titles)| {
        let version = if version.is_empty() { "both" } else { version };
        format!("| {why} | {version} | {} |", titles.join("; "))
    }));
    rows.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transcripts_are_read_back() {
        let of = |title: &str, lines: &[&str]| Transcript {
            title: title.to_owned(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        };
        let two = [of("one", &["> a", "< b"]), of("two", &["> c"])];
        assert_eq!(parse(&render(&two)), two);
    }
}
