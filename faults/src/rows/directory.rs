//! Files that are missing, old, or another directory's: what operators and backups do.
//!
//! Apart because every byte in these files is intact; only their being together is wrong.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};

use crate::base::{self, Base, Found};
use crate::runner::Field;
use crate::stage::Stage;

pub(crate) fn run(field: &Field) -> anyhow::Result<String> {
    let base = base::make(field)?;
    let foreign = field.dir.join("foreign");
    let mut other = Stage::new(field, foreign.clone(), false)?;
    other.begin()?;
    std::thread::sleep(std::time::Duration::from_secs(1));
    other.end_loads()?;
    base::stop(&mut other)?;
    drop(other);

    let copy = field.dir.join("copy");
    let (mut refused, mut whole) = (0, 0);
    let mut count = |found: Found| match found {
        Found::AtStart(_) => refused += 1,
        Found::AtRead | Found::DoneWithout | Found::Harmless => whole += 1,
    };
    for file in base::files(&base.dir)? {
        base::copy(&base.dir, &copy)?;
        std::fs::remove_file(copy.join(&file))?;
        count(judged(field, &base, &copy, &file).with_context(|| format!("{file} was removed"))?);
        for (what, source) in [("rolled back", &base.older), ("taken from another directory", &foreign)] {
            let source = source.join(&file);
            if !source.exists() || same(&source, &base.dir.join(&file))? {
                continue;
            }
            base::copy(&base.dir, &copy)?;
            std::fs::copy(&source, copy.join(&file))?;
            count(judged(field, &base, &copy, &file).with_context(|| format!("{file} was {what}"))?);
        }
    }
    base::copy(&base.dir, &copy)?;
    for folder in ["wal", "checkpoint", "objects"] {
        if copy.join(folder).exists() {
            std::fs::remove_dir_all(copy.join(folder))?;
        }
    }
    match base::start(field, &base, &copy, "identity").context("nothing was left but the identity")? {
        Found::AtStart(_) => refused += 1,
        _ => bail!("a directory without anything but its identity was taken"),
    }
    // An older state of everything at once is consistent: it starts, as that state.
    base::copy(&base.older, &copy)?;
    let mut stage = Stage::new(field, copy, false)?;
    stage.start().context("the whole directory was rolled back")?;
    base::stop(&mut stage)?;
    ensure!(refused > 0, "nothing was refused");
    Ok(format!(
        "{refused} refused by name, {whole} not needed and everything read right; a directory that was rolled back as a \
         whole starts as what it was"
    ))
}

/// A refusal must name the file. Where two files do not belong together, either may be named: nobody can tell which one
/// is wrong.
fn judged(field: &Field, base: &Base, copy: &Path, file: &str) -> anyhow::Result<Found> {
    let found = base::start(field, base, copy, file)?;
    match &found {
        Found::AtStart(sentence) => {
            let together = sentence.contains("belongs to another data directory");
            ensure!(sentence.contains(file) || together, "the sentence does not name it: {sentence}");
        }
        Found::AtRead => bail!("it started and refuses reads"),
        Found::DoneWithout | Found::Harmless => {}
    }
    Ok(found)
}

fn same(one: &Path, other: &Path) -> std::io::Result<bool> {
    Ok(std::fs::read(one)? == std::fs::read(other)?)
}
