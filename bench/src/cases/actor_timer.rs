//! Many timers: what setting one costs, and what its firing costs when the time has come.
//!
//! The one thread of a side sleeps by itself until its timers of the next ten milliseconds
//! are due: so they are all due when it goes on, as if its clock had been paused and advanced.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use runtime::{Actor, Context, Declaration, Node, NodeConfig, Placement};

use super::figures;
use crate::process::own_cpu;
use crate::report::{Figures, exponent};

const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];
/// All are set within this time …
const LEAD: Duration = Duration::from_secs(2);
/// … and due within this time after it.
const SPREAD: Duration = Duration::from_secs(1);
/// How far the time goes on at once.
const STEP: Duration = Duration::from_millis(10);

/// CPU time for so many timers.
struct Cost {
    setting: Duration,
    firing: Duration,
}

pub fn run(side: &str, _: Option<&str>) -> Option<Figures> {
    let mut costs = Vec::new();
    for size in SIZES {
        let cost = match side {
            "ours" => ours(size)?,
            "tokio" => tokio_side(size)?,
            _ => return None,
        };
        costs.push((size as f64, cost));
    }
    let firing = costs
        .iter()
        .map(|(size, cost)| (*size, cost.firing.as_secs_f64()));
    let exponent = exponent(&firing.collect::<Vec<_>>());
    let (timers, cost) = costs.last()?;
    Some(figures([
        ("fires_per_cpu_second", timers / cost.firing.as_secs_f64()),
        ("firing_cpu_ns", cost.firing.as_secs_f64() * 1e9 / timers),
        ("setting_cpu_ns", cost.setting.as_secs_f64() * 1e9 / timers),
        ("exponent", exponent),
    ]))
}

/// When the `number`th timer is due after `start`: all over the spread, out of order.
fn due(start: Instant, number: u64) -> Instant {
    let nanos = SPREAD.as_nanos() as u64;
    let after = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % nanos;
    start + LEAD + Duration::from_nanos(after)
}

/// Lets the time go on, step by step, and what is due be handled. The CPU time of that.
async fn fire(start: Instant, left: impl Fn() -> u64) -> Option<Duration> {
    let mut spent = Duration::ZERO;
    if start.elapsed() > LEAD {
        eprintln!("timers were not set in time");
        return None;
    }
    let mut now = start + LEAD;
    while left() > 0 {
        now += STEP;
        thread::sleep(now.saturating_duration_since(Instant::now()));
        let before = own_cpu();
        let mut quiet = 0;
        // Whoever else is to run on this thread has run when nothing changes any more.
        while quiet < 8 {
            let missing = left();
            tokio::task::yield_now().await;
            quiet = if left() == missing { quiet + 1 } else { 0 };
        }
        spent += own_cpu() - before;
    }
    Some(spent)
}

/// Waits for timers; each must come when it is due, and none before one that was due earlier.
struct Waiter {
    timers: u64,
    missing: Arc<AtomicU64>,
    start: Instant,
    latest: Instant,
}

impl Waiter {
    fn fired(&mut self, due: Instant) {
        /// Between when a timer is due here and there: it is set after a time from now.
        const SLACK: Duration = Duration::from_millis(2);
        // To look at the clock each time would show.
        let looks = due
            .duration_since(self.start)
            .subsec_nanos()
            .is_multiple_of(64);
        assert!(!looks || due <= Instant::now(), "a timer fired early");
        assert!(due + SLACK >= self.latest, "timers fired out of order");
        self.latest = self.latest.max(due);
        self.missing.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Actor for Waiter {
    const KIND: &'static str = "waiter";

    fn declare(_: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        for number in 0..self.timers {
            let due = due(self.start, number);
            let delay = due.saturating_duration_since(Instant::now());
            context.after(delay, move |waiter, _| waiter.fired(due));
        }
    }
}

fn ours(timers: u64) -> Option<Cost> {
    runtime::run(async {
        let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
            .await
            .ok()?;
        let missing = Arc::new(AtomicU64::new(timers));
        let (before, start) = (own_cpu(), Instant::now());
        let waiter = Waiter {
            timers,
            missing: Arc::clone(&missing),
            start,
            latest: start,
        };
        let waiter = node.spawn("waiter", waiter, Placement::Here).ok()?;
        waiter.ask(|_, _| ()).await?;
        let setting = own_cpu() - before;
        let firing = fire(start, || missing.load(Ordering::Relaxed)).await?;
        Some(Cost { setting, firing })
    })
}

/// A task that sleeps for each timer.
fn tokio_side(timers: u64) -> Option<Cost> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .ok()?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        let missing = Rc::new(Cell::new(timers));
        let (before, start) = (own_cpu(), Instant::now());
        for number in 0..timers {
            let (missing, due) = (Rc::clone(&missing), due(start, number));
            tokio::task::spawn_local(async move {
                tokio::time::sleep_until(due.into()).await;
                missing.set(missing.get() - 1);
            });
        }
        // Each begins to sleep when it first runs, behind this task's own last one.
        tokio::task::spawn_local(async {}).await.ok()?;
        let setting = own_cpu() - before;
        let firing = fire(start, || missing.get()).await?;
        Some(Cost { setting, firing })
    })
}
