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

use crate::drops::Reason;
use crate::hooks;
use crate::http::front::Serving;
use crate::http::gate::Gate;
use crate::http::pipeline;
use crate::mailbox;
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
    let mut inbound = Inbound::new(node, peer);
    let mut held = node.inner.bodies.hold();
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
                    inbound.take(message).await;
                    if !keep_alive {
                        return End::Last(inbound.answers());
                    }
                }
                Ok(Received::Incomplete) => break,
                Ok(Received::Http) => {
                    return if inbound.write(socket).await {
                        End::Other
                    } else {
                        End::Closed
                    };
                }
                Err(error) => {
                    debug!(%peer, %error, "a request cannot be understood");
                    return End::refusal(
                        node,
                        error.status(),
                        &error.to_string(),
                        inbound.answers(),
                    );
                }
            }
        }
        if !inbound.write(socket).await {
            return End::Closed;
        }
        if handled > 0 {
            since = Instant::now();
            inbound.wait().await;
        }
        if handled >= MESSAGES_AT_ONCE {
            tokio::task::yield_now().await;
            continue;
        }
        let waiting = buffer.len();
        if waiting > READ_MUCH && !held.set(waiting) {
            return End::refusal(
                node,
                503,
                "Too many large requests at once.",
                inbound.answers(),
            );
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
                    return End::refusal(node, 408, text, inbound.answers());
                }
            }
        } else {
            held.set(0);
            match timeout(IDLE, receive(socket, buffer, at_once)).await {
                Ok(read) => read,
                Err(_) => {
                    *buffer = BytesMut::new();
                    inbound.give_back();
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

/// Messages of one connection on their way into mailboxes, and the answers to them (L8).
/// Those that one actor is sent in a row are put into its mailbox together: one look into
/// the directory, one lock, one wake.
struct Inbound<'n> {
    node: &'n Node,
    peer: SocketAddr,
    answers: Vec<u8>,
    /// Who sent the last message, and the pid that this stands for, if acceptable.
    sender: Option<(Peer, Option<Pid>)>,
    /// Whom the last message was for.
    receiver: Option<ActorId>,
    /// Messages for it that are not in its mailbox yet.
    ready: Vec<(Pid, mailbox::Incoming)>,
    /// Bytes of bodies that receivers may not have taken yet.
    untaken: usize,
}

impl<'n> Inbound<'n> {
    fn new(node: &'n Node, peer: SocketAddr) -> Self {
        Self {
            node,
            peer,
            answers: Vec::new(),
            sender: None,
            receiver: None,
            ready: Vec::new(),
            untaken: 0,
        }
    }

    async fn take(&mut self, message: Result<Incoming, libprocess::Refusal>) {
        let message = match message {
            Ok(message) => message,
            Err(refusal) => return self.refuse(refusal.status(), &refusal.to_string()),
        };
        let from = match &self.sender {
            Some((sender, from)) if *sender == message.from => from.clone(),
            _ => {
                // Looking up a name takes long.
                self.deliver();
                let from = sender(self.node, &message.from, Some(self.peer)).await;
                self.sender = Some((message.from.clone(), from.clone()));
                from
            }
        };
        let Some(from) = from else {
            return self.refuse(400, UNACCEPTABLE_SENDER);
        };
        self.untaken = self.untaken.saturating_add(message.body.len());
        if hooks::any() {
            self.deliver();
            self.follow(from, message);
            return;
        }
        if self.receiver.as_ref() != Some(&message.to) {
            self.deliver();
            self.receiver = Some(message.to);
        }
        let incoming = mailbox::Incoming::wire(message.name, message.codec, message.body);
        self.ready.push((from, incoming));
    }

    /// Delivers a message by itself, since a trace may follow it.
    fn follow(&mut self, from: Pid, message: Incoming) {
        let mark = message.traceparent.as_deref().and_then(Mark::parse);
        let is_taken = trace::within(mark, || {
            self.node
                .deliver(from, &message.to, message.name, message.codec, message.body)
        });
        self.answer(is_taken);
        self.receiver = Some(message.to);
    }

    fn answer(&mut self, is_taken: bool) {
        if is_taken {
            self.answers.extend_from_slice(libprocess::ACCEPTED);
        } else {
            libprocess::answer(404, "", false, &mut self.answers);
        }
    }

    fn refuse(&mut self, status: u16, text: &str) {
        self.deliver();
        libprocess::answer(status, text, false, &mut self.answers);
    }

    /// Delivers what is ready.
    fn deliver(&mut self) {
        let Some(receiver) = &self.receiver else {
            return;
        };
        let count = self.ready.len();
        let is_taken = match self.node.local(receiver.as_str()) {
            Some(mailbox) => mailbox.push_messages(self.ready.drain(..)),
            None => {
                for (from, message) in &self.ready {
                    let reason = Reason::NoSuchActor;
                    self.node
                        .dropped(receiver.as_str(), message.name(), from, reason);
                }
                false
            }
        };
        self.ready.clear();
        for _ in 0..count {
            self.answer(is_taken);
        }
    }

    /// Delivers, and gives the answers that are not written yet.
    fn answers(mut self) -> Vec<u8> {
        self.deliver();
        self.answers
    }

    /// Delivers, and writes the answers. False when the peer has gone, or does not read
    /// them.
    async fn write(&mut self, socket: &mut Socket) -> bool {
        self.deliver();
        write(self.node, socket, &mut self.answers).await
    }

    /// Gives its memory back.
    fn give_back(&mut self) {
        self.answers = Vec::new();
        self.ready = Vec::new();
    }

    /// Waits while the last receiver has so much to do that more must not be read.
    async fn wait(&mut self) {
        let limits = self.node.limits();
        let receiver = self.receiver.take();
        let Some(mailbox) = receiver.and_then(|id| self.node.local(id.as_str())) else {
            self.untaken = 0;
            return;
        };
        let came = std::time::Instant::now();
        let mut is_counted = false;
        loop {
            let (depth, age) = mailbox.depth_and_age();
            if depth == 0 || age < came.elapsed() {
                // All that had come when this began has been taken.
                self.untaken = 0;
            }
            if depth <= limits.mailbox && self.untaken <= limits.untaken {
                return;
            }
            if !is_counted {
                is_counted = true;
                self.node.inner.slow_clients.held_back.increment();
            }
            sleep(GLANCE).await;
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
