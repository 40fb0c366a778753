//! One accepted connection: libprocess messages are read here, pipelined and never lost;
//! every other request goes on to actix-web, one at a time.

use std::net::SocketAddr;
use std::pin::Pin;

use bytes::BytesMut;
use runtime_core::Pid;
use runtime_core::libprocess::{self, Incoming, MessageReader, Peer, Received};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tracing::debug;

use crate::http::front::Serving;
use crate::http::gate::Gate;
use crate::node::Node;
use crate::world::Socket;

/// A connection being served.
pub(crate) type Served = Pin<Box<dyn Future<Output = ()>>>;

/// How much is read at once: libprocess peers coalesce, so there is often more.
const READ_AT_ONCE: usize = 64 << 10;
/// Messages handled before others on the thread get their turn.
const MESSAGES_AT_ONCE: usize = 1024;

/// What a sender is told whose address cannot be looked up, or is not the connection's.
pub(crate) const UNACCEPTABLE_SENDER: &str = "The sender's address is not acceptable.";

/// Serves a connection until it ends.
pub(crate) async fn serve(node: Node, mut socket: Socket, peer: SocketAddr, http: Serving) {
    let mut buffer = BytesMut::new();
    match messages(&node, &mut socket, peer, &mut buffer).await {
        End::Other => http(Gate::new(socket, buffer, node.limits()), Some(peer)).await,
        End::Last(answers) => {
            let _ = socket.write_all(&answers).await;
            let _ = socket.shutdown().await;
        }
        End::Closed => {}
    }
}

/// Why no more messages are read.
enum End {
    /// The connection is over.
    Closed,
    /// What comes next (it is in the buffer) is no message.
    Other,
    /// The connection ends after these answers.
    Last(Vec<u8>),
}

/// Reads messages back to back: one 202 for each, written in batches (L8).
async fn messages(
    node: &Node,
    socket: &mut Socket,
    peer: SocketAddr,
    buffer: &mut BytesMut,
) -> End {
    let mut reader = MessageReader::new(node.limits().request());
    let mut answers = Vec::new();
    let mut known: Option<(Peer, Option<Pid>)> = None;
    let mut is_first = true;
    loop {
        let mut handled = 0_usize;
        while handled < MESSAGES_AT_ONCE {
            match reader.read(buffer) {
                Ok(Received::Message {
                    message,
                    keep_alive,
                }) => {
                    is_first = false;
                    handled += 1;
                    deliver(node, message, peer, &mut known, &mut answers).await;
                    if !keep_alive {
                        return End::Last(answers);
                    }
                }
                Ok(Received::Incomplete) => break,
                Ok(Received::Http) => {
                    return if write(socket, &mut answers).await {
                        End::Other
                    } else {
                        End::Closed
                    };
                }
                Err(error) => {
                    debug!(%peer, %error, "a request cannot be understood");
                    libprocess::answer(error.status(), &error.to_string(), true, &mut answers);
                    return End::Last(answers);
                }
            }
        }
        if !write(socket, &mut answers).await {
            return End::Closed;
        }
        if handled >= MESSAGES_AT_ONCE {
            tokio::task::yield_now().await;
            continue;
        }
        buffer.reserve(READ_AT_ONCE);
        // A half-sent request is not waited for longer than a head may take; an idle
        // libprocess link stays, since peers rely on it being open.
        let read = if is_first || !reader.is_between_messages(buffer) {
            match timeout(node.limits().head_time, socket.read_buf(buffer)).await {
                Ok(read) => read,
                // Nothing was begun that wants an answer.
                Err(_) if buffer.is_empty() && reader.is_between_messages(buffer) => {
                    return End::Closed;
                }
                Err(_) => {
                    libprocess::answer(408, "The request did not come whole.", true, &mut answers);
                    return End::Last(answers);
                }
            }
        } else {
            socket.read_buf(buffer).await
        };
        match read {
            Ok(0) | Err(_) => return End::Closed,
            Ok(_) => {}
        }
    }
}

/// Puts a message into its actor's mailbox and appends the answer to it (L8).
async fn deliver(
    node: &Node,
    message: Result<Incoming, libprocess::Refusal>,
    peer: SocketAddr,
    known: &mut Option<(Peer, Option<Pid>)>,
    answers: &mut Vec<u8>,
) {
    let message = match message {
        Ok(message) => message,
        Err(refusal) => {
            libprocess::answer(refusal.status(), &refusal.to_string(), false, answers);
            return;
        }
    };
    let from = match known {
        Some((sender, from)) if *sender == message.from => from.clone(),
        _ => {
            let from = sender(node, &message.from, Some(peer)).await;
            *known = Some((message.from, from.clone()));
            from
        }
    };
    match from {
        None => libprocess::answer(400, UNACCEPTABLE_SENDER, false, answers),
        Some(from) => {
            if node.deliver(from, &message.to, message.name, message.codec, message.body) {
                answers.extend_from_slice(libprocess::ACCEPTED);
            } else {
                libprocess::answer(404, "", false, answers);
            }
        }
    }
}

async fn write(socket: &mut Socket, answers: &mut Vec<u8>) -> bool {
    let written = answers.is_empty() || socket.write_all(answers).await.is_ok();
    answers.clear();
    written
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
    let matches = peer.is_some_and(|peer| peer.ip() == pid.address.ip());
    (matches || !node.inner.require_peer_address_match).then_some(pid)
}
