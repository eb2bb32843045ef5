//! Fetching peers into `target/peers`: jars from Maven Central, programs from the Python index.
//!
//! Apart because every bench with a peer fetches it the same way, once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::succeed;

/// A directory for a peer, and whether it was fetched into it completely before.
fn directory(root: &Path, name: &str) -> anyhow::Result<(PathBuf, bool)> {
    let directory = root.join("target/peers").join(name);
    let is_complete = directory.join("complete").exists();
    fs::create_dir_all(&directory)?;
    Ok((directory, is_complete))
}

/// Has Maven put the jars that `pom` names into the directory of that name; returns where they are.
pub(super) fn maven(root: &Path, name: &str, pom: &str) -> anyhow::Result<PathBuf> {
    let (directory, is_complete) = directory(root, name)?;
    if !is_complete {
        fs::write(directory.join("pom.xml"), pom)?;
        eprintln!("fetching {name} from Maven Central");
        let mut maven = Command::new("mvn");
        maven.current_dir(&directory).args([
            "-q",
            "-B",
            "dependency:copy-dependencies",
            "-DoutputDirectory=lib",
            "-DincludeScope=runtime",
        ]);
        succeed(&mut maven)?;
        fs::write(directory.join("complete"), name)?;
    }
    Ok(directory.join("lib"))
}

/// Has pip install `requirement` into an environment of that name; returns where its programs are.
pub(super) fn python(root: &Path, name: &str, requirement: &str) -> anyhow::Result<PathBuf> {
    let (directory, is_complete) = directory(root, name)?;
    let programs = directory.join("bin");
    if !is_complete {
        eprintln!("fetching {name} from the Python index");
        succeed(Command::new("python3").args(["-m", "venv"]).arg(&directory))?;
        let mut pip = Command::new(programs.join("python"));
        pip.args(["-m", "pip", "install", "-q", "--disable-pip-version-check", requirement]);
        succeed(&mut pip)?;
        fs::write(directory.join("complete"), name)?;
    }
    Ok(programs)
}
