//! A data directory worth damaging: several lives, checkpoints, trimmed records, packed objects, stopped cleanly; and copies of
//! it.
//!
//! Apart because damage must be measured against what the same files give undamaged. After a clean stop every acknowledged
//! byte is proven, so that any damage to one must be found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use millstream_crash::chance::Chance;
use millstream_crash::moment::wait_until;
use rustix::process::Signal;

use crate::reading::Reading;
use crate::runner::Field;
use crate::stage::{Stage, sentence};
use crate::tools;

/// How long each life is.
const LIFE: Duration = Duration::from_millis(800);
/// Files are looked through for what is worth packing every few seconds.
const PACKED_MAX: Duration = Duration::from_secs(30);
/// Lives between the second and the last: each leaves a file, and enough old ones together are worth packing.
const MORE_LIVES: u32 = 4;
/// A broker that is told to stop has stopped by then.
pub(crate) const STOP_MAX: Duration = Duration::from_secs(30);

/// The directory, an older state of it, and what it holds.
pub(crate) struct Base {
    pub(crate) dir: PathBuf,
    /// As it was after the second life, which was killed.
    pub(crate) older: PathBuf,
    pub(crate) right: Reading,
}

/// What a start on a damaged copy came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It refused to start, with this sentence.
    AtStart(String),
    /// It started; reads that met the damage were refused.
    AtRead,
    /// It started, said in its log that the file is damaged, and everything reads right without it.
    DoneWithout,
    /// It started and everything reads right: the bytes did not matter.
    Harmless,
}

/// Makes the directory.
pub(crate) fn make(field: &Field) -> anyhow::Result<Base> {
    let (dir, older) = (field.dir.join("base"), field.dir.join("older"));
    let mut stage = Stage::new(field, dir.clone(), false)?;
    stage.begin()?;
    // A clean stop writes a checkpoint, so the lives after it have one to begin with.
    sleep(LIFE);
    stop(&mut stage)?;
    stage.start()?;
    sleep(LIFE);
    stage.kill()?;
    copy(&dir, &older)?;
    for _ in 0..MORE_LIVES {
        stage.start()?;
        sleep(LIFE);
        stop(&mut stage)?;
    }
    stage.start()?;
    sleep(LIFE);
    stage.end_loads()?;
    wait_for_objects(&dir)?;
    let right = Reading::take(&stage.world, "right")?;
    ensure!(right.is_whole() && right.records() > 0, "the directory cannot be read before it is damaged");
    stop(&mut stage)?;
    Ok(Base { dir, older, right })
}

/// Waits until the broker has moved the files of the first lives, in which every log has little, into packed objects.
fn wait_for_objects(dir: &Path) -> anyhow::Result<()> {
    let is_object = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.is_ok_and(|entry| entry.path().extension().is_some_and(|extension| extension == "obj"))
    };
    let packed = || std::fs::read_dir(dir.join("objects")).is_ok_and(|mut entries| entries.any(is_object));
    ensure!(wait_until(PACKED_MAX, packed), "nothing was packed");
    Ok(())
}

/// Stops a broker and sees that it stops well.
pub(crate) fn stop(stage: &mut Stage) -> anyhow::Result<()> {
    stage.broker.signal(Signal::TERM)?;
    let status = stage.broker.ended(STOP_MAX)?.context("it did not stop")?;
    ensure!(status.success(), "it stopped with {status}: {}", stage.broker.said()?);
    Ok(())
}

/// Copies a directory, holes as holes.
pub(crate) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    if to.exists() {
        std::fs::remove_dir_all(to)?;
    }
    tools::run("cp", [Path::new("-r"), Path::new("--sparse=always"), from, to])
}

/// The files of a data directory, relative to it; without the lock, which is empty.
pub(crate) fn files(dir: &Path) -> anyhow::Result<Vec<String>> {
    let (mut found, mut folders) = (Vec::new(), vec![dir.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name != "lock") {
                found.push(path.strip_prefix(dir)?.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// One file of the `turn`th type: types are told apart by folder and extension.
pub(crate) fn choose(dir: &Path, turn: u32, chance: &mut Chance) -> anyhow::Result<String> {
    let mut types: BTreeMap<(PathBuf, Option<String>), Vec<String>> = BTreeMap::new();
    for file in files(dir)? {
        let path = Path::new(&file);
        // What is empty has nothing that could be damaged.
        if dir.join(path).metadata()?.len() == 0 {
            continue;
        }
        let extension = path.extension().map(|extension| extension.to_string_lossy().into_owned());
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        types.entry((folder, extension)).or_default().push(file);
    }
    let names = types.values().nth(turn as usize % types.len()).context("a directory without files")?;
    Ok(names[usize::try_from(chance.below(names.len() as u64))?].clone())
}

/// Starts a broker on a copy that was damaged in `file`, and sees that the damage is found or does not matter.
pub(crate) fn start(field: &Field, base: &Base, copy: &Path, file: &str) -> anyhow::Result<Found> {
    let before = content(copy, file)?;
    let mut stage = Stage::new(field, copy.to_path_buf(), true)?;
    stage.broker.spawn()?;
    let found = if stage.broker.ready().is_ok() {
        let reading = Reading::take(&stage.world, "damaged")?;
        reading.agrees_with(&base.right)?;
        let said = stage.broker.said()?;
        let named = said.lines().any(|line| line.contains(file) && line.contains("offset"));
        stage.broker.kill()?;
        match (reading.is_whole(), named) {
            (true, false) => Found::Harmless,
            (true, true) => Found::DoneWithout,
            (false, true) => Found::AtRead,
            (false, false) => {
                bail!("a read was refused and the log does not name {file} and an offset: {said}")
            }
        }
    } else {
        let status = stage.broker.ended(STOP_MAX)?.context("it neither became ready nor ended")?;
        let said = stage.broker.said()?;
        ensure!(status.code() == Some(1), "it ended with {status}: {said}");
        Found::AtStart(sentence(&said)?.to_owned())
    };
    if let (Found::AtStart(sentence), after) = (&found, content(copy, file)?)
        && before != after
    {
        bail!("a start that refused changed {file}: {sentence}");
    }
    Ok(found)
}

/// What a file holds; `None` when there is none.
fn content(dir: &Path, file: &str) -> anyhow::Result<Option<Vec<u8>>> {
    match std::fs::read(dir.join(file)) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
