//! The documentation's table of operations is what the registry says.
//!
//! Apart because it is the one test that writes: `UPDATE_DOCS=1 cargo test -p millstream-kafka --test it docs` puts the
//! table into `docs/kafka.md`; without the variable it only compares. The project's task runner does not do it, since it
//! would have to build the whole front to read one table.

use millstream_kafka::OPERATIONS;
use std::fmt::Write as _;
use std::path::Path;

const BEGIN: &str = "<!-- operations: begin -->\n";
const END: &str = "<!-- operations: end -->";

fn table() -> String {
    let mut table = String::from("| key | operation | versions | differs from Kafka |\n|---|---|---|---|\n");
    for operation in OPERATIONS {
        let (min, max) = (operation.version_min, operation.version_max);
        let versions = if min == max { min.to_string() } else { format!("{min}–{max}") };
        let (key, name, differences) = (operation.number, operation.name, operation.differences);
        writeln!(table, "| {key} | {name} | {versions} | {differences} |")
            .expect("a string takes everything");
    }
    table
}

#[test]
fn the_table_of_operations_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/kafka.md");
    let page = std::fs::read_to_string(&path).expect("docs/kafka.md is there");
    let (before, rest) = page.split_once(BEGIN).expect("the begin marker");
    let (committed, after) = rest.split_once(END).expect("the end marker");
    let table = table();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}"))
            .expect("docs/kafka.md can be written");
        return;
    }
    assert_eq!(committed, table, "run: UPDATE_DOCS=1 cargo test -p millstream-kafka --test it docs");
}

#[test]
fn no_difference_breaks_the_table() {
    for operation in OPERATIONS {
        assert!(!operation.differences.contains(['|', '\n']), "{}", operation.name);
    }
}
