//! Threads: one for each busy actor, a few that serve HTTP and the wire.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_rt::Arbiter;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tracing::error;

use crate::chores::chores;
use crate::http::answers::Tickers;
use crate::http::connection::{self, Place};
use crate::http::front;
use crate::node::Node;
use crate::sync::lock;
use crate::world::{Detached, Socket};

thread_local! {
    static HERE: u8 = const { 0 };
}

/// Names the current thread, while it lives: cheaper than asking for its id.
pub(crate) fn here() -> usize {
    HERE.with(|here| std::ptr::from_ref(here).addr())
}

/// Threads that host one actor each.
#[derive(Default)]
pub(crate) struct Threads {
    arbiters: Mutex<Vec<Arbiter>>,
}

impl Threads {
    /// Runs `start` on a new thread that lives as long as the node's process.
    pub(crate) fn spawn(&self, start: impl FnOnce() + Send + 'static) {
        let arbiter = Arbiter::new();
        arbiter.spawn(chores());
        arbiter.spawn_fn(start);
        lock(&self.arbiters).push(arbiter);
    }
}

/// An accepted connection and its place among those that the node serves at once.
pub(crate) struct Connection {
    pub(crate) socket: Detached,
    pub(crate) peer: SocketAddr,
    pub(crate) seat: Seat,
}

/// A connection's place among those that the node serves at once.
pub(crate) struct Seat {
    _permit: OwnedSemaphorePermit,
    open: Arc<AtomicUsize>,
}

impl Seat {
    /// Counted by `open` until it is dropped.
    pub(crate) fn new(permit: OwnedSemaphorePermit, open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self {
            _permit: permit,
            open: Arc::clone(open),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Threads that take connections in turn; in a simulation, one task.
pub(crate) struct Workers {
    inboxes: Vec<mpsc::UnboundedSender<Connection>>,
    /// Kept so that the threads live as long as the workers.
    _arbiters: Vec<Arbiter>,
    next: AtomicUsize,
}

impl Workers {
    pub(crate) fn start(node: &Node, count: usize) -> Self {
        let mut inboxes = Vec::new();
        let mut arbiters = Vec::new();
        let threads = if node.world().has_threads() {
            count.max(1)
        } else {
            0
        };
        // As many wait here as the node has places for connections.
        let (home, connections) = mpsc::unbounded_channel();
        if threads == 0 {
            tokio::task::spawn_local(work(node.clone(), Place::Only, connections, home.clone()));
            inboxes.push(home);
        } else {
            tokio::task::spawn_local(work(node.clone(), Place::Home, connections, home.clone()));
            for _ in 0..threads {
                let (inbox, connections) = mpsc::unbounded_channel();
                let arbiter = Arbiter::new();
                let (node, home) = (node.clone(), home.clone());
                arbiter.spawn(chores());
                arbiter.spawn_fn(move || {
                    actix_rt::spawn(work(node, Place::Worker, connections, home));
                });
                inboxes.push(inbox);
                arbiters.push(arbiter);
            }
        }
        Self {
            inboxes,
            _arbiters: arbiters,
            next: AtomicUsize::new(0),
        }
    }

    /// Gives a connection to the next thread in turn.
    pub(crate) fn take(&self, connection: Connection) {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        if let Some(inbox) = turn
            .checked_rem(self.inboxes.len())
            .and_then(|index| self.inboxes.get(index))
        {
            let _ = inbox.send(connection);
        }
    }
}

/// Serves connections on the current thread. Those that belong to the node's home thread are
/// sent there.
async fn work(
    node: Node,
    place: Place,
    mut connections: mpsc::UnboundedReceiver<Connection>,
    home: mpsc::UnboundedSender<Connection>,
) {
    // Made for the first connection, since it keeps a clock of its own: the home thread
    // seldom has one.
    let mut service = None;
    let tickers = Tickers::new();
    while let Some(Connection { socket, peer, seat }) = connections.recv().await {
        let socket = match socket.attach() {
            Ok(socket) => socket,
            Err(error) => {
                error!(%error, %peer, "a connection could not be given to its thread");
                continue;
            }
        };
        if service.is_none() {
            service = front::service(&node).await;
        }
        let Some(service) = service.clone() else {
            error!("the HTTP service could not be made");
            return;
        };
        let (node, home, tickers) = (node.clone(), home.clone(), tickers.clone());
        tokio::task::spawn_local(async move {
            let moves = connection::serve(node, place, socket, peer, service, tickers).await;
            match moves.map(Socket::detach) {
                None => drop(seat),
                Some(Ok(socket)) => {
                    let _ = home.send(Connection { socket, peer, seat });
                }
                Some(Err(error)) => {
                    error!(%error, %peer, "a connection could not be taken from its thread");
                }
            }
        });
    }
}
