//! Libprocess messages of one connection: read back to back, pipelined and never lost.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::Poll;

use bytes::BytesMut;
use runtime_core::libprocess::{self, Incoming, MessageReader, Received};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::debug;

use crate::http::answers::Tickers;
use crate::http::connection::{Place, READ_LITTLE, give_back, poll_receive};
use crate::http::inbound::Inbound;
use crate::http::pace::{Pace, REST};
use crate::http::payload::Held;
use crate::node::Node;
use crate::world::Socket;

/// How much is read at once from a connection that has much to say: libprocess peers
/// coalesce.
const READ_MUCH: usize = 64 << 10;
/// Messages handled before others on the thread get their turn.
const MESSAGES_AT_ONCE: usize = 1024;

/// Why no more messages are read.
pub(super) enum End {
    /// The connection is over.
    Closed,
    /// What comes next (it is in the buffer) is no message.
    Other,
    /// The connection ends after these answers.
    Last(Vec<u8>),
    /// The messages are for an actor of the node's home thread.
    Home,
}

/// Reads messages: one 202 for each, written in batches (L8), unless the peer wants fewer.
///
/// Not an `async fn`, which would have room for its arguments and for what they become.
pub(super) fn read<'a>(
    node: &'a Node,
    place: Place,
    socket: &'a mut Socket,
    peer: SocketAddr,
    buffer: &'a mut BytesMut,
    tickers: &Tickers,
) -> impl Future<Output = End> + use<'a> {
    let mut messages = Messages {
        node,
        place,
        socket,
        peer,
        buffer,
        reader: MessageReader::new(node.limits().request()),
        inbound: Inbound::new(node, peer, tickers, place == Place::Home),
        held: node.inner.bodies.hold(),
        is_first: place != Place::Home,
        is_placed: place != Place::Worker,
        since: Instant::now(),
        at_once: READ_LITTLE,
        pace: Pace::new(std::time::Instant::now()),
        rests: false,
        handled: 0,
    };
    async move {
        loop {
            if let Some(end) = messages.turn().await {
                return end;
            }
        }
    }
}

struct Messages<'a> {
    node: &'a Node,
    place: Place,
    socket: &'a mut Socket,
    peer: SocketAddr,
    buffer: &'a mut BytesMut,
    reader: MessageReader,
    inbound: Inbound<'a>,
    held: Held,
    /// Nothing has been read yet. A connection comes to the home thread for its messages.
    is_first: bool,
    /// It is known which thread the connection belongs to.
    is_placed: bool,
    /// Since when a request is awaited or half here.
    since: Instant,
    at_once: usize,
    pace: Pace,
    /// What may come is left to gather before it is read.
    rests: bool,
    /// Messages of this turn.
    handled: usize,
}

/// Why no more messages are taken for the moment.
enum Pause {
    /// What follows has not come, or not whole.
    Incomplete,
    /// Others on the thread get their turn.
    Turn,
    /// The name of its sender's host must be looked up.
    Unknown {
        message: Box<Incoming>,
        keep_alive: bool,
    },
    /// No message follows.
    Other,
    End(End),
}

