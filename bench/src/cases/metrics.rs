//! `/metrics/snapshot` of a large cluster.

use std::time::Instant;

use super::{figures_of, well};
use crate::cluster::Driven;
use crate::connection::Connection;
use crate::report::{Figures, median};
use crate::swarm::{Load, Swarm};

pub fn run(side: &str, reference: Option<&str>) -> Option<Figures> {
    let sizes: &[usize] = if side == "ours" {
        &[10_000, 50_000]
    } else {
        &[10_000]
    };
    let mut figures = Figures::new();
    for &agents in sizes {
        let driven = Driven::of(side, reference)?;
        let load = Load {
            name: format!("metrics-{}-{agents}", std::process::id()),
            frameworks: 5,
            tasks: 10,
            labels: 10,
        };
        let swarm = Swarm::open(&driven.master, agents).ok()?;
        well(swarm.returning(&load).go())?;
        if !driven.has("master/slaves_connected", agents) {
            return None;
        }
        let mut connection = Connection::open(driven.master.address).ok()?;
        let mut samples = Vec::new();
        // The original answers two a second: the shortest is what it costs.
        for _ in 0..5 {
            let started = Instant::now();
            connection.get("/metrics/snapshot").ok()?;
            samples.push(started.elapsed().as_secs_f64() * 1e3);
        }
        let shortest = samples.iter().copied().fold(f64::INFINITY, f64::min);
        figures.extend(figures_of([
            (format!("min_ms_{agents}"), shortest),
            (format!("median_ms_{agents}"), median(&samples)?),
        ]));
        driven.clear(&swarm, &load)?;
    }
    Some(figures)
}
