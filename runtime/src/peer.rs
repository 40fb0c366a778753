//! Outgoing connections: one per peer node, pipelined, coalesced, bounded (L11–L16).
//!
//! A connection is *persistent* while a living actor is linked over it, and *temporary*
//! otherwise: then it closes when nothing has been sent for a while (L12).

mod connection;
mod links;
mod outbox;
mod queue;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runtime_core::{Codec, Pid, libprocess};
use serde::Serialize;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::mailbox::Mailbox;
use crate::metrics::{Counter, Metrics};
use crate::node::Node;
pub(crate) use crate::peer::connection::Peer;
use crate::peer::connection::State;
pub(crate) use crate::peer::outbox::Outbox;
use crate::sync::lock;
use crate::trace::Mark;

/// All peers of a node.
pub(crate) struct Peers {
    by_address: Mutex<HashMap<SocketAddr, Arc<Peer>>>,
    accounts: Arc<Accounts>,
}

/// What all connections of a node count together.
#[derive(Default)]
struct Accounts {
    /// Bytes that wait for all peers or are being written.
    waiting: Arc<AtomicUsize>,
    sent: Counter,
    /// Not taken: too much waits.
    dropped: Counter,
    /// Taken, but the connection ended before they were written.
    lost: Counter,
    writes: Counter,
    broken: Counter,
    /// Connections that are in the list of peers.
    open: Arc<AtomicUsize>,
}

/// One connection, for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct PeerView {
    /// The peer's node.
    address: SocketAddr,
    is_connected: bool,
    /// Whether a link keeps it.
    is_persistent: bool,
    /// `linker -> linked`, of living linkers.
    links: Vec<String>,
    age_ms: f64,
    messages_sent: u64,
    messages_dropped: u64,
    waiting_messages: u64,
    waiting_bytes: usize,
    /// Too much waits: messages are dropped.
    is_full: bool,
    /// The peer answers now and then, not each message.
    answers_rarely: bool,
    /// For how long the peer has left unanswered what it was sent.
    unanswered_ms: Option<f64>,
}

