//! How long the master takes to react while many clients read its whole state: a call whose
//! answer is an event, again and again, without and with those readers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::{figures, well};
use crate::cluster::Driven;
use crate::connection::Connection;
use crate::report::{Figures, percentile};
use crate::scheduler::{Master, Scheduler};
use crate::swarm::{Load, Swarm};

const AGENTS: usize = 2_000;
const READERS: usize = 20;

pub fn run(side: &str, reference: Option<&str>) -> Option<Figures> {
    let driven = Driven::of(side, reference)?;
    let load = Load {
        name: format!("stall-{}", std::process::id()),
        frameworks: 5,
        tasks: 10,
        labels: 10,
    };
    let questions = if side == "ours" { 20_000 } else { 30 };
    let swarm = Swarm::open(&driven.master, AGENTS).ok()?;
    well(swarm.returning(&load).go())?;
    let mut scheduler = Scheduler::subscribe(&driven.master, "state.stall").ok()?;
    let mut idle = ask(&mut scheduler, questions)?;
    let readers = Readers::start(&driven.master);
    let started = Instant::now();
    let mut busy = ask(&mut scheduler, questions)?;
    let read = readers.stop()? as f64 / started.elapsed().as_secs_f64();
    scheduler.teardown();
    driven.clear(&swarm, &load)?;
    Some(figures([
        ("idle_p50_ms", percentile(&mut idle, 50.0)),
        ("idle_p99_ms", percentile(&mut idle, 99.0)),
        ("read_p50_ms", percentile(&mut busy, 50.0)),
        ("read_p99_ms", percentile(&mut busy, 99.0)),
        ("read_p999_ms", percentile(&mut busy, 99.9)),
        ("states_read_per_second", read),
    ]))
}

/// Asks for the state of a task that is not there; gives how many milliseconds each answer
/// took.
fn ask(scheduler: &mut Scheduler, questions: usize) -> Option<Vec<f64>> {
    let mut samples = Vec::with_capacity(questions);
    for number in 0..questions {
        let started = Instant::now();
        scheduler.reconcile(&format!("nowhere-{number}"));
        loop {
            if let Some(update) = well(scheduler.event())?.update
                && update.status.number() == number
            {
                break;
            }
        }
        samples.push(started.elapsed().as_secs_f64() * 1e3);
    }
    Some(samples)
}

struct Readers {
    over: Arc<AtomicBool>,
    read: Arc<AtomicUsize>,
    threads: Vec<thread::JoinHandle<Option<()>>>,
}

impl Readers {
    /// Starts them, and waits until one has read the state.
    fn start(master: &Master) -> Self {
        let (over, read) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let threads = (0..READERS)
            .map(|_| {
                let (over, read, address) = (Arc::clone(&over), Arc::clone(&read), master.address);
                thread::spawn(move || {
                    let mut connection = Connection::open(address).ok()?;
                    let mut state = Vec::new();
                    while !over.load(Ordering::Relaxed) {
                        connection.get_into("/master/state", &mut state).ok()?;
                        read.fetch_add(1, Ordering::Relaxed);
                    }
                    Some(())
                })
            })
            .collect();
        while read.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        Self {
            over,
            read,
            threads,
        }
    }

    /// Ends them; gives how often they have read the state, unless one has failed.
    fn stop(self) -> Option<usize> {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().ok()??;
        }
        Some(self.read.load(Ordering::Relaxed))
    }
}
