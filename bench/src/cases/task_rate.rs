//! Whole lives of tasks on simulated agents: ACCEPT, RUNNING and its acknowledgement,
//! FINISHED and its acknowledgement.

use std::time::Instant;

use messages::v1::TaskState;

use super::{figures, well};
use crate::cluster::Driven;
use crate::process::{cpu_seconds, resident_bytes};
use crate::report::Figures;
use crate::scheduler::{Scheduler, room, task};
use crate::swarm;

const AGENTS: usize = 200;
const TASKS_PER_OFFER: usize = 20;

pub fn run(side: &str, reference: Option<&str>) -> Option<Figures> {
    let driven = Driven::of(side, reference)?;
    let (master, pid) = (&driven.master, driven.pid);
    let tasks = if side == "ours" { 100_000 } else { 4_000 };
    let _swarm = well(swarm::start(master, AGENTS))?;
    let mut scheduler = Scheduler::subscribe(master, "task.rate").ok()?;
    let (mut launched, mut finished) = (0, 0);
    let mut started = None;
    let (mut cpu, mut own) = (0.0, 0.0);
    while finished < tasks {
        let event = well(scheduler.event())?;
        if let Some(offers) = event.offers {
            if started.is_none() {
                cpu = cpu_seconds(pid);
                own = cpu_seconds(std::process::id());
                started = Some(Instant::now());
            }
            for offer in offers.offers {
                let count = TASKS_PER_OFFER.min(tasks - launched).min(room(&offer));
                let tasks = (launched..launched + count)
                    .map(|number| task(format!("t{number}"), &offer.agent_id, "true"))
                    .collect();
                launched += count;
                scheduler.accept(vec![offer.id], tasks, 0.0);
            }
        } else if let Some(update) = event.update {
            scheduler.acknowledge(&update.status);
            match update.status.state() {
                TaskState::TaskFinished => finished += 1,
                TaskState::TaskRunning => {}
                other => {
                    eprintln!("a task ended in {other:?}: {}", update.status.message());
                    return None;
                }
            }
        }
    }
    let seconds = started?.elapsed().as_secs_f64();
    let cpu = cpu_seconds(pid) - cpu;
    let own = cpu_seconds(std::process::id()) - own;
    scheduler.teardown();
    Some(figures([
        ("tasks_per_second", tasks as f64 / seconds),
        ("master_cpu_us_per_task", cpu * 1e6 / tasks as f64),
        ("bench_cpu_us_per_task", own * 1e6 / tasks as f64),
        ("master_bytes", resident_bytes(pid)),
    ]))
}
