//! One task at a time on an idle agent: ACCEPT to TASK_RUNNING.

use std::time::Instant;

use messages::v1::TaskState;

use super::figures;
use crate::cluster::{self, ROOM};
use crate::report::{Figures, percentile};
use crate::scheduler::{Scheduler, room, task};

const TASKS: usize = 100;

pub fn run(_: &str, _: Option<&str>) -> Option<Figures> {
    let folder = cluster::folder()?;
    let (_master, address) = cluster::master(&folder)?;
    let _agent = cluster::agent(&folder, &address)?;
    let mut scheduler = Scheduler::subscribe(&address, "agent.latency").ok()?;
    let mut samples = Vec::with_capacity(TASKS);
    let mut accepted: Option<Instant> = None;
    let mut busy = false;
    let mut launched = 0;
    // Kept until all of the agent is offered again: accepting them for nothing would bring them
    // back, and keep the machine busy with that.
    let mut offers = Vec::new();
    while samples.len() < TASKS || busy {
        let event = scheduler.event().ok()?;
        if let Some(more) = event.offers {
            offers.extend(more.offers);
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
        let idle = !busy && offers.iter().map(room).sum::<usize>() >= ROOM;
        if let Some(offer) = offers.first().filter(|_| idle && launched < TASKS) {
            let task = task(format!("t{launched}"), &offer.agent_id, "true");
            let offers = offers.drain(..).map(|offer| offer.id).collect();
            launched += 1;
            busy = true;
            accepted = Some(Instant::now());
            scheduler.accept(offers, vec![task], 0.0);
        }
    }
    Some(figures([
        ("p50_ms", percentile(&mut samples, 50.0)),
        ("p99_ms", percentile(&mut samples, 99.0)),
    ]))
}
