//! One task at a time on an idle agent: ACCEPT to TASK_RUNNING.

use std::time::Instant;

use messages::v1::TaskState;

use super::figures;
use crate::cluster;
use crate::report::{Figures, percentile};
use crate::scheduler::{Scheduler, room, task};

const TASKS: usize = 100;

pub fn run(_: &str, _: Option<&str>) -> Option<Figures> {
    let folder = tempfile::tempdir().ok()?;
    let (_master, address) = cluster::master(&folder)?;
    let _agent = cluster::agent(&folder, &address)?;
    let mut scheduler = Scheduler::subscribe(&address, "agent.latency").ok()?;
    let mut samples = Vec::with_capacity(TASKS);
    let mut accepted = None;
    let mut busy = false;
    let mut launched = 0;
    while samples.len() < TASKS || busy {
        let event = scheduler.event().ok()?;
        if let Some(offers) = event.offers {
            for offer in offers.offers {
                let mut tasks = Vec::new();
                if !busy && launched < TASKS && room(&offer) > 0 {
                    tasks.push(task(format!("t{launched}"), &offer.agent_id, "true"));
                    launched += 1;
                    busy = true;
                    accepted = Some(Instant::now());
                }
                scheduler.accept(vec![offer.id], tasks, 0.0);
            }
        } else if let Some(update) = event.update {
            match update.status.state() {
                TaskState::TaskRunning => {
                    samples.push(accepted?.elapsed().as_secs_f64() * 1e3);
                }
                TaskState::TaskStarting => {}
                _ => busy = false,
            }
            scheduler.acknowledge(&update.status);
        }
    }
    Some(figures([
        ("p50_ms", percentile(&mut samples, 50.0)),
        ("p99_ms", percentile(&mut samples, 99.0)),
    ]))
}
