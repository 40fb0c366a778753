//! One accepted connection: libprocess messages are read here, pipelined and never lost;
//! calls, which actors answer later, are too; every other request goes on to actix-web, one
//! at a time.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::BytesMut;
use runtime_core::libprocess::{self, Incoming, MessageReader, Peer, Received};
use runtime_core::{ActorId, Pid};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::debug;

use crate::http::front::Serving;
use crate::http::gate::Gate;
use crate::http::pipeline;
use crate::node::Node;
use crate::trace::{self, Mark};
use crate::world::Socket;

/// A connection being served.
pub(crate) type Served = Pin<Box<dyn Future<Output = ()>>>;

/// How much is read at once from a connection that has little to say.
const READ_LITTLE: usize = 1 << 10;
/// How much is read at once otherwise: libprocess peers coalesce.
const READ_MUCH: usize = 64 << 10;
/// Messages handled before others on the thread get their turn.
const MESSAGES_AT_ONCE: usize = 1024;
/// After so long without a message, a connection gives its buffer back.
const IDLE: Duration = Duration::from_secs(1);
/// How long a client may go on sending after its last answer.
pub(crate) const LINGER: Duration = Duration::from_secs(2);
/// How often a full mailbox is looked at.
const GLANCE: Duration = Duration::from_millis(1);

/// What a sender is told whose address cannot be looked up, or is not the connection's.
pub(crate) const UNACCEPTABLE_SENDER: &str = "The sender's address is not acceptable.";

/// Serves a connection until it ends.
pub(crate) async fn serve(node: Node, mut socket: Socket, peer: SocketAddr, http: Serving) {
    let mut buffer = BytesMut::new();
    match messages(&node, &mut socket, peer, &mut buffer).await {
        End::Other => match pipeline::serve(&node, &mut socket, peer, &mut buffer).await {
            pipeline::End::Other => http(Gate::new(socket, buffer, &node), Some(peer)).await,
            pipeline::End::Closed => {}
        },
        End::Last(answers) => {
            let write = async {
                socket.write_all(&answers).await?;
                socket.shutdown().await
            };
            if let Ok(Ok(())) = timeout(node.limits().write_time, write).await {
                let _ = timeout(LINGER, discard(&mut socket)).await;
            }
        }
        End::Closed => {}
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

/// Why no more messages are read.
enum End {
    /// The connection is over.
    Closed,
    /// What comes next (it is in the buffer) is no message.
    Other,
    /// The connection ends after these answers.
    Last(Vec<u8>),
}

impl End {
    /// The connection ends with a refusal.
    fn refusal(node: &Node, status: u16, text: &str, mut answers: Vec<u8>) -> Self {
        node.inner.bodies.refused(status);
        libprocess::answer(status, text, true, &mut answers);
        Self::Last(answers)
    }
}

/// Reads messages back to back: one 202 for each, written in batches (L8).
async fn messages(
    node: &Node,
    socket: &mut Socket,
    peer: SocketAddr,
    buffer: &mut BytesMut,
) -> End {
    let limits = node.limits();
    let mut reader = MessageReader::new(limits.request());
    let mut answers = Vec::new();
    let mut known: Option<(Peer, Option<Pid>)> = None;
    let mut held = node.inner.bodies.hold();
    let mut untaken = Untaken::default();
    let mut is_first = true;
    // Since when a request is awaited or half here.
    let mut since = Instant::now();
    let mut at_once = READ_LITTLE;
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
                    deliver(node, message, peer, &mut known, &mut untaken, &mut answers).await;
                    if !keep_alive {
                        return End::Last(answers);
                    }
                }
                Ok(Received::Incomplete) => break,
                Ok(Received::Http) => {
                    return if write(node, socket, &mut answers).await {
                        End::Other
                    } else {
                        End::Closed
                    };
                }
                Err(error) => {
                    debug!(%peer, %error, "a request cannot be understood");
                    return End::refusal(node, error.status(), &error.to_string(), answers);
                }
            }
        }
        if !write(node, socket, &mut answers).await {
            return End::Closed;
        }
        if handled > 0 {
            since = Instant::now();
            untaken.wait(node).await;
        }
        if handled >= MESSAGES_AT_ONCE {
            tokio::task::yield_now().await;
            continue;
        }
        let waiting = buffer.len();
        if waiting > READ_MUCH && !held.set(waiting) {
            return End::refusal(node, 503, "Too many large requests at once.", answers);
        }
        // A half-sent request is not waited for without end; an idle libprocess link stays,
        // since peers rely on it being open.
        let is_silent = is_first && buffer.is_empty();
        let read = if is_first || !reader.is_between_messages(buffer) {
            let limit = if is_silent {
                // It may be a link, which says nothing by itself (L13).
                limits.keep_alive
            } else if reader.is_in_body() {
                limits.body_time
            } else {
                limits.head_time
            };
            match timeout_at(since + limit, receive(socket, buffer, at_once)).await {
                Ok(read) => read,
                // Nothing was begun that wants an answer.
                Err(_) if buffer.is_empty() && reader.is_between_messages(buffer) => {
                    return End::Closed;
                }
                Err(_) => {
                    let text = "The request did not come whole.";
                    return End::refusal(node, 408, text, answers);
                }
            }
        } else {
            held.set(0);
            match timeout(IDLE, receive(socket, buffer, at_once)).await {
                Ok(read) => read,
                Err(_) => {
                    *buffer = BytesMut::new();
                    at_once = READ_LITTLE;
                    let read = receive(socket, buffer, at_once).await;
                    since = Instant::now();
                    read
                }
            }
        };
        if is_silent {
            since = Instant::now();
        }
        match read {
            Ok(0) | Err(_) => return End::Closed,
            Ok(count) if count >= at_once => at_once = READ_MUCH,
            Ok(_) => {}
        }
    }
}

