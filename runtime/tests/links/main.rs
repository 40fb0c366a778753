//! Links between nodes over real sockets, after libprocess' ProcessRemoteLinkTest and
//! beyond it (L12–L16, Q3). What waits for long is in `simulated.rs`, on virtual time.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

mod full;
mod relay;

use std::time::Duration;

use relay::{Relay, Seen};
use runtime::{Actor, Context, Declaration, Handle, Limits, Node, NodeConfig, Pid, Placement};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// The longest that a test waits for anything: far beyond what it should take.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note(String);
runtime::message!(Note = "test.Note");

/// What an actor under test tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Heard(String),
    Exited(Pid),
}

/// Tells the test whatever happens to it.
struct Teller(mpsc::UnboundedSender<Told>);

impl Actor for Teller {
    const KIND: &'static str = "teller";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration.on("Tells of it.", |teller, _, Note(text), _| {
            let _ = teller.0.send(Told::Heard(text));
        });
    }

    fn exited(&mut self, peer: &Pid, _: &mut Context<'_, Self>) {
        let _ = self.0.send(Told::Exited(peer.clone()));
    }
}

/// An actor and what it tells.
struct Linker {
    handle: Handle<Teller>,
    told: mpsc::UnboundedReceiver<Told>,
}

impl Linker {
    fn on(node: &Node, id: &str) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        let handle = node.spawn(id, Teller(tell), Placement::Here).unwrap();
        Self { handle, told }
    }

    fn link(&self, peer: &Pid) {
        let peer = peer.clone();
        self.handle.call(move |_, context| context.link(&peer));
    }

    fn relink(&self, peer: &Pid) {
        let peer = peer.clone();
        self.handle.call(move |_, context| context.relink(&peer));
    }

    fn send(&self, peer: &Pid, text: &str) {
        let (peer, note) = (peer.clone(), Note(text.to_owned()));
        self.handle
            .call(move |_, context| context.send(&peer, note));
    }

    async fn next(&mut self) -> Told {
        let next = self.told.recv();
        tokio::time::timeout(PATIENCE, next).await.unwrap().unwrap()
    }

    /// All events that were on their way to the actor have been handled.
    async fn settle(&self) {
        self.handle.ask(|_, _| ()).await.unwrap();
    }

    /// The next event is this exit, and no further one can come: no connection is left
    /// that could report one.
    async fn exits_once(&mut self, node: &Node, peer: &Pid) {
        assert_eq!(self.next().await, Told::Exited(peer.clone()));
        self.settle().await;
        assert_eq!(metric(node, "runtime/peer_connections"), 0.0);
        assert_eq!(self.told.try_recv(), Err(mpsc::error::TryRecvError::Empty));
    }
}

fn metric(node: &Node, name: &str) -> f64 {
    node.metrics().snapshot()[name]
}

async fn node_with(limits: Limits) -> Node {
    let mut config = NodeConfig::new(([127, 0, 0, 1], 0).into());
    config.limits = limits;
    Node::start(config).await.unwrap()
}

async fn node() -> Node {
    node_with(Limits::default()).await
}

/// Two nodes with a relay between them: who links, whom it links to, by which pid.
struct Pair {
    near: Node,
    linker: Linker,
    linkee: Linker,
    relay: Relay,
    pid: Pid,
}

async fn pair_with(limits: Limits) -> Pair {
    let (near, far) = (node_with(limits).await, node().await);
    let (linker, linkee) = (Linker::on(&near, "linker"), Linker::on(&far, "linkee(1)"));
    let relay = Relay::to(far.address()).await;
    let pid = Pid::new("linkee(1)", relay.address);
    Pair {
        near,
        linker,
        linkee,
        relay,
        pid,
    }
}

async fn pair() -> Pair {
    pair_with(Limits::default()).await
}

#[test]
fn remote_link() {
    runtime::run(async {
        let mut pair = pair().await;
        pair.linker.link(&pair.pid);
        pair.relay.until(Seen::Opened(1)).await;
        pair.relay.kill().await;
        pair.linker.exits_once(&pair.near, &pair.pid).await;
    });
}

#[test]
fn remote_relink_without_a_link_is_a_link() {
    runtime::run(async {
        let mut pair = pair().await;
        pair.linker.relink(&pair.pid);
        pair.relay.until(Seen::Opened(1)).await;
        pair.relay.kill().await;
        pair.linker.exits_once(&pair.near, &pair.pid).await;
    });
}

#[test]
fn remote_link_relink_swaps_the_connection_in_silence() {
    runtime::run(async {
        let mut pair = pair().await;
        pair.linker.link(&pair.pid);
        pair.relay.until(Seen::Opened(1)).await;
        pair.linker.relink(&pair.pid);
        pair.relay.until(Seen::Closed(1)).await;
        pair.linker.send(&pair.pid, "over the second");
        let heard = Told::Heard("over the second".to_owned());
        assert_eq!(pair.linkee.next().await, heard);
        assert_eq!(pair.relay.opened(), 2);
        pair.relay.kill().await;
        pair.linker.exits_once(&pair.near, &pair.pid).await;
    });
}

#[test]
fn remote_double_link_relink_keeps_the_other_s_link() {
    runtime::run(async {
        let mut pair = pair().await;
        let mut other = Linker::on(&pair.near, "other");
        other.link(&pair.pid);
        pair.linker.link(&pair.pid);
        pair.linker.relink(&pair.pid);
        pair.linker.settle().await;
        pair.relay.until(Seen::Opened(1)).await;
        pair.relay.kill().await;
        other.exits_once(&pair.near, &pair.pid).await;
        pair.linker.exits_once(&pair.near, &pair.pid).await;
    });
}

