//! What the master keeps: bytes of each empty agent, and of each running task.

use super::{figures, well};
use crate::cluster::Driven;
use crate::process::resident_bytes;
use crate::report::Figures;
use crate::swarm::{Load, Swarm};

const AGENTS: usize = 20_000;
const TASKS: usize = 10;

pub fn run(side: &str, reference: Option<&str>) -> Option<Figures> {
    // What the original once took it does not give back, and a second measure would find it
    // there: its growth by agents with tasks is what counts for it.
    let agents = if side == "ours" { AGENTS } else { AGENTS / 4 };
    let empty = bytes_per_agent(side, reference, agents, 0)?;
    let full = bytes_per_agent(side, reference, agents, TASKS)?;
    Some(figures([
        ("bytes_per_agent", empty),
        ("bytes_per_task", (full - empty) / TASKS as f64),
    ]))
}

/// How much the master grows by agents with so many tasks, each of 10 labels.
fn bytes_per_agent(
    side: &str,
    reference: Option<&str>,
    agents: usize,
    tasks: usize,
) -> Option<f64> {
    let driven = Driven::of(side, reference)?;
    let load = Load {
        name: format!("mem-{}-{tasks}", std::process::id()),
        frameworks: 5,
        tasks,
        labels: 10,
    };
    let swarm = Swarm::open(&driven.master, agents).ok()?;
    let before = resident_bytes(driven.pid);
    well(swarm.returning(&load).go())?;
    let grown = resident_bytes(driven.pid) - before;
    if !driven.has("master/slaves_connected", agents)
        || !driven.has("master/tasks_running", agents * tasks)
    {
        return None;
    }
    driven.clear(&swarm, &load)?;
    Some(grown / agents as f64)
}
