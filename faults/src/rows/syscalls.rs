//! Harm at chosen system calls, by strace.
//!
//! Apart because a random moment seldom hits between two calls; here each kind of call is hit, at its nth time in a thread.

use std::time::Duration;

use anyhow::ensure;
use millstream_testkit::history::Op;

use crate::runner::Field;
use crate::stage::{Stage, sentence};
use crate::tools::{need_strace, strace};

/// Calls, and how many of them a life has at most.
const CALLS: [(&str, u64); 8] = [
    ("pwritev,pwrite64", 150),
    ("fdatasync", 150),
    ("fsync", 10),
    ("?rename,renameat,?renameat2", 4),
    ("?unlink,unlinkat", 3),
    ("?open,openat", 60),
    ("ftruncate", 4),
    ("fallocate", 3),
];
/// A call that is not reached by then is not counted.
const REACHED_MAX: Duration = Duration::from_secs(4);
/// A broker that has met an error ends within this time.
const END_MAX: Duration = Duration::from_secs(30);

pub(crate) fn kill(field: &Field) -> anyhow::Result<String> {
    need_strace()?;
    let mut stage = Stage::new(field, field.dir.join("data"), false)?;
    stage.begin()?;
    let mut hit = 0;
    for cycle in 0..field.cycles {
        stage.kill()?;
        let (calls, most) = CALLS[cycle as usize % CALLS.len()];
        let nth = 1 + stage.chance.below(most);
        stage.broker.set_starter(strace(calls, &format!("signal=KILL:when={nth}")));
        stage.want_bulk(cycle % 2 == 0);
        stage.broker.spawn()?;
        // It may be hit before it is ready.
        if stage.broker.ready().is_ok() {
            stage.note(Op::Ready)?;
        }
        hit += u32::from(stage.broker.ended(REACHED_MAX)?.is_some());
        if stage.broker.is_running() {
            stage.note(Op::Kill)?;
            stage.broker.kill()?;
        }
        stage.want_bulk(false);
        stage.broker.set_starter::<String>([]);
        stage.start()?;
    }
    ensure!(hit >= field.cycles / 3, "only {hit} of {} calls were reached", field.cycles);
    let judged = stage.judged()?;
    Ok(format!("{hit} hit; {judged}"))
}

pub(crate) fn sync_fails(field: &Field) -> anyhow::Result<String> {
    fails(field, "fdatasync,fsync", 120)
}

pub(crate) fn write_fails(field: &Field) -> anyhow::Result<String> {
    fails(field, "pwritev,pwrite64", 120)
}

fn fails(field: &Field, calls: &str, most: u64) -> anyhow::Result<String> {
    need_strace()?;
    let mut stage = Stage::new(field, field.dir.join("data"), true)?;
    stage.begin()?;
    let (mut hit, mut at_start) = (0, 0);
    for cycle in 0..field.cycles {
        stage.kill()?;
        // Every other time among the first calls, which are those of the start.
        let nth = 1 + stage.chance.below(if cycle % 2 == 0 { most } else { 12 });
        stage.broker.set_starter(strace(calls, &format!("error=EIO:when={nth}+")));
        stage.broker.spawn()?;
        let ready = stage.broker.ready().is_ok();
        if ready {
            stage.note(Op::Ready)?;
        }
        if let Some(status) = stage.broker.ended(if ready { REACHED_MAX } else { END_MAX })? {
            let said = stage.broker.said()?;
            ensure!(status.code() == Some(1), "it ended with {status}: {said}");
            let sentence = sentence(&said)?;
            let once = sentence.matches("Input/output error").count() == 1;
            ensure!(sentence.contains("failed") && once, "the sentence is not clear: {sentence}");
            hit += 1;
            at_start += u32::from(!ready);
        } else {
            ensure!(ready, "it neither became ready nor ended");
            stage.note(Op::Kill)?;
            stage.broker.kill()?;
        }
        stage.broker.set_starter::<String>([]);
        stage.start()?;
    }
    ensure!(hit >= field.cycles / 2, "only {hit} of {} calls were reached", field.cycles);
    let judged = stage.judged()?;
    Ok(format!("stopped {hit} times with one sentence, {at_start} of them at the start; {judged}"))
}

/// Memory that is not counted in the budget: code, threads, connections, allocator.
const BESIDES_MIB: u64 = 128;
const BUDGET_MIB: u64 = 64;

pub(crate) fn slow(field: &Field) -> anyhow::Result<String> {
    need_strace()?;
    let mut stage = Stage::new(field, field.dir.join("data"), false)?;
    stage.broker.set_starter(strace("fdatasync", "delay_exit=200000"));
    stage.broker.set_arguments([format!("--memory-budget-bytes={BUDGET_MIB}MiB")]);
    stage.begin()?;
    stage.want_bulk(true);
    std::thread::sleep(Duration::from_secs(20) * field.cycles);
    let status = std::fs::read_to_string(format!("/proc/{}/status", stage.broker.pid()?))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let peak_kib: u64 = peak.trim().trim_end_matches("kB").trim().parse()?;
    ensure!(
        peak_kib <= (BUDGET_MIB + BESIDES_MIB) << 10,
        "the process took {peak_kib} KiB with a budget of {BUDGET_MIB} MiB"
    );
    let judged = stage.judged()?;
    let [_, failed, unknown] = judged.verdict.totals();
    ensure!(failed + unknown == 0, "{failed} requests failed, of {unknown} nobody knows");
    Ok(format!("peak {} MiB with a budget of {BUDGET_MIB} MiB; {judged}", peak_kib >> 10))
}
