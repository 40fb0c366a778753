//! What the master keeps: bytes of each empty agent, and of each running task, some seconds
//! after all agents came at once; and what it takes right after that, with what their
//! messages took meanwhile.

use std::thread::sleep;
use std::time::Duration;

use super::{figures_of, well};
use crate::cluster::Driven;
use crate::process::resident_bytes;
use crate::report::{Figures, exponent};
use crate::swarm::{Load, Swarm};

const TASKS: usize = 10;
const PAUSE: Duration = Duration::from_secs(3);

pub fn run(side: &str, reference: Option<&str>) -> Option<Figures> {
    // What the original once took it does not give back, and a second measure would find it
    // there: its growth by agents with tasks is what counts for it, and one size is all.
    let sizes: &[usize] = if side == "ours" {
        &[1_000, 10_000, 50_000]
    } else {
        &[5_000]
    };
    let mut figures = Figures::new();
    let (mut agents_kept, mut tasks_kept) = (Vec::new(), Vec::new());
    for &agents in sizes {
        let empty = bytes_per_agent(side, reference, agents, 0)?;
        let full = bytes_per_agent(side, reference, agents, TASKS)?;
        let per_task = |full: f64, empty: f64| (full - empty) / TASKS as f64;
        let kept = per_task(full.kept, empty.kept);
        agents_kept.push((agents as f64, empty.kept * agents as f64));
        tasks_kept.push((agents as f64, kept * agents as f64));
        figures.extend(figures_of([
            (format!("bytes_per_agent_{agents}"), empty.kept),
            (format!("bytes_per_task_{agents}"), kept),
            (format!("bytes_per_agent_at_once_{agents}"), empty.at_once),
            (
                format!("bytes_per_task_at_once_{agents}"),
                per_task(full.at_once, empty.at_once),
            ),
        ]));
    }
    if sizes.len() > 1 {
        figures.insert("exponent_of_agents".to_owned(), exponent(&agents_kept));
        figures.insert("exponent_of_tasks".to_owned(), exponent(&tasks_kept));
    }
    Some(figures)
}

/// By how much the master has grown, for each agent.
struct Growth {
    /// When the last agent is in.
    at_once: f64,
    /// When nothing has happened for [`PAUSE`].
    kept: f64,
}

/// How much the master grows by agents with so many tasks, each of 10 labels.
fn bytes_per_agent(
    side: &str,
    reference: Option<&str>,
    agents: usize,
    tasks: usize,
) -> Option<Growth> {
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
    let grown = || (resident_bytes(driven.pid) - before) / agents as f64;
    let at_once = grown();
    sleep(PAUSE);
    let kept = grown();
    if !driven.has("master/slaves_connected", agents)
        || !driven.has("master/tasks_running", agents * tasks)
    {
        return None;
    }
    driven.clear(&swarm, &load)?;
    Some(Growth { at_once, kept })
}
