//! Scenes: what is played at once, and why this broker differs where it does.
//!
//! Apart because every protocol's scenes are written alike: a title, reasons, and steps, of which only the protocol's player knows
//! what they mean.

use anyhow::{Context as _, ensure};

/// What is played at once, and how it is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// What it looks at; unique.
    pub title: &'static str,
    /// Versions from which this broker differs, and why; an empty version means all.
    pub differs: Vec<(&'static str, &'static str)>,
    /// What is done.
    pub steps: Vec<&'static str>,
}

/// The scenes of some files, in their order.
///
/// # Errors
/// When a file is not written as scenes are.
pub(crate) fn parse(files: &[&'static str]) -> anyhow::Result<Vec<Scene>> {
    let mut all: Vec<Scene> = Vec::new();
    for line in files.iter().flat_map(|file| file.lines()).map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(title) = line.strip_prefix("== ") {
            ensure!(all.iter().all(|scene| scene.title != title), "two scenes are called `{title}`");
            all.push(Scene { title, differs: Vec::new(), steps: Vec::new() });
            continue;
        }
        let scene = all.last_mut().with_context(|| format!("`{line}` belongs to no scene"))?;
        match line.strip_prefix("differs") {
            Some(rest) => {
                let (version, why) =
                    rest.split_once(':').with_context(|| format!("`{line}` says no reason"))?;
                scene.differs.push((version.trim(), why.trim()));
            }
            None => scene.steps.push(line),
        }
    }
    Ok(all)
}
