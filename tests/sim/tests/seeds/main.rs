//! Simulations of whole clusters by seed. See the crate's text for how to run them.

mod auditor;
mod cluster;
mod events;
mod executor;
mod faults;
mod framework;
mod ledger;
mod observer;
mod plan;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use plan::Plan;

/// Seeds that every change is tried with.
const SEEDS: u64 = 200;
/// After so many failures a run ends: there is enough to look at.
const FAILURES_MAX: usize = 10;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Prints the daemons' own logs, if asked to.
fn start_logging() {
    if let Ok(level) = std::env::var("SIM_LOG") {
        let level: tracing::Level = level.parse().expect("SIM_LOG is a level");
        let _ = tracing_subscriber::fmt()
            .with_max_level(level)
            .without_time()
            .with_ansi(false)
            .with_writer(std::io::stdout)
            .try_init();
    }
}

/// Runs seeds on all processors; prints how to repeat those that fail.
fn run(seeds: std::ops::Range<u64>) {
    let began = Instant::now();
    let next = AtomicU64::new(seeds.start);
    let failures = Mutex::new(Vec::new());
    let simulated = AtomicU64::new(0);
    let work = || {
        while failures.lock().unwrap().len() < FAILURES_MAX {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let outcome = cluster::run(&Plan::new(seed), false);
            simulated.fetch_add(outcome.elapsed.as_secs(), Ordering::Relaxed);
            if let Some(first) = outcome.violations.first() {
                let text = format!(
                    "seed {seed}: {first}\n    SIM_SEED={seed} cargo test -p sim -- one --nocapture"
                );
                println!("{text}");
                failures.lock().unwrap().push(text);
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let failures = failures.into_inner().unwrap();
    let took = began.elapsed().as_secs_f64();
    let done = next.into_inner().min(seeds.end) - seeds.start;
    println!(
        "{done} seeds in {took:.1} s, {:.0} a minute; {:.1} hours simulated",
        done as f64 / took * 60.0,
        simulated.into_inner() as f64 / 3600.0
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn seeds() {
    start_logging();
    run(0..SEEDS);
}

#[test]
fn night() {
    let Some(count) = variable("SIM_SEEDS") else {
        println!("SIM_SEEDS says how many");
        return;
    };
    let first = variable("SIM_FIRST").unwrap_or(SEEDS);
    run(first..first + count);
}

#[test]
fn one() {
    let Some(seed) = variable("SIM_SEED") else {
        println!("SIM_SEED says which");
        return;
    };
    start_logging();
    let mut plan = Plan::new(seed);
    if std::env::var_os("SIM_CALM").is_some() {
        plan.faults.clear();
    }
    println!("{plan:#?}");
    let outcome = cluster::run(&plan, true);
    println!("{outcome:#?}");
    assert!(outcome.violations.is_empty(), "{:#?}", outcome.violations);
}

#[test]
fn a_seed_repeats_itself() {
    start_logging();
    for seed in variable("SIM_SEED").map_or(0..10, |seed| {
        seed..seed + variable("SIM_SEEDS").unwrap_or(1)
    }) {
        let plan = Plan::new(seed);
        let tells = std::env::var_os("SIM_LOG").is_some();
        let first = cluster::run(&plan, tells);
        println!("=====");
        let second = cluster::run(&plan, tells);
        assert_eq!(first, second, "seed {seed}");
    }
}
