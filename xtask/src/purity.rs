//! `cargo xtask purity`: the crates that are values have no operating system in them, and the arrows between crates hold.
//!
//! A compiler for a target without an operating system would prove the same, but dependencies may use `std` (checksums,
//! compression); so the proof is in what the dependency trees and the sources do not contain.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use crate::project;

/// Crates whose sessions and state machines take time, randomness and bytes as arguments.
const PURE: [&str; 7] = [
    "millstream-types",
    "millstream-core",
    "millstream-front",
    "millstream-kafka",
    "millstream-amqp",
    "millstream-aws",
    "millstream-console",
];
/// Crates that do not even link `std` themselves.
const NO_STD: [&str; 2] = ["millstream-types", "millstream-core"];
/// Runtimes, sockets and file systems: none may be in a pure crate's tree.
const IMPURE: &[&str] = &[
    "async-executor",
    "async-io",
    "async-std",
    "async-global-executor",
    "fs-err",
    "fs4",
    "futures-executor",
    "glommio",
    "io-uring",
    "memmap2",
    "mio",
    "monoio",
    "polling",
    "rustix",
    "smol",
    "socket2",
    "tempfile",
    "tokio",
    "tokio-util",
    "walkdir",
    "hyper",
    "object_store",
];
/// What a pure crate's sources may not name.
const FORBIDDEN_PATHS: [&str; 6] =
    ["std::fs", "std::net", "std::thread", "std::process", "Instant::now", "SystemTime::now"];