#[test]
fn remote_use_stale_link_is_noticed_by_sending() {
    runtime::run(async {
        let mut pair = pair().await;
        pair.linker.link(&pair.pid);
        pair.relay.until(Seen::Opened(1)).await;
        pair.relay.lose();
        pair.linker.settle().await;
        assert!(pair.linker.told.is_empty(), "nothing tells of it yet");
        pair.linker.send(&pair.pid, "lost");
        pair.linker.exits_once(&pair.near, &pair.pid).await;
    });
}

#[test]
fn remote_stale_link_relink_delivers() {
    runtime::run(async {
        let mut pair = pair().await;
        pair.linker.link(&pair.pid);
        pair.relay.until(Seen::Opened(1)).await;
        pair.relay.lose();
        pair.linker.relink(&pair.pid);
        pair.linker.send(&pair.pid, "heard");
        assert_eq!(pair.linkee.next().await, Told::Heard("heard".to_owned()));
        assert!(pair.linker.told.is_empty());
        pair.relay.kill().await;
        pair.linker.exits_once(&pair.near, &pair.pid).await;
    });
}

#[test]
fn a_half_open_link_is_given_up_when_messages_stay_unanswered() {
    runtime::run(async {
        let mut pair = pair_with(Limits {
            peer_silence: Duration::from_millis(200),
            ..Limits::default()
        })
        .await;
        pair.linker.link(&pair.pid);
        pair.relay.until(Seen::Opened(1)).await;
        pair.relay.stall();
        pair.linker.send(&pair.pid, "into the void");
        pair.linker.exits_once(&pair.near, &pair.pid).await;
    });
}

#[test]
fn relinking_closes_a_connection_that_hangs() {
    runtime::run(async {
        let mut pair = pair_with(Limits {
            connect_time: Duration::from_millis(200),
            ..Limits::default()
        })
        .await;
        pair.linker.link(&pair.pid);
        pair.relay.until(Seen::Opened(1)).await;
        pair.relay.stall();
        // More than sockets buffer, so that writing it hangs.
        pair.linker.send(&pair.pid, &"x".repeat(32 << 20));
        pair.linker.settle().await;
        pair.linker.relink(&pair.pid);
        pair.linker.send(&pair.pid, "heard");
        assert!(pair.linkee.next().await == Told::Heard("heard".to_owned()));
        while metric(&pair.near, "runtime/messages_lost_with_connection") < 1.0 {
            pair.linker.settle().await;
        }
        assert!(pair.linker.told.is_empty());
    });
}

#[test]
fn links_and_messages_share_one_connection() {
    runtime::run(async {
        let mut pair = pair().await;
        pair.linker.send(&pair.pid, "temporary");
        let heard = Told::Heard("temporary".to_owned());
        assert_eq!(pair.linkee.next().await, heard);
        pair.linker.link(&pair.pid);
        pair.linker.send(&pair.pid, "persistent");
        let heard = Told::Heard("persistent".to_owned());
        assert_eq!(pair.linkee.next().await, heard);
        assert_eq!(pair.relay.opened(), 1);
        pair.relay.cut();
        pair.linker.exits_once(&pair.near, &pair.pid).await;
    });
}

#[test]
fn a_link_to_a_missing_id_on_a_living_node_says_nothing() {
    runtime::run(async {
        let mut pair = pair().await;
        let nobody = Pid::new("nobody", pair.relay.address);
        pair.linker.link(&nobody);
        pair.linker.send(&nobody, "404");
        pair.linker.send(&pair.pid, "after it");
        assert_eq!(pair.linkee.next().await, Told::Heard("after it".to_owned()));
        assert!(pair.linker.told.is_empty());
        pair.relay.kill().await;
        pair.linker.exits_once(&pair.near, &nobody).await;
    });
}

#[test]
fn each_pid_of_a_node_exits_once_for_each_linker() {
    runtime::run(async {
        let mut pair = pair().await;
        let second = Pid::new("linkee(2)", pair.relay.address);
        let mut other = Linker::on(&pair.near, "other");
        for _ in 0..3 {
            pair.linker.link(&pair.pid);
            pair.linker.link(&second);
            other.link(&second);
        }
        other.settle().await;
        pair.relay.until(Seen::Opened(1)).await;
        pair.relay.cut();
        assert_eq!(pair.linker.next().await, Told::Exited(pair.pid.clone()));
        pair.linker.exits_once(&pair.near, &second).await;
        other.exits_once(&pair.near, &second).await;
    });
}

#[test]
fn an_ended_linker_s_link_ends_nobody_else_s() {
    runtime::run(async {
        let mut pair = pair().await;
        for _ in 0..1000 {
            let short = Linker::on(&pair.near, "short-lived");
            short.link(&pair.pid);
            short.settle().await;
            pair.near.terminate(short.handle.pid());
            while short.handle.ask(|_, _| ()).await.is_some() {}
        }
        pair.linker.link(&pair.pid);
        pair.linker.settle().await;
        pair.relay.until(Seen::Opened(1)).await;
        pair.relay.kill().await;
        pair.linker.exits_once(&pair.near, &pair.pid).await;
    });
}

#[test]
fn after_an_exit_the_next_link_is_a_new_one() {
    runtime::run(async {
        let mut pair = pair().await;
        for connection in 1..=3 {
            pair.linker.link(&pair.pid);
            pair.relay.until(Seen::Opened(connection)).await;
            pair.relay.cut();
            pair.linker.exits_once(&pair.near, &pair.pid).await;
        }
    });
}
