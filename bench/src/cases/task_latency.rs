//! From ACCEPT to TASK_RUNNING on simulated agents: one task at a time on an idle master,
//! and a hundred tasks on a hundred offers at once.

use std::time::{Duration, Instant};

use messages::v1;
use messages::v1::TaskState;

use super::{figures, well};
use crate::cluster::Driven;
use crate::report::{Figures, percentile};
use crate::scheduler::{Scheduler, task};
use crate::swarm;

const AGENTS: usize = 100;

pub fn run(side: &str, reference: Option<&str>) -> Option<Figures> {
    let driven = Driven::of(side, reference)?;
    let (single, bursts) = if side == "ours" {
        (2_000, 50)
    } else {
        (100, 5)
    };
    let _swarm = well(swarm::start(&driven.master, AGENTS))?;
    let scheduler = Scheduler::subscribe(&driven.master, "task.latency").ok()?;
    let mut run = Run {
        scheduler,
        offers: Vec::new(),
        launched: 0,
    };
    let mut alone = Vec::new();
    while alone.len() < single {
        alone.extend(run.together(1)?);
    }
    let mut burst = Vec::new();
    for _ in 0..bursts {
        burst.extend(run.together(AGENTS)?);
    }
    run.scheduler.teardown();
    Some(figures([
        ("idle_p50_ms", percentile(&mut alone, 50.0)),
        ("idle_p99_ms", percentile(&mut alone, 99.0)),
        ("burst_p50_ms", percentile(&mut burst, 50.0)),
        ("burst_p99_ms", percentile(&mut burst, 99.0)),
    ]))
}

struct Run {
    scheduler: Scheduler,
    offers: Vec<v1::Offer>,
    launched: usize,
}

impl Run {
    /// Launches one task on each of `count` offers, sees them all to their end, and gives
    /// how many milliseconds each took to run.
    fn together(&mut self, count: usize) -> Option<Vec<f64>> {
        let mut samples = Vec::new();
        let (mut started, mut finished) = (None, 0);
        while finished < count {
            if started.is_none() && self.offers.len() >= count {
                started = Some(Instant::now());
                for offer in self.offers.split_off(self.offers.len() - count) {
                    let task = task(format!("t{}", self.launched), &offer.agent_id, "true");
                    self.launched += 1;
                    self.scheduler.accept(vec![offer.id], vec![task], 0.0);
                }
            }
            let event = well(self.scheduler.event())?;
            if let Some(offers) = event.offers {
                self.offers.extend(offers.offers);
            } else if let Some(update) = event.update {
                let took = started.map_or(Duration::ZERO, |started| started.elapsed());
                self.scheduler.acknowledge(&update.status);
                match update.status.state() {
                    TaskState::TaskRunning => samples.push(took.as_secs_f64() * 1e3),
                    TaskState::TaskFinished => finished += 1,
                    other => {
                        eprintln!("a task ended in {other:?}: {}", update.status.message());
                        return None;
                    }
                }
            }
        }
        Some(samples)
    }
}
