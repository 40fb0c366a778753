//! One-way messages, one sender, one actor on another thread.

use std::time::Instant;

use runtime::{Actor, Context, Declaration, Node, NodeConfig, Pid, Placement};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::figures;
use crate::report::Figures;

const MESSAGES: u64 = 2_000_000;

pub fn run(side: &str, _: Option<&str>) -> Option<Figures> {
    let seconds = match side {
        "ours" => ours(),
        "actix" => actix_side(),
        "tokio" => tokio_side(),
        _ => return None,
    };
    Some(figures([(
        "messages_per_second",
        MESSAGES as f64 / seconds,
    )]))
}

#[derive(Serialize, Deserialize)]
struct Tick(u64);
runtime::message!(Tick = "bench.Tick");

struct Counter {
    sum: u64,
    done: Option<oneshot::Sender<()>>,
}

impl Counter {
    fn count(&mut self, number: u64) {
        self.sum += 1;
        std::hint::black_box(number);
        if self.sum == MESSAGES
            && let Some(done) = self.done.take()
        {
            let _ = done.send(());
        }
    }
}

impl Actor for Counter {
    const KIND: &'static str = "counter";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration.on(
            "Counts.",
            |counter: &mut Self, _: &Pid, Tick(n), _: &mut Context<'_, Self>| {
                counter.count(n);
            },
        );
    }
}

fn ours() -> f64 {
    runtime::run(async {
        let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
            .await
            .unwrap();
        let (done, finished) = oneshot::channel();
        let counter = Counter {
            sum: 0,
            done: Some(done),
        };
        let counter = node
            .spawn("counter", counter, Placement::OwnThread)
            .unwrap();
        counter.ask(|_, _| ()).await;
        let from = node.pid("sender");
        let started = Instant::now();
        for number in 0..MESSAGES {
            counter.tell(&from, Tick(number));
        }
        finished.await.unwrap();
        started.elapsed().as_secs_f64()
    })
}

impl actix::Message for Tick {
    type Result = ();
}

impl actix::Actor for Counter {
    type Context = actix::Context<Self>;
}

impl actix::Handler<Tick> for Counter {
    type Result = ();
    fn handle(&mut self, Tick(number): Tick, _: &mut Self::Context) {
        self.count(number);
    }
}

fn actix_side() -> f64 {
    actix_rt::System::new().block_on(async {
        let (done, finished) = oneshot::channel();
        let arbiter = actix_rt::Arbiter::new();
        let counter = <Counter as actix::Actor>::start_in_arbiter(&arbiter.handle(), |_| Counter {
            sum: 0,
            done: Some(done),
        });
        let started = Instant::now();
        for number in 0..MESSAGES {
            counter.do_send(Tick(number));
        }
        finished.await.unwrap();
        started.elapsed().as_secs_f64()
    })
}

fn tokio_side() -> f64 {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let mut counter = Counter { sum: 0, done: None };
            while counter.sum < MESSAGES {
                let Some(number) = receiver.recv().await else {
                    break;
                };
                counter.count(number);
            }
            done.send(()).unwrap();
        });
    });
    let started = Instant::now();
    for number in 0..MESSAGES {
        sender.send(number).unwrap();
    }
    finished.recv().unwrap();
    started.elapsed().as_secs_f64()
}
