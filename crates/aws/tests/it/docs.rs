//! The documentation's table of actions is what the registry says.
//!
//! Apart because it is the one test that writes: `UPDATE_DOCS=1 cargo test -p millstream-aws --test it docs` puts the table
//! into `docs/sqs.md`; without the variable it only compares.

use millstream_aws::sqs::OPERATIONS;
use std::fmt::Write as _;
use std::path::Path;

const BEGIN: &str = "<!-- operations: begin -->\n";
const END: &str = "<!-- operations: end -->";

fn table() -> String {
    let mut table = String::from("| action | differs from Amazon |\n|---|---|\n");
    for operation in OPERATIONS {
        writeln!(table, "| {} | {} |", operation.name, operation.differences)
            .expect("a string takes everything");
    }
    table
}

#[test]
fn the_table_of_actions_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sqs.md");
    let page = std::fs::read_to_string(&path).expect("docs/sqs.md is there");
    let (before, rest) = page.split_once(BEGIN).expect("the begin marker");
    let (committed, after) = rest.split_once(END).expect("the end marker");
    let table = table();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}"))
            .expect("docs/sqs.md can be written");
        return;
    }
    assert_eq!(committed, table, "run: UPDATE_DOCS=1 cargo test -p millstream-aws --test it docs");
}

#[test]
fn actions_are_in_the_order_of_their_names_and_break_no_table() {
    for operation in OPERATIONS {
        assert!(!operation.differences.contains(['|', '\n']), "{}", operation.name);
    }
    assert!(OPERATIONS.is_sorted_by(|left, right| left.name < right.name));
}
