//! Threads: one for each busy actor, a few that serve HTTP and the wire.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_rt::Arbiter;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tracing::error;

use crate::http::{connection, front};
use crate::node::Node;
use crate::sync::lock;
use crate::world::Socket;

/// Threads that host one actor each.
#[derive(Default)]
pub(crate) struct Threads {
    arbiters: Mutex<Vec<Arbiter>>,
}

impl Threads {
    /// Runs `start` on a new thread that lives as long as the node's process.
    pub(crate) fn spawn(&self, start: impl FnOnce() + Send + 'static) {
        let arbiter = Arbiter::new();
        arbiter.spawn_fn(start);
        lock(&self.arbiters).push(arbiter);
    }
}

/// An accepted connection and its place among those that the node serves at once.
pub(crate) struct Connection {
    pub(crate) socket: Socket,
    pub(crate) peer: SocketAddr,
    pub(crate) place: OwnedSemaphorePermit,
    pub(crate) open: Arc<AtomicUsize>,
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
        for _ in 0..threads {
            // As many wait here as the node has places for connections.
            let (inbox, connections) = mpsc::unbounded_channel();
            let arbiter = Arbiter::new();
            let node = node.clone();
            arbiter.spawn_fn(move || {
                actix_rt::spawn(work(node, connections));
            });
            inboxes.push(inbox);
            arbiters.push(arbiter);
        }
        if threads == 0 {
            let (inbox, connections) = mpsc::unbounded_channel();
            tokio::task::spawn_local(work(node.clone(), connections));
            inboxes.push(inbox);
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

async fn work(node: Node, mut connections: mpsc::UnboundedReceiver<Connection>) {
    let Some(service) = front::service(&node).await else {
        error!("the HTTP service could not be made");
        return;
    };
    while let Some(Connection {
        socket,
        peer,
        place,
        open,
    }) = connections.recv().await
    {
        let socket = match socket.rehome() {
            Ok(socket) => socket,
            Err(error) => {
                error!(%error, %peer, "a connection could not be moved to its thread");
                continue;
            }
        };
        open.fetch_add(1, Ordering::Relaxed);
        let (node, service) = (node.clone(), service.clone());
        tokio::task::spawn_local(async move {
            connection::serve(node, socket, peer, service).await;
            open.fetch_sub(1, Ordering::Relaxed);
            drop(place);
        });
    }
}
