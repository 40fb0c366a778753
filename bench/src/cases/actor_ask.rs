//! A question and its answer on one thread, one at a time.

use std::time::Instant;

use runtime::{Actor, Declaration, Node, NodeConfig, Placement};

use super::figures;
use crate::report::{Figures, percentile};

const ASKS: usize = 200_000;

pub fn run(side: &str, _: Option<&str>) -> Option<Figures> {
    let mut samples = match side {
        "ours" => ours(),
        "actix" => actix_side(),
        _ => return None,
    };
    Some(figures([
        ("p50_ns", percentile(&mut samples, 50.0)),
        ("p99_ns", percentile(&mut samples, 99.0)),
    ]))
}

struct Echo;

impl Actor for Echo {
    const KIND: &'static str = "echo";

    fn declare(_: &mut Declaration<Self>) {}
}

fn ours() -> Vec<f64> {
    runtime::run(async {
        let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
            .await
            .unwrap();
        let echo = node.spawn("echo", Echo, Placement::Here).unwrap();
        let mut samples = Vec::with_capacity(ASKS);
        for number in 0..ASKS {
            let started = Instant::now();
            let answer = echo.ask(move |_, _| number).await;
            samples.push(started.elapsed().as_nanos() as f64);
            assert_eq!(answer, Some(number));
        }
        samples
    })
}

struct Ask(usize);

impl actix::Message for Ask {
    type Result = usize;
}

impl actix::Actor for Echo {
    type Context = actix::Context<Self>;
}

impl actix::Handler<Ask> for Echo {
    type Result = usize;
    fn handle(&mut self, Ask(number): Ask, _: &mut Self::Context) -> usize {
        number
    }
}

fn actix_side() -> Vec<f64> {
    actix_rt::System::new().block_on(async {
        let echo = actix::Actor::start(Echo);
        let mut samples = Vec::with_capacity(ASKS);
        for number in 0..ASKS {
            let started = Instant::now();
            let answer = echo.send(Ask(number)).await;
            samples.push(started.elapsed().as_nanos() as f64);
            assert_eq!(answer.ok(), Some(number));
        }
        samples
    })
}
