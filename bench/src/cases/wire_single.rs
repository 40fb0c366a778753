//! Messages of 100 bytes over one link, each in a write of its own: what a receiver makes
//! of messages that nobody gathered.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Instant;

use runtime::{Actor, Context, Declaration, Node, NodeConfig, Pid, Placement};

use super::figures;
use super::tick::Tick;
use crate::companion::{self, Companion};
use crate::process::{cpu_seconds, listener};
use crate::raw::{REFERENCE_ACTOR, Sender};
use crate::report::Figures;
use crate::scheduler::Master;

const MESSAGES: u64 = 500_000;
/// The original takes 30,000 a second.
const REFERENCE_MESSAGES: u64 = 60_000;

pub fn run(side: &str, argument: Option<&str>) -> Option<Figures> {
    match side {
        "ours" => {
            let sink = Companion::start("wire.single", "sink", "")?;
            drive(sink.address, sink.pid(), MESSAGES, true, "sink")
        }
        "tcp" => {
            let sink = Companion::start("wire.single", "tcp-sink", "")?;
            drive(sink.address, sink.pid(), MESSAGES, false, "sink")
        }
        "reference" => {
            let master = Master::parse(argument?)?;
            let pid = listener(master.address.port())?;
            drive(
                master.address,
                pid,
                REFERENCE_MESSAGES,
                true,
                REFERENCE_ACTOR,
            )
        }
        "sink" => sink(),
        "tcp-sink" => tcp_sink(),
        _ => None,
    }
}

/// Writes messages one by one until all are taken: each answered, or read by a mere
/// socket, which answers once.
fn drive(address: SocketAddr, pid: u32, count: u64, answers: bool, to: &str) -> Option<Figures> {
    let mut sender = Sender::open(address, to)?;
    let taken = sender.answers()?;
    let expected = if answers { count } else { 1 };
    let taken = thread::spawn(move || taken.accepted(expected));
    let before = cpu_seconds(pid);
    let started = Instant::now();
    for number in 0..count {
        sender.add(number);
        sender.write()?;
    }
    if !answers {
        sender.finish()?;
    }
    taken.join().ok()??;
    let seconds = started.elapsed().as_secs_f64();
    let cpu = cpu_seconds(pid) - before;
    Some(figures([
        ("messages_per_second", count as f64 / seconds),
        ("receiver_cpu_us", cpu * 1e6 / count as f64),
    ]))
}

struct Sink(u64);

impl Actor for Sink {
    const KIND: &'static str = "sink";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration.on("Counts.", Self::tick);
    }
}

impl Sink {
    fn tick(&mut self, _: &Pid, Tick(number): Tick, _: &mut Context<'_, Self>) {
        assert_eq!(number, self.0, "a message was lost or overtaken");
        self.0 += 1;
    }
}

fn sink() -> Option<Figures> {
    runtime::run(async {
        let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
            .await
            .unwrap();
        node.spawn("sink", Sink(0), Placement::Here).unwrap();
        companion::listening(node.address());
        std::future::pending().await
    })
}

/// Reads to the end, and says so.
fn tcp_sink() -> Option<Figures> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).ok()?;
    companion::listening(listener.local_addr().ok()?);
    let (mut socket, _) = listener.accept().ok()?;
    let mut buffer = vec![0; 64 << 10];
    while socket.read(&mut buffer).ok()? > 0 {}
    socket.write_all(b"HTTP/1.1 202 Accepted\r\n\r\n").ok()?;
    None
}
