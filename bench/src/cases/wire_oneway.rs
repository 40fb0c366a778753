//! Messages of 100 bytes from an actor to one of another process, over one link: many in
//! flight, so that they are written together.

use std::net::SocketAddr;
use std::thread;
use std::time::Instant;

use runtime::{Actor, Context, Declaration, Node, NodeConfig, Pid, Placement};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::figures;
use super::tick::Tick;
use crate::companion::{self, Companion};
use crate::process::{cpu_seconds, listener};
use crate::raw::{REFERENCE_ACTOR, Sender};
use crate::report::Figures;
use crate::scheduler::Master;

const MESSAGES: u64 = 2_000_000;
/// The original takes 30,000 a second.
const REFERENCE_MESSAGES: u64 = 60_000;
/// Messages that one word of the receiver lets follow.
const BURST: u64 = 10_000;
/// Messages on their way at most: far less than a peer's queue holds.
const WINDOW: u64 = 10 * BURST;

pub fn run(side: &str, argument: Option<&str>) -> Option<Figures> {
    match side {
        "ours" => ours(),
        "raw" => {
            let sink = Companion::start("wire.oneway", "sink", "")?;
            raw_side(sink.address, sink.pid(), "sink", MESSAGES)
        }
        "reference" => {
            let master = Master::parse(argument?)?;
            let pid = listener(master.address.port())?;
            raw_side(master.address, pid, REFERENCE_ACTOR, REFERENCE_MESSAGES)
        }
        "sink" => sink(),
        _ => None,
    }
}

/// So many more may come.
#[derive(Serialize, Deserialize)]
struct More(u64);
runtime::message!(More = "bench.More");

struct Sink {
    next: u64,
    is_in_order: bool,
}

impl Actor for Sink {
    const KIND: &'static str = "sink";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration.on("Counts.", Self::tick);
    }
}

impl Sink {
    fn tick(&mut self, from: &Pid, Tick(number): Tick, context: &mut Context<'_, Self>) {
        self.is_in_order &= number == self.next;
        self.next += 1;
        // Saying nothing more, when one was lost or overtaken, ends the case.
        if self.next.is_multiple_of(BURST) && self.is_in_order {
            context.send(from, More(BURST));
        }
    }
}

fn sink() -> Option<Figures> {
    runtime::run(async {
        let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
            .await
            .unwrap();
        let sink = Sink {
            next: 0,
            is_in_order: true,
        };
        node.spawn("sink", sink, Placement::Here).unwrap();
        companion::listening(node.address());
        std::future::pending().await
    })
}

struct Source {
    sink: Pid,
    sent: u64,
    taken: u64,
    done: Option<oneshot::Sender<()>>,
}

impl Actor for Source {
    const KIND: &'static str = "source";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration.on("Lets more follow.", Self::more);
    }

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        self.send(WINDOW, context);
    }
}

impl Source {
    fn more(&mut self, _: &Pid, More(count): More, context: &mut Context<'_, Self>) {
        self.taken += count;
        self.send(count, context);
        if self.taken == MESSAGES
            && let Some(done) = self.done.take()
        {
            let _ = done.send(());
        }
    }

    fn send(&mut self, count: u64, context: &mut Context<'_, Self>) {
        let end = MESSAGES.min(self.sent + count);
        for number in self.sent..end {
            context.send(&self.sink, Tick(number));
        }
        self.sent = end;
    }
}

fn ours() -> Option<Figures> {
    let sink = Companion::start("wire.oneway", "sink", "")?;
    let (me, it) = (std::process::id(), sink.pid());
    runtime::run(async {
        let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
            .await
            .ok()?;
        let (done, finished) = oneshot::channel();
        let source = Source {
            sink: Pid::new("sink", sink.address),
            sent: 0,
            taken: 0,
            done: Some(done),
        };
        let before = (cpu_seconds(me), cpu_seconds(it));
        let started = Instant::now();
        node.spawn("source", source, Placement::Here).ok()?;
        finished.await.ok()?;
        let seconds = started.elapsed().as_secs_f64();
        let (sending, receiving) = (cpu_seconds(me) - before.0, cpu_seconds(it) - before.1);
        let each = 1e6 / MESSAGES as f64;
        Some(figures([
            ("messages_per_second", MESSAGES as f64 / seconds),
            ("sender_cpu_us", sending * each),
            ("receiver_cpu_us", receiving * each),
        ]))
    })
}

/// The same messages from a mere socket, so that what is measured is the receiver.
fn raw_side(address: SocketAddr, pid: u32, to: &str, count: u64) -> Option<Figures> {
    const AT_ONCE: usize = 256 << 10;
    let mut sender = Sender::open(address, to)?;
    let answers = sender.answers()?;
    let accepted = thread::spawn(move || answers.accepted(count));
    let before = cpu_seconds(pid);
    let started = Instant::now();
    for number in 0..count {
        if sender.add(number) > AT_ONCE {
            sender.write()?;
        }
    }
    sender.write()?;
    accepted.join().ok()??;
    let seconds = started.elapsed().as_secs_f64();
    let cpu = cpu_seconds(pid) - before;
    Some(figures([
        ("messages_per_second", count as f64 / seconds),
        ("receiver_cpu_us", cpu * 1e6 / count as f64),
    ]))
}