impl Messages<'_> {
    /// Handles what has come, and reads more.
    async fn turn(&mut self) -> Option<End> {
        self.handled = 0;
        let is_incomplete = loop {
            match self.take() {
                Pause::Incomplete => break true,
                Pause::Turn => break false,
                // Boxed, as other things below: it is rare, and there are thousands of
                // connections.
                Pause::Unknown {
                    message,
                    keep_alive,
                } => {
                    Box::pin(self.inbound.look_up(message)).await;
                    if !keep_alive {
                        return Some(End::Last(self.inbound.answers()));
                    }
                }
                Pause::Other => {
                    let written = self.inbound.write(self.socket).await;
                    return Some(if written { End::Other } else { End::Closed });
                }
                Pause::End(end) => return Some(end),
            }
        };
        if self.inbound.is_to_write() {
            if self.handled > 0 && self.place == Place::Home {
                // The actor is next on this thread. Its own messages leave before the
                // answers, so that who waits for them is not woken for the answers first.
                tokio::task::yield_now().await;
            }
            if !self.inbound.write(self.socket).await {
                return Some(End::Closed);
            }
        } else if self.handled > 0 && self.inbound.lets_wait() {
            self.socket.acknowledge();
        }
        if self.handled > 0 {
            if !self.is_placed && self.reader.is_between_messages(self.buffer) {
                self.is_placed = true;
                if self.inbound.is_for_home() {
                    // Nothing is left behind that waits.
                    let written = self.inbound.write(self.socket).await;
                    return Some(if written { End::Home } else { End::Closed });
                }
            }
            if let Some(receiver) = self.inbound.overloaded() {
                // That may take longer than answers should wait.
                if !self.inbound.write(self.socket).await {
                    return Some(End::Closed);
                }
                Box::pin(self.inbound.wait_for(receiver)).await;
            }
            self.since = Instant::now();
        }
        if is_incomplete {
            self.more().await
        } else {
            tokio::task::yield_now().await;
            None
        }
    }

    /// Takes whole messages out of the buffer.
    fn take(&mut self) -> Pause {
        while self.handled < MESSAGES_AT_ONCE {
            match self.reader.read(self.buffer) {
                Ok(Received::Message {
                    message,
                    keep_alive,
                }) => {
                    self.is_first = false;
                    self.handled += 1;
                    if let Some(message) = self.inbound.take(message) {
                        return Pause::Unknown {
                            message,
                            keep_alive,
                        };
                    }
                    if !keep_alive {
                        return Pause::End(End::Last(self.inbound.answers()));
                    }
                }
                Ok(Received::Incomplete) => return Pause::Incomplete,
                Ok(Received::Http) => return Pause::Other,
                Err(error) => {
                    debug!(peer = %self.peer, %error, "a request cannot be understood");
                    return Pause::End(self.refusal(error.status(), &error.to_string()));
                }
            }
        }
        Pause::Turn
    }

    /// Reads more.
    async fn more(&mut self) -> Option<End> {
        if std::mem::take(&mut self.rests) {
            Box::pin(sleep(REST)).await;
        }
        let waiting = self.buffer.len();
        if waiting > READ_MUCH && !self.held.set(waiting) {
            return Some(self.refusal(503, "Too many large requests at once."));
        }
        // A half-sent request is not waited for without end; an idle libprocess link stays,
        // since peers rely on it being open.
        let is_silent = self.is_first && self.buffer.is_empty();
        let read = if self.is_first || !self.reader.is_between_messages(self.buffer) {
            let limits = self.node.limits();
            let limit = if is_silent {
                // It may be a link, which says nothing by itself (L13).
                limits.keep_alive
            } else if self.reader.is_in_body() {
                limits.body_time
            } else {
                limits.head_time
            };
            let until = self.since + limit;
            let Ok(read) = Box::pin(timeout_at(until, self.receive())).await else {
                if self.buffer.is_empty() && self.reader.is_between_messages(self.buffer) {
                    // Nothing was begun that wants an answer.
                    return Some(End::Closed);
                }
                return Some(self.refusal(408, "The request did not come whole."));
            };
            if is_silent {
                self.since = Instant::now();
            }
            read
        } else {
            self.held.set(0);
            self.inbound.give_back();
            give_back(self.buffer);
            let read = self.receive().await;
            self.since = Instant::now();
            read
        };
        match read {
            None => {
                if !self.inbound.write(self.socket).await {
                    return Some(End::Closed);
                }
            }
            // Who sends no more may still read.
            Some(Ok(0)) => {
                self.inbound.write(self.socket).await;
                return Some(End::Closed);
            }
            Some(Err(_)) => return Some(End::Closed),
            Some(Ok(count)) => self.read(count),
        }
        None
    }

    /// Finds out how to read on, after so many bytes.
    fn read(&mut self, count: usize) {
        let is_emptied = count < self.at_once;
        self.rests = if is_emptied && self.node.world().has_threads() {
            self.pace.emptied(count, std::time::Instant::now)
        } else {
            self.pace.came(count);
            false
        };
        if count >= self.at_once {
            self.at_once = READ_MUCH;
        } else if count < READ_LITTLE {
            self.at_once = READ_LITTLE;
        }
    }

    /// Reads what there is, once there is some; none when answers have waited for long enough
    /// before.
    fn receive(&mut self) -> impl Future<Output = Option<io::Result<usize>>> {
        poll_fn(
            |cx| match poll_receive(self.socket, self.buffer, self.at_once, cx) {
                Poll::Ready(read) => Poll::Ready(Some(read)),
                Poll::Pending => self.inbound.poll_due(cx).map(|()| None),
            },
        )
    }

    /// The connection ends with a refusal.
    fn refusal(&mut self, status: u16, text: &str) -> End {
        let mut answers = self.inbound.answers();
        self.node.inner.bodies.refused(status);
        libprocess::answer(status, text, true, &mut answers);
        End::Last(answers)
    }
}
