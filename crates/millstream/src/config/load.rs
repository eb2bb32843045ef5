//! Puts the sources together: defaults, then the file, then the environment, then flags.
//!
//! Apart because precedence is a promise, and because every value remembers where it came from.

use super::{KNOBS, Settings, file};
use anyhow::anyhow;
use std::ffi::OsString;
use std::path::PathBuf;

/// What the command line gave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    /// The configuration file.
    pub(crate) file: Option<PathBuf>,
    /// Keys and values of flags.
    pub(crate) flags: Vec<(&'static str, String)>,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nobody set it.
    Default,
    /// A file's name and the line in it.
    File(String, usize),
    /// An environment variable.
    Env(String),
    /// A flag.
    Flag(String),
}

/// The configuration in effect, with a source per knob.
#[derive(Debug)]
pub(crate) struct Effective {
    pub(crate) settings: Settings,
    /// In the order of [`KNOBS`].
    pub(crate) sources: Vec<Source>,
}

impl Effective {
    /// Loads the configuration; `env` looks up environment variables.
    ///
    /// # Errors
    /// One sentence that names the source, and in a file the line and the key.
    pub(crate) fn load(given: &Given, env: impl Fn(&str) -> Option<OsString>) -> anyhow::Result<Effective> {
        let mut effective =
            Effective { settings: Settings::default(), sources: vec![Source::Default; KNOBS.len()] };
        if let Some(path) = &given.file {
            for entry in file::read(path)? {
                effective.set(
                    entry.knob,
                    &entry.value,
                    Source::File(path.display().to_string(), entry.line),
                )?;
            }
        }
        for (index, knob) in KNOBS.iter().enumerate() {
            let name = knob.env();
            if let Some(value) = env(&name) {
                let value = value.into_string().map_err(|_| anyhow!("{name} is not UTF-8"))?;
                effective.set(index, &value, Source::Env(name))?;
            }
        }
        for (index, knob) in KNOBS.iter().enumerate() {
            if let Some((_, value)) = given.flags.iter().find(|(key, _)| *key == knob.key) {
                effective.set(index, value, Source::Flag(format!("--{}", knob.flag())))?;
            }
        }
        Ok(effective)
    }

    fn set(&mut self, index: usize, value: &str, source: Source) -> anyhow::Result<()> {
        let knob = &KNOBS[index];
        (knob.set)(&mut self.settings, value).map_err(|problem| match &source {
            Source::File(name, line) => anyhow!("{name}:{line}: {}: {problem}", knob.key),
            source => anyhow!("{source}: {problem}"),
        })?;
        self.sources[index] = source;
        Ok(())
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File(name, line) => write!(f, "{name}:{line}"),
            Source::Env(name) | Source::Flag(name) => f.write_str(name),
        }
    }
}
