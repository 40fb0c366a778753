//! One accepted connection: libprocess messages are read first, then calls, which actors
//! answer later; every other request goes on to actix-web, one at a time.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use runtime_core::Pid;
use runtime_core::libprocess::Peer;
use tokio::io::{AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_util::io::poll_read_buf;

use crate::http::answers::Tickers;
use crate::http::front::Serving;
use crate::http::gate::Gate;
use crate::http::messages::{self, End};
use crate::http::pipeline;
use crate::node::Node;
use crate::world::Socket;

/// A connection being served.
pub(crate) type Served = Pin<Box<dyn Future<Output = ()>>>;

/// How much is read at once from a connection that has little to say.
pub(super) const READ_LITTLE: usize = 1 << 10;
/// The largest buffer that a thread keeps for its connections.
const SPARE: usize = 16 << 10;
/// How long a client may go on sending after its last answer.
pub(crate) const LINGER: Duration = Duration::from_secs(2);

/// What a sender is told whose address cannot be looked up, or is not the connection's.
pub(crate) const UNACCEPTABLE_SENDER: &str = "The sender's address is not acceptable.";

thread_local! {
    /// Where a connection reads. While it waits it has none: there are thousands, and most
    /// have little to say.
    static SPARE_BUFFER: Cell<BytesMut> = Cell::default();
}

/// Which thread serves a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// One of those that serve connections. A connection whose first message is for an
    /// actor of the node's home thread goes there.
    Worker,
    /// The node's home thread: an actor that reads there need not be woken by another
    /// thread.
    Home,
    /// The only one.
    Only,
}

/// Serves a connection until it ends. What is returned goes on at the node's home thread.
///
/// Not an `async fn`, which would have room for each of these twice.
#[allow(clippy::manual_async_fn)]
pub(crate) fn serve(
    node: Node,
    place: Place,
    mut socket: Socket,
    peer: SocketAddr,
    http: Serving,
    tickers: Tickers,
) -> impl Future<Output = Option<Socket>> {
    async move {
        let mut buffer = BytesMut::new();
        match messages::read(&node, place, &mut socket, peer, &mut buffer, &tickers).await {
            // Boxed, since most connections that stay carry messages only.
            End::Other => Box::pin(other(&node, socket, peer, buffer, http)).await,
            End::Last(answers) => Box::pin(last(&node, &mut socket, &answers)).await,
            End::Home => return Some(socket),
            End::Closed => {}
        }
        None
    }
}

async fn other(node: &Node, socket: Socket, peer: SocketAddr, mut buffer: BytesMut, http: Serving) {
    match pipeline::serve(node, socket, peer, &mut buffer).await {
        pipeline::End::Other(socket) => http(Gate::new(socket, buffer, node), Some(peer)).await,
        pipeline::End::Closed => {}
    }
}

async fn last(node: &Node, socket: &mut Socket, answers: &[u8]) {
    let write = async {
        socket.write_all(answers).await?;
        socket.shutdown().await
    };
    if let Ok(Ok(())) = timeout(node.limits().write_time, write).await {
        let _ = timeout(LINGER, discard(socket)).await;
    }
}

/// Reads what a client sends that has got its last answer. Closing before it ends would
/// reset the connection, and the client might never see the answer.
pub(crate) async fn discard(socket: &mut Socket) {
    let mut buffer = Vec::with_capacity(READ_LITTLE);
    while let Ok(1..) = socket.read_buf(&mut buffer).await {
        buffer.clear();
    }
}

/// Reads what there is, once there is some: what waits for nothing holds no memory.
pub(crate) async fn receive(
    socket: &mut Socket,
    buffer: &mut BytesMut,
    at_once: usize,
) -> io::Result<usize> {
    poll_fn(|cx| poll_receive(socket, buffer, at_once, cx)).await
}

/// As [`receive`].
pub(super) fn poll_receive(
    socket: &mut Socket,
    buffer: &mut BytesMut,
    at_once: usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    ready!(socket.poll_readable(cx))?;
    if buffer.capacity() == 0 {
        *buffer = SPARE_BUFFER.take();
    }
    buffer.reserve(at_once);
    let read = poll_read_buf(Pin::new(socket), cx, buffer);
    if read.is_pending() && buffer.is_empty() {
        give_back(buffer);
    }
    read
}

/// Gives the memory of an empty buffer to the thread's other connections.
pub(super) fn give_back(buffer: &mut BytesMut) {
    let spare = std::mem::take(buffer);
    if (1..=SPARE).contains(&spare.capacity()) {
        SPARE_BUFFER.set(spare);
    }
}

/// Writes the answers. False when the peer has gone, or does not read them.
pub(crate) async fn write(node: &Node, socket: &mut Socket, answers: &mut Vec<u8>) -> bool {
    if answers.is_empty() {
        return true;
    }
    let at_once = poll_fn(|cx| {
        let written = Pin::new(&mut *socket).poll_write(cx, answers);
        Poll::Ready(match written {
            Poll::Ready(written) => written,
            Poll::Pending => Ok(0),
        })
    });
    let Ok(written) = at_once.await else {
        return false;
    };
    let rest = answers.get(written..).unwrap_or_default();
    let is_written = rest.is_empty() || {
        // Boxed, since most sockets take all at once.
        let rest = timeout(node.limits().write_time, socket.write_all(rest));
        matches!(Box::pin(rest).await, Ok(Ok(())))
    };
    answers.clear();
    is_written
}

/// The pid that a sender's text stands for: resolved if it names a host, and refused if
/// it must match the connection's other end and does not (L10).
pub(crate) async fn sender(node: &Node, sender: &Peer, peer: Option<SocketAddr>) -> Option<Pid> {
    let pid = match sender {
        Peer::Resolved(pid) => pid.clone(),
        Peer::Named { id, host, port } => {
            let address = node.world().resolve(host, *port).await.ok()?;
            Pid {
                id: id.clone(),
                address,
            }
        }
    };
    acceptable(node, pid, peer)
}

/// The pid, unless it must match the connection's other end and does not (L10).
pub(super) fn acceptable(node: &Node, pid: Pid, peer: Option<SocketAddr>) -> Option<Pid> {
    let matches = peer.is_some_and(|peer| peer.ip() == pid.address.ip());
    (matches || !node.inner.require_peer_address_match).then_some(pid)
}