impl Peers {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let accounts = Accounts {
            sent: metrics.counter("runtime/messages_sent"),
            dropped: metrics.counter("runtime/messages_dropped_peer_full"),
            lost: metrics.counter("runtime/messages_lost_with_connection"),
            writes: metrics.counter("runtime/peer_writes"),
            broken: metrics.counter("runtime/peer_connections_broken"),
            ..Accounts::default()
        };
        let (waiting, open) = (Arc::clone(&accounts.waiting), Arc::clone(&accounts.open));
        metrics.pull_gauge("runtime/peer_bytes_waiting", move || {
            waiting.load(Ordering::Relaxed) as f64
        });
        metrics.pull_gauge("runtime/peer_connections", move || {
            open.load(Ordering::Relaxed) as f64
        });
        Self {
            by_address: Mutex::default(),
            accounts: Arc::new(accounts),
        }
    }

    /// Queues a message for a peer, with the mark of a trace if one follows it; it vanishes when the peer is dead or full (L11).
    #[expect(
        clippy::too_many_arguments,
        reason = "a message has so many parts, and a struct of them would be made for this call only"
    )]
    pub(crate) fn send(
        &self,
        node: &Node,
        from: &Pid,
        to: &Pid,
        name: &str,
        codec: Codec,
        body: &[u8],
        mark: Option<Mark>,
    ) {
        let limits = node.limits();
        self.with(node, to.address, |state| {
            let all = self.accounts.waiting.load(Ordering::Relaxed);
            if !state
                .queue
                .has_room(body.len(), limits.peer, all, limits.peers)
            {
                self.accounts.dropped.increment();
                if state.queue.drop_one() {
                    warn!(
                        peer = %to.address,
                        waiting = state.queue.bytes(),
                        name,
                        "a peer reads too slowly: messages to it are dropped"
                    );
                }
                return;
            }
            if let Some(dropped) = state.queue.recovered() {
                info!(peer = %to.address, dropped, "a peer reads again");
            }
            // One that says so makes the answers to all that follow rare.
            let asks = mark.is_none() && state.asks_for_fewer_answers();
            let State { queue, encoder, .. } = state;
            let trace = mark.map(|mark| mark.to_string());
            let header = match &trace {
                Some(trace) => Some(("traceparent", trace.as_str())),
                None => asks.then_some((libprocess::ANSWERS, libprocess::RARELY)),
            };
            let added = queue.push(|out| match header {
                None => encoder.encode(from, to, name, codec, body, out),
                Some(header) => {
                    libprocess::encode_with(header, from, to, name, codec, body, out);
                }
            });
            self.accounts.waiting.fetch_add(added, Ordering::Relaxed);
            self.accounts.sent.increment();
        });
    }

    /// Has `linker` told once when the connection to `peer`'s node breaks (L13).
    pub(crate) fn link(&self, node: &Node, linker: &Arc<Mailbox>, peer: &Pid) {
        self.with(node, peer.address, |state| {
            state.links.add(linker, &peer.id)
        });
    }

    /// Replaces the connection: links and what waits move to a fresh one, and the old
    /// one's end is not reported (L15). The old one is closed once it has written what it
    /// was about to write, or cannot for [`Limits::connect_time`](crate::Limits).
    pub(crate) fn reconnect(&self, node: &Node, address: SocketAddr) {
        let mut peers = lock(&self.by_address);
        let Some(old) = peers.remove(&address) else {
            return;
        };
        let fresh = old.replace();
        peers.insert(address, Peer::start(node, &self.accounts, address, fresh));
    }

    /// Changes a peer's state and tells its connection; makes the connection when there
    /// is none.
    fn with(&self, node: &Node, address: SocketAddr, change: impl FnOnce(&mut State)) {
        let mut peers = lock(&self.by_address);
        let peer = peers.entry(address).or_insert_with(|| {
            self.accounts.open.fetch_add(1, Ordering::Relaxed);
            Peer::start(node, &self.accounts, address, State::default())
        });
        peer.change(change);
    }

    /// Waits until all that waits now has been given to the sockets, or its connection has
    /// failed.
    pub(crate) async fn flush(&self) {
        let peers: Vec<_> = lock(&self.by_address).values().cloned().collect();
        for peer in peers {
            peer.flushed().await;
        }
    }

    /// The peer for which the most bytes wait, and how many.
    pub(crate) fn slowest(&self) -> Option<(SocketAddr, usize)> {
        let peers = lock(&self.by_address);
        let waiting = |(address, peer): (&SocketAddr, &Arc<Peer>)| (peer.waiting(), *address);
        let (bytes, address) = peers.iter().map(waiting).max()?;
        Some((address, bytes))
    }

    /// All connections, ordered by address.
    pub(crate) fn view(&self) -> Vec<PeerView> {
        let peers: Vec<_> = lock(&self.by_address).values().cloned().collect();
        let now = Instant::now();
        let mut views: Vec<_> = peers.iter().map(|peer| peer.view(now)).collect();
        views.sort_by_key(|view| view.address);
        views
    }

    /// Takes an idle peer off the list, unless something came for it meanwhile.
    fn retire(&self, peer: &Arc<Peer>) -> bool {
        let mut peers = lock(&self.by_address);
        let is_idle = peer.close_if_idle();
        if is_idle {
            self.remove(&mut peers, peer);
        }
        is_idle
    }

    /// Takes a peer whose connection has ended off the list, unless another connection
    /// took its place, and hands out what it leaves.
    fn forget(&self, peer: &Arc<Peer>) -> State {
        let mut peers = lock(&self.by_address);
        self.remove(&mut peers, peer);
        peer.close()
    }

    fn remove(&self, peers: &mut HashMap<SocketAddr, Arc<Peer>>, peer: &Arc<Peer>) {
        let is_listed = peers
            .get(&peer.address)
            .is_some_and(|known| Arc::ptr_eq(known, peer));
        if is_listed {
            peers.remove(&peer.address);
            self.accounts.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
