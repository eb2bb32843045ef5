//! `millstream man`: manual pages, made of the same table of commands as help and completions.
//!
//! Apart because what a command cannot say of itself (exit codes, files, signals) is added to the first page here.

use super::Cli;
use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use std::io::{self, Write};
use std::path::Path;

/// What the first page says beside its commands.
const MORE: &str = r#".SH "EXIT STATUS"
.TP
.B 0
It is done; a broker was told to stop and has stopped.
.TP
.B 1
It failed: one sentence on standard error says at what. For \fBmillstream verify\fR also: the directory is damaged.
.TP
.B 2
A mistake in the arguments.
.SH SIGNALS
.TP
.B SIGTERM, SIGINT
The broker finishes what it has taken, writes a checkpoint and ends. A second one cuts connections off.
.TP
.B SIGHUP
The broker reads its settings again, and the files that they name. See \fBmillstream config\fR.
.SH ENVIRONMENT
Every setting of \fBmillstream serve\fR can be given as a variable, \fBMILLSTREAM_\fR and its name in capitals.
.SH FILES
.TP
.I DIR/admin.token
The admin token, made at the first start, in the data directory.
.SH "SEE ALSO"
.BR millstream\-serve (1),
.BR millstream\-config (1)
"#;

/// Writes a page for each command.
///
/// # Errors
/// One sentence: what could not be written.
pub(super) fn write(directory: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory)
        .with_context(|| format!("the directory {} cannot be made", directory.display()))?;
    for (name, page) in pages()? {
        let path = directory.join(&name);
        std::fs::write(&path, page).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

/// Names of files and what is in them.
fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut root = without_help(Cli::command());
    root.build();
    let mut found = Vec::new();
    page(&root, &mut found)?;
    found[0].1.write_all(MORE.as_bytes())?;
    Ok(found)
}

/// A command without the one that prints help: it has no page to refer to, and needs none.
fn without_help(command: Command) -> Command {
    command.disable_help_subcommand(true).mut_subcommands(without_help)
}

fn page(command: &Command, found: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    let man = Man::new(command.clone()).source(concat!("millstream ", env!("CARGO_PKG_VERSION")));
    let (name, mut text) = (man.get_filename(), Vec::new());
    man.render(&mut text)?;
    found.push((name, text));
    command.get_subcommands().try_for_each(|command| page(command, found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_command_has_a_page_of_its_own_name() {
        fn names(command: &Command, name: &str, all: &mut BTreeSet<String>) {
            all.insert(format!("{name}.1"));
            for command in command.get_subcommands() {
                names(command, &format!("{name}-{}", command.get_name()), all);
            }
        }
        let mut expected = BTreeSet::new();
        names(&Cli::command(), "millstream", &mut expected);
        let pages = pages().unwrap();
        let written: BTreeSet<String> = pages.iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(written, expected);
        assert_eq!(written.len(), pages.len());
        for (name, page) in pages {
            let text = String::from_utf8(page).unwrap();
            assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{name}");
        }
    }
}
