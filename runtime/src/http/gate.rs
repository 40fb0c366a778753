//! A socket that gives actix-web one request at a time. Stock actix-web drops requests
//! that are pipelined behind one with a body, so the next request is withheld until the
//! answer to the present one has begun. Beyond that, TCP holds the client back.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, BytesMut};
use runtime_core::http::Boundary;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

use crate::limits::Limits;
use crate::world::Socket;

/// Bytes read from the socket at once.
const READ_AT_ONCE: usize = 16 << 10;

/// See the module's text.
pub(crate) struct Gate {
    socket: Socket,
    /// Read from the socket, not yet given on.
    buffer: BytesMut,
    boundary: Boundary,
    state: State,
    reader: Option<Waker>,
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

impl Gate {
    /// Wraps a socket from which `buffer` has been read already.
    pub(crate) fn new(socket: Socket, buffer: BytesMut, limits: &Limits) -> Self {
        Self {
            socket,
            buffer,
            boundary: Boundary::new(limits.request()),
            state: State::Open,
            reader: None,
        }
    }

    /// Gives on what belongs to the present request.
    fn pass(&mut self, out: &mut ReadBuf<'_>) {
        let offered = self.buffer.len().min(out.remaining());
        let Some(bytes) = self.buffer.get(..offered) else {
            return;
        };
        let taken = match self.state {
            State::Transparent => offered,
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
                    offered
                }
            },
        };
        if let Some(passed) = self.buffer.get(..taken) {
            out.put_slice(passed);
        }
        self.buffer.advance(taken);
    }

    /// An answer begins: the next request may pass.
    fn answer_begins(&mut self) {
        if self.state == State::Waiting {
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
        if gate.state == State::Waiting && !gate.buffer.is_empty() {
            gate.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if gate.buffer.is_empty() {
            // Read even while waiting: that is how a client that left is noticed.
            gate.buffer.reserve(READ_AT_ONCE);
            if ready!(poll_read_buf(
                Pin::new(&mut gate.socket),
                cx,
                &mut gate.buffer
            ))? == 0
            {
                return Poll::Ready(Ok(()));
            }
            if gate.state == State::Waiting {
                gate.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
        gate.pass(out);
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
        let written = ready!(Pin::new(&mut gate.socket).poll_write(cx, bytes))?;
        if written > 0 {
            gate.answer_begins();
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}
