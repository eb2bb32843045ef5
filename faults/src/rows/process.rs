//! What is done to a process: limits, signals, a second one.
//!
//! Apart from harm to the disk: here every file stays as it is.

use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use millstream_crash::broker::Broker;
use millstream_testkit::history::Op;
use rustix::process::Signal;

use crate::base::STOP_MAX;
use crate::runner::Field;
use crate::stage::{Stage, sentence};
use crate::tools;

const LIFE: Duration = Duration::from_millis(700);
/// A limit is met within this time of bulk load.
const LIMIT_MAX: Duration = Duration::from_secs(20);
/// Limits of a file's length, in MiB: below the first file's, and between the first's and the others'.
const FILE_MIB: [u64; 4] = [64, 8, 20, 1];
/// Descriptors of a broker that is to run, and connections that are more than those.
const DESCRIPTORS: u64 = 64;
const CONNECTIONS: usize = 300;
const PAUSE: Duration = Duration::from_secs(5);

pub(crate) fn file_size_limit(field: &Field) -> anyhow::Result<String> {
    tools::run("prlimit", ["--version"])?;
    let mut stage = Stage::new(field, field.dir.join("data"), true)?;
    stage.begin()?;
    let (mut refused, mut stopped, mut lived) = (0, 0, 0);
    for cycle in 0..field.cycles {
        stage.kill()?;
        let bytes = FILE_MIB[cycle as usize % FILE_MIB.len()] << 20;
        stage.broker.set_starter(["prlimit".to_owned(), format!("--fsize={bytes}")]);
        stage.broker.spawn()?;
        let ready = stage.broker.ready().is_ok();
        if ready {
            stage.note(Op::Ready)?;
            stage.want_bulk(true);
        }
        match stage.broker.ended(if ready { LIMIT_MAX } else { STOP_MAX })? {
            Some(status) => {
                stage.note(Op::Kill)?;
                let said = stage.broker.said()?;
                ensure!(
                    status.code() == Some(1),
                    "with files of {bytes} bytes it ended with {status}: {said}"
                );
                sentence(&said)?;
                if ready { stopped += 1 } else { refused += 1 }
            }
            None => {
                lived += 1;
                stage.kill()?;
            }
        }
        stage.want_bulk(false);
        stage.broker.set_starter::<String>([]);
        stage.start()?;
    }
    let judged = stage.judged()?;
    Ok(format!(
        "{refused} starts refused, {stopped} stopped later, {lived} lived on refusing writes; {judged}"
    ))
}

pub(crate) fn two(field: &Field) -> anyhow::Result<String> {
    let mut stage = Stage::new(field, field.dir.join("data"), false)?;
    stage.begin()?;
    for cycle in 0..field.cycles {
        let stopped = cycle % 2 == 1;
        if stopped {
            stage.broker.signal(Signal::STOP)?;
        }
        let dir = stage.broker.dir().to_path_buf();
        let mut second = Broker::new(&field.broker, dir, field.dir.join("second.log"))?;
        second.spawn()?;
        let ready = second.ready().is_ok();
        let status = if ready { None } else { second.ended(STOP_MAX)? };
        if stopped {
            stage.broker.signal(Signal::CONT)?;
        }
        ensure!(!ready, "a second broker started on the same directory");
        ensure!(status.is_some_and(|status| status.code() == Some(1)), "the second ended with {status:?}");
        let said = second.said()?;
        let sentence = sentence(&said)?;
        ensure!(sentence.contains("locked"), "the second says {sentence}");
        sleep(LIFE);
    }
    let judged = stage.judged()?;
    Ok(format!("{} refused; {judged}", field.cycles))
}

pub(crate) fn descriptors(field: &Field) -> anyhow::Result<String> {
    tools::run("prlimit", ["--version"])?;
    let limited = |count: u64| ["prlimit".to_owned(), format!("--nofile={count}")];
    let mut stage = Stage::new(field, field.dir.join("data"), true)?;
    stage.broker.set_starter(limited(DESCRIPTORS));
    stage.begin()?;
    for _ in 0..field.cycles {
        sleep(LIFE);
        let mut crowd = Vec::new();
        for _ in 0..CONNECTIONS {
            crowd.extend(TcpStream::connect_timeout(&stage.world.address, Duration::from_millis(20)));
        }
        // While they are there, files change: a checkpoint wants descriptors, too.
        stage.want_bulk(true);
        sleep(LIFE * 3);
        stage.want_bulk(false);
        drop(crowd);
        sleep(LIFE);
        ensure!(
            stage.broker.ended(Duration::ZERO)?.is_none(),
            "without descriptors the broker ended: {}",
            stage.broker.said()?
        );
    }
    stage.kill()?;
    let (mut refused, mut started) = (0, 0);
    for count in (8..=40).step_by(4) {
        stage.broker.set_starter(limited(count));
        stage.broker.spawn()?;
        if stage.broker.ready().is_ok() {
            stage.note(Op::Ready)?;
            started += 1;
            sleep(LIFE);
            stage.kill()?;
            continue;
        }
        let status = stage.broker.ended(STOP_MAX)?.context("it neither became ready nor ended")?;
        let said = stage.broker.said()?;
        ensure!(status.code() == Some(1), "with {count} descriptors it ended with {status}: {said}");
        sentence(&said).with_context(|| format!("with {count} descriptors"))?;
        refused += 1;
    }
    stage.broker.set_starter::<String>([]);
    stage.start()?;
    let judged = stage.judged()?;
    Ok(format!(
        "with few descriptors {refused} starts refused with a sentence, {started} went well; {judged}"
    ))
}

pub(crate) fn terminate(field: &Field) -> anyhow::Result<String> {
    let mut stage = Stage::new(field, field.dir.join("data"), false)?;
    stage.begin()?;
    let mut slowest = 0;
    for _ in 0..field.cycles {
        sleep(LIFE);
        stage.note(Op::Kill)?;
        let since = millstream_crash::clock::now_ns();
        stage.broker.signal(Signal::TERM)?;
        let status = stage.broker.ended(STOP_MAX)?.context("it did not stop")?;
        ensure!(status.success(), "it stopped with {status}: {}", stage.broker.said()?);
        slowest = slowest.max((millstream_crash::clock::now_ns() - since) / 1_000_000);
        stage.start()?;
    }
    let judged = stage.judged()?;
    Ok(format!("stopped within {slowest} ms; {judged}"))
}

pub(crate) fn pause(field: &Field) -> anyhow::Result<String> {
    let mut stage = Stage::new(field, field.dir.join("data"), false)?;
    stage.begin()?;
    for _ in 0..field.cycles {
        sleep(LIFE);
        stage.broker.signal(Signal::STOP)?;
        sleep(PAUSE);
        stage.broker.signal(Signal::CONT)?;
    }
    sleep(LIFE);
    let judged = stage.judged()?;
    let [_, failed, unknown] = judged.verdict.totals();
    ensure!(failed + unknown == 0, "{failed} requests failed, of {unknown} nobody knows");
    Ok(judged.to_string())
}
