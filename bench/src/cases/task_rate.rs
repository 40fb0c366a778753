//! Whole lives of tasks on simulated agents: ACCEPT, RUNNING and its acknowledgement,
//! FINISHED and its acknowledgement.

use std::time::Instant;

use messages::v1::TaskState;

use super::figures;
use crate::cluster;
use crate::process::{cpu_seconds, listener, resident_bytes};
use crate::report::Figures;
use crate::scheduler::{Master, Scheduler, room, task};
use crate::swarm;

const AGENTS: usize = 200;
const TASKS_PER_OFFER: usize = 20;

pub fn run(side: &str, reference: Option<&str>) -> Option<Figures> {
    let folder = cluster::folder()?;
    match side {
        "ours" => {
            let (daemon, master) = cluster::master(&folder)?;
            drive(&master, daemon.pid(), 40_000)
        }
        "reference" => {
            let master = Master::parse(reference?)?;
            let pid = listener(master.address.port())?;
            drive(&master, pid, 4_000)
        }
        _ => None,
    }
}

fn drive(master: &Master, pid: u32, tasks: usize) -> Option<Figures> {
    let swarm = swarm::start(master, AGENTS);
    swarm.wait_registered();
    let mut scheduler = Scheduler::subscribe(master, "task.rate").ok()?;
    let (mut launched, mut finished) = (0, 0);
    let mut started = None;
    let mut cpu = 0.0;
    while finished < tasks {
        let event = scheduler.event().ok()?;
        if let Some(offers) = event.offers {
            if started.is_none() {
                cpu = cpu_seconds(pid);
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
    scheduler.teardown();
    Some(figures([
        ("tasks_per_second", tasks as f64 / seconds),
        ("master_cpu_us_per_task", cpu * 1e6 / tasks as f64),
        ("master_bytes", resident_bytes(pid)),
    ]))
}
