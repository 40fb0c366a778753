//! Many idle actors, up to a million: what each costs.

use std::time::Instant;

use runtime::{Actor, Declaration, Node, NodeConfig, Placement};

use super::figures;
use crate::process::resident_bytes;
use crate::report::{Figures, exponent};

const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];

pub fn run(side: &str, _: Option<&str>) -> Option<Figures> {
    match side {
        "ours" => ours(),
        "actix" => actix_side(),
        _ => None,
    }
}

struct Idle(#[expect(dead_code, reason = "stands for an actor's state")] u64);

impl Actor for Idle {
    const KIND: &'static str = "idle";

    fn declare(_: &mut Declaration<Self>) {}
}

/// Measures spawning so and so many actors.
struct Meter {
    started: Instant,
    before: f64,
    costs: Vec<(f64, f64)>,
    bytes: f64,
}

impl Meter {
    fn new() -> Self {
        Self {
            started: Instant::now(),
            before: 0.0,
            costs: Vec::new(),
            bytes: 0.0,
        }
    }

    fn start(&mut self) {
        self.before = resident_bytes(std::process::id());
        self.started = Instant::now();
    }

    fn stop(&mut self, actors: usize) {
        let seconds = self.started.elapsed().as_secs_f64();
        self.costs.push((actors as f64, seconds));
        self.bytes = (resident_bytes(std::process::id()) - self.before) / actors as f64;
    }

    fn figures(self) -> Option<Figures> {
        let (actors, seconds) = *self.costs.last()?;
        Some(figures([
            ("ns_per_actor", seconds * 1e9 / actors),
            ("bytes_per_actor", self.bytes),
            ("exponent", exponent(&self.costs)),
        ]))
    }
}

fn ours() -> Option<Figures> {
    runtime::run(async {
        let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
            .await
            .ok()?;
        let mut meter = Meter::new();
        for actors in SIZES {
            meter.start();
            let mut last = None;
            for number in 0..actors {
                last = node
                    .spawn(node.next_id("idle"), Idle(number as u64), Placement::Here)
                    .ok();
            }
            last?.ask(|_, _| ()).await?;
            meter.stop(actors);
        }
        // They live, and are known by name.
        let all: usize = SIZES.iter().sum();
        for number in [1, all / 2, all] {
            let taken = node.spawn(format!("idle({number})").as_str(), Idle(0), Placement::Here);
            assert!(taken.is_err(), "idle({number}) is not here");
        }
        meter.figures()
    })
}

impl actix::Actor for Idle {
    type Context = actix::Context<Self>;
}

struct Ready;

impl actix::Message for Ready {
    type Result = ();
}

impl actix::Handler<Ready> for Idle {
    type Result = ();
    fn handle(&mut self, _: Ready, _: &mut Self::Context) {}
}

fn actix_side() -> Option<Figures> {
    actix_rt::System::new().block_on(async {
        let mut meter = Meter::new();
        let mut all = Vec::with_capacity(SIZES.iter().sum());
        for actors in SIZES {
            meter.start();
            all.extend((0..actors).map(|number| actix::Actor::start(Idle(number as u64))));
            all.last()?.send(Ready).await.ok()?;
            meter.stop(actors);
        }
        meter.figures()
    })
}
