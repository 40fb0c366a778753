//! A master that has just begun to lead, and all agents of a cluster that come back to it at
//! once, each with running tasks: until the last of them is in again.

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
    // The original takes a minute, and keeps 5 GB, for the largest.
    let sizes: &[usize] = if side == "ours" {
        &[1_000, 10_000, 50_000]
    } else {
        &[1_000, 10_000]
    };
    let mut figures = Figures::new();
    let mut seconds = Vec::new();
    for &agents in sizes {
        let driven = Driven::of(side, reference)?;
        let load = Load {
            name: format!("failover-{}-{agents}", std::process::id()),
            frameworks: FRAMEWORKS,
            tasks: TASKS,
            labels: LABELS,
        };
        let swarm = Swarm::open(&driven.master, agents).ok()?;
        let returning = swarm.returning(&load);
        let before = resident_bytes(driven.pid);
        let cpu = cpu_seconds(driven.pid);
        let started = Instant::now();
        well(returning.go())?;
        let took = started.elapsed().as_secs_f64();
        let cpu = cpu_seconds(driven.pid) - cpu;
        let grown = resident_bytes(driven.pid) - before;
        if !driven.has("master/slaves_connected", agents)
            || !driven.has("master/tasks_running", agents * TASKS)
        {
            return None;
        }
        seconds.push((agents as f64, took));
        figures.extend(figures_of([
            (format!("seconds_{agents}"), took),
            (
                format!("master_cpu_us_per_agent_{agents}"),
                cpu * 1e6 / agents as f64,
            ),
            (format!("bytes_per_agent_{agents}"), grown / agents as f64),
        ]));
        driven.clear(&swarm, &load)?;
    }
    figures.insert("exponent".to_owned(), exponent(&seconds));
    Some(figures)
}
