//! The documentation's tables of operations, settings and problems are what the code says.
//!
//! Apart because it is the one test that writes: `UPDATE_DOCS=1 cargo test -p millstream-console --test it docs` puts the
//! tables into `docs/api.md`; without the variable it only compares.

use millstream_console::{Code, ENDPOINTS, Kind, Param, SETTINGS};
use std::fmt::Write as _;
use std::path::Path;

/// A table of the page: what its markers are called, and what stands between them.
fn tables() -> [(&'static str, String); 3] {
    let mut operations = String::from("| | | |\n|---|---|---|\n");
    for endpoint in &ENDPOINTS {
        let mut doc = endpoint.doc.to_owned();
        for param in endpoint.query {
            write!(doc, "<br>`{}`{}: {}.", param.name, values(param), param.doc)
                .expect("a string takes everything");
        }
        writeln!(operations, "| {} | `{}` | {doc} |", endpoint.method, endpoint.path)
            .expect("a string takes everything");
    }
    let mut settings = String::from("| setting | values | |\n|---|---|---|\n");
    for row in SETTINGS {
        writeln!(settings, "| `{}` | {} | {} |", row.name, row.values, row.doc)
            .expect("a string takes everything");
    }
    let mut problems = String::from("| status | code | |\n|---|---|---|\n");
    for code in Code::ALL {
        writeln!(problems, "| {} | `{}` | {} |", code.status(), code.word(), code.title())
            .expect("a string takes everything");
    }
    [("operations", operations), ("settings", settings), ("problems", problems)]
}

/// What a parameter may be, where its words do not say so.
fn values(param: &Param) -> String {
    match param.kind {
        Kind::Text => String::new(),
        Kind::Flag => " (`true`, `false`)".to_owned(),
        Kind::Word(words) => format!(" (`{}`)", words.join("`, `")),
        // Bounds that are those of the type say nothing.
        Kind::Number(from, to) if to < u64::from(u32::MAX) => format!(" ({from} to {to})"),
        Kind::Number(..) => " (a number)".to_owned(),
    }
}

#[test]
fn the_tables_are_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api.md");
    let page = std::fs::read_to_string(&path).expect("docs/api.md is there");
    let mut made = page.clone();
    for (name, table) in tables() {
        let (before, rest) = made.split_once(&format!("<!-- {name}: begin -->\n")).expect("the begin marker");
        let (_, after) = rest.split_once(&format!("<!-- {name}: end -->")).expect("the end marker");
        made = format!("{before}<!-- {name}: begin -->\n{table}<!-- {name}: end -->{after}");
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, made).expect("docs/api.md can be written");
        return;
    }
    assert!(page == made, "run: UPDATE_DOCS=1 cargo test -p millstream-console --test it docs");
}

#[test]
fn the_page_of_errors_says_of_every_problem_what_to_do() {
    let page = include_str!("../../../../docs/errors.md");
    let (_, table) = page.split_once("| code | status | what to do |\n|---|---|---|\n").expect("the table");
    let rows: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), Code::ALL.len());
    for (code, row) in Code::ALL.iter().zip(rows) {
        let begin = format!("| `{}` | {} | ", code.word(), code.status());
        assert!(
            row.strip_prefix(&begin).is_some_and(|remedy| remedy.len() > 10),
            "{row} is to begin with {begin}"
        );
    }
}

#[test]
fn operations_have_names_of_their_own_and_break_no_table() {
    for (index, endpoint) in ENDPOINTS.iter().enumerate() {
        assert!(ENDPOINTS[..index].iter().all(|other| other.name != endpoint.name), "{}", endpoint.name);
        assert!(!endpoint.doc.contains(['|', '\n']) && endpoint.doc.ends_with('.'), "{}", endpoint.name);
        let is_safe = endpoint.method == "GET";
        assert!(!(is_safe && endpoint.body.is_taken()), "{}", endpoint.name);
    }
}
