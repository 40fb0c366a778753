//! A socket that gives actix-web one request at a time. Stock actix-web drops requests
//! that are pipelined behind one with a body, so the next request is withheld until the
//! answer to the present one has begun. Beyond that, TCP holds the client back.
//!
//! It also ends what actix-web would wait for without end: a head that does not come
//! whole, and a client that does not read its answer.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use runtime_core::http::Boundary;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use tokio_util::io::poll_read_buf;

use crate::metrics::{Counter, Metrics};
use crate::node::Node;
use crate::world::Socket;

/// Bytes that are read ahead while a request waits for its answer.
const READ_AHEAD: usize = 4 << 10;

/// Connections that were ended or held back for what their clients did.
#[derive(Debug)]
pub(crate) struct SlowClients {
    slow_head: Counter,
    slow_reader: Counter,
    /// Times that a connection was not read, since an actor had too much to do.
    pub(crate) held_back: Counter,
}

impl SlowClients {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            slow_head: metrics.counter("runtime/connections_ended_head_slow"),
            slow_reader: metrics.counter("runtime/connections_ended_reader_slow"),
            held_back: metrics.counter("runtime/connections_held_back"),
        }
    }
}

/// Tells a gate that the answer to the present request is ready: what is written from then
/// on is, or is followed by, that answer.
#[derive(Clone, Default)]
pub(crate) struct Answered(Rc<Cell<bool>>);

impl Answered {
    pub(crate) fn tell(&self) {
        self.0.set(true);
    }
}

/// See the module's text.
pub(crate) struct Gate {
    socket: Socket,
    node: Node,
    /// Read from the socket, not yet given on.
    buffer: BytesMut,
    boundary: Boundary,
    state: State,
    answered: Answered,
    reader: Option<Waker>,
    /// Runs while a head has come in part.
    head_time: Timeout,
    /// Runs while the client does not read.
    write_time: Timeout,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Bytes of the present request pass.
    Open,
    /// The present request has passed whole; its answer has not begun.
    Waiting,
    /// What comes is not HTTP that we understand: actix-web may see and refuse it.
    Transparent,
}

/// Time that runs only while something is waited for.
#[derive(Default)]
struct Timeout(Option<Pin<Box<Sleep>>>);

impl Timeout {
    /// Starts it, unless it runs; ready when `limit` is over.
    fn poll(&mut self, limit: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep(limit)));
        sleep.as_mut().poll(cx)
    }

    fn stop(&mut self) {
        self.0 = None;
    }
}

impl Gate {
    /// Wraps a socket from which `buffer` has been read already.
    pub(crate) fn new(socket: Socket, buffer: BytesMut, node: &Node) -> Self {
        Self {
            socket,
            node: node.clone(),
            buffer,
            boundary: Boundary::new(node.limits().request()),
            state: State::Open,
            answered: Answered::default(),
            reader: None,
            head_time: Timeout::default(),
            write_time: Timeout::default(),
        }
    }

    /// By which whoever answers requests tells of it.
    pub(crate) fn answered(&self) -> Answered {
        self.answered.clone()
    }

    /// How many of these bytes, the connection's next, belong to the present request.
    fn advance(&mut self, bytes: &[u8]) -> usize {
        match self.state {
            State::Transparent => bytes.len(),
            State::Waiting => 0,
            State::Open => match self.boundary.advance(bytes) {
                Ok(taken) => {
                    if self.boundary.is_complete() {
                        self.state = State::Waiting;
                    }
                    taken
                }
                Err(_) => {
                    self.state = State::Transparent;
                    bytes.len()
                }
            },
        }
    }

    /// Gives on what has been read ahead.
    fn pass(&mut self, out: &mut ReadBuf<'_>) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let offered = buffer.len().min(out.remaining());
        let taken = self.advance(buffer.get(..offered).unwrap_or_default());
        out.put_slice(buffer.get(..taken).unwrap_or_default());
        buffer.advance(taken);
        if !buffer.is_empty() {
            self.buffer = buffer;
        }
    }

    /// Reads ahead while the answer is awaited: that is how a client that left is noticed.
    fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.buffer.reserve(READ_AHEAD);
        let socket = Pin::new(&mut self.socket);
        match poll_read_buf(socket, cx, &mut self.buffer) {
            Poll::Ready(Ok(0)) => Poll::Ready(Ok(())),
            Poll::Ready(Ok(_)) => {
                self.reader = Some(cx.waker().clone());
                Poll::Pending
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.buffer = BytesMut::new();
                Poll::Pending
            }
        }
    }

    /// Nothing comes: fails when a head has been half sent for too long.
    fn poll_head_time(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.state != State::Open || !self.boundary.is_in_head() {
            self.head_time.stop();
            return Poll::Pending;
        }
        ready!(self.head_time.poll(self.node.limits().head_time, cx));
        self.node.inner.slow_clients.slow_head.increment();
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "a request's head did not come whole",
        )))
    }

    /// Something was written. If it was not the end of an earlier answer, an answer begins,
    /// and the next request may pass.
    fn written(&mut self) {
        if self.state == State::Waiting && self.answered.0.take() {
            self.boundary.next_request();
            self.state = State::Open;
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
        }
    }
}

impl AsyncRead for Gate {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let gate = self.get_mut();
        if !gate.buffer.is_empty() {
            if gate.state == State::Waiting {
                gate.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            gate.pass(out);
            return Poll::Ready(Ok(()));
        }
        if gate.state == State::Waiting {
            return gate.poll_ahead(cx);
        }
        let before = out.filled().len();
        if Pin::new(&mut gate.socket).poll_read(cx, out)?.is_pending() {
            return gate.poll_head_time(cx);
        }
        let read = out.filled().get(before..).unwrap_or_default();
        let taken = gate.advance(read);
        gate.buffer
            .extend_from_slice(read.get(taken..).unwrap_or_default());
        out.set_filled(before + taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Gate {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let gate = self.get_mut();
        match Pin::new(&mut gate.socket).poll_write(cx, bytes) {
            Poll::Ready(written) => {
                gate.write_time.stop();
                let written = written?;
                if written > 0 {
                    gate.written();
                }
                Poll::Ready(Ok(written))
            }
            Poll::Pending => {
                ready!(gate.write_time.poll(gate.node.limits().write_time, cx));
                gate.node.inner.slow_clients.slow_reader.increment();
                Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the client does not read its answer",
                )))
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}
