//! Makes each known mistake in turn and sees after how many seeds a simulation finds it.
//!
//! Apart, and only with the feature `planted`, because a build that can make mistakes is used for nothing else.

use std::panic::{catch_unwind, set_hook};

use millstream_types::planted::{BUGS, Bug, select};

use crate::toy::Toy;
use crate::{broker, harness, queues, trace};

/// Crash points per seed.
const POINTS: u64 = 25;
/// The simulations, in the order in which each seed goes through them.
const SIMULATIONS: [(&str, trace::Run); 5] = [
    ("the broker, simulated", broker::run),
    ("storage, simulated", harness::run::<Toy>),
    ("queues, simulated", queues::run),
    ("held reads", broker::held::run),
    ("torn tails", broker::torn::run),
];

/// How a mistake was found.
struct Caught {
    by: &'static str,
    seeds: u64,
    said: String,
}

/// Tries every mistake, or one. Prints a line for each: name, place, what is wrong, and, unless it was not caught, by
/// which simulation, after how many seeds, and what that said; tabs between. False when one was not caught, or when one of
/// the seeds fails without any.
pub fn run(only: Option<&str>, seeds_max: u64) -> bool {
    set_hook(Box::new(|_| {}));
    let (mut all_caught, mut seeds_run) = (true, 0);
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    for (bug, name, place, what) in BUGS.iter().filter(|(_, name, ..)| wanted(name)) {
        let caught = hunt(Some(*bug), seeds_max);
        all_caught &= caught.is_some();
        seeds_run = seeds_run.max(caught.as_ref().map_or(0, |caught| caught.seeds));
        let end =
            caught.map_or(String::new(), |Caught { by, seeds, said }| format!("\t{by}\t{seeds}\t{said}"));
        println!("{name}\t{place}\t{what}{end}");
    }
    let without = hunt(None, seeds_run);
    if let Some(Caught { by, seeds, said }) = &without {
        eprintln!("without any mistake, {by}, seed {seeds}: {said}");
    }
    all_caught && without.is_none()
}

fn hunt(bug: Option<Bug>, seeds_max: u64) -> Option<Caught> {
    select(bug);
    let found = (1..=seeds_max).find_map(|seed| {
        SIMULATIONS.iter().find_map(|(by, run)| {
            let said = match catch_unwind(|| run(seed, POINTS, None)) {
                Ok(Ok(_)) => return None,
                Ok(Err(error)) => format!("{error:#}"),
                Err(panic) => panic_text(&*panic),
            };
            Some(Caught { by, seeds: seed, said: said.replace(['\t', '\n', '|'], " ") })
        })
    });
    select(None);
    found
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("something");
    format!("panic: {text}")
}
