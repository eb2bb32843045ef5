//! Runs the rows one after the other and says at the end what each came to, as a table.
//!
//! Apart from the rows so that none can pass without being counted: what a machine does not allow is a failure with a
//! sentence, never silence.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use millstream_crash::clock;

use crate::options::Options;
use crate::rows::{ROWS, Row};

/// Where and how a row works.
#[derive(Debug)]
pub(crate) struct Field {
    /// The broker's binary.
    pub(crate) broker: PathBuf,
    /// The row's own folder, empty at its beginning.
    pub(crate) dir: PathBuf,
    /// Decides what is decided by chance.
    pub(crate) seed: u64,
    /// How often the row does its harm.
    pub(crate) cycles: u32,
}

/// Runs what was chosen.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    for only in &options.only {
        ensure!(ROWS.iter().any(|row| row.name == only), "there is no row {only}; --list shows them");
    }
    let named = |row: &Row| options.only.is_empty() || options.only.iter().any(|only| only == row.name);
    let chosen = ROWS.iter().filter(|row| named(row) && (!options.short || row.short > 0));
    if options.list {
        for row in chosen {
            println!("{:<18} {}", row.name, row.holds);
        }
        return Ok(());
    }
    let seed = options.seed.unwrap_or_else(|| clock::now_ns() % 1_000_000_000);
    let dir = options.target.join(seed.to_string());
    println!("seed {seed}; histories in {}", dir.display());
    let mut lines = Vec::new();
    let mut failed = 0;
    for row in chosen {
        let count = options.cycles.unwrap_or(if options.short { row.short } else { row.cycles });
        let since = clock::now_ns();
        let outcome = one(options, row, seed, dir.join(row.name), count);
        let took = Duration::from_nanos(clock::now_ns() - since).as_secs_f64();
        let result = match outcome {
            Ok(result) => result,
            Err(error) => {
                failed += 1;
                format!("FAILED: {error:#}")
            }
        };
        println!("{:<18} {took:>6.1} s  {result}", row.name);
        lines.push(format!("| `{}` | {} | {} | {count} | {result} |", row.name, row.harm, row.holds));
    }
    println!("\n| row | what is done | what must hold | times | result |\n|---|---|---|---:|---|");
    for line in &lines {
        println!("{line}");
    }
    ensure!(!lines.is_empty(), "no row was chosen");
    ensure!(failed == 0, "{failed} of {} rows failed, with --seed {seed}", lines.len());
    if !options.keep && dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    Ok(())
}

fn one(options: &Options, row: &Row, seed: u64, dir: PathBuf, cycles: u32) -> anyhow::Result<String> {
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    std::fs::create_dir_all(&dir)?;
    let field = Field { broker: options.broker.clone(), dir, seed, cycles };
    let result = (row.run)(&field)?;
    if !options.keep {
        std::fs::remove_dir_all(&field.dir).context("removing what a good row left")?;
    }
    Ok(result)
}
