//! Many idle actors: what each costs.

use std::time::Instant;

use runtime::{Actor, Declaration, Node, NodeConfig, Placement};

use super::figures;
use crate::process::resident_bytes;
use crate::report::Figures;

const ACTORS: usize = 200_000;

pub fn run(side: &str, _: Option<&str>) -> Option<Figures> {
    match side {
        "ours" => Some(ours()),
        "actix" => Some(actix_side()),
        _ => None,
    }
}

struct Idle(#[expect(dead_code, reason = "stands for an actor's state")] u64);

impl Actor for Idle {
    const KIND: &'static str = "idle";

    fn declare(_: &mut Declaration<Self>) {}
}

fn measure(before: f64, started: Instant) -> Figures {
    let seconds = started.elapsed().as_secs_f64();
    let bytes = resident_bytes(std::process::id()) - before;
    figures([
        ("ns_per_actor", seconds * 1e9 / ACTORS as f64),
        ("bytes_per_actor", bytes / ACTORS as f64),
    ])
}

fn ours() -> Figures {
    runtime::run(async {
        let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
            .await
            .unwrap();
        let before = resident_bytes(std::process::id());
        let started = Instant::now();
        let mut last = None;
        for number in 0..ACTORS {
            last = node
                .spawn(node.next_id("idle"), Idle(number as u64), Placement::Here)
                .ok();
        }
        last.unwrap().ask(|_, _| ()).await;
        measure(before, started)
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

fn actix_side() -> Figures {
    actix_rt::System::new().block_on(async {
        let before = resident_bytes(std::process::id());
        let started = Instant::now();
        let actors: Vec<_> = (0..ACTORS)
            .map(|number| actix::Actor::start(Idle(number as u64)))
            .collect();
        actors.last().unwrap().send(Ready).await.unwrap();
        measure(before, started)
    })
}
