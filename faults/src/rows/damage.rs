//! Bit rot and files cut short, of a stopped broker and of a running one.
//!
//! Apart because here the files' bytes are touched; what must hold is that no wrong byte is ever served.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use millstream_crash::chance::Chance;

use crate::base::{self, Found};
use crate::reading::Reading;
use crate::runner::Field;
use crate::stage::Stage;

/// Tries to find a byte that is not zero: most zeros are space that was never written.
const TRIES: u32 = 64;
/// How far into a file it is looked for bytes that were written.
const HEAD_BYTES: u64 = 32 << 20;
/// One place in so many is taken wherever it falls.
const ANYWHERE_ONE_IN: u64 = 6;
/// The purpose of the damage's chance.
const CHANCE: u64 = 8;

pub(crate) fn flip_offline(field: &Field) -> anyhow::Result<String> {
    offline(field, flip)
}

pub(crate) fn cut_offline(field: &Field) -> anyhow::Result<String> {
    offline(field, cut)
}

type Damage = fn(&Path, &mut Chance) -> anyhow::Result<Undo>;

fn offline(field: &Field, damage: Damage) -> anyhow::Result<String> {
    let base = base::make(field)?;
    let mut chance = Chance::new(field.seed, CHANCE);
    let copy = field.dir.join("copy");
    let mut notes = File::create(field.dir.join("damage.log"))?;
    let (mut at_start, mut at_read, mut done_without, mut harmless) = (0, 0, 0, 0);
    for turn in 0..field.cycles {
        base::copy(&base.dir, &copy)?;
        let file = base::choose(&copy, turn, &mut chance)?;
        let undo = damage(&copy.join(&file), &mut chance)?;
        let found = base::start(field, &base, &copy, &file).with_context(|| format!("{file}, {undo}"))?;
        writeln!(notes, "{file}, {undo}: {found:?}")?;
        match found {
            Found::AtStart(sentence) => {
                ensure!(
                    sentence.contains(&file),
                    "{file}, {undo}: the sentence names another file or none: {sentence}"
                );
                at_start += 1;
            }
            Found::AtRead => at_read += 1,
            Found::DoneWithout => done_without += 1,
            Found::Harmless => harmless += 1,
        }
    }
    Ok(format!(
        "{at_start} found at the start, {at_read} at the read, {done_without} reported and done without, {harmless} in \
         bytes that nobody needs; nothing wrong was served, nothing removed"
    ))
}

pub(crate) fn online(field: &Field) -> anyhow::Result<String> {
    let base = base::make(field)?;
    let mut chance = Chance::new(field.seed, CHANCE);
    let mut stage = Stage::new(field, base.dir.clone(), true)?;
    stage.start()?;
    let mut notes = File::create(field.dir.join("damage.log"))?;
    let (mut refused, mut harmless) = (0, 0);
    for turn in 0..field.cycles {
        let logs = written_logs(&base.dir)?;
        let file = &logs[usize::try_from(chance.below(logs.len() as u64))?];
        let path = base.dir.join(file);
        let undo = if turn % 3 == 2 { cut(&path, &mut chance)? } else { flip(&path, &mut chance)? };
        let reading = Reading::take(&stage.world, "damaged")?;
        reading.agrees_with(&base.right).with_context(|| format!("{file}, {undo}"))?;
        if reading.is_whole() {
            harmless += 1;
        } else {
            let said = stage.broker.said()?;
            let named = said.lines().any(|line| line.contains(file.as_str()) && line.contains("offset"));
            ensure!(named, "{file}, {undo}: a read was refused and the log does not say where: {said}");
            refused += 1;
        }
        writeln!(notes, "{file}, {undo}: {}", if reading.is_whole() { "met nothing" } else { "refused" })?;
        undo.undo(&path)?;
        let healed = Reading::take(&stage.world, "healed")?;
        healed.agrees_with(&base.right)?;
        ensure!(healed.is_whole(), "{file}, {undo}: what was put right again is still refused");
    }
    base::stop(&mut stage)?;
    Ok(format!(
        "{refused} times a read was refused, {harmless} times it met none of it; nothing wrong was served"
    ))
}

/// Files with records: those of the write-ahead log that something was written into, and packed objects.
fn written_logs(dir: &Path) -> anyhow::Result<Vec<String>> {
    let mut logs = base::files(dir)?;
    logs.retain(|file| file.ends_with(".wal") || file.ends_with(".obj"));
    let mut written = Vec::new();
    for file in logs {
        let mut magic = [0; 8];
        File::open(dir.join(&file))?.read_exact_at(&mut magic, 0)?;
        if magic != [0; 8] {
            written.push(file);
        }
    }
    ensure!(!written.is_empty(), "there is no file with records");
    Ok(written)
}

/// What was done to a file and how to undo it.
#[derive(Debug)]
struct Undo {
    what: String,
    bytes: Vec<u8>,
    at: u64,
}

impl std::fmt::Display for Undo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

impl Undo {
    fn undo(&self, path: &Path) -> anyhow::Result<()> {
        Ok(File::options().write(true).open(path)?.write_all_at(&self.bytes, self.at)?)
    }
}

/// Flips one or two bits.
fn flip(path: &Path, chance: &mut Chance) -> anyhow::Result<Undo> {
    let file = File::options().read(true).write(true).open(path)?;
    let at = place(&file, chance)?;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at)?;
    let mask = 1 << chance.below(8) | 1 << chance.below(8);
    file.write_all_at(&[byte[0] ^ mask], at)?;
    file.sync_all()?;
    Ok(Undo { what: format!("byte {at} ^ {mask:#04x}"), bytes: byte.to_vec(), at })
}

/// Cuts it short.
fn cut(path: &Path, chance: &mut Chance) -> anyhow::Result<Undo> {
    let file = File::options().read(true).write(true).open(path)?;
    let at = place(&file, chance)?;
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len() - at)?];
    file.read_exact_at(&mut bytes, at)?;
    file.set_len(at)?;
    file.sync_all()?;
    Ok(Undo { what: format!("cut at {at}"), bytes, at })
}

/// Some byte of a file, seldom one of those that were never written. Half of the places are drawn evenly from what was
/// written, half on a scale of powers of two, so that headers are hit as well as bodies.
fn place(file: &File, chance: &mut Chance) -> anyhow::Result<u64> {
    let bytes = file.metadata()?.len();
    ensure!(bytes > 0, "an empty file cannot be damaged");
    if chance.below(ANYWHERE_ONE_IN) == 0 {
        return Ok(chance.below(bytes));
    }
    let mut head = vec![0; usize::try_from(bytes.min(HEAD_BYTES))?];
    file.read_exact_at(&mut head, 0)?;
    let written = head.iter().rposition(|byte| *byte != 0).map_or(1, |last| last as u64 + 1);
    let mut at = 0;
    for _ in 0..TRIES {
        let scaled = 1 << chance.below(u64::from(written.ilog2()) + 1);
        let evenly = chance.below(2) == 0;
        at = chance.below(if evenly { written } else { scaled });
        if head[usize::try_from(at)?] != 0 {
            break;
        }
    }
    Ok(at)
}
