//! Many timers: what setting one and its firing cost.

use std::time::{Duration, Instant};

use runtime::{Actor, Context, Declaration, Node, NodeConfig, Placement};
use tokio::sync::oneshot;

use super::figures;
use crate::process::cpu_seconds;
use crate::report::{Figures, exponent};

const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];
/// Timers are due within this time after they are set.
const SPREAD: Duration = Duration::from_secs(1);

pub fn run(side: &str, _: Option<&str>) -> Option<Figures> {
    let mut costs = Vec::new();
    for size in SIZES {
        let before = cpu_seconds(std::process::id());
        match side {
            "ours" => ours(size)?,
            "tokio" => tokio_side(size)?,
            _ => return None,
        }
        costs.push((size as f64, cpu_seconds(std::process::id()) - before));
    }
    let (timers, cpu) = *costs.last()?;
    // Ticks of the CPU's count are too coarse for few timers.
    let large = costs.get(1..)?;
    Some(figures([
        ("cpu_ns_per_timer", cpu * 1e9 / timers),
        ("exponent", exponent(large)),
    ]))
}

/// After what time the `number`th timer is due: all over the spread, out of order.
fn delay(number: u64) -> Duration {
    let nanos = SPREAD.as_nanos() as u64;
    Duration::from_nanos(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % nanos)
}

/// Waits for timers; each must come when it is due, and none before one that was due much
/// earlier.
struct Waiter {
    missing: u64,
    latest: Instant,
    done: Option<oneshot::Sender<()>>,
}

impl Waiter {
    fn fired(&mut self, due: Instant) {
        const SLACK: Duration = Duration::from_millis(2);
        assert!(due <= Instant::now(), "a timer fired early");
        assert!(due + SLACK >= self.latest, "timers fired out of order");
        self.latest = self.latest.max(due);
        self.missing -= 1;
        if self.missing == 0
            && let Some(done) = self.done.take()
        {
            let _ = done.send(());
        }
    }
}

impl Actor for Waiter {
    const KIND: &'static str = "waiter";

    fn declare(_: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        for number in 0..self.missing {
            let delay = delay(number);
            let due = Instant::now() + delay;
            context.after(delay, move |waiter, _| waiter.fired(due));
        }
    }
}

fn ours(timers: u64) -> Option<()> {
    runtime::run(async {
        let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
            .await
            .ok()?;
        let (done, finished) = oneshot::channel();
        let waiter = Waiter {
            missing: timers,
            latest: Instant::now(),
            done: Some(done),
        };
        node.spawn("waiter", waiter, Placement::Here).ok()?;
        finished.await.ok()
    })
}

/// A task that sleeps for each timer.
fn tokio_side(timers: u64) -> Option<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .ok()?;
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..timers {
            tasks.spawn(tokio::time::sleep(delay(number)));
        }
        while let Some(ended) = tasks.join_next().await {
            ended.ok()?;
        }
        Some(())
    })
}
