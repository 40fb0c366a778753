//! From an actor to one of another process and back, one at a time.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use runtime::{Actor, Context, Declaration, Node, NodeConfig, Pid, Placement};
use tokio::sync::oneshot;

use super::figures;
use super::tick::Tick;
use crate::companion::{self, Companion};
use crate::report::{Figures, percentile};

const TRIPS: u64 = 50_000;
/// As long as a message on the wire is.
const BYTES: usize = 330;

pub fn run(side: &str, _: Option<&str>) -> Option<Figures> {
    let mut samples = match side {
        "ours" => ours()?,
        "tcp" => tcp()?,
        "echo" => return echo(),
        "tcp-echo" => return tcp_echo(),
        _ => return None,
    };
    Some(figures([
        ("p50_us", percentile(&mut samples, 50.0)),
        ("p99_us", percentile(&mut samples, 99.0)),
    ]))
}

struct Echo;

impl Actor for Echo {
    const KIND: &'static str = "echo";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration.on(
            "Comes back.",
            |_: &mut Self, from: &Pid, tick: Tick, context: &mut Context<'_, Self>| {
                context.send(from, tick);
            },
        );
    }
}

fn echo() -> Option<Figures> {
    runtime::run(async {
        let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
            .await
            .unwrap();
        node.spawn("echo", Echo, Placement::Here).unwrap();
        companion::listening(node.address());
        std::future::pending().await
    })
}

struct Asker {
    echo: Pid,
    started: Instant,
    samples: Vec<f64>,
    done: Option<oneshot::Sender<Vec<f64>>>,
}

impl Actor for Asker {
    const KIND: &'static str = "asker";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration.on("Comes back.", Self::back);
    }

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        self.ask(context);
    }
}

impl Asker {
    fn ask(&mut self, context: &mut Context<'_, Self>) {
        self.started = Instant::now();
        context.send(&self.echo, Tick(self.samples.len() as u64));
    }

    fn back(&mut self, _: &Pid, Tick(number): Tick, context: &mut Context<'_, Self>) {
        assert_eq!(number, self.samples.len() as u64, "it came back changed");
        self.samples
            .push(self.started.elapsed().as_secs_f64() * 1e6);
        if self.samples.len() as u64 == TRIPS {
            if let Some(done) = self.done.take() {
                let _ = done.send(std::mem::take(&mut self.samples));
            }
        } else {
            self.ask(context);
        }
    }
}

fn ours() -> Option<Vec<f64>> {
    let echo = Companion::start("wire.rtt", "echo", "")?;
    runtime::run(async {
        let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
            .await
            .ok()?;
        let (done, finished) = oneshot::channel();
        let asker = Asker {
            echo: Pid::new("echo", echo.address),
            started: Instant::now(),
            samples: Vec::new(),
            done: Some(done),
        };
        node.spawn("asker", asker, Placement::Here).ok()?;
        finished.await.ok()
    })
}

fn tcp_echo() -> Option<Figures> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).ok()?;
    companion::listening(listener.local_addr().ok()?);
    let (mut socket, _) = listener.accept().ok()?;
    socket.set_nodelay(true).ok()?;
    let mut buffer = [0; BYTES];
    while socket.read_exact(&mut buffer).is_ok() {
        socket.write_all(&buffer).ok()?;
    }
    None
}

fn tcp() -> Option<Vec<f64>> {
    let echo = Companion::start("wire.rtt", "tcp-echo", "")?;
    let mut socket = TcpStream::connect(echo.address).ok()?;
    socket.set_nodelay(true).ok()?;
    let mut buffer = [b'.'; BYTES];
    let mut samples = Vec::new();
    for _ in 0..TRIPS {
        let started = Instant::now();
        socket.write_all(&buffer).ok()?;
        socket.read_exact(&mut buffer).ok()?;
        samples.push(started.elapsed().as_secs_f64() * 1e6);
    }
    Some(samples)
}
