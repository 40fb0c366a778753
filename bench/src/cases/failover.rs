//! All agents of a cluster that come back to a master at once, each with running tasks: until
//! the last of them is in. First to a master that has just begun to lead and does not know
//! them; then, for a master of this project, after it was killed and started again, to the
//! one that does.

use std::time::Instant;

use super::{figures_of, well};
use crate::cluster::Driven;
use crate::process::{cpu_seconds, resident_bytes};
use crate::report::{Figures, exponent};
use crate::swarm::{Load, Swarm};

const TASKS: usize = 10;
const LABELS: usize = 10;
const FRAMEWORKS: usize = 5;

pub fn run(side: &str, reference: Option<&str>) -> Option<Figures> {
    let is_ours = side == "ours";
    // The original takes a minute, and keeps 5 GB, for the largest.
    let sizes: &[usize] = if is_ours {
        &[1_000, 10_000, 50_000]
    } else {
        &[1_000, 10_000]
    };
    let mut figures = Figures::new();
    let (mut firsts, mut restarts) = (Vec::new(), Vec::new());
    for &agents in sizes {
        let mut driven = Driven::of(side, reference)?;
        let load = Load {
            name: format!("failover-{}-{agents}", std::process::id()),
            frameworks: FRAMEWORKS,
            tasks: TASKS,
            labels: LABELS,
        };
        let swarm = Swarm::open(&driven.master, agents).ok()?;
        let first = all_return(&driven, &swarm, &load, agents)?;
        firsts.push((agents as f64, first.seconds));
        figures.extend(figures_of([
            (format!("seconds_{agents}"), first.seconds),
            (format!("master_cpu_us_per_agent_{agents}"), first.cpu_us),
            (format!("bytes_per_agent_{agents}"), first.bytes),
        ]));
        if is_ours {
            driven = driven.restart()?;
            well(swarm.reconnect(&driven.master))?;
            let again = all_return(&driven, &swarm, &load, agents)?;
            restarts.push((agents as f64, again.seconds));
            figures.extend(figures_of([
                (format!("restart_seconds_{agents}"), again.seconds),
                (
                    format!("restart_master_cpu_us_per_agent_{agents}"),
                    again.cpu_us,
                ),
            ]));
        }
        driven.clear(&swarm, &load)?;
    }
    figures.insert("exponent".to_owned(), exponent(&firsts));
    if is_ours {
        figures.insert("restart_exponent".to_owned(), exponent(&restarts));
    }
    Some(figures)
}

/// What a return of all agents took.
struct Return {
    seconds: f64,
    /// The master's, of each agent.
    cpu_us: f64,
    /// By which the master grew, of each agent.
    bytes: f64,
}

fn all_return(driven: &Driven, swarm: &Swarm, load: &Load, agents: usize) -> Option<Return> {
    let returning = swarm.returning(load);
    let before = resident_bytes(driven.pid);
    let cpu = cpu_seconds(driven.pid);
    let started = Instant::now();
    well(returning.go())?;
    let seconds = started.elapsed().as_secs_f64();
    let cpu = cpu_seconds(driven.pid) - cpu;
    let grown = resident_bytes(driven.pid) - before;
    if !driven.has("master/slaves_connected", agents)
        || !driven.has("master/tasks_running", agents * TASKS)
    {
        return None;
    }
    Some(Return {
        seconds,
        cpu_us: cpu * 1e6 / agents as f64,
        bytes: grown / agents as f64,
    })
}
