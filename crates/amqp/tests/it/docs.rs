//! The documentation's tables of methods and of the management API are what the code says.
//!
//! Apart because it is the one test that writes: `UPDATE_DOCS=1 cargo test -p millstream-amqp --test it docs` puts the tables
//! into `docs/amqp.md` and `docs/amqp-management.md`; without the variable it only compares.

use millstream_amqp::codec::{MethodKind, Sender};
use millstream_amqp::{ENDPOINTS, OPERATIONS};
use std::fmt::Write as _;
use std::path::Path;

const BEGIN: &str = "<!-- operations: begin -->\n";
const END: &str = "<!-- operations: end -->";

fn table() -> String {
    let mut table = String::from("| method | number | differs from RabbitMQ |\n|---|---|---|\n");
    for operation in OPERATIONS {
        let (class, method) = (operation.number / 256, operation.number % 256);
        writeln!(table, "| {} | {class}/{method} | {} |", operation.name, operation.differences)
            .expect("a string takes everything");
    }
    table
}

#[test]
fn the_table_of_methods_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/amqp.md");
    let page = std::fs::read_to_string(&path).expect("docs/amqp.md is there");
    let (before, rest) = page.split_once(BEGIN).expect("the begin marker");
    let (committed, after) = rest.split_once(END).expect("the end marker");
    let table = table();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}"))
            .expect("docs/amqp.md can be written");
        return;
    }
    assert_eq!(committed, table, "run: UPDATE_DOCS=1 cargo test -p millstream-amqp --test it docs");
}

/// The table of the management API's page, between the same markers.
#[test]
fn the_table_of_the_management_api_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/amqp-management.md");
    let page = std::fs::read_to_string(&path).expect("docs/amqp-management.md is there");
    let (before, rest) = page.split_once(BEGIN).expect("the begin marker");
    let (committed, after) = rest.split_once(END).expect("the end marker");
    let mut table = String::from("| | | |\n|---|---|---|\n");
    for row in ENDPOINTS {
        assert!(!row.doc.contains(['|', '\n']) && row.doc.ends_with('.'), "{}", row.path);
        writeln!(table, "| {} | `{}` | {} |", row.method, row.path, row.doc)
            .expect("a string takes everything");
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}"))
            .expect("docs/amqp-management.md can be written");
        return;
    }
    assert_eq!(committed, table, "run: UPDATE_DOCS=1 cargo test -p millstream-amqp --test it docs");
}

#[test]
fn every_method_of_clients_on_channels_is_an_operation() {
    let of_channels = MethodKind::ALL.iter().filter(|kind| {
        let is_answer = kind.name().ends_with("-ok");
        kind.sender() != Sender::Server && kind.id().0 != 10 && !is_answer
    });
    let numbers: Vec<(u16, u16)> = of_channels.map(|kind| kind.id()).collect();
    let served: Vec<(u16, u16)> = OPERATIONS
        .iter()
        .map(|operation| {
            let number = u16::try_from(operation.number).expect("numbers are positive");
            (number / 256, number % 256)
        })
        .collect();
    assert_eq!(served, numbers);
    for operation in OPERATIONS {
        assert!(!operation.differences.contains(['|', '\n']), "{}", operation.name);
    }
}