/// The crates that a front, and what fronts share, may name of this workspace.
const FRONT_MAY_NAME: [&str; 3] = ["millstream-types", "millstream-core", "millstream-front"];
/// Every crate's arrows; a crate that is not here is a front and has those of a front.
const ARROWS: &[(&str, &[&str])] = &[
    ("millstream-types", &[]),
    ("millstream-core", &["millstream-types"]),
    ("millstream-storage", &["millstream-types"]),
    ("millstream-engine", &["millstream-types", "millstream-core", "millstream-storage"]),
    ("millstream-front", &["millstream-types", "millstream-core"]),
    ("millstream-net", &FRONT_MAY_NAME),
];
/// Crates below `crates/` that may see everything; so may all that is not there, for nothing of it is shipped.
const FREE: [&str; 2] = ["millstream", "millstream-testkit"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
    workspace_members: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None` for an ordinary one, else `dev` or `build`.
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<NodeDep>,
    /// Those that are on when nobody asks for more.
    features: Vec<String>,
}

#[derive(Deserialize)]
struct NodeDep {
    pkg: String,
    dep_kinds: Vec<DepKind>,
}

#[derive(Deserialize)]
struct DepKind {
    kind: Option<String>,
}

/// Runs every check and names all that is wrong.
pub(crate) fn run() -> anyhow::Result<()> {
    let metadata = metadata()?;
    let mut wrong = trees(&metadata)?;
    wrong.extend(arrows(&metadata));
    wrong.extend(sources(&metadata)?);
    wrong.extend(planted(&metadata));
    if !wrong.is_empty() {
        bail!("not pure:\n  {}", wrong.join("\n  "));
    }
    let bound = metadata.members().filter(|package| package.is_bound()).count();
    println!("pure: {}; the arrows of {bound} crates hold", PURE.join(", "));
    Ok(())
}

fn metadata() -> anyhow::Result<Metadata> {
    let output = Command::new(project::cargo())
        .args(["metadata", "--format-version=1", "--locked", "--filter-platform", &host()?])
        .current_dir(project::root())
        .stderr(std::process::Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "cargo metadata ended with {}", output.status);
    serde_json::from_slice(&output.stdout).context("what cargo metadata says")
}

impl Package {
    /// Whether arrows bind it.
    fn is_bound(&self) -> bool {
        let is_part = self.manifest_path.ancestors().nth(2).is_some_and(|dir| dir.ends_with("crates"));
        is_part && !FREE.contains(&self.name.as_str())
    }
}

/// Packages of this workspace that a build without further words makes with known mistakes in them.
fn planted(metadata: &Metadata) -> Vec<String> {
    let own = metadata.resolve.nodes.iter().filter(|node| metadata.workspace_members.contains(&node.id));
    let with = own.filter(|node| node.features.iter().any(|feature| feature == "planted"));
    with.map(|node| {
        format!("{} has the feature `planted`, which is for `cargo xtask planted` alone", node.id)
    })
    .collect()
}

/// The target that this machine builds for; what only other targets need is not fetched.
fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("starting rustc")?;
    let text = String::from_utf8(output.stdout)?;
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("rustc names no host")
}

impl Metadata {
    fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    fn member(&self, name: &str) -> anyhow::Result<&Package> {
        self.members()
            .find(|package| package.name == name)
            .with_context(|| format!("there is no crate {name}"))
    }
}

/// Impure packages in the trees of ordinary dependencies, as linked on this machine; builds and tests may use any.
fn trees(metadata: &Metadata) -> anyhow::Result<Vec<String>> {
    let names: BTreeMap<&str, &str> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package.name.as_str())).collect();
    let nodes: BTreeMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let mut wrong = Vec::new();
    for crate_name in PURE {
        let mut open = vec![(metadata.member(crate_name)?.id.as_str(), crate_name.to_owned())];
        let mut seen = BTreeSet::new();
        while let Some((id, path)) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            if IMPURE.contains(&names[id]) {
                wrong.push(format!("{crate_name} depends on {}: {path}", names[id]));
            }
            for dep in &nodes.get(id).context("a package that is not resolved")?.deps {
                if dep.dep_kinds.iter().any(|kind| kind.kind.is_none()) {
                    open.push((&dep.pkg, format!("{path} → {}", names[dep.pkg.as_str()])));
                }
            }
        }
    }
    Ok(wrong)
}

/// Names of this workspace in manifests against the picture of the house.
fn arrows(metadata: &Metadata) -> Vec<String> {
    let members: BTreeSet<&str> = metadata.members().map(|package| package.name.as_str()).collect();
    let mut wrong = Vec::new();
    for package in metadata.members().filter(|package| package.is_bound()) {
        let may =
            ARROWS.iter().find(|(name, _)| *name == package.name).map_or(&FRONT_MAY_NAME[..], |(_, may)| may);
        let ordinary = package.dependencies.iter().filter(|dependency| dependency.kind.is_none());
        for dependency in ordinary.filter(|dependency| members.contains(dependency.name.as_str())) {
            if !may.contains(&dependency.name.as_str()) {
                wrong.push(format!("{} may not depend on {}", package.name, dependency.name));
            }
        }
    }
    wrong
}

/// Forbidden names in the sources of pure crates.
fn sources(metadata: &Metadata) -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    for crate_name in PURE {
        let dir = metadata.member(crate_name)?.manifest_path.with_file_name("src");
        if NO_STD.contains(&crate_name) {
            let root = std::fs::read_to_string(dir.join("lib.rs"))?;
            if !root.lines().any(|line| line == "#![no_std]") {
                wrong.push(format!("{crate_name} is not #![no_std]"));
            }
        }
        for file in rust_files(&dir)? {
            let text = std::fs::read_to_string(&file)?;
            for (number, line) in (1..).zip(text.lines()) {
                let code = line.split("//").next().unwrap_or_default();
                for path in FORBIDDEN_PATHS.iter().filter(|path| code.contains(**path)) {
                    wrong.push(format!("{}:{number} names {path}", file.display()));
                }
            }
        }
    }
    Ok(wrong)
}

/// Every source file below a folder, tests left out: what tests do is not the product's.
fn rust_files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir)? {
            let path = entry?.path();
            let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
            if path.is_dir() && !is_test {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
                files.push(path);
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A workspace in which each crate depends on those named, ordinarily or only in its tests.
    fn workspace(edges: &[(&str, &str, Option<&str>)]) -> Metadata {
        workspace_with(edges, &[])
    }

    /// The same, with the feature `planted` on in those named.
    fn workspace_with(edges: &[(&str, &str, Option<&str>)], planted: &[&str]) -> Metadata {
        let mut names: BTreeSet<&str> = PURE.into_iter().collect();
        names.extend(edges.iter().flat_map(|(from, to, _)| [*from, *to]));
        let of = |name: &str| edges.iter().filter(move |(from, _, _)| *from == name).collect::<Vec<_>>();
        let package = |name: &&str| -> Value {
            let dependencies: Vec<_> =
                of(name).iter().map(|(_, to, kind)| json!({"name": to, "kind": kind})).collect();
            json!({"id": name, "name": name, "manifest_path": format!("/crates/{name}/Cargo.toml"), "dependencies": dependencies})
        };
        let node = |name: &&str| -> Value {
            let deps: Vec<_> = of(name)
                .iter()
                .map(|(_, to, kind)| json!({"pkg": to, "dep_kinds": [{"kind": kind}]}))
                .collect();
            json!({"id": name, "deps": deps, "features": if planted.contains(name) { vec!["planted"] } else { Vec::new() }})
        };
        let members: Vec<_> = names.iter().filter(|name| name.starts_with("millstream")).collect();
        serde_json::from_value(json!({
            "packages": names.iter().map(package).collect::<Vec<_>>(),
            "resolve": {"nodes": names.iter().map(node).collect::<Vec<_>>()},
            "workspace_members": members,
        }))
        .unwrap()
    }

    #[test]
    fn a_runtime_is_found_behind_another_library_and_allowed_in_tests() {
        let metadata = workspace(&[("millstream-core", "harmless", None), ("harmless", "tokio", None)]);
        let wrong = trees(&metadata).unwrap();
        assert_eq!(wrong, ["millstream-core depends on tokio: millstream-core → harmless → tokio"]);
        let metadata = workspace(&[("millstream-core", "tokio", Some("dev"))]);
        assert!(trees(&metadata).unwrap().is_empty());
    }

    #[test]
    fn known_mistakes_are_found_where_an_ordinary_build_has_them() {
        let edges = [("millstream-storage", "harmless", None)];
        assert!(planted(&workspace(&edges)).is_empty());
        let wrong = planted(&workspace_with(&edges, &["millstream-storage", "harmless"]));
        assert_eq!(
            wrong,
            ["millstream-storage has the feature `planted`, which is for `cargo xtask planted` alone"]
        );
    }

    #[test]
    fn a_front_may_name_neither_the_engine_nor_another_front() {
        let metadata = workspace(&[
            ("millstream-kafka", "millstream-front", None),
            ("millstream-kafka", "millstream-engine", None),
            ("millstream-amqp", "millstream-kafka", None),
            ("millstream-amqp", "millstream-engine", Some("dev")),
        ]);
        let wrong = arrows(&metadata);
        assert_eq!(
            wrong,
            [
                "millstream-amqp may not depend on millstream-kafka",
                "millstream-kafka may not depend on millstream-engine",
            ]
        );
    }
}