/// Reads what there is, once there is some: what waits for nothing holds no memory.
pub(crate) async fn receive(
    socket: &mut Socket,
    buffer: &mut BytesMut,
    at_once: usize,
) -> io::Result<usize> {
    socket.readable().await?;
    buffer.reserve(at_once);
    socket.read_buf(buffer).await
}

/// What a connection brought that its receiver may not have taken yet.
#[derive(Default)]
struct Untaken {
    bytes: usize,
    /// Whom the last message was for.
    to: Option<ActorId>,
}

impl Untaken {
    /// Waits while the receiver has so much to do that more must not be read.
    async fn wait(&mut self, node: &Node) {
        let limits = node.limits();
        let Some(mailbox) = self.to.take().and_then(|to| node.local(&to)) else {
            self.bytes = 0;
            return;
        };
        let came = std::time::Instant::now();
        let mut is_counted = false;
        loop {
            let (depth, age) = mailbox.depth_and_age();
            if depth == 0 || age < came.elapsed() {
                // All that had come when this began has been taken.
                self.bytes = 0;
            }
            if depth <= limits.mailbox && self.bytes <= limits.untaken {
                return;
            }
            if !is_counted {
                is_counted = true;
                node.inner.slow_clients.held_back.increment();
            }
            sleep(GLANCE).await;
        }
    }
}

/// Puts a message into its actor's mailbox and appends the answer to it (L8).
async fn deliver(
    node: &Node,
    message: Result<Incoming, libprocess::Refusal>,
    peer: SocketAddr,
    known: &mut Option<(Peer, Option<Pid>)>,
    untaken: &mut Untaken,
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
            untaken.bytes = untaken.bytes.saturating_add(message.body.len());
            let mark = message.traceparent.as_deref().and_then(Mark::parse);
            let taken = trace::within(mark, || {
                node.deliver(from, &message.to, message.name, message.codec, message.body)
            });
            if taken {
                answers.extend_from_slice(libprocess::ACCEPTED);
            } else {
                libprocess::answer(404, "", false, answers);
            }
            untaken.to = Some(message.to);
        }
    }
}

/// Writes the answers. False when the peer has gone, or does not read them.
pub(crate) async fn write(node: &Node, socket: &mut Socket, answers: &mut Vec<u8>) -> bool {
    let written = answers.is_empty()
        || matches!(
            timeout(node.limits().write_time, socket.write_all(answers)).await,
            Ok(Ok(()))
        );
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
