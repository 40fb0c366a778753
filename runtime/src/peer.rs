//! Outgoing connections: one per peer node, pipelined, coalesced, bounded (L11–L16).

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use runtime_core::{Codec, Pid, libprocess};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, warn};

use crate::mailbox::{Event, Mailbox};
use crate::metrics::{Counter, Metrics};
use crate::node::Node;
use crate::sync::lock;

/// Bytes of answers read at once, to be thrown away: libprocess senders ignore them (L8).
const ANSWERS_BUFFER: usize = 16 << 10;

/// All peers of a node.
pub(crate) struct Peers {
    by_address: Mutex<HashMap<SocketAddr, Arc<Peer>>>,
    sent: Counter,
    dropped: Counter,
}

/// One connection, and what waits for it.
struct Peer {
    address: SocketAddr,
    state: Mutex<State>,
    news: Notify,
    /// All that waited has been written, or will never be.
    quiet: Notify,
}

#[derive(Default)]
struct State {
    outgoing: Vec<u8>,
    /// Who linked to whom over this connection; not empty means persistent (L12).
    links: Vec<(Weak<Mailbox>, Pid)>,
    /// What was taken from `outgoing` is not with the socket yet.
    writing: bool,
    /// Since when the peer has left unanswered what it was sent.
    unanswered: Option<Instant>,
    closed: bool,
}

impl Peers {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            by_address: Mutex::default(),
            sent: metrics.counter("runtime/messages_sent"),
            dropped: metrics.counter("runtime/messages_dropped_peer_full"),
        }
    }

    /// Queues a message for a peer; it vanishes when the peer is dead or full (L11).
    pub(crate) fn send(
        &self,
        node: &Node,
        from: &Pid,
        to: &Pid,
        name: &str,
        codec: Codec,
        body: &[u8],
    ) {
        let limit = node.limits().peer;
        self.with(node, to.address, |state| {
            if state.outgoing.len() + body.len() > limit {
                self.dropped.increment();
                warn!(%to, name, waiting = state.outgoing.len(), "dropped a message: the peer reads too slowly");
            } else {
                libprocess::encode(from, to, name, codec, body, &mut state.outgoing);
                self.sent.increment();
            }
        });
    }

    /// Has `linker` told once when the connection to `peer`'s node breaks (L13).
    pub(crate) fn link(&self, node: &Node, linker: &Arc<Mailbox>, peer: &Pid) {
        let linker = Arc::downgrade(linker);
        self.with(node, peer.address, |state| {
            let known = state
                .links
                .iter()
                .any(|(l, p)| p == peer && l.ptr_eq(&linker));
            if !known {
                state.links.push((linker, peer.clone()));
            }
        });
    }

    /// Replaces the connection: links and what waits move to a fresh one, and the old
    /// one's end is not reported (L15).
    pub(crate) fn reconnect(&self, node: &Node, address: SocketAddr) {
        let mut peers = lock(&self.by_address);
        let Some(old) = peers.remove(&address) else {
            return;
        };
        let mut state = lock(&old.state);
        state.closed = true;
        let fresh = State {
            outgoing: std::mem::take(&mut state.outgoing),
            links: std::mem::take(&mut state.links),
            ..State::default()
        };
        drop(state);
        old.news.notify_one();
        peers.insert(address, Peer::start(node, address, fresh));
    }

    /// Changes a peer's state and tells its connection; makes the connection when there
    /// is none.
    fn with(&self, node: &Node, address: SocketAddr, change: impl FnOnce(&mut State)) {
        let mut peers = lock(&self.by_address);
        let peer = peers
            .entry(address)
            .or_insert_with(|| Peer::start(node, address, State::default()));
        change(&mut lock(&peer.state));
        peer.news.notify_one();
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
        let waiting = |(address, peer): (&SocketAddr, &Arc<Peer>)| {
            (lock(&peer.state).outgoing.len(), *address)
        };
        let (bytes, address) = peers.iter().map(waiting).max()?;
        Some((address, bytes))
    }

    /// Takes the peer off the list, unless another connection took its place.
    fn forget(&self, peer: &Arc<Peer>) -> State {
        let mut peers = lock(&self.by_address);
        if peers
            .get(&peer.address)
            .is_some_and(|known| Arc::ptr_eq(known, peer))
        {
            peers.remove(&peer.address);
        }
        let mut state = lock(&peer.state);
        state.closed = true;
        let left = std::mem::take(&mut *state);
        drop(state);
        peer.quiet.notify_waiters();
        left
    }
}

