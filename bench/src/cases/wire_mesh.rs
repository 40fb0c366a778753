//! Pings to thousands of peers with an address each, and their pongs: a master's links to
//! its agents. The peers are mere sockets in another process.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::BytesMut;
use runtime::{
    Actor, Context, Declaration, Handle, Message as _, Node, NodeConfig, Pid, Placement,
};
use runtime_core::http::Limits;
use runtime_core::libprocess::{ACCEPTED, Encoder, MessageReader, Received};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::figures;
use super::tick::Tick;
use crate::companion::{self, Companion};
use crate::process::{cpu_seconds, resident_bytes};
use crate::report::{Figures, exponent};

/// Peers. The largest comes first, so that its memory is not what another left.
const SIZES: [usize; 3] = [9_000, 3_000, 1_000];
/// Pings that are measured, at least.
const PINGS: usize = 50_000;
/// First pings, which connect, on their way at once: as many as a listener's backlog holds.
const FIRST: usize = 500;

pub fn run(side: &str, argument: Option<&str>) -> Option<Figures> {
    raise_file_limit();
    match side {
        "ours" => ours(),
        "swarm" => swarm(argument?.parse().ok()?),
        _ => None,
    }
}

/// Two sockets for each peer are more than many systems allow a process by default.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let _ = setrlimit(Resource::Nofile, raised);
}

/// Sends pings to its peers in turn.
struct Pinger {
    peers: Vec<Pid>,
    sent: usize,
    back: usize,
    goal: usize,
    window: usize,
    done: Option<oneshot::Sender<()>>,
}

impl Actor for Pinger {
    const KIND: &'static str = "pinger";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration.on("A pong.", Self::pong);
    }

    fn exited(&mut self, peer: &Pid, _: &mut Context<'_, Self>) {
        // Without its pongs the case would never end.
        assert!(self.done.is_none(), "lost {peer}");
    }
}

impl Pinger {
    fn pong(&mut self, from: &Pid, Tick(number): Tick, context: &mut Context<'_, Self>) {
        let asked = &self.peers[number as usize % self.peers.len()];
        assert_eq!(from, asked, "a pong of another");
        self.back += 1;
        if self.back == self.goal
            && let Some(done) = self.done.take()
        {
            let _ = done.send(());
        }
        self.send(context);
    }

    fn send(&mut self, context: &mut Context<'_, Self>) {
        while self.sent < self.goal && self.sent - self.back < self.window {
            let peer = &self.peers[self.sent % self.peers.len()];
            context.send(peer, Tick(self.sent as u64));
            self.sent += 1;
        }
    }
}

/// Has so many more pings sent, and waits for their pongs.
async fn ping(pinger: &Handle<Pinger>, count: usize, window: usize) -> Option<()> {
    let (done, finished) = oneshot::channel();
    pinger.call(move |pinger, context| {
        pinger.goal += count;
        pinger.window = window;
        pinger.done = Some(done);
        pinger.send(context);
    });
    finished.await.ok()
}

fn ours() -> Option<Figures> {
    runtime::run(async {
        let me = std::process::id();
        let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
            .await
            .ok()?;
        let mut costs = Vec::new();
        let mut bytes = None;
        for size in SIZES {
            let swarm = Companion::start("wire.mesh", "swarm", &node.address().to_string())?;
            let peers = (0..size).map(|number| peer(number, swarm.address.port()));
            let before = resident_bytes(me);
            let pinger = Pinger {
                peers: peers.collect(),
                sent: 0,
                back: 0,
                goal: 0,
                window: 0,
                done: None,
            };
            let pinger = node
                .spawn(node.next_id("pinger"), pinger, Placement::Here)
                .ok()?;
            ping(&pinger, size, FIRST).await?;
            pinger
                .ask(|pinger, context| pinger.peers.iter().for_each(|peer| context.link(peer)))
                .await?;
            bytes.get_or_insert((resident_bytes(me) - before) / size as f64);
            let count = PINGS.next_multiple_of(size);
            let cpu = cpu_seconds(me);
            ping(&pinger, count, size).await?;
            let each = (cpu_seconds(me) - cpu) / count as f64;
            costs.push((size as f64, each * size as f64));
            pinger.call(|_, context| context.stop());
        }
        let (size, cpu) = *costs.first()?;
        Some(figures([
            ("cpu_us_per_ping", cpu * 1e6 / size),
            ("bytes_per_link", bytes?),
            ("exponent", exponent(&costs)),
        ]))
    })
}

/// Every address of 127.0.0.0/8 is this machine's own.
fn peer(number: usize, port: u16) -> Pid {
    let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 0)) + number as u32);
    Pid::new("peer", SocketAddr::from((address, port)))
}

/// All peers of one node: one listener, one connection to the node for each.
fn swarm(node: SocketAddr) -> Option<Figures> {
    runtime::run(async move {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.ok()?;
        companion::listening(listener.local_addr().ok()?);
        loop {
            let (socket, _) = listener.accept().await.ok()?;
            tokio::task::spawn_local(serve(socket, node));
        }
    })
}

/// Answers every ping by a pong over a connection of its own, as libprocess does.
async fn serve(mut socket: TcpStream, node: SocketAddr) -> Option<()> {
    let me = Pid::new("peer", socket.local_addr().ok()?);
    let (mut discarded, mut pongs) = TcpStream::connect(node).await.ok()?.into_split();
    tokio::task::spawn_local(async move {
        let mut sink = [0; 1024];
        while discarded.read(&mut sink).await.is_ok_and(|count| count > 0) {}
    });
    let mut encoder = Encoder::default();
    let mut reader = MessageReader::new(Limits::default());
    let mut buffer = BytesMut::new();
    let (mut answers, mut out) = (Vec::new(), Vec::new());
    loop {
        while let Received::Message { message, .. } = reader.read(&mut buffer).ok()? {
            let message = message.ok()?;
            answers.extend_from_slice(ACCEPTED);
            let pinger = message.from.pid()?;
            let (name, codec) = (Tick::NAME, Tick::CODEC);
            encoder.encode(&me, pinger, name, codec, &message.body, &mut out);
        }
        socket.write_all(&answers).await.ok()?;
        pongs.write_all(&out).await.ok()?;
        answers.clear();
        out.clear();
        buffer.reserve(1024);
        if socket.read_buf(&mut buffer).await.ok()? == 0 {
            return None;
        }
    }
}
