//! The project's own folder, the tools its tasks call, and how they call them.
//!
//! Apart because every task that starts a process needs the same: a clear sentence when a tool is missing.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the workspace's root").to_path_buf()
}

/// The cargo that runs this task.
pub(crate) fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

/// Builds the broker with the profile that its tests were built with, and returns its path.
pub(crate) fn build_binary(root: &Path) -> anyhow::Result<PathBuf> {
    // With the whole workspace's features, as its tests were built: nothing is compiled twice.
    run_in(root, &cargo(), &["build", "--quiet", "--locked", "--workspace", "--bin", "millstream"])?;
    Ok(target_dir(root).join("debug/millstream"))
}

/// Where cargo builds.
pub(crate) fn target_dir(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir))
}

/// Runs a program to its end; its output is the task's.
pub(crate) fn run_in<A: AsRef<OsStr>>(dir: &Path, program: &Path, arguments: &[A]) -> anyhow::Result<()> {
    let status = Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .status()
        .with_context(|| format!("starting {}", program.display()))?;
    ensure!(status.success(), "{} in {} ended with {status}", program.display(), dir.display());
    Ok(())
}

/// Finds a program, installing Debian's package of it when it is missing and that is possible.
pub(crate) fn tool(name: &str, package: Option<&str>) -> anyhow::Result<PathBuf> {
    if let Some(found) = find(name) {
        return Ok(found);
    }
    let Some((apt, package)) = find("apt-get").zip(package) else {
        bail!("`{name}` is needed and not installed; install it and run the command again");
    };
    println!("`{name}` is missing: installing the package {package}");
    let here = Path::new(".");
    run_in(here, &apt, &["update", "-qq"])
        .and_then(|()| run_in(here, &apt, &["install", "-y", "-qq", "--no-install-recommends", package]))
        .with_context(|| {
            format!("`{name}` is needed and installing the package {package} failed; install it by hand")
        })?;
    find(name).with_context(|| format!("the package {package} has no program {name}"))
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// Makes a Python environment that holds exactly what a requirements file names, and returns its interpreter.
pub(crate) fn python_environment(dir: &Path, requirements: &Path) -> anyhow::Result<PathBuf> {
    let python = dir.join("bin/python");
    let stamp = dir.join("requirements.installed");
    let wanted = std::fs::read_to_string(requirements)?;
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let system = tool("python3", Some("python3"))?;
    let here = Path::new(".");
    if run_in(here, &system, &[OsStr::new("-m"), OsStr::new("venv"), dir.as_os_str()]).is_err() {
        // Debian keeps the module in a package of its own.
        tool("apt-get", None)
            .and_then(|apt| run_in(here, &apt, &["install", "-y", "-qq", "python3-venv"]))?;
        run_in(here, &system, &[OsStr::new("-m"), OsStr::new("venv"), dir.as_os_str()])?;
    }
    let install = [
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        "--require-hashes",
        "--only-binary=:all:",
        "-r",
    ];
    let install: Vec<&OsStr> = install.iter().map(OsStr::new).chain([requirements.as_os_str()]).collect();
    run_in(here, &python, &install)?;
    std::fs::write(stamp, wanted)?;
    Ok(python)
}
