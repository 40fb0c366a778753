//! `true` as command tasks on a real agent, many at once; and the floor of this machine:
//! two threads that spawn `/bin/true`.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use messages::v1::TaskState;

use super::figures;
use crate::cluster;
use crate::process::cpu_seconds;
use crate::report::Figures;
use crate::scheduler::{Scheduler, room, task};

const TASKS: usize = 1000;
const AT_ONCE: usize = 128;
/// As many are launched together; until then offers are kept.
const BATCH: usize = 32;
const SPAWNS: usize = 4000;

pub fn run(side: &str, _: Option<&str>) -> Option<Figures> {
    match side {
        "ours" => ours(),
        "floor" => Some(floor()),
        _ => None,
    }
}

fn ours() -> Option<Figures> {
    let folder = cluster::folder()?;
    let (_master, address) = cluster::master(&folder)?;
    let agent = cluster::agent(&folder, &address)?;
    let mut scheduler = Scheduler::subscribe(&address, "agent.launch").ok()?;
    let (mut launched, mut running, mut finished) = (0, 0, 0);
    let mut started = None;
    let mut offers = Vec::new();
    while finished < TASKS {
        let event = scheduler.event().ok()?;
        if let Some(more) = event.offers {
            started.get_or_insert_with(Instant::now);
            offers.extend(more.offers);
        } else if let Some(update) = event.update {
            scheduler.acknowledge(&update.status);
            match update.status.state() {
                TaskState::TaskFinished => {
                    finished += 1;
                    running -= 1;
                }
                TaskState::TaskStarting | TaskState::TaskRunning => {}
                other => {
                    eprintln!("a task ended in {other:?}: {}", update.status.message());
                    return None;
                }
            }
        }
        let room: usize = offers.iter().map(room).sum();
        let count = (AT_ONCE - running).min(TASKS - launched).min(room);
        let enough = count > 0 && count >= BATCH.min(TASKS - launched);
        if let Some(offer) = offers.first().filter(|_| enough) {
            let tasks: Vec<_> = (launched..launched + count)
                .map(|number| task(format!("t{number}"), &offer.agent_id, "true"))
                .collect();
            launched += count;
            running += count;
            let offers = offers.drain(..).map(|offer| offer.id).collect();
            scheduler.accept(offers, tasks, 0.0);
        }
    }
    let seconds = started?.elapsed().as_secs_f64();
    Some(figures([
        ("per_second", TASKS as f64 / seconds),
        (
            "agent_cpu_us",
            cpu_seconds(agent.pid()) * 1e6 / TASKS as f64,
        ),
    ]))
}

fn floor() -> Figures {
    let started = Instant::now();
    let spawners: Vec<_> = (0..2)
        .map(|_| {
            thread::spawn(|| {
                for _ in 0..SPAWNS / 2 {
                    let _ = Command::new("/bin/true").stdin(Stdio::null()).status();
                }
            })
        })
        .collect();
    for spawner in spawners {
        let _ = spawner.join();
    }
    figures([(
        "per_second",
        SPAWNS as f64 / started.elapsed().as_secs_f64(),
    )])
}
