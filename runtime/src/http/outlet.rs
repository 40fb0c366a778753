//! The outgoing side of a connection: bytes that wait, and bodies of any kind behind them.

use std::future::poll_fn;
use std::io::Write as _;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::aside;
use crate::http::connection::{self, LINGER, discard};
use crate::http::outgoing::Outgoing;
use crate::node::Node;
use crate::world::{Detached, Socket};

/// What waits is written together up to about so many bytes.
pub(super) const WRITE_AT_ONCE: usize = 64 << 10;

/// The connection cannot be used any more.
#[derive(Debug)]
pub(super) struct Broken;

/// A connection's socket, and what waits to be written to it.
pub(super) struct Outlet {
    pub(super) node: Node,
    pub(super) socket: Socket,
    pub(super) waiting: Vec<u8>,
}

impl Outlet {
    /// Nothing waits yet.
    pub(super) fn new(node: &Node, socket: Socket) -> Self {
        Self {
            node: node.clone(),
            socket,
            waiting: Vec::new(),
        }
    }

    /// Writes what waits.
    pub(super) async fn write(&mut self) -> Result<(), Broken> {
        if connection::write(&self.node, &mut self.socket, &mut self.waiting).await {
            Ok(())
        } else {
            Err(Broken)
        }
    }

    /// Writes bytes behind those that wait; large ones are not copied.
    pub(super) async fn part(&mut self, bytes: &Bytes) -> Result<(), Broken> {
        if bytes.len() < WRITE_AT_ONCE {
            self.waiting.extend_from_slice(bytes);
            return Ok(());
        }
        self.write().await?;
        for part in bytes.chunks(WRITE_AT_ONCE) {
            let written = self.socket.write_all(part);
            match timeout(self.node.limits().write_time, written).await {
                Ok(Ok(())) => {}
                _ => return Err(Broken),
            }
            // A client that reads as fast as it comes leaves other connections their turn.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// As [`Self::part`], as a chunk.
    pub(super) async fn chunk(&mut self, bytes: &Bytes) -> Result<(), Broken> {
        if !bytes.is_empty() {
            // Writing to a vector does not fail.
            let _ = write!(self.waiting, "{:x}\r\n", bytes.len());
            self.part(bytes).await?;
            self.waiting.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    /// The end of a body in chunks.
    pub(super) fn last_chunk(&mut self) {
        self.waiting.extend_from_slice(b"0\r\n\r\n");
    }

    /// Writes a file's bytes.
    pub(super) async fn file(&mut self, file: std::fs::File, length: u64) -> Result<(), Broken> {
        let mut file = tokio::fs::File::from_std(file).take(length);
        let mut left = length;
        while left > 0 {
            self.write().await?;
            let read = file.read_buf(&mut self.waiting).await.map_err(|_| Broken)?;
            if read == 0 {
                // Shorter than was said: the client must notice.
                return Err(Broken);
            }
            left = left.saturating_sub(read as u64);
        }
        Ok(())
    }

    /// Writes a body in parts as it comes, in chunks unless its length is known. A thread aside
    /// does that, so that other connections do not wait for it.
    pub(super) async fn parts(mut self, body: Outgoing, is_chunked: bool) -> Result<Self, Broken> {
        let event_loop = self.node.event_loop_aside().cloned();
        let Some(event_loop) = event_loop else {
            self.parts_here(body, is_chunked).await?;
            return Ok(self);
        };
        let away = self.detach()?;
        let (done, back) = oneshot::channel();
        event_loop.spawn(async move {
            let written = async {
                let mut outlet = away.attach()?;
                outlet.parts_here(body, is_chunked).await?;
                outlet.detach()
            };
            // If nobody waits for it, the connection ends here.
            let _ = done.send(written.await);
        });
        back.await.map_err(|_| Broken)??.attach()
    }

    async fn parts_here(&mut self, mut body: Outgoing, is_chunked: bool) -> Result<(), Broken> {
        while let Some(part) = poll_fn(|cx| body.poll_part(cx)).await {
            let part = part.map_err(|_| Broken)?;
            if is_chunked {
                self.chunk(&part).await?;
            } else {
                self.part(&part).await?;
            }
            aside::give_way();
        }
        if is_chunked {
            self.last_chunk();
        }
        Ok(())
    }

    /// Ends the connection after what has been written.
    pub(super) async fn close(&mut self) {
        if self.socket.shutdown().await.is_ok() {
            let _ = timeout(LINGER, discard(&mut self.socket)).await;
        }
    }

    fn detach(self) -> Result<Away, Broken> {
        Ok(Away {
            socket: self.socket.detach().map_err(|_| Broken)?,
            node: self.node,
            waiting: self.waiting,
        })
    }
}

/// An outlet on its way to another thread.
struct Away {
    node: Node,
    socket: Detached,
    waiting: Vec<u8>,
}

impl Away {
    fn attach(self) -> Result<Outlet, Broken> {
        Ok(Outlet {
            socket: self.socket.attach().map_err(|_| Broken)?,
            node: self.node,
            waiting: self.waiting,
        })
    }
}
