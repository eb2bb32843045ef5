//! What a run says at its end, and what keeps a run in which nothing happened from passing.
//!
//! Apart because these are the two things that whoever reads the result relies on.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::bail;
use millstream_testkit::checker::Verdict;
use millstream_testkit::history::Op;

use crate::drain::READERS;
use crate::load::TOPICS;
use crate::run::{Counts, When};

/// Runs with this many cycles must have hit every moment.
const CYCLES_FOR_EVERY_MOMENT: u32 = 200;

/// Prints the counts and the anomalies.
pub(crate) fn print(seed: u64, counts: &Counts, verdict: &Verdict, checking: Duration) {
    let mut starts = counts.starts.clone();
    starts.sort_unstable();
    let p50 = starts.get(starts.len() / 2).copied().unwrap_or_default();
    let max = starts.last().copied().unwrap_or_default();
    println!("seed                {seed}");
    println!("cycles              {}", counts.kills());
    let mut kills = String::new();
    for (when, count) in &counts.by_moment {
        write!(kills, ", {count} {}", when.name()).expect("a string takes everything");
    }
    println!("kills               {} ({} mid-load){kills}", verdict.kills, verdict.kills_under_load);
    println!("restart             p50 {} ms, max {} ms", p50.as_millis(), max.as_millis());
    print_verdict(verdict, checking);
}

/// Prints what a history holds and what is wrong in it.
pub(crate) fn print_verdict(verdict: &Verdict, checking: Duration) {
    let [ok, fail, info] = verdict.totals();
    println!("operations          {ok} ok, {fail} fail, {info} info");
    for (op, [ok, fail, info]) in &verdict.operations {
        println!("  {:<17} {ok} ok, {fail} fail, {info} info", format!("{op:?}").to_lowercase());
    }
    println!("records acked       {}", verdict.acked_total());
    for (process, count) in &verdict.acked {
        println!("  {process:<25} {count:>9}");
    }
    println!("records read        {}", verdict.read_total());
    for (process, count) in &verdict.read {
        println!("  {process:<25} {count:>9}");
    }
    println!("repeated            {} (by producers that are not idempotent)", verdict.repeated);
    let events = ok + fail + info;
    let rate = events as f64 / checking.as_secs_f64().max(1e-9);
    println!("checked             {events} operations in {:.1} s ({rate:.0}/s)", checking.as_secs_f64());
    println!("anomalies           {}", verdict.anomalies.total());
    for (kind, count, examples) in verdict.anomalies.iter() {
        println!("  {count} × {}", kind.name());
        for example in examples {
            println!("      {example}");
        }
    }
}

/// Fails a run that did not do what it is for.
pub(crate) fn guard(
    counts: &Counts,
    verdict: &Verdict,
    producers: &[String],
    cycles: u32,
) -> anyhow::Result<()> {
    let mut missing = Vec::new();
    let mut wants = |fine: bool, what: String| {
        if !fine {
            missing.push(what);
        }
    };
    wants(verdict.kills == u64::from(cycles), format!("{} kills of {cycles}", verdict.kills));
    wants(
        verdict.kills_under_load >= u64::from(cycles / 3),
        format!("only {} kills mid-load", verdict.kills_under_load),
    );
    for producer in producers {
        let acked = verdict.acked.get(producer).copied().unwrap_or_default();
        wants(acked >= u64::from(cycles), format!("{producer} has only {acked} records acknowledged"));
    }
    for reader in READERS {
        let read = verdict.read.get(reader).copied().unwrap_or_default();
        wants(read > 0, format!("{reader} read nothing"));
    }
    let drains = verdict.operations.get(&Op::Drain).map_or(0, |outcomes| outcomes[0]);
    let partitions: u32 = TOPICS.iter().map(|topic| topic.partitions).sum();
    wants(
        drains >= u64::from(partitions) * READERS.len() as u64,
        format!("only {drains} partitions were read to their end"),
    );
    for op in [Op::Bounds, Op::Trim, Op::Commit, Op::Committed, Op::Create, Op::Delete, Op::Exists] {
        let ok = verdict.operations.get(&op).map_or(0, |outcomes| outcomes[0]);
        wants(ok >= u64::from(cycles / 4).max(1), format!("only {ok} × {op:?} succeeded"));
    }
    if cycles >= CYCLES_FOR_EVERY_MOMENT {
        for when in When::ALL {
            let hits = counts.by_moment.get(&when).copied().unwrap_or_default();
            wants(hits > 0, format!("no kill {}", when.name()));
        }
    }
    if !missing.is_empty() {
        bail!("the run shows too little: {}", missing.join("; "));
    }
    Ok(())
}
