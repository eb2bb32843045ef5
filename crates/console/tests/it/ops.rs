//! What monitoring systems are given names only what there is, and the page about metrics is what the code says.
//!
//! Apart because it reads files outside of the crate: `UPDATE_DOCS=1 cargo test -p millstream-console --test it ops` writes the
//! tables into `docs/metrics.md` and `docs/alarms.md`; without the variable they are only compared.

use millstream_console::alarms::{RULES, Thresholds};
use millstream_console::metrics::{CATALOG, MetricKind, MetricRow};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Labels that Prometheus itself puts on every series.
const ITS_OWN: [&str; 3] = ["instance", "job", "le"];

/// Checks that an expression names metrics that there are, with labels that they have.
fn check(expression: &str) {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = expression.as_bytes();
    let (mut at, mut found) = (0, 0);
    while at < bytes.len() {
        if !is_name(bytes[at]) {
            at += 1;
            continue;
        }
        let end = (at..bytes.len()).find(|end| !is_name(bytes[*end])).unwrap_or(bytes.len());
        let name = &expression[at..end];
        at = end;
        if !name.starts_with("millstream_") && !name.starts_with("process_") {
            continue;
        }
        found += 1;
        let row = row_of(name).unwrap_or_else(|| panic!("there is no {name}: {expression}"));
        let matchers = expression[end..].strip_prefix('{').and_then(|rest| rest.split('}').next());
        for matcher in matchers.into_iter().flat_map(|matchers| matchers.split(',')) {
            let label = matcher.split(['=', '!']).next().unwrap();
            let is_known = row.labels.contains(&label) || ITS_OWN.contains(&label);
            assert!(is_known, "{name} has no label {label}: {expression}");
        }
    }
    assert!(found > 0 || expression.starts_with("up{"), "it asks for nothing of ours: {expression}");
}

fn row_of(name: &str) -> Option<&'static MetricRow> {
    let suffixes = ["_bucket", "_sum", "_count"];
    CATALOG.iter().find(|row| match row.kind {
        MetricKind::Histogram => suffixes.iter().any(|suffix| name.strip_suffix(suffix) == Some(row.name)),
        MetricKind::Counter | MetricKind::Gauge => row.name == name,
    })
}

#[test]
fn the_dashboard_asks_only_for_what_there_is() {
    let dashboard: Value = serde_json::from_str(&read("ops/grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let expressions: Vec<&str> = targets.map(|target| target["expr"].as_str().unwrap()).collect();
    assert!(expressions.len() > 20);
    expressions.into_iter().for_each(check);
}

#[test]
fn the_alert_rules_ask_only_for_what_there_is() {
    let rules = read("ops/alerts.yml");
    let mut lines = rules.lines().peekable();
    let mut count = 0;
    while let Some(line) = lines.next() {
        let Some(expression) = line.trim_start().strip_prefix("expr: ") else { continue };
        count += 1;
        if expression != ">-" {
            check(expression);
            continue;
        }
        let indent = |line: &str| line.len() - line.trim_start().len();
        let mut folded = String::new();
        while let Some(next) = lines.next_if(|next| indent(next) > indent(line)) {
            folded.push(' ');
            folded.push_str(next.trim());
        }
        check(&folded);
    }
    assert_eq!(count, rules.matches("- alert: ").count());
}

/// Puts a table between its markers, or compares it.
fn between_markers(path: &str, name: &str, table: &str) {
    let page = read(path);
    let (before, rest) = page.split_once(&format!("<!-- {name}: begin -->\n")).expect("the begin marker");
    let (_, after) = rest.split_once(&format!("<!-- {name}: end -->")).expect("the end marker");
    let made = format!("{before}<!-- {name}: begin -->\n{table}<!-- {name}: end -->{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(root().join(path), made).expect("the page can be written");
        return;
    }
    assert!(page == made, "{path}: run UPDATE_DOCS=1 cargo test -p millstream-console --test it ops");
}

#[test]
fn the_table_of_metrics_is_up_to_date() {
    let mut table = String::from("| metric | kind | labels | |\n|---|---|---|---|\n");
    for MetricRow { name, kind, labels, help } in CATALOG {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let (kind, labels) = (kind.word(), labels.join(", "));
        writeln!(table, "| `{name}` | {kind} | {labels} | {help} |").expect("a string takes everything");
    }
    between_markers("docs/metrics.md", "metrics", &table);
}

#[test]
fn the_table_of_rules_is_up_to_date() {
    let mut table = String::from("| rule | when | from | held for | what to do |\n|---|---|---|---|---|\n");
    let thresholds = Thresholds::default();
    for info in RULES {
        let (name, doc, unit, advice) = (info.name, info.doc, info.unit, info.advice);
        let (from, held) = (thresholds.of(info.rule), info.hold_ms / 1000);
        writeln!(table, "| `{name}` | {doc} | {from} {unit} | {held} s | {advice} |")
            .expect("a string takes everything");
    }
    between_markers("docs/alarms.md", "rules", &table);
}
