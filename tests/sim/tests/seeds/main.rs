//! Simulations of whole clusters by seed. See the crate's text for how to run them.

mod auditor;
mod bugs;
mod cluster;
mod events;
mod executor;
mod faults;
mod framework;
mod ledger;
mod observer;
mod operator;
mod plan;
mod seams;
mod storage;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use observer::Hardships;
use plan::Plan;
use seams::Seams;

/// How many seeds are run unless `SIM_SEEDS` says otherwise.
const SEEDS: u64 = 100;
/// Seeds that are run more than once, to see whether they do the same.
const REPEATED: std::ops::Range<u64> = 0..10;
/// What must go wrong somewhere in so many seeds.
const HARDSHIPS: [&str; 20] = [
    "AgentGivenUp",
    "CallRefused",
    "Container",
    "Crash of agent",
    "Crash of framework",
    "Crash of master",
    "DaemonEnds",
    "Delay",
    "FrameworkRefused",
    "Hold",
    "HoldOneWay",
    "Launch",
    "Lose",
    "LoseOneWay",
    "OfferRescinded",
    "PowerLoss of agent",
    "PowerLoss of framework",
    "PowerLoss of master",
    "SecondScheduler",
    "Teardown",
];
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

/// Does something with each of `items`, on all processors; gives the results in order.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((number, item)) = {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    items.get(number).map(|item| (number, item))
                } {
                    let result = work(item);
                    done.lock().unwrap().push((number, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Runs seeds; prints how to repeat those that fail.
fn run(seeds: std::ops::Range<u64>) {
    let began = Instant::now();
    let seeds: Vec<_> = seeds.collect();
    let failures = Mutex::new(Vec::new());
    let hardships = Mutex::new(Hardships::new());
    let times = in_parallel(&seeds, |seed| {
        if failures.lock().unwrap().len() >= FAILURES_MAX {
            return Duration::ZERO;
        }
        let plan = Plan::new(*seed);
        let outcome = cluster::run(&plan, Seams::default(), false);
        if let Some(first) = outcome.violations.first() {
            let text = format!(
                "seed {seed}, {:?}: {first}\n    SIM_SEED={seed} cargo sim -- --exact one --nocapture",
                plan.size
            );
            println!("{text}");
            failures.lock().unwrap().push(text);
        }
        for (kind, count) in outcome.hardships {
            *hardships.lock().unwrap().entry(kind).or_default() += count;
        }
        outcome.elapsed
    });
    let hardships = hardships.into_inner().unwrap();
    let failures = failures.into_inner().unwrap();
    let took = began.elapsed().as_secs_f64();
    let done = times.iter().filter(|time| !time.is_zero()).count();
    let simulated: Duration = times.iter().sum();
    println!(
        "{done} seeds in {took:.1} s, {:.0} a minute; {:.1} hours simulated",
        done as f64 / took * 60.0,
        simulated.as_secs_f64() / 3600.0
    );
    println!("{hardships:?}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    if done >= SEEDS as usize {
        let missing = HARDSHIPS
            .iter()
            .find(|kind| !hardships.contains_key(**kind));
        assert_eq!(missing, None, "this never went wrong");
    }
}

#[test]
fn seeds() {
    start_logging();
    let first = variable("SIM_FIRST").unwrap_or(0);
    run(first..first + variable("SIM_SEEDS").unwrap_or(SEEDS));
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
    let outcome = cluster::run(&plan, Seams::default(), true);
    println!("{outcome:#?}");
    assert!(outcome.violations.is_empty(), "{:#?}", outcome.violations);
}

#[test]
fn a_seed_repeats_itself() {
    start_logging();
    for seed in variable("SIM_SEED").map_or(REPEATED, |seed| {
        seed..seed + variable("SIM_SEEDS").unwrap_or(1)
    }) {
        let plan = Plan::new(seed);
        let tells = std::env::var_os("SIM_LOG").is_some();
        let first = cluster::run(&plan, Seams::default(), tells);
        println!("=====");
        let second = cluster::run(&plan, Seams::default(), tells);
        assert_eq!(first, second, "seed {seed}");
    }
}

/// What stands for all that happens in some seeds, for another process to compare.
#[test]
fn traces() {
    if std::env::var_os("SIM_TRACES").is_none() {
        println!("SIM_TRACES asks for them");
        return;
    }
    for seed in REPEATED {
        let outcome = cluster::run(&Plan::new(seed), Seams::default(), false);
        println!("trace {seed}: {:016x} of {}", outcome.hash, outcome.lines);
    }
}

#[test]
fn a_seed_repeats_itself_in_another_process() {
    let traces = || {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "traces", "--nocapture"])
            .env("SIM_TRACES", "1")
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let output = output.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().filter(|line| line.contains("trace "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let first = in_parallel(&[(), ()], |()| traces());
    assert_eq!(first[0].len(), REPEATED.count(), "{first:?}");
    assert_eq!(first[0], first[1]);
}
