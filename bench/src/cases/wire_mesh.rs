//! Pings to thousands of peers with an address each, and their pongs: a master's links to
//! its agents. The peers are mere sockets in another process, of our kind, which agrees on
//! rare answers, or of libprocess' kind, which answers each message and is answered each.

mod sockets;

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use bytes::BytesMut;
use runtime::{
    Actor, Context, Declaration, Handle, Message as _, Node, NodeConfig, Pid, Placement,
};
use runtime_core::http::Limits;
use runtime_core::libprocess::{
    ACCEPTED, ACCEPTED_WITH_OFFER, ANSWERS, Answering, Encoder, MessageReader, RARELY, Received,
    encode_with, offers_rarely,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::figures;
use super::tick::Tick;
use crate::companion::{self, Companion};
use crate::process::{cpu_seconds, own_cpu, resident_bytes};
use crate::report::{Figures, exponent};

/// Peers. The largest comes first, so that its memory is not what another left.
const SIZES: [usize; 3] = [9_000, 3_000, 1_000];
/// Pings that are measured, at least.
const PINGS: usize = 50_000;
/// First pings, which connect, on their way at once: as many as a listener's backlog holds.
const FIRST: usize = 500;

/// Peers that agree on rare answers.
const OUR_KIND: &str = "our-kind";
/// Peers that answer each message.
const ANSWERING: &str = "answering";

pub fn run(side: &str, argument: Option<&str>) -> Option<Figures> {
    raise_file_limit();
    match side {
        "ours" => ours(),
        "sockets" => sockets::run(),
        OUR_KIND | ANSWERING => swarm(argument?.parse().ok()?, side == OUR_KIND),
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

/// CPU time for a ping and its pong, of the side that pings and of its peers.
struct Cost {
    pinger: f64,
    peers: f64,
    /// What the links added to the pinger's resident memory.
    bytes: f64,
}

/// Links to so many peers of a kind, and pings them.
async fn measure(node: &Node, kind: &str, size: usize) -> Option<Cost> {
    let me = std::process::id();
    let swarm = Companion::start("wire.mesh", kind, &node.address().to_string())?;
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
    // The second pings, and pongs, are those that ask for rare answers.
    ping(&pinger, 2 * size, FIRST).await?;
    pinger
        .ask(|pinger, context| pinger.peers.iter().for_each(|peer| context.link(peer)))
        .await?;
    let bytes = resident_bytes(me) - before;
    let count = PINGS.next_multiple_of(size);
    let before = (own_cpu(), cpu_seconds(swarm.pid()));
    ping(&pinger, count, size).await?;
    let own = (own_cpu() - before.0).as_secs_f64();
    let cost = Cost {
        pinger: own / count as f64,
        peers: (cpu_seconds(swarm.pid()) - before.1) / count as f64,
        bytes,
    };
    pinger.call(|_, context| context.stop());
    Some(cost)
}

fn ours() -> Option<Figures> {
    runtime::run(async {
        let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
            .await
            .ok()?;
        let [most, rest @ ..] = SIZES;
        let of_our_kind = measure(&node, OUR_KIND, most).await?;
        let mut costs = vec![(most as f64, of_our_kind.pinger * most as f64)];
        for size in rest {
            let cost = measure(&node, OUR_KIND, size).await?;
            costs.push((size as f64, cost.pinger * size as f64));
        }
        let answering = measure(&node, ANSWERING, most).await?;
        Some(figures([
            ("cpu_us_per_ping", of_our_kind.pinger * 1e6),
            ("peers_cpu_us_per_ping", of_our_kind.peers * 1e6),
            ("answering_cpu_us_per_ping", answering.pinger * 1e6),
            ("answering_peers_cpu_us_per_ping", answering.peers * 1e6),
            ("bytes_per_link", of_our_kind.bytes / most as f64),
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
fn swarm(node: SocketAddr, is_our_kind: bool) -> Option<Figures> {
    runtime::run(async move {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.ok()?;
        companion::listening(listener.local_addr().ok()?);
        loop {
            let (socket, _) = listener.accept().await.ok()?;
            tokio::task::spawn_local(serve(socket, node, is_our_kind));
        }
    })
}

/// Answers every ping by a pong over a connection of its own, as libprocess does.
async fn serve(mut socket: TcpStream, node: SocketAddr, is_our_kind: bool) -> Option<()> {
    let me = Pid::new("peer", socket.local_addr().ok()?);
    let (mut answered, mut pongs) = TcpStream::connect(node).await.ok()?.into_split();
    let is_offered = Rc::new(Cell::new(false));
    let offer = Rc::clone(&is_offered);
    tokio::task::spawn_local(async move {
        let mut answers = [0; 1024];
        while let Ok(count @ 1..) = answered.read(&mut answers).await {
            offer.set(offer.get() || (is_our_kind && offers_rarely(&answers[..count])));
        }
    });
    let mut encoder = Encoder::default();
    let mut reader = MessageReader::new(Limits::default());
    let mut buffer = BytesMut::new();
    let (mut answers, mut out) = (Vec::new(), Vec::new());
    let (mut has_asked, mut is_asked, mut count) = (false, false, 0);
    loop {
        while let Received::Message { message, .. } = reader.read(&mut buffer).ok()? {
            let message = message.ok()?;
            count += 1;
            is_asked |= is_our_kind && message.answering == Answering::Rarely;
            // The case ends long before the first of the rare answers is due.
            if !is_asked {
                let offers = is_our_kind && count == 1;
                answers.extend_from_slice(if offers {
                    ACCEPTED_WITH_OFFER
                } else {
                    ACCEPTED
                });
            }
            let pinger = message.from.pid()?;
            let (name, codec) = (Tick::NAME, Tick::CODEC);
            if is_offered.get() && !has_asked {
                has_asked = true;
                let ask = (ANSWERS, RARELY);
                encode_with(ask, &me, pinger, name, codec, &message.body, &mut out);
            } else {
                encoder.encode(&me, pinger, name, codec, &message.body, &mut out);
            }
        }
        // As our nodes do it, which write what they send before what they answer.
        pongs.write_all(&out).await.ok()?;
        if !answers.is_empty() {
            socket.write_all(&answers).await.ok()?;
        }
        answers.clear();
        out.clear();
        buffer.reserve(1024);
        if socket.read_buf(&mut buffer).await.ok()? == 0 {
            return None;
        }
    }
}
