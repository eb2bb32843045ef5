//! What is printed: tables for people, JSON for programs, notes and progress beside both.
//!
//! Apart so that all commands look alike: results go to standard output, everything else to standard error, and a
//! progress bar is only shown to someone who is looking.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// How often a progress bar moves when nothing else moves it.
const PROGRESS_TICK: Duration = Duration::from_millis(200);

/// A column: its heading, and whether it holds numbers.
#[derive(Clone, Copy)]
pub(super) enum Column {
    /// Left-aligned.
    Text(&'static str),
    /// Right-aligned, so that digits of a size stand below one another.
    Number(&'static str),
}

/// Prints rows below their headings; no lines, so that it can be cut and searched.
pub(super) fn print_table(columns: &[Column], rows: Vec<Vec<String>>) -> io::Result<()> {
    print(&format_table(columns, rows))
}

fn format_table(columns: &[Column], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| match column {
        Column::Text(heading) | Column::Number(heading) => *heading,
    }));
    table.add_rows(rows);
    for (shown, column) in table.column_iter_mut().zip(columns) {
        shown.set_padding((0, 2));
        if let Column::Number(_) = column {
            shown.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Prints a value as one line of JSON.
pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string(value)?;
    text.push('\n');
    Ok(print(&text)?)
}

/// Prints text as it is.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Says something that is not part of the result.
pub(super) fn note(text: &str) {
    eprintln!("millstream: {text}");
}

/// A progress bar on standard error; invisible when that is no terminal.
pub(super) fn progress(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => {
            (ProgressBar::new(total), "{bar:40} {human_pos}/{human_len} records, {per_sec}, {eta} left")
        }
        None => (ProgressBar::new_spinner(), "{spinner} {human_pos} records, {per_sec}"),
    };
    bar.set_style(ProgressStyle::with_template(template).expect("the templates are ours"));
    bar.enable_steady_tick(PROGRESS_TICK);
    bar
}

/// A progress bar for a command whose output is records: invisible when they appear on the terminal themselves.
pub(super) fn progress_beside_output(total: Option<u64>) -> ProgressBar {
    if io::stdout().is_terminal() { ProgressBar::hidden() } else { progress(total) }
}

/// Whether a failure is that the reader of our output went away, for all that can be seen here.
pub(super) fn has_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Bytes as text that any JSON reader turns back into them (RFC 4648, with padding).
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let sixth = bits >> (18 - 6 * place) & 0x3f;
            out.push(if place > group.len() { '=' } else { char::from(ALPHABET[sixth as usize]) });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let examples = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (bytes, text) in examples {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }

    #[test]
    fn numbers_stand_to_the_right_and_lines_have_no_tail() {
        let rows =
            vec![vec!["a".to_owned(), "7".to_owned()], vec!["long-name".to_owned(), "1234".to_owned()]];
        let table = format_table(&[Column::Text("TOPIC"), Column::Number("LAG")], rows);
        assert_eq!(table, "TOPIC       LAG\na             7\nlong-name  1234\n");
    }
}