impl Peer {
    fn start(node: &Node, address: SocketAddr, state: State) -> Arc<Self> {
        let peer = Arc::new(Self {
            address,
            state: Mutex::new(state),
            news: Notify::new(),
            quiet: Notify::new(),
        });
        let task = Arc::clone(&peer);
        let home = node.clone();
        node.run_at_home(async move {
            let why = task.run(&home).await;
            let left = home.inner.peers.forget(&task);
            debug!(peer = %task.address, why = %Why(&why), "connection ended");
            for (linker, pid) in left.links {
                if let Some(linker) = linker.upgrade() {
                    linker.push(Event::Exited(Box::new(pid)));
                }
            }
        });
        peer
    }

    /// Connects, writes what waits until the connection ends. Ok means that it was idle
    /// or replaced.
    async fn run(&self, node: &Node) -> io::Result<()> {
        let limits = node.limits();
        let socket = timeout(limits.connect_time, node.world().connect(self.address))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let (reader, mut writer) = tokio::io::split(socket);
        let mut batch = Vec::new();
        let write = async {
            loop {
                {
                    let mut state = lock(&self.state);
                    if state.closed {
                        return Ok(());
                    }
                    std::mem::swap(&mut state.outgoing, &mut batch);
                    state.writing = !batch.is_empty();
                    if state.writing {
                        state.unanswered.get_or_insert_with(Instant::now);
                    }
                }
                if batch.is_empty() {
                    self.quiet.notify_waiters();
                    if !self.wait(limits.peer_idle).await {
                        return Ok(());
                    }
                } else {
                    writer.write_all(&batch).await?;
                    writer.flush().await?;
                    batch.clear();
                    shrink(&mut batch);
                }
            }
        };
        tokio::select! {
            biased;
            result = write => result,
            result = self.discard_answers(reader) => result,
            result = self.silence(limits.peer_silence) => result,
        }
    }

    /// Reads answers and throws them away: that there are some is all that matters.
    async fn discard_answers(&self, mut reader: impl AsyncRead + Unpin) -> io::Result<()> {
        let mut buffer = Vec::with_capacity(ANSWERS_BUFFER);
        loop {
            buffer.clear();
            if reader.read_buf(&mut buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            lock(&self.state).unanswered = None;
        }
    }

    /// Ends when the peer has not answered for `limit`, though each message is (L8): the
    /// other end is gone, or the way to it, and TCP would not tell for many minutes.
    async fn silence(&self, limit: Duration) -> io::Result<()> {
        loop {
            let now = Instant::now();
            let until = lock(&self.state).unanswered.unwrap_or(now) + limit;
            if until <= now {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the peer does not answer",
                ));
            }
            sleep_until(until).await;
        }
    }

    async fn flushed(&self) {
        loop {
            let quiet = self.quiet.notified();
            {
                let state = lock(&self.state);
                if state.outgoing.is_empty() && !state.writing {
                    return;
                }
            }
            quiet.await;
        }
    }

    /// Waits for news. False when a connection without links has idled for too long.
    async fn wait(&self, idle: Duration) -> bool {
        let deadline = Instant::now() + idle;
        loop {
            let news = self.news.notified();
            {
                let state = lock(&self.state);
                if !state.outgoing.is_empty() || state.closed {
                    return true;
                }
                if state.links.is_empty() && Instant::now() >= deadline {
                    return false;
                }
            }
            let _ = timeout(idle, news).await;
        }
    }
}

/// Gives a burst's memory back: a link keeps at most this between bursts.
fn shrink(buffer: &mut Vec<u8>) {
    const KEEP: usize = 64 << 10;
    if buffer.capacity() > KEEP {
        buffer.shrink_to(KEEP);
    }
}

struct Why<'a>(&'a io::Result<()>);

impl std::fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Ok(()) => f.write_str("idle"),
            Err(error) => std::fmt::Display::fmt(error, f),
        }
    }
}
